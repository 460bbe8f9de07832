"""Who is behind the names that other systems have for providers: the runtime here, address and key."""

from __future__ import annotations

from collections.abc import Mapping

from ...dsl import deployment as dsl
from ...dsl.catalogue import find_model
from ...dsl.inference import match_runtime, name_at
from ...dsl.kinds import ProviderKind, RuntimeKind
from ...dsl.presets import PRESETS
from ...dsl.record import frozen
from ..capabilities import facts_of
from ..checks.policies import HOSTED
from .draft import Deployment
from .literals import env


@frozen
class Provider:
    """runtime: its word here. endpoint: where it is, if the runtime does not know. key: where its key is."""

    runtime: str
    endpoint: str | None = None
    key: str | None = None


COMPATIBLE = "openai_compatible"

_NONE: Mapping[str, str] = {}

_BY_PREFIX = {prefix.rstrip("/"): kind for kind, each in PRESETS.items() for prefix in each.prefixes}

_OTHERS: dict[str, Provider] = {
    "openai": Provider("openai"),
    "text-completion-openai": Provider("openai"),
    "anthropic": Provider("anthropic"),
    "gemini": Provider("gemini"),
    "google": Provider("gemini"),
    "google-ai": Provider("gemini"),
    "hosted_vllm": Provider("vllm"),
    "vllm": Provider("vllm"),
    "litellm_proxy": Provider("litellm", None, "LITELLM_PROXY_API_KEY"),
    "custom_openai": Provider(COMPATIBLE),
    "openai_like": Provider(COMPATIBLE),
    "openai-generic": Provider(COMPATIBLE),
    "azure_ai": Provider("azure"),
    "lm_studio": Provider(COMPATIBLE, "http://127.0.0.1:1234/v1"),
    "llamafile": Provider(COMPATIBLE, "http://127.0.0.1:8080/v1"),
    "xinference": Provider(COMPATIBLE, "http://127.0.0.1:9997/v1"),
    "together-ai": Provider("together"),
    "fireworks-ai": Provider("fireworks"),
    "x-ai": Provider("xai"),
    "mistral-ai": Provider("mistral"),
    "perplexity-ai": Provider("perplexity"),
    "deepinfra": Provider(COMPATIBLE, "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "sambanova": Provider(COMPATIBLE, "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "moonshot": Provider(COMPATIBLE, "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "dashscope": Provider(
        COMPATIBLE, "https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"
    ),
    "hyperbolic": Provider(COMPATIBLE, "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    "lambda_ai": Provider(COMPATIBLE, "https://api.lambda.ai/v1", "LAMBDA_API_KEY"),
    "novita": Provider(COMPATIBLE, "https://api.novita.ai/v3/openai", "NOVITA_API_KEY"),
    "nebius": Provider(COMPATIBLE, "https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY"),
    "featherless_ai": Provider(COMPATIBLE, "https://api.featherless.ai/v1", "FEATHERLESS_AI_API_KEY"),
    "nscale": Provider(COMPATIBLE, "https://inference.api.nscale.com/v1", "NSCALE_API_KEY"),
    "codestral": Provider(COMPATIBLE, "https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY"),
    "volcengine": Provider(COMPATIBLE, "https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY"),
    "meta_llama": Provider(COMPATIBLE, "https://api.llama.com/compat/v1", "LLAMA_API_KEY"),
    "baseten": Provider(COMPATIBLE, "https://inference.baseten.co/v1", "BASETEN_API_KEY"),
    "zai": Provider(COMPATIBLE, "https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
    "wandb": Provider(COMPATIBLE, "https://api.inference.wandb.ai/v1", "WANDB_API_KEY"),
    "aiml": Provider(COMPATIBLE, "https://api.aimlapi.com/v1", "AIML_API_KEY"),
    "v0": Provider(COMPATIBLE, "https://api.v0.dev/v1", "V0_API_KEY"),
    "morph": Provider(COMPATIBLE, "https://api.morphllm.com/v1", "MORPH_API_KEY"),
    "friendliai": Provider(COMPATIBLE, "https://api.friendli.ai/serverless/v1", "FRIENDLI_TOKEN"),
    "voyage": Provider(COMPATIBLE, "https://api.voyageai.com/v1", "VOYAGE_API_KEY"),
    "jina_ai": Provider(COMPATIBLE, "https://api.jina.ai/v1", "JINA_AI_API_KEY"),
}
"""Names that LiteLLM and others have, with addresses as the litellm package has them; presets come on top."""


def find_provider(name: str) -> Provider | None:
    """The provider that another system calls `name`, None for one that has no runtime here."""
    preset = _BY_PREFIX.get(name)
    if preset is not None:
        return Provider(preset.value, None, HOSTED.get(preset))
    found = _OTHERS.get(name)
    if found is None or found.key is not None or found.runtime not in RuntimeKind._value2member_map_:
        return found
    return Provider(found.runtime, found.endpoint, HOSTED.get(RuntimeKind(found.runtime)))


def find_key(runtime: str) -> str | None:
    """The variable that holds the key of a runtime which takes nobody without one."""
    return HOSTED.get(RuntimeKind(runtime)) if runtime in RuntimeKind._value2member_map_ else None


def known_task(made: Deployment) -> str | None:
    """What the model of a deployment does, where the catalogue knows it and the file says nothing."""
    model, runtime = made.value("model"), made.label_of("runtime")
    if not isinstance(model, str) or runtime not in RuntimeKind._value2member_map_:
        return None
    known = facts_of(dsl.Deployment(name="model", model=model, runtime=RuntimeKind(runtime))).values.get(
        "task"
    )
    return str(known) if known in ("embed", "rerank") else None


def provider_of_model(model: str) -> str | None:
    """Who has a model of this name, when nobody is named: `openai`, `anthropic` or `gemini`."""
    for kind in (ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.GEMINI):
        if find_model(model, kind) is not None:
            return kind.value
    matched = match_runtime(model)
    is_hosted = matched in (RuntimeKind.OPENAI, RuntimeKind.ANTHROPIC, RuntimeKind.GEMINI)
    return matched.value if is_hosted and matched is not None else None


def written_model(runtime: str, model: str, prefix: str) -> str:
    """The name to write so that the provider is asked for `model`: names may begin with a prefix, too."""
    kind = RuntimeKind(runtime)
    return model if name_at(kind, model) == model else f"{prefix}/{model}"


def aim_at(made: Deployment, name: str, model: str, endpoint: object = None) -> bool:
    """Let a deployment ask `model` of the provider that another system calls `name`; whether there is one.

    endpoint: where it is, when the file says so.
    """
    found = find_provider(name)
    if found is None:
        return False
    runtime = found.runtime
    if endpoint is not None and runtime == "openai" and "api.openai.com" not in str(endpoint):
        runtime = COMPATIBLE
    made.put("model", written_model(runtime, model, name))
    block = made.runtime(runtime)
    address = endpoint if endpoint is not None else found.endpoint
    if address is not None:
        block.put("endpoint", address)
    return True


def expected_key(made: Deployment, name: str, variables: Mapping[str, str] = _NONE) -> None:
    """Let a deployment take its key from the customary variable, where it must have one and none is named.

    variables: those that the other system reads in place of the customary ones, by its name of the provider.
    """
    found = find_provider(name)
    is_elsewhere = made.has("runtime.endpoint") and made.label_of("runtime") == COMPATIBLE
    if found is not None and found.key is not None and not made.has("runtime.api_key") and not is_elsewhere:
        made.put("runtime.api_key", env(variables.get(name, found.key)))
