"""Where the requests of a LiteLLM model go, by the provider its name begins with: runtime, address, key."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from .....dsl.catalogues.bedrock_names import retrieval_of
from .....dsl.catalogues.inference import match_runtime
from .....dsl.catalogues.other_providers import other_providers
from .....dsl.kinds import ProviderKind, RuntimeKind
from ....checks.remote_tasks import TASKS
from ...bedrock import ROLE, aim_at_bedrock, named_model
from ...draft import Deployment, Draft
from ...foreign import Node
from ...literals import Code, env
from ...providers import (
    COMPATIBLE,
    Provider,
    azure_address,
    find_provider,
    is_at,
    is_of_openai,
    own_key,
    provider_of_model,
    written_model,
)
from ...secrets import is_placeholder, variable_for
from ...tables import Unfit
from .surroundings import PREFIX, Surroundings
from .vertex import aim_at_vertex

_CLOUDFLARE = "gateway.ai.cloudflare.com/"
_OPENAI = ("https://api.openai.com/v1", "https://api.openai.com")
_KEYS: dict[str, str] = {
    "azure": "AZURE_API_KEY",
    "github": "GITHUB_API_KEY",
    "together_ai": "TOGETHERAI_API_KEY",
    "nvidia_nim": "NVIDIA_NIM_API_KEY",
    "fireworks_ai": "FIREWORKS_AI_API_KEY",
    "perplexity": "PERPLEXITYAI_API_KEY",
}
"""The variables that LiteLLM reads where a file names no key, when they are not those of the catalogue."""

_BASES = {"azure_ai": "AZURE_AI_API_BASE"}
"""The variables that LiteLLM reads where a file names no address at Azure, when not `AZURE_API_BASE`."""

_DATELESS = "here by Azure's v1 API, which has no dated versions"

_COHERE = ("command-", "embed-english-", "embed-multilingual-", "embed-v", "rerank-")
"""How Cohere's models are called."""

_RERANK: dict[str, tuple[str, str]] = {
    "jina_ai": ("https://api.jina.ai", "/v1"),
    "together_ai": ("https://api.together.xyz", "/v1"),
}
"""Where the path `/rerank` of a provider begins: its address, and what stands before the path."""


def aim(
    made: Deployment,
    model: Node,
    given: dict[str, Node],
    task: str,
    group: str,
    around: Surroundings,
    draft: Draft,
) -> bool:
    """Model, runtime, address and key; whether inferc has such a runtime."""
    asked = around.meant(model, draft)
    custom = given.get("custom_llm_provider")
    base = given.get("api_base") or given.get("base_url")
    key = given.get("api_key")
    if asked.startswith(PREFIX):
        prefix, bare = str(custom.value) if custom is not None else "", ""
        variable = asked.removeprefix(PREFIX)
        name: object = env(variable)
        if custom is None:
            says = f"here {variable} holds the model's name without `openai/` or the like before it"
            draft.changed(model, says, made.remarks)
    else:
        prefix, bare = _split(asked, custom)
        name = bare
    provider = find_provider(prefix) if prefix else None
    if provider is None and not prefix:
        guessed = _has_model(bare, base, key) if bare else None
        if guessed is None and base is None:
            draft.changed(model, "no provider is named: OpenAI is taken", made.remarks)
        if guessed is not None or bare == "*":
            provider = find_provider(guessed or "openai")
        else:
            provider = Provider(COMPATIBLE if base is not None else "openai")
        prefix = guessed or "openai"
    if prefix in ("bedrock", "bedrock_converse"):
        return task in _asked_of_bedrock(bare) and _bedrock(made, bare, given, group, around, draft)
    if prefix == "azure_ai" and bare.startswith("claude-"):
        provider = Provider("anthropic", None, "AZURE_AI_API_KEY")
        if base is None or str(base.value).startswith(PREFIX):
            draft.changed(base or model, "here the address must end in `/anthropic`", made.remarks)
    other = other_providers().get(prefix)
    if other is not None and other.is_blank and base is None:
        draft.changed(model, f"fill in your part of the address {other.endpoint}", made.remarks)
    if provider is None or "/realtime" in asked:
        return prefix in ("vertex_ai", "vertex_ai_beta") and aim_at_vertex(made, bare, given, around, draft)
    if prefix in ("azure", "azure_text") and _azure(made, bare, base, given, around, draft):
        runtime = "openai"
    else:
        runtime = _remote(made, provider, prefix, name, bare, base, task, group, around, draft)
        if runtime == "openai":
            for field_name in ("organization", "project"):
                if (node := given.get(field_name)) is not None:
                    made.put(f"runtime.{field_name}", around.expression(node, draft), node)
                    draft.kept(node)
    _key(made, key, provider, prefix, group, base, around, draft)
    return True


