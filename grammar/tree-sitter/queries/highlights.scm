; Made by scripts/build_grammars.py from grammar/editors/queries.py: change that.

(comment) @comment
(doc_comment) @comment.documentation

; ---- texts and numbers

(string) @string
(prompt_text) @string
(escape) @string.escape
(interpolation) @string.special
(jinja) @string.special.template
(jinja_comment) @comment
(digits) @number
(unit) @keyword.unit

; ---- what is declared

[
  (param name: (identifier) @function)
  (param_default name: (identifier) @function)
  (param_untyped name: (identifier) @function)
  (let name: (identifier) @function)
  (let_typed name: (identifier) @function)
  (template name: (identifier) @function)
  (template_from name: (identifier) @function)
  (deployment name: (identifier) @function)
  (deployment_from name: (identifier) @function)
  (route name: (identifier) @function)
  (route_with name: (identifier) @function)
  (pipeline name: (identifier) @function)
  (type_alias name: (identifier) @function)
  (extern name: (identifier) @function)
]

(import_as (identifier) @function)
(import_names (identifier) @function)

; ---- types

(type_name (identifier) @type)
(type_imported (identifier) @type)
(type_generic . (identifier) @type)
(as_type (identifier) @type .)

; ---- bodies, steps and arguments

(field name: (identifier) @property)
(step name: (identifier) @property)
(parameter name: (identifier) @property)
(record_field name: (identifier) @property)
(named_argument name: (identifier) @property)
(share name: (identifier) @property)
(share name: (member (identifier) @property .))

(block name: (identifier) @tag)
(block_labelled name: (identifier) @tag)
(block_labelled name: (_) (identifier) @label)
(block_called name: (identifier) @tag . (identifier) @label)

((field name: (identifier) @_field "=" . (identifier) @constant.builtin)
  (#any-of? @_field "activation" "adaptive" "affinity" "aggregation" "decoding" "graph_optimization" "input_type" "jitter" "on_capacity_exhausted" "on_exceeded" "on_missing_provider" "on_too_long" "on_unavailable" "pooling" "provider" "providers" "runtime" "task" "token_type" "unsupported" "vectors")
  (#any-of? @constant.builtin "aimd" "all" "anthropic" "average" "azure" "basic" "bedrock" "candle" "cerebras" "chat" "classify" "cls" "cohere" "conversation" "cpu" "ctc" "cuda" "cudarc" "custom" "deepseek" "dense" "document" "drop" "embed" "equal" "error" "extended" "fallback" "fireworks" "first" "full" "gemini" "generate" "github" "gradient" "groq" "huggingface" "id_token" "jwt" "last" "litellm" "max" "mean" "mean_sqrt_len" "mistral" "mistralrs" "multi" "none" "nvidia" "ollama" "openai" "openai_compatible" "openrouter" "ort" "perplexity" "python" "query" "queue" "refuse" "reject" "rerank" "serve" "sigmoid" "simple" "softmax" "sparse" "tensor" "tensorrt" "throttle" "together" "truncate" "user" "vllm" "warn" "weighted_mean" "xai"))

((field name: (identifier) @_field "=" . (list (identifier) @constant.builtin))
  (#any-of? @_field "activation" "adaptive" "affinity" "aggregation" "decoding" "graph_optimization" "input_type" "jitter" "on_capacity_exhausted" "on_exceeded" "on_missing_provider" "on_too_long" "on_unavailable" "pooling" "provider" "providers" "runtime" "task" "token_type" "unsupported" "vectors")
  (#any-of? @constant.builtin "aimd" "all" "anthropic" "average" "azure" "basic" "bedrock" "candle" "cerebras" "chat" "classify" "cls" "cohere" "conversation" "cpu" "ctc" "cuda" "cudarc" "custom" "deepseek" "dense" "document" "drop" "embed" "equal" "error" "extended" "fallback" "fireworks" "first" "full" "gemini" "generate" "github" "gradient" "groq" "huggingface" "id_token" "jwt" "last" "litellm" "max" "mean" "mean_sqrt_len" "mistral" "mistralrs" "multi" "none" "nvidia" "ollama" "openai" "openai_compatible" "openrouter" "ort" "perplexity" "python" "query" "queue" "refuse" "reject" "rerank" "serve" "sigmoid" "simple" "softmax" "sparse" "tensor" "tensorrt" "throttle" "together" "truncate" "user" "vllm" "warn" "weighted_mean" "xai"))

; ---- calls and routes

(call . (identifier) @function.call)
(call . (member (identifier) @function.call .))

(route_list . (identifier) @function.call)
(route_list_with . (identifier) @function.call)
(route_split . (identifier) @function.call)
(route_split_with . (identifier) @function.call)
(route_list_with "]" . (identifier) @keyword)
(route_split_with "}" . (identifier) @keyword)

; ---- words and signs

["import" "param" "let" "template" "deployment" "route" "pipeline" "cluster" "gateway" "type" "extern" "test" "from" "as" "with" "else" "match" "for" "in" "if" "prompt" "return"] @keyword
["true" "false"] @constant.builtin
["!=" "&&" "->" ".." "<=" "==" "=>" ">=" "||" "!" "*" "+" "-" "/" "<" "=" ">" "?" "|" "~"] @operator
["{" "}" "(" ")" "[" "]"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter
