" Vim syntax file of `.infer`, a language for model serving.
" Made by scripts/build_grammars.py from grammar/editors/colours.py: change that.
if exists('b:current_syntax')
  finish
endif

syn case match
syn iskeyword @,48-57,_,192-255
syn sync fromstart

syn match inferXPunctuation /\v[{}()[\],:.]/
hi def link inferXPunctuation inferPunctuation
syn match inferXOperator /\v\!\=|\&\&|\-\>|\.\.|\<\=|\=\=|\=\>|\>\=|\|\||\!|\*|\+|\-|\/|\<|\=|\>|\?|\||\~/
hi def link inferXOperator inferOperator
syn match inferXName /\v%(<|>)\K\k*/
hi def link inferXName inferName
syn match inferXFunction /\v%(<|>)\K\k*%([ \t]*[([])@=/
hi def link inferXFunction inferFunction
syn match inferXField /\v%(<|>)\K\k*%([ \t]*%(:|\=%([=>])@!))@=/
hi def link inferXField inferField
syn match inferXBlock /\v%(<|>)\K\k*%([ \t]*%("[^"\n]*"[ \t]*)?\{)@=/
hi def link inferXBlock inferBlock
syn match inferXLabelled /\v%(<|>)\K\k*%([ \t]*%(<|>)\K\k*%([ \t]*[{(])@=)@=/ nextgroup=inferXLabelled1 skipwhite
hi def link inferXLabelled inferBlock
syn match inferXLabelled1 /\v%(<|>)\K\k*%([ \t]*[{(])@=/ contained
hi def link inferXLabelled1 inferLabel
syn match inferXStrategy /\v\]%([ \t]*%(<|>)%(by|after|accept)%(<|>))@=/ nextgroup=inferXStrategy1 skipwhite
hi def link inferXStrategy inferPunctuation
syn match inferXStrategy1 /\v%(<|>)%(by|after|accept)%(<|>)/ contained
hi def link inferXStrategy1 inferKeyword
syn match inferXMeasure /\v\]%([ \t]*%(<|>)%(by)%(<|>)[ \t]*%(<|>)\K\k*)@=/ nextgroup=inferXMeasure1 skipwhite
hi def link inferXMeasure inferPunctuation
syn match inferXMeasure1 /\v%(<|>)%(by)%(<|>)%([ \t]*%(<|>)\K\k*)@=/ contained nextgroup=inferXMeasure2 skipwhite
hi def link inferXMeasure1 inferKeyword
syn match inferXMeasure2 /\v%(<|>)\K\k*/ contained
hi def link inferXMeasure2 inferName
syn match inferXShare /\v%(<|>)\K\k*%([ \t]*:)@=/ contained nextgroup=inferXShare1 skipwhite
hi def link inferXShare inferField
syn match inferXShare1 /\v:/ contained
hi def link inferXShare1 inferPunctuation
syn match inferXSplit /\v%(<|>)%(split)%(<|>)%([ \t]*\{)@=/ nextgroup=inferXSplit1 skipwhite
hi def link inferXSplit inferFunction
syn region inferXSplit1 matchgroup=inferPunctuation start=/\v\{/ matchgroup=inferPunctuation end=/\v\}/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXLongPrompt,inferXPrompt,inferXMoney,inferXNumber,inferXImportNames,inferXImportAs,inferXTypeAlias,inferXDeclaration,inferXTemplates,inferXArrowRecord,inferXArrow,inferXTyped,inferXAsType,inferXSubject,inferXConstant,inferXKeyword,inferXEnumList,inferXEnumField,inferXSplit,inferXShare,inferXMeasure,inferXStrategy,inferXLabelled,inferXBlock,inferXField,inferXFunction,inferXName,inferXOperator,inferXPunctuation contained
syn match inferXEnumWord /\v%(<|>)%(aimd|all|anthropic|average|azure|basic|bedrock|candle|cerebras|chat|classify|cls|cohere|conversation|cpu|ctc|cuda|cudarc|custom|deepseek|dense|document|drop|embed|equal|error|extended|fallback|fireworks|first|full|gemini|generate|github|gradient|groq|huggingface|id_token|jwt|last|litellm|max|mean|mean_sqrt_len|mistral|mistralrs|multi|none|nvidia|ollama|openai|openai_compatible|openrouter|ort|perplexity|python|query|queue|refuse|reject|rerank|serve|sigmoid|simple|softmax|sparse|tensor|tensorrt|throttle|together|truncate|user|vllm|warn|weighted_mean|xai)%(<|>)%([ \t]*[.(])@!/ contained
hi def link inferXEnumWord inferConstant
syn match inferXEnumField /\v%(<|>)%(activation|adaptive|affinity|aggregation|decoding|graph_optimization|input_type|jitter|on_capacity_exhausted|on_exceeded|on_missing_provider|on_too_long|on_unavailable|pooling|provider|providers|runtime|task|token_type|unsupported|vectors)%(<|>)%([ \t]*\=[ \t]*%(<|>)%(aimd|all|anthropic|average|azure|basic|bedrock|candle|cerebras|chat|classify|cls|cohere|conversation|cpu|ctc|cuda|cudarc|custom|deepseek|dense|document|drop|embed|equal|error|extended|fallback|fireworks|first|full|gemini|generate|github|gradient|groq|huggingface|id_token|jwt|last|litellm|max|mean|mean_sqrt_len|mistral|mistralrs|multi|none|nvidia|ollama|openai|openai_compatible|openrouter|ort|perplexity|python|query|queue|refuse|reject|rerank|serve|sigmoid|simple|softmax|sparse|tensor|tensorrt|throttle|together|truncate|user|vllm|warn|weighted_mean|xai)%(<|>)%([ \t]*[.(])@!)@=/ nextgroup=inferXEnumField1 skipwhite
hi def link inferXEnumField inferField
syn match inferXEnumField1 /\v\=%([ \t]*%(<|>)%(aimd|all|anthropic|average|azure|basic|bedrock|candle|cerebras|chat|classify|cls|cohere|conversation|cpu|ctc|cuda|cudarc|custom|deepseek|dense|document|drop|embed|equal|error|extended|fallback|fireworks|first|full|gemini|generate|github|gradient|groq|huggingface|id_token|jwt|last|litellm|max|mean|mean_sqrt_len|mistral|mistralrs|multi|none|nvidia|ollama|openai|openai_compatible|openrouter|ort|perplexity|python|query|queue|refuse|reject|rerank|serve|sigmoid|simple|softmax|sparse|tensor|tensorrt|throttle|together|truncate|user|vllm|warn|weighted_mean|xai)%(<|>)%([ \t]*[.(])@!)@=/ contained nextgroup=inferXEnumField2 skipwhite
hi def link inferXEnumField1 inferOperator
syn match inferXEnumField2 /\v%(<|>)%(aimd|all|anthropic|average|azure|basic|bedrock|candle|cerebras|chat|classify|cls|cohere|conversation|cpu|ctc|cuda|cudarc|custom|deepseek|dense|document|drop|embed|equal|error|extended|fallback|fireworks|first|full|gemini|generate|github|gradient|groq|huggingface|id_token|jwt|last|litellm|max|mean|mean_sqrt_len|mistral|mistralrs|multi|none|nvidia|ollama|openai|openai_compatible|openrouter|ort|perplexity|python|query|queue|refuse|reject|rerank|serve|sigmoid|simple|softmax|sparse|tensor|tensorrt|throttle|together|truncate|user|vllm|warn|weighted_mean|xai)%(<|>)%([ \t]*[.(])@!/ contained
hi def link inferXEnumField2 inferConstant
syn match inferXEnumList /\v%(<|>)%(activation|adaptive|affinity|aggregation|decoding|graph_optimization|input_type|jitter|on_capacity_exhausted|on_exceeded|on_missing_provider|on_too_long|on_unavailable|pooling|provider|providers|runtime|task|token_type|unsupported|vectors)%(<|>)%([ \t]*\=[ \t]*\[)@=/ nextgroup=inferXEnumList1 skipwhite
hi def link inferXEnumList inferField
syn match inferXEnumList1 /\v\=%([ \t]*\[)@=/ contained nextgroup=inferXEnumList2 skipwhite
hi def link inferXEnumList1 inferOperator
syn region inferXEnumList2 matchgroup=inferPunctuation start=/\v\[/ matchgroup=inferPunctuation end=/\v\]/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXLongPrompt,inferXPrompt,inferXMoney,inferXNumber,inferXImportNames,inferXImportAs,inferXTypeAlias,inferXDeclaration,inferXTemplates,inferXArrowRecord,inferXArrow,inferXTyped,inferXAsType,inferXSubject,inferXConstant,inferXKeyword,inferXEnumList,inferXEnumField,inferXEnumWord,inferXSplit,inferXMeasure,inferXStrategy,inferXLabelled,inferXBlock,inferXField,inferXFunction,inferXName,inferXOperator,inferXPunctuation contained
syn match inferXKeyword /\v%(<|>)%(import|param|let|template|deployment|route|pipeline|cluster|gateway|type|extern|test|from|as|with|else|match|for|in|if|prompt|return)%(<|>)/
hi def link inferXKeyword inferKeyword
syn match inferXConstant /\v%(<|>)%(true|false)%(<|>)/
hi def link inferXConstant inferConstant
syn region inferXSubject matchgroup=inferKeyword start=/\v%(<|>)%(match|if)%(<|>)/ matchgroup=inferPunctuation end=/\v\{/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXLongPrompt,inferXPrompt,inferXMoney,inferXNumber,inferXImportNames,inferXImportAs,inferXTypeAlias,inferXDeclaration,inferXTemplates,inferXArrowRecord,inferXArrow,inferXTyped,inferXAsType,inferXSubject,inferXConstant,inferXKeyword,inferXEnumList,inferXEnumField,inferXSplit,inferXMeasure,inferXStrategy,inferXField,inferXFunction,inferXName,inferXOperator,inferXPunctuation
syn match inferXTypeMember /\v\./ contained
hi def link inferXTypeMember inferPunctuation
syn match inferXTypeOperator /\v[|?]/ contained
hi def link inferXTypeOperator inferOperator
syn match inferXTypeName /\v%(<|>)\K\k*/ contained
hi def link inferXTypeName inferType
syn region inferXDimensions matchgroup=inferPunctuation start=/\v\[/ matchgroup=inferPunctuation end=/\v\]/ contains=inferXDoc,inferXComment,inferXNumber,inferXName,inferXPunctuation contained
syn region inferXRecord matchgroup=inferPunctuation start=/\v\{/ matchgroup=inferPunctuation end=/\v\}/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXLongPrompt,inferXPrompt,inferXMoney,inferXNumber,inferXTyped,inferXField,inferXName,inferXOperator,inferXPunctuation contained
syn region inferXListType matchgroup=inferOperator start=/\v\</ matchgroup=inferOperator end=/\v\>/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXListType,inferXRecord,inferXDimensions,inferXTypeName,inferXTypeOperator,inferXTypeMember,inferXPunctuation contained
syn match inferXAsType /\v%(<|>)%(as)%(<|>)%([ \t]*%(<|>)\K\k*)@=/ nextgroup=inferXAsType1 skipwhite
hi def link inferXAsType inferKeyword
syn match inferXAsType1 /\v%(<|>)\K\k*/ contained
hi def link inferXAsType1 inferType
syn region inferXTyped matchgroup=inferPunctuation start=/\v:/ matchgroup=NONE end=/\v%([,)}=]|%(<|>)\K\k*[ \t]*:|\r?$)@=/ end=/^/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXListType,inferXRecord,inferXDimensions,inferXTypeName,inferXTypeOperator,inferXTypeMember
syn region inferXArrow matchgroup=inferOperator start=/\v\-\>/ matchgroup=NONE end=/\v%([{=]|\r?$)@=/ end=/^/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXListType,inferXRecord,inferXDimensions,inferXTypeName,inferXTypeOperator,inferXTypeMember
syn match inferXArrowRecord /\v\-\>%([ \t]*\{)@=/ nextgroup=inferXArrowRecord1 skipwhite
hi def link inferXArrowRecord inferOperator
syn region inferXArrowRecord1 matchgroup=inferPunctuation start=/\v\{/ matchgroup=inferPunctuation end=/\v\}/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXLongPrompt,inferXPrompt,inferXMoney,inferXNumber,inferXTyped,inferXField,inferXName,inferXOperator,inferXPunctuation contained
syn region inferXTemplates matchgroup=inferKeyword start=/\v%(<|>)%(from)%(<|>)%([ \t]+%(<|>)\K\k*)@=/ matchgroup=inferPunctuation end=/\v\{/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXLongPrompt,inferXPrompt,inferXMoney,inferXNumber,inferXImportNames,inferXImportAs,inferXTypeAlias,inferXDeclaration,inferXTemplates,inferXArrowRecord,inferXArrow,inferXTyped,inferXAsType,inferXSubject,inferXConstant,inferXKeyword,inferXEnumList,inferXEnumField,inferXSplit,inferXMeasure,inferXStrategy,inferXField,inferXFunction,inferXName,inferXOperator,inferXPunctuation
syn match inferXDeclaration /\v%(<|>)%(param|let|template|deployment|route|pipeline|type|extern)%(<|>)%([ \t]*%(<|>)\K\k*)@=/ nextgroup=inferXDeclaration1 skipwhite
hi def link inferXDeclaration inferKeyword
syn match inferXDeclaration1 /\v%(<|>)\K\k*/ contained
hi def link inferXDeclaration1 inferDeclaration
syn match inferXTypeAlias /\v%(<|>)%(type)%(<|>)%([ \t]*%(<|>)\K\k*[ \t]*\=)@=/ nextgroup=inferXTypeAlias1 skipwhite
hi def link inferXTypeAlias inferKeyword
syn match inferXTypeAlias1 /\v%(<|>)\K\k*%([ \t]*\=)@=/ contained nextgroup=inferXTypeAlias2 skipwhite
hi def link inferXTypeAlias1 inferDeclaration
syn region inferXTypeAlias2 matchgroup=inferOperator start=/\v\=/ matchgroup=NONE end=/\v%(\r?$)@=/ end=/^/ contains=inferXDoc,inferXComment,inferXLongText,inferXText,inferXListType,inferXRecord,inferXDimensions,inferXTypeName,inferXTypeOperator,inferXTypeMember contained
syn match inferXDeclared /\v%(<|>)\K\k*/ contained
hi def link inferXDeclared inferDeclaration
syn match inferXImportAs /\v%(" )@<=as%(<|>)%([ \t]*%(<|>)\K\k*)@=/ nextgroup=inferXImportAs1 skipwhite
hi def link inferXImportAs inferKeyword
syn match inferXImportAs1 /\v%(<|>)\K\k*/ contained
hi def link inferXImportAs1 inferDeclaration
syn match inferXImportNames /\v%(<|>)%(import)%(<|>)%([ \t]*\{)@=/ nextgroup=inferXImportNames1 skipwhite
hi def link inferXImportNames inferKeyword
syn region inferXImportNames1 matchgroup=inferPunctuation start=/\v\{/ matchgroup=inferPunctuation end=/\v\}/ contains=inferXDoc,inferXComment,inferXDeclared,inferXPunctuation contained
syn match inferXNumber /\v\d[0-9_]*%(\.\d[0-9_]*)?%(%([A-Za-z%]+\$?|\$)?)@=/ nextgroup=inferXNumber1
hi def link inferXNumber inferNumber
syn match inferXNumber1 /\v%([A-Za-z%]+\$?|\$)/ contained
hi def link inferXNumber1 inferUnit
syn match inferXMoney /\v\$%(\d)@=%(\d[0-9_]*%(\.\d[0-9_]*)?%([A-Za-z%]+\$?|\$)?)@=/ nextgroup=inferXMoney1
hi def link inferXMoney inferUnit
syn match inferXMoney1 /\v\d[0-9_]*%(\.\d[0-9_]*)?%(%([A-Za-z%]+\$?|\$)?)@=/ contained nextgroup=inferXMoney2
hi def link inferXMoney1 inferNumber
syn match inferXMoney2 /\v%([A-Za-z%]+\$?|\$)/ contained
hi def link inferXMoney2 inferUnit
syn match inferXPrompt /\v%(<|>)%(prompt)%(<|>)%([ \t]*")@=/ nextgroup=inferXPrompt1 skipwhite
hi def link inferXPrompt inferKeyword
syn region inferXPrompt1 matchgroup=inferString start=/\v"/ matchgroup=inferString end=/\v"|%(\r?$)@=/ contains=inferXEscape,inferXTemplateNote,inferXTemplate contained
hi def link inferXPrompt1 inferString
syn match inferXLongPrompt /\v%(<|>)%(prompt)%(<|>)%([ \t]*""")@=/ nextgroup=inferXLongPrompt1 skipwhite
hi def link inferXLongPrompt inferKeyword
syn region inferXLongPrompt1 matchgroup=inferString start=/\v"""/ matchgroup=inferString end=/\v"""/ contains=inferXPlainEscape,inferXLongTemplateNote,inferXLongTemplate,inferXLongTemplateStep contained
hi def link inferXLongPrompt1 inferString
syn region inferXText matchgroup=inferString start=/\v"/ matchgroup=inferString end=/\v"|%(\r?$)@=/ contains=inferXEscape,inferXInterpolation
hi def link inferXText inferString
syn region inferXLongText matchgroup=inferString start=/\v"""/ matchgroup=inferString end=/\v"""/ contains=inferXEscape,inferXInterpolation
hi def link inferXLongText inferString
syn region inferXLongTemplateStep matchgroup=inferTemplate start=/\v\{\%/ matchgroup=inferTemplate end=/\v\%\}/ contained
hi def link inferXLongTemplateStep inferTemplate
syn region inferXLongTemplate matchgroup=inferTemplate start=/\v\{\{/ matchgroup=inferTemplate end=/\v\}\}/ contained
hi def link inferXLongTemplate inferTemplate
syn region inferXLongTemplateNote matchgroup=inferComment start=/\v\{#/ matchgroup=inferComment end=/\v#\}/ contained
hi def link inferXLongTemplateNote inferComment
syn match inferXTemplate /\v\{\{%([^"\\\n}]|\\.|\}%(\})@!)*\}\}|\{\%%([^"\\\n%]|\\.|\%%(\})@!)*\%\}/ contained
hi def link inferXTemplate inferTemplate
syn match inferXTemplateNote /\v\{#%([^"\\\n#]|\\.|#%(\})@!)*#\}/ contained
hi def link inferXTemplateNote inferComment
syn match inferXInterpolation /\v\$\{[^}\n"]*\}/ contained
hi def link inferXInterpolation inferInterpolation
syn match inferXPlainEscape /\v\\%(.|$)/ contained
hi def link inferXPlainEscape inferString
syn match inferXEscape /\v\\%(u\{[0-9A-Fa-f]*\}|.|$)/ contained
hi def link inferXEscape inferEscape
syn match inferXComment /\v#[^\n]*/
hi def link inferXComment inferComment
syn match inferXDoc /\v##[^\n]*/
hi def link inferXDoc inferDoc

hi def link inferComment Comment
hi def link inferDoc SpecialComment
hi def link inferKeyword Statement
hi def link inferConstant Boolean
hi def link inferType Type
hi def link inferString String
hi def link inferEscape SpecialChar
hi def link inferInterpolation Special
hi def link inferTemplate PreProc
hi def link inferNumber Number
hi def link inferUnit StorageClass
hi def link inferOperator Operator
hi def link inferPunctuation Delimiter
hi def link inferDeclaration Identifier
hi def link inferField Label
hi def link inferBlock Structure
hi def link inferLabel Constant
hi def link inferFunction Function

let b:current_syntax = 'infer'
