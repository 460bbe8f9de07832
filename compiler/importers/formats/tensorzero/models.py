"""Models with providers in turn: a deployment for each, and a route in their order."""

from __future__ import annotations

from functools import partial

from attrs import field

from .....dsl.record import define
from .....dsl.units import Money
from ...bedrock import SECRETS, aim_at_bedrock
from ...draft import Block, Deployment, Draft, Route
from ...foreign import Node
from ...literals import Code, env, text as quoted
from ...providers import aim_at, expected_key
from ...requests import FORCED, put_body, put_header
from ...secrets import left_out, variable_for
from ...strategy import Strategy
from ...tables import Lost, Table, To, Unfit, follow, milliseconds, per_million, text

NOWHERE = "inferc has no runtime for this provider: leave it to TensorZero, `runtime openai_compatible`"
IN_ALL = "here from sending to the last byte, of streams as well"
_FIRST = "here of whole answers, too, which begin when they are done: raise it for clients that do not stream"

TYPES: dict[str, str] = {
    "fireworks": "fireworks_ai",
    "google_ai_studio_gemini": "gemini",
    "together": "together_ai",
    "sglang": "openai-generic",
    "tgi": "openai-generic",
}
"""Types of providers that others call otherwise."""

KEYS: dict[str, str] = {"azure": "AZURE_API_KEY", "gemini": "GOOGLE_AI_STUDIO_API_KEY"}
"""Where TensorZero looks for keys, when that is not where others do."""

_POINTERS: dict[str, str] = {
    "/usage/input_tokens": "input",
    "/usage/prompt_tokens": "input",
    "/usageMetadata/promptTokenCount": "input",
    "/usage/output_tokens": "output",
    "/usage/completion_tokens": "output",
    "/usageMetadata/candidatesTokenCount": "output",
    "/usage/cache_read_input_tokens": "cached_input",
    "/usage/prompt_tokens_details/cached_tokens": "cached_input",
    "/usage/cache_creation_input_tokens": "cache_write",
}
"""Which price a number in the usage of an answer has."""

MODEL: Table = {
    "timeouts.non_streaming.total_ms": To("runtime.timeouts.total", milliseconds, IN_ALL),
    "timeouts.streaming.ttft_ms": To("runtime.timeouts.request", milliseconds, _FIRST),
    "timeouts.streaming.total_ms": Lost("`timeouts { total = … }` is one for both"),
    "timeout_ms": To("runtime.timeouts.total", milliseconds, IN_ALL),
}

_PROVIDER: Table = {
    **MODEL,
    "discard_unknown_chunks": Lost("what a provider sends beside is left out by itself"),
    "batch_cost": Lost("inferc sends no batches of files"),
    "project_id": To("runtime.project", text),
    "location": To("runtime.region", text),
    "region": To("runtime.region", text),
}


