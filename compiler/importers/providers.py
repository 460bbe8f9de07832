"""Who is behind the names that other systems have for providers: the runtime here, address and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ...dsl import deployment as dsl
from ...dsl.catalogues.inference import match_runtime, name_at
from ...dsl.catalogues.models import find_model
from ...dsl.catalogues.other_providers import other_providers
from ...dsl.catalogues.presets import HOSTED, PRESETS
from ...dsl.kinds import ProviderKind, RuntimeKind
from ...dsl.record import frozen
from ...dsl.word_enum import by_word
from ..capabilities import facts_of
from ..targets import ENDPOINTS, RETRIEVAL
from .draft import Deployment, Draft
from .foreign import Node
from .literals import Code, env
from .report import Outcome
from .secrets import host_of, variable_at, variable_for


@frozen
class Provider:
    """runtime: its word here. endpoint: where it is, if the runtime does not know. key: where its key is."""

    runtime: str
    endpoint: str | None = None
    key: str | None = None


COMPATIBLE = "openai_compatible"

ANY_OF_VERTEX = (
    "of Vertex AI's models, Gemini's: Claude's are asked by another deployment, of `runtime anthropic`"
)
"""What clients may name of a place that has models of several makers."""

_OF_OPENAI = re.compile(r"(https?://)?([\w-]+\.)*api\.openai\.com(:\d+)?(/|$)", re.IGNORECASE)

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
    "aiohttp_openai": Provider(COMPATIBLE),
    "openai-generic": Provider(COMPATIBLE),
    "together-ai": Provider("together"),
    "fireworks-ai": Provider("fireworks"),
    "x-ai": Provider("xai"),
    "mistral-ai": Provider("mistral"),
    "perplexity-ai": Provider("perplexity"),
}
"""Names that LiteLLM and others have for runtimes here; presets, and providers without one, come on top."""


def find_provider(name: str) -> Provider | None:
    """The provider that another system calls `name`, None for one that has no runtime here."""
    preset = _BY_PREFIX.get(name)
    if preset is not None:
        return Provider(preset.value, None, HOSTED.get(preset))
    found = _OTHERS.get(name)
    if found is None:
        other = other_providers().get(name)
        if other is None or other.endpoint is None:
            return None
        return Provider(COMPATIBLE, other.endpoint, other.key)
    if found.key is not None or found.runtime not in by_word(RuntimeKind):
        return found
    return Provider(found.runtime, found.endpoint, HOSTED.get(RuntimeKind(found.runtime)))


_AZURE_ADDRESS = re.compile(
    r"https://([a-z0-9-]+)\.openai\.azure\.com/?"
    r"(?:openai/deployments/([^/?]+)(?:/chat/completions)?/?)?(?:\?api-version=([\w-]+))?",
    re.IGNORECASE,
)


def azure_address(url: str) -> tuple[str, str | None, str | None] | None:
    """The resource of an address of Azure's dated API, and the deployment and version where it says them."""
    found = _AZURE_ADDRESS.fullmatch(url)
    return (found[1], found[2], found[3]) if found is not None else None


def is_of_openai(address: str) -> bool:
    """Whether an address is OpenAI's own, those of its regions among them."""
    return _OF_OPENAI.match(address) is not None


def is_at(provider: Provider, address: object) -> bool:
    """Whether an address is the provider's own, which alone its key is for. Those whose customers have an
    address each, such as Azure, are at any."""
    if address is None or provider.runtime == RuntimeKind.LITELLM:
        return True
    if provider.runtime == RuntimeKind.OPENAI:
        return is_of_openai(str(address))
    known: list[str | None] = [provider.endpoint]
    if provider.endpoint is None and provider.runtime in by_word(ProviderKind):
        kind = ProviderKind(provider.runtime)
        known = [ENDPOINTS.get(kind), RETRIEVAL.get(kind)]
    hosts = {host for each in known if each is not None and (host := urlsplit(each).hostname) is not None}
    return not hosts or (not isinstance(address, Code) and host_of(str(address)) in hosts)


def own_key(draft: Draft, made: Deployment, usual: str, url: Node | None, name: str = "") -> None:
    """A variable for the key at an address that is not the provider's, where the other system would send the
    provider's key, which is in `usual`."""
    variable = variable_at(made, variable_for(name or made.name, "api_key"))
    made.put("runtime.api_key", env(variable))
    if url is not None:
        says = f"it is not the provider's own, so {usual} is not sent there: put its key into {variable}"
        draft.overrule(Outcome.CHANGED, url, says, made.remarks)


def find_key(runtime: str) -> str | None:
    """The variable that holds the key of a runtime which takes nobody without one."""
    return HOSTED.get(RuntimeKind(runtime)) if runtime in by_word(RuntimeKind) else None


def known_task(made: Deployment) -> str | None:
    """What the model of a deployment does, where the catalogue knows it and the file says nothing."""
    model, runtime = made.value("model"), made.label_of("runtime")
    if not isinstance(model, str) or runtime not in by_word(RuntimeKind):
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
    if endpoint is not None and runtime == "openai" and not is_of_openai(str(endpoint)):
        runtime = COMPATIBLE
    made.put("model", written_model(runtime, model, name))
    block = made.runtime(runtime)
    address = endpoint if endpoint is not None else found.endpoint
    if address is not None:
        block.put("endpoint", address)
    return True


def expected_key(
    draft: Draft, made: Deployment, name: str, variables: Mapping[str, str] = _NONE, url: Node | None = None
) -> None:
    """Let a deployment take its key from the customary variable, where it must have one and none is named.

    variables: those that the other system reads in place of the customary ones, by its name of the provider.
    url: what says where it is asked.
    """
    found, address = find_provider(name), made.value("runtime.endpoint")
    if found is None or found.key is None or made.has("runtime.api_key"):
        return
    usual = variables.get(name, found.key)
    if is_at(found, address):
        made.put("runtime.api_key", env(usual))
    elif made.label_of("runtime") != COMPATIBLE:
        own_key(draft, made, usual, url)