def _split(asked: str, custom: Node | None) -> tuple[str, str]:
    """The provider that a name begins with, and the rest; no provider for a name that has none."""
    if custom is not None and isinstance(custom.value, str):
        return custom.value, asked.removeprefix(f"{custom.value}/")
    prefix, slash, rest = asked.partition("/")
    if (
        slash
        and rest
        and (find_provider(prefix) is not None or prefix in KNOWN_ELSEWHERE or prefix in other_providers())
    ):
        return prefix, rest
    return ("", asked) if not slash or provider_of_model(asked) else (prefix, rest)


KNOWN_ELSEWHERE = frozenset({"bedrock", "bedrock_converse"})


def _has_model(model: str, base: Node | None, key: Node | None) -> str | None:
    """Whom LiteLLM asks for a model of this name, when nobody is named (its `get_llm_provider`)."""
    found = provider_of_model(model)
    if base is not None:
        return found
    if found == "gemini" and key is None:
        return "vertex_ai"
    if found is None and model.startswith(_COHERE):
        return "cohere"
    is_aws = match_runtime(model) is RuntimeKind.BEDROCK or retrieval_of(model)
    return "bedrock" if found is None and is_aws else found


def _remote(
    made: Deployment,
    provider: Provider,
    prefix: str,
    name: object,
    bare: str,
    base: Node | None,
    task: str,
    group: str,
    around: Surroundings,
    draft: Draft,
) -> str:
    """A runtime that is asked at an address; gives its kind."""
    runtime, endpoint = provider.runtime, provider.endpoint
    address = around.expression(base, draft) if base is not None else endpoint
    if runtime == "openai" and base is not None and not is_of_openai(str(base.value)):
        runtime = COMPATIBLE
    if task == "rerank" and task not in TASKS.get(ProviderKind(runtime), ()):
        own, path = _RERANK.get(prefix, ("", ""))
        runtime = COMPATIBLE
        address = address if isinstance(address, Code) else _with_path(str(address or own), path)
    elif prefix in ("ollama", "ollama_chat") and isinstance(address, str) and not isinstance(address, Code):
        address = _with_path(address, "/v1")
    elif prefix in ("ollama", "ollama_chat") and isinstance(address, Code):
        address = draft.behind(address, "/v1")
    if runtime == "azure" and isinstance(address, str) and _CLOUDFLARE in address:
        raise Unfit("Cloudflare asks Azure by its dated API: write `runtime openai { azure_resource = … }`")
    if runtime == "azure" and isinstance(address, Code):
        address = draft.behind(address, "/openai/v1")
    elif runtime == "anthropic" and prefix == "azure_ai":
        address = address if isinstance(address, str) else env(_BASES[prefix])
        address = address if isinstance(address, Code) else _with_path(address, "/anthropic")
    elif runtime == "azure" and isinstance(address, str):
        host, dated, _ = address.partition("/openai/deployments/")
        address = _with_path(host, "/openai/v1")
        draft.changed(base if dated else None, _DATELESS, made.remarks)
    elif runtime == "azure" and base is None:
        address = draft.behind(env(_BASES.get(prefix, "AZURE_API_BASE")), "/openai/v1")
    block = made.runtime(runtime)
    is_code = isinstance(name, Code)
    if bare.count("*") > 1:
        raise Unfit("a `*` stands once in a name here: write an entry for each model")
    if "*" in bare:
        written: object = f"{prefix}/{bare}" if runtime not in (COMPATIBLE, "vllm", "litellm") else bare
    else:
        written = name if is_code else written_model(runtime, bare, prefix)
    made.put("model", written)
    if address is not None and not (runtime == "openai" and str(address).rstrip("/") in _OPENAI):
        block.put("endpoint", address, *([base] if base is not None else []))
    draft.kept(base)
    return runtime


