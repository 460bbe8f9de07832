"""opencode's `opencode.json`: the models of the providers that it names.

Sources: opencode's docs, "Providers", "Models" and "Config"; its schema, https://opencode.ai/config.json.
"""

from __future__ import annotations

import re

from ....dsl.units import Money
from ..draft import Block, Deployment, Draft
from ..foreign import Node
from ..literals import Code, env, text as quoted
from ..origin import Origin
from ..providers import COMPATIBLE, aim_at, expected_key, find_provider
from ..proxies import put_key
from ..requests import header
from ..secrets import is_placeholder
from ..tables import Kept, Lost, Table, To, follow, milliseconds, per_million, positive, share

_NOWHERE = "inferc has no runtime for this provider: leave it to opencode, or ask a LiteLLM proxy for it"
_CLIENT = "it says how opencode works: let a provider of it, `@ai-sdk/openai-compatible`, ask inferc"
_PUT_TOGETHER = "an address of several parts is not put together here: write it"
_ENV = re.compile(r"\{env:(\w+)\}")
_FILE = re.compile(r"\{file:(/[^}]+)\}")

_BY_PACKAGE = {
    "@ai-sdk/anthropic": "anthropic",
    "@ai-sdk/google": "gemini",
    "@ai-sdk/openai": "openai",
    "@ai-sdk/openai-compatible": "openai_like",
}
_BY_NAME = {"google": "gemini", "togetherai": "together_ai", "fireworks-ai": "fireworks_ai"}

_PROVIDER: Table = {
    "npm": Kept(),
    "name": Kept(),
    "options.baseURL": Kept(),
    "options.headers.*": header,
    "options.timeout": To("runtime.timeouts.total", milliseconds),
}
_MODEL: Table = {
    "id": Kept(),
    "name": Kept(),
    "limit.context": To("model_info.context_window", positive),
    "limit.output": To("model_info.max_output", positive),
    "cost.input": To("price.input", per_million),
    "cost.output": To("price.output", per_million),
    "cost.cache_read": To("price.cached_input", per_million),
    "cost.cache_write": To("price.cache_write", per_million),
    "options.**": Lost("what requests say when clients do not is `request { defaults { … } }`"),
    "variants.**": Lost("each of them is a deployment of its own here"),
    "*": Lost("what a model can do is told by inferc's own catalogue"),
    "modalities.**": Lost("what a model can do is told by inferc's own catalogue"),
}


def recognises(root: Node) -> bool:
    """Whether the file names a provider with models or an address."""
    listed = root.get("provider")
    return any(
        each.get("models") is not None or each.get("options", "baseURL") is not None
        for each in (listed.entries.values() if listed is not None else ())
    )


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put the models of all providers into the draft: each is a deployment, named as opencode does."""
    draft.report.form(root.get("$schema"))
    listed = root.get("provider")
    for name, node in (listed.entries if listed is not None else {}).items():
        before, models, url = draft.said(), node.get("models"), node.get("options", "baseURL")
        if url is not None and _named(url) is None and "{env:" in str(url.value):
            draft.lost(node, _PUT_TOGETHER)
            continue
        said = list(models.entries.items()) if models is not None else []
        made = [_deployment(name, node, model, each, draft) for model, each in said]
        if not said:
            made = [_deployment(name, node, "*", None, draft)]
        here = [each for each in made if each is not None]
        if not here:
            draft.lost_whole(node, _NOWHERE, before)
            continue
        around = {key: each for key, each in node.entries.items() if key != "models"}
        share(_PROVIDER, Node(node.path, node.line, around), draft, here)
        for each in here:
            if (total := each.value("runtime.timeouts.total")) is not None:
                each.put("runtime.timeouts.request", total)
    draft.lost(root, _CLIENT)


def _deployment(name: str, node: Node, model: str, said: Node | None, draft: Draft) -> Deployment | None:
    made = Deployment(
        name=draft.free_name(name if model == "*" else f"{name}/{model}"), nodes=(said or node,)
    )
    package, url = node.text("npm") or "", node.get("options", "baseURL")
    theirs = _BY_PACKAGE.get(package, _BY_NAME.get(name, name))
    if theirs == "openai_like" and url is None:
        theirs = _BY_NAME.get(name, name)
    if find_provider(theirs) is None and url is not None:
        theirs = "openai_like"
    address = _text(url) if url is not None else None
    if theirs == "anthropic" and isinstance(address, str) and not isinstance(address, Code):
        address = address.rstrip("/").removesuffix("/v1")
    asked = said.text("id") if said is not None else None
    if not aim_at(made, theirs, asked or model, address):
        return None
    if model == "*" and made.label_of("runtime") not in (COMPATIBLE, "gemini", "vllm"):
        made.put("model", f"{theirs}/*")
    key = node.get("options", "apiKey")
    if key is not None and is_placeholder(str(key.value)):
        draft.lost(key, "it is no key: none is sent", made.remarks)
    elif key is not None:
        put_key(draft, made, "", key, _named)
    else:
        expected_key(draft, made, theirs, url=url)
    draft.deployments.append(made)
    if said is not None:
        follow(_MODEL, said, draft, made)
        draft.kept(said if not said.entries else None)
        _both_sides(made)
    return made


def _both_sides(made: Deployment) -> None:
    """A price has two sides: the one that is not named is nothing."""
    price = made.items.get("price")
    for side in ("input", "output") if isinstance(price, Block) else ():
        if not made.has(f"price.{side}"):
            made.put(f"price.{side}", Money(0))


def _named(node: Node) -> Code | None:
    """The variable, or the file, that a value names."""
    if (found := _ENV.fullmatch(str(node.value))) is not None:
        return env(found[1])
    found = _FILE.fullmatch(str(node.value))
    return Code(f"file({quoted(found[1])})") if found is not None else None


def _text(node: Node) -> object:
    return _named(node) or str(node.value)
