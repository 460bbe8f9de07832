"""What LiteLLM's settings of one model are called here."""

from __future__ import annotations

from ...draft import Block, Deployment, Draft
from ...foreign import Node
from ...literals import Code, env
from ...requests import DEFAULTS, body, header, put_header
from ...tables import Kept, Lost, Table, To, per_million, per_token, positive, seconds, whole
from .surroundings import PREFIX

IN_ALL = "here from sending to the last byte; in LiteLLM between two bytes of an answer, too"

_OLLAMA = "Ollama's OpenAI protocol has no such field: set it where Ollama runs"
_OWN_PROTOCOL = ("anthropic", "bedrock", "cohere", "gemini")
_CATALOGUE = "what a model can do is told by inferc's own catalogue"


def _drop(draft: Draft, block: Block, node: Node) -> None:
    if node.items:
        block.put("request.unsupported", Code("drop"), node)
        draft.changed(node, "what the model does not take is dropped, not these by name", block.remarks)
        return
    if node.value in (True, "true", "True"):
        block.put("request.unsupported", Code("drop"), node)
    draft.kept(node)


def _header(draft: Draft, block: Block, node: Node) -> None:
    """A header, which may name a variable as all of LiteLLM's settings may."""
    if isinstance(node.value, str) and node.value.startswith(PREFIX):
        name = node.key
        put_header(draft, block, name, node, env(node.value.removeprefix(PREFIX)))
    else:
        header(draft, block, node)


def _described(draft: Draft, block: Block, node: Node) -> None:
    if isinstance(node.value, str) and isinstance(block, Deployment) and node.value.strip():
        block.doc = " ".join(node.value.split())
        draft.kept(node)
    else:
        draft.lost(node, "it describes nothing", block.remarks)


def _safety(draft: Draft, block: Block, node: Node) -> None:
    """Gemini's settings of harm. Source: LiteLLM's page on Vertex AI (`safety_settings`)."""
    runtime = block.block("runtime")
    for item in node.items:
        category, threshold = item.text("category"), item.text("threshold")
        if runtime.label == "gemini" and category and threshold:
            runtime.put(("safety", category), threshold, item)
            draft.kept(item)
        else:
            draft.lost(item, "only Gemini has it: a category and its threshold", block.remarks)


def _of_openai(draft: Draft, block: Block, node: Node) -> None:
    """A field of OpenAI's protocol, which others do not have; LiteLLM translates it for some."""
    if block.label_of("runtime") in _OWN_PROTOCOL:
        draft.lost(node, "it is of OpenAI's protocol: write what this provider calls it", block.remarks)
    else:
        body(draft, block, node)


PRICES: Table = {
    "input_cost_per_token": To("price.input", per_token),
    "output_cost_per_token": To("price.output", per_token),
    "cache_read_input_token_cost": To("price.cached_input", per_token),
    "input_cost_per_audio_token": To("price.audio_input", per_token),
    "output_cost_per_audio_token": To("price.audio_output", per_token),
    "input_cost_per_second": To("price.per_second", per_million),
    "input_cost_per_query": To("price.per_search", per_million),
    "input_cost_per_image_token": To("price.image_input", per_token),
    "output_cost_per_image_token": To("price.image_output", per_token),
    "output_cost_per_image": To("price.per_image", per_million),
    "input_cost_per_character": To("price.per_character", per_million),
}
"""Of a token, a picture, a second and so on, in dollars."""