def _with_path(address: str, path: str) -> str:
    try:
        has_path = urlsplit(address).path.strip("/") != ""
    except ValueError:  # `http://[`: no address, as a check of the result says
        has_path = True
    return address.rstrip("/") + ("" if has_path else path)


_V1 = ("v1", "latest", "preview")
"""Versions that are Azure's v1 API in LiteLLM (`BaseAzureLLM._is_azure_v1_api_version`)."""


def _azure(
    made: Deployment,
    deployment: str,
    base: Node | None,
    given: Mapping[str, Node],
    around: Surroundings,
    draft: Draft,
) -> bool:
    """Azure's API of dated versions, by the name of a resource; False where only its v1 API can be meant."""
    address = azure_address(str(base.value)) if base is not None else None
    version = given.get("api_version")
    if "*" in deployment:  # the dated API has it in its address
        address = None
    if version is not None and version.value in _V1:
        draft.kept(version)
        return False
    if base is None or address is None:
        draft.changed(version, _DATELESS, made.remarks)
        return False
    made.put("model", deployment.rpartition("/")[2])
    block = made.runtime("openai")
    block.put("azure_resource", address[0], base)
    block.put("azure_deployment", address[1] or deployment.rpartition("/")[2])
    draft.kept(base)
    if version is not None:
        block.put("api_version", around.expression(version, draft), version)
        draft.kept(version)
    elif address[2]:
        block.put("api_version", address[2], base)
    return True


_AWS = {
    "aws_region_name": "region",
    "aws_profile_name": "profile",
    "aws_bedrock_runtime_endpoint": "endpoint",
    "api_base": "endpoint",
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
    "api_key": "api_key",
}
_ROLES = (
    "aws_role_name",
    "aws_session_name",
    "aws_web_identity_token",
    "aws_sts_endpoint",
    "aws_external_id",
)


def _asked_of_bedrock(model: str) -> tuple[str, ...]:
    """What a model on Bedrock may be asked here."""
    kind = retrieval_of(named_model(model)[0])
    return ("chat",) if not kind else ("chat", "rerank" if kind.endswith("rerank") else "embed")


def _bedrock(
    made: Deployment,
    model: str,
    given: Mapping[str, Node],
    group: str,
    around: Surroundings,
    draft: Draft,
) -> bool:
    """Models on Bedrock, through Converse."""
    ours = {name: given[theirs] for theirs, name in _AWS.items() if theirs in given}
    if not aim_at_bedrock(
        made,
        model,
        ours,
        lambda node: around.expression(node, draft),
        lambda node, variable: around.secret(node, variable_for(group, variable), draft, made),
        draft,
        default="us-west-2",
    ):
        return False
    for name in _ROLES:
        if name in given:
            draft.lost(given[name], ROLE, made.remarks)
    return True


def _key(
    made: Deployment,
    key: Node | None,
    provider: Provider,
    prefix: str,
    group: str,
    base: Node | None,
    around: Surroundings,
    draft: Draft,
) -> None:
    own = _KEYS.get(prefix, provider.key)
    if key is None:
        is_there = prefix.startswith("azure") or is_at(provider, made.value("runtime.endpoint"))
        if own is not None and is_there:
            made.put("runtime.api_key", env(own))
        elif own is not None and provider.runtime != "openai":
            own_key(draft, made, own, base, group)
        return
    written = str(key.value or "")
    if not written.startswith(PREFIX) and is_placeholder(written):
        if own is not None and not made.has("runtime.endpoint"):
            made.put("runtime.api_key", env(own))
        draft.lost(key, "it is no key: none is sent", made.remarks)
        return
    made.put("runtime.api_key", around.secret(key, variable_for(group, "api_key"), draft, made), key)