@define(eq=False)
class Models:
    """Puts models into the draft. by_name: the deployments that each has."""

    _draft: Draft
    by_name: dict[str, list[str]] = field(factory=dict)

    def put(self, name: str, node: Node, task: str) -> None:
        """A deployment for each provider, in the order of `routing`."""
        draft, routing, providers = self._draft, node.get("routing"), node.get("providers")
        order = [str(item.value) for item in routing.items] if routing is not None else []
        if providers is not None:
            order += [each for each in providers.entries if each not in order]
        made: list[str] = []
        for each in order:
            provider = providers.get(each) if providers is not None else None
            if provider is None:
                continue
            called = name if len(order) == 1 else f"{name}-{each}"
            deployment = self._provider(called, provider, node, task)
            if deployment is not None:
                made.append(deployment.name)
        self.by_name[name] = made
        if not made:
            draft.lost(node, NOWHERE)
            return
        if len(made) < len(order):
            draft.changed(routing, "some of these cannot be here, and are passed over")
        draft.kept(routing)
        if made != [name]:
            strategy = Strategy("fallback", tuple(made)) if len(made) > 1 else made[0]
            draft.routes.append(
                Route(draft.free_name(name), strategy, (routing,) if routing is not None else ())
            )
        follow(MODEL, node, draft, Block(remarks=draft.remarks))

    def _provider(self, name: str, node: Node, model: Node | None, task: str) -> Deployment | None:
        draft = self._draft
        made = Deployment(name=draft.free_name(name), nodes=(node,))
        kind = node.text("type") or ""
        before = draft.said()
        if not self._aim(made, node, kind):
            draft.lost_whole(node, NOWHERE, before)
            return None
        draft.deployments.append(made)
        draft.kept(node.get("type"))
        if task:
            made.block("task").label = task
        self._key(made, node, kind)
        self._prices(made, node)
        put_additions(draft, made, node)
        follow(_PROVIDER, node, draft, made)
        if model is not None:
            _inherit(MODEL, model, draft, made)
        return made

    def _aim(self, made: Deployment, node: Node, kind: str) -> bool:
        draft = self._draft
        named = node.get("model_name") or node.get("model_id") or node.get("deployment_id")
        model = str(named.value) if named is not None else made.name
        if kind == "aws_bedrock":
            given = {name: node.get(name) for name in ("region", "api_key", *SECRETS)}
            given["endpoint"] = node.get("endpoint_url")
            if (region := given["region"]) is not None and str(region.value).startswith("sdk"):
                given["region"] = None
                draft.changed(region, "here AWS_REGION says the region", made.remarks)
            draft.kept(named)
            return aim_at_bedrock(made, model, given, _located, partial(self._secret, made), draft)
        if kind in ("gcp_vertex_gemini", "gcp_vertex_anthropic"):
            made.put("model", model)
            made.runtime("gemini" if kind == "gcp_vertex_gemini" else "anthropic")
            draft.kept(named)
            return True
        if kind == "azure":
            endpoint = node.get("endpoint")
            made.put("model", model)
            address = str(endpoint.value).rstrip("/") if endpoint is not None else ""
            own = [endpoint] if endpoint is not None else []
            made.runtime("azure").put("endpoint", f"{address}/openai/v1", *own)
            draft.kept(named, endpoint)
            return True
        base = node.get("api_base")
        if not aim_at(made, TYPES.get(kind, kind), model, str(base.value) if base is not None else None):
            return False
        draft.kept(named, base)
        return True

    def _key(self, made: Deployment, node: Node, kind: str) -> None:
        draft, place = self._draft, node.get("api_key_location") or node.get("credential_location")
        field_name = "credentials" if node.get("credential_location") is not None else "api_key"
        for each in place.entries.values() if place is not None and place.entries else [place]:
            if each is None:
                continue
            source, _, name = str(each.value).partition("::")
            if source == "env" and name:
                made.put(f"runtime.{field_name}", env(name), each)
                draft.kept(each)
            elif source in ("file", "path") and name:
                made.put(f"runtime.{field_name}", Code(f"file({quoted(name)})"), each)
                draft.kept(each)
            elif source in ("dynamic", "none", "sdk", "path_from_env"):
                draft.lost(each, "keys of providers do not come with requests", made.remarks)
            else:
                made.put(
                    f"runtime.{field_name}", left_out(draft, each, variable_for(made.name, "key"), made), each
                )
        if kind not in ("aws_bedrock", "gcp_vertex_anthropic", "gcp_vertex_gemini"):
            expected_key(draft, made, TYPES.get(kind, kind), KEYS, node.get("api_base"))

    def _secret(self, made: Deployment, node: Node, variable: str) -> object:
        written = _located(node)
        if isinstance(written, Code):
            return written
        return left_out(self._draft, node, variable_for(made.name, variable), made)

    def _prices(self, made: Deployment, node: Node) -> None:
        """Prices by where in the usage of an answer their number stands."""
        draft, costs = self._draft, node.get("cost")
        for item in costs.items if costs is not None else ():
            pointer, price = item.get("pointer"), item.get("cost_per_million") or item.get("cost_per_unit")
            ours = _POINTERS.get(str(pointer.value)) if pointer is not None else None
            if ours is None or price is None:
                draft.lost(item, "prices are those of tokens: of prompts, answers and caches", made.remarks)
                continue
            try:
                read = per_million if "cost_per_million" in item.entries else _per_unit
                made.put(f"price.{ours}", read(price), price, *([pointer] if pointer is not None else []))
                draft.kept(item)
            except Unfit as unfit:
                draft.lost(item, str(unfit), made.remarks)
        found = made.items.get("price")
        if isinstance(found, Block):
            for side in ("input", "output"):
                if side not in found.items:
                    found.put(side, Money(0))


def _located(node: Node) -> object:
    """A text, or where TensorZero finds it: `env::NAME`, `path::…`."""
    source, _, name = str(node.value).partition("::")
    if source == "env" and name:
        return env(name)
    return Code(f"file({quoted(name)})") if source in ("file", "path") and name else str(node.value)


def put_additions(draft: Draft, made: Deployment, node: Node) -> None:
    """Fields of the body and headers that are put into every request."""
    bodies, headers = node.get("extra_body"), node.get("extra_headers")
    for item in bodies.items if bodies is not None else ():
        pointer, value = item.text("pointer"), item.get("value")
        if not pointer or value is None:
            draft.lost(item, "a field of a body cannot be taken out", made.remarks)
            continue
        parts = [part for part in pointer.split("/") if part]
        rule = FORCED.get(parts[0]) if len(parts) == 1 else None
        if isinstance(rule, To):
            try:
                made.put(rule.path, rule.read(value), value)
            except Unfit as unfit:
                draft.lost(item, str(unfit), made.remarks)
                continue
        else:
            put_body(draft, made, ("request", "force", "extra_body", *parts), value)
        draft.kept(item)
    for item in headers.items if headers is not None else ():
        name, value = item.text("name"), item.get("value")
        if name and value is not None:
            put_header(draft, made, name, value)
            draft.kept(item.get("name"))


def _inherit(table: Table, node: Node, draft: Draft, made: Deployment) -> None:
    """Settings of a model, which count for those of its providers that say nothing else."""
    for path, rule in table.items():
        found = node.get(*path.split("."))
        if found is None or not isinstance(rule, To) or made.has(rule.path):
            continue
        try:
            made.put(rule.path, rule.read(found), found)
        except Unfit as unfit:
            draft.lost(found, str(unfit), made.remarks)
            continue
        if rule.changed:
            draft.changed(found, rule.changed, made.remarks)
        else:
            draft.kept(found)


def _per_unit(node: Node) -> Money:
    return Money(per_million(node) * 1_000_000)