PARAMETERS: Table = {
    "rpm": To("runtime.rate_limits.requests_per_minute", positive),
    "tpm": To("runtime.rate_limits.tokens_per_minute", positive),
    "max_parallel_requests": To("serving.max_concurrent", positive),
    "timeout": To("runtime.timeouts.total", seconds, IN_ALL),
    "request_timeout": To("runtime.timeouts.total", seconds, IN_ALL),
    "stream_timeout": To("runtime.timeouts.read", seconds, "here between two pieces of any answer"),
    "num_retries": To("runtime.retry.max_retries", whole),
    "max_retries": To("runtime.retry.max_retries", whole, replace=False),
    "cooldown_time": To("runtime.circuit_breaker.open_duration", seconds),
    "max_budget": Lost("write `budget { … }`: its period is missing, or none of hour, day, week and month"),
    "region_name": Lost("it only filters models in LiteLLM"),
    "drop_params": _drop,
    "extra_body": body,
    "thinking": body,
    **dict.fromkeys(
        (
            *("service_tier", "repetition_penalty", "min_tokens", "logit_bias", "response_format"),
            *("modalities", "prompt_cache_key", "chat_template_kwargs", "web_search_options"),
        ),
        _of_openai,
    ),
    "safety_settings": _safety,
    "weight": Lost("shares count among deployments of one name, where no `routing_strategy` chooses"),
    "order": Kept(),
    **DEFAULTS,
    **PRICES,
    "extra_headers.*": _header,
    "headers.*": _header,
    "additional_drop_params": Lost("`request { unsupported = drop }` drops what the model does not take"),
    "allowed_openai_params": Lost("parameters that the provider knows are passed on as they are"),
    "roles.**": Lost("the server makes the prompt: give it the chat template"),
    "initial_prompt_value": Lost("the server makes the prompt: give it the chat template"),
    "final_prompt_value": Lost("the server makes the prompt: give it the chat template"),
    "tags": Lost("routes do not choose by tags: give each its own deployment, and name it"),
    "guardrails": Lost("inferc brings no guards: `gateway { guard name { … } }` calls code of your own"),
    "cache_control_injection_points.**": Lost("clients mark what is kept of a prompt"),
    "use_in_pass_through": Lost("inferc serves models, no other paths"),
    "configurable_clientside_auth_params": Lost("clients have keys of the gateway, never of a provider"),
    "mock_response": Lost("`inferc mock-provider` answers without a provider"),
    "num_ctx": Lost(f"{_OLLAMA}, OLLAMA_CONTEXT_LENGTH"),
    "keep_alive": Lost(f"{_OLLAMA}, OLLAMA_KEEP_ALIVE"),
    "aws_access_key_id": Lost("Amazon's own environment variables and profiles count"),
    "aws_secret_access_key": Lost("Amazon's own environment variables and profiles count"),
    **dict.fromkeys(
        ("tenant_id", "client_id", "client_secret", "azure_scope", "azure_ad_token*", "azure_username"),
        Lost("Azure is asked with a key here: write `api_key = env(…)` in the runtime"),
    ),
    "azure_password": Lost("Azure is asked with a key here: write `api_key = env(…)` in the runtime"),
    "ssl_verify": Lost("certificates are always checked: `tls { ca = file(…) }` of a runtime names your own"),
    "api_key": Lost("Vertex is asked with `credentials` here, and with no key"),
    "merge_reasoning_content_in_choices": Lost("thoughts of a model stay apart from its answer"),
}

_ASKERS = "`gateway { key name { models = [ … ] } }` says who may ask what"

INFO: Table = {
    "mode": Kept(),
    "order": Kept(),
    "max_input_tokens": To("model_info.context_window", positive),
    "context_window": To("model_info.context_window", positive, replace=False),
    "max_output_tokens": To("model_info.max_output", positive),
    "max_tokens": To("model_info.max_output", positive, replace=False),
    **PRICES,
    "cache_creation_input_token_cost": To("price.cache_write", per_token),
    "cache_creation_input_token_cost_above_1hr": To("price.cache_write_1h", per_token),
    "description": _described,
    **dict.fromkeys(("access_groups", "team_id", "team_public_model_name"), Lost(_ASKERS)),
    "health_check_*": Lost("inferc learns from requests and circuits, and asks nobody in the background"),
    "*": Lost(_CATALOGUE),
}
