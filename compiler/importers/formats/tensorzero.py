"""TensorZero's `tensorzero.toml`: models with providers in turn, and functions with variants on trial."""

from __future__ import annotations

import copy

from attrs import define, field

from ....dsl.units import Money
from ..draft import Block, Constant, Deployment, Draft, Route, Strategy
from ..foreign import Node
from ..literals import Code, env
from ..literals import text as quoted
from ..origin import Origin
from ..providers import aim_at, expected_key
from ..requests import DEFAULTS, put_body, put_header
from ..secrets import left_out, variable_for
from ..tables import (
    Kept,
    Lost,
    Table,
    To,
    Unfit,
    follow,
    milliseconds,
    per_million,
    seconds,
    text,
    weight,
    whole,
)
from .atomr import OPEN

_NOWHERE = "inferc has no runtime for this provider: leave it to TensorZero, `runtime openai_compatible`"
_WATCH = "inferc keeps no requests: it has metrics at `/metrics`"
_PROMPT = 'prompts stand in pipelines: `prompt "…"`, and `as Type` for an answer in JSON'
_LIMITS = "`gateway { key name { rate_limits { … } } }` limits what each key may ask for"
_FIRST = "here of whole answers, too, which begin when they are done: raise it for clients that do not stream"
_IN_ALL = "here from sending to the last byte, of streams as well"

_TYPES: dict[str, str] = {
    "fireworks": "fireworks_ai",
    "google_ai_studio_gemini": "gemini",
    "together": "together_ai",
    "sglang": "openai-generic",
    "tgi": "openai-generic",
}
"""Types of providers that others call otherwise."""

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

_MODEL: Table = {
    "timeouts.non_streaming.total_ms": To("runtime.timeouts.total", milliseconds, _IN_ALL),
    "timeouts.streaming.ttft_ms": To("runtime.timeouts.request", milliseconds, _FIRST),
    "timeouts.streaming.total_ms": Lost("`timeouts { total = … }` is one for both"),
    "timeout_ms": To("runtime.timeouts.total", milliseconds, _IN_ALL),
}

_PROVIDER: Table = {
    **_MODEL,
    "discard_unknown_chunks": Lost("what a provider sends beside is left out by itself"),
    "batch_cost": Lost("inferc sends no batches of files"),
    "project_id": To("runtime.project", text),
    "location": To("runtime.region", text),
    "region": To("runtime.region", text),
}


def _body(draft: Draft, block: Block, node: Node) -> None:
    put_body(block, ("request", "defaults", "extra_body", node.path.rpartition(".")[2]), node)
    draft.kept(node)


_VARIANT: Table = {
    **DEFAULTS,
    "type": Kept(),
    "model": Kept(),
    "retries.num_retries": To("runtime.retry.max_retries", whole),
    "retries.max_delay_s": To("runtime.retry.max_backoff", seconds),
    "service_tier": _body,
    "thinking_budget_tokens": Lost("write `request { defaults { extra_body { thinking { … } } } }`"),
    "json_mode": Lost(_PROMPT),
    "system_template": Lost(_PROMPT),
    "user_template": Lost(_PROMPT),
    "assistant_template": Lost(_PROMPT),
    "templates": Lost(_PROMPT),
    **_MODEL,
}

_TOP: Table = {
    "gateway.observability.**": Lost(_WATCH),
    "gateway.export.**": Lost(_WATCH),
    "gateway.debug": Lost("`inferc run --log-level debug` says more"),
    "gateway.auth.**": Lost("`gateway { key name { secret = env(…) } }`: each key stands in the file"),
    "metrics.*": Lost("inferc takes no feedback: measure where answers are used"),
    "tools.*": Lost("tools come with requests"),
    "evaluations.*": Lost("inferc takes no feedback: measure where answers are used"),
    "rate_limiting.**": Lost(_LIMITS),
    "object_storage.**": Lost("inferc stores no files"),
    "clickhouse.**": Lost(_WATCH),
    "postgres.**": Lost(_WATCH),
    "provider_types.**": Lost("each deployment names its key"),
}


def recognises(root: Node) -> bool:
    """Whether this is a configuration of TensorZero."""
    models = root.get("models")
    routed = models is not None and any("routing" in each.entries for each in models.entries.values())
    return routed or ("functions" in root.entries and "model_list" not in root.entries)


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a whole file into the draft."""
    _Reading(draft, root).read()


@define(eq=False)
class _Reading:
    _draft: Draft
    _root: Node
    _models: dict[str, list[str]] = field(factory=dict)

    def read(self) -> None:
        for section, task in (("models", ""), ("embedding_models", "embed")):
            models = self._root.get(section)
            for name, node in (models.entries if models is not None else {}).items():
                self._model(name, node, task)
        functions = self._root.get("functions")
        for name, node in (functions.entries if functions is not None else {}).items():
            self._function(name, node)
        self._gateway()
        follow(_TOP, self._root, self._draft, Block(remarks=self._draft.remarks))

    # ---- models

    def _model(self, name: str, node: Node, task: str) -> None:
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
        self._models[name] = made
        if not made:
            draft.lost(node, _NOWHERE)
            return
        draft.kept(routing)
        if made != [name]:
            strategy = Strategy("fallback", tuple(made)) if len(made) > 1 else made[0]
            draft.routes.append(
                Route(draft.free_name(name), strategy, (routing,) if routing is not None else ())
            )
        follow(_MODEL, node, draft, Block(remarks=draft.remarks))

    def _provider(self, name: str, node: Node, model: Node | None, task: str) -> Deployment | None:
        draft = self._draft
        made = Deployment(name=draft.free_name(name), nodes=(node,))
        kind = node.text("type") or ""
        if not self._aim(made, node, kind):
            draft.lost(node, _NOWHERE)
            return None
        draft.deployments.append(made)
        draft.kept(node.get("type"))
        if task:
            made.block("task").label = task
        self._key(made, node, kind)
        self._prices(made, node)
        self._adds(made, node, "force")
        follow(_PROVIDER, node, draft, made)
        if model is not None:
            _inherit(_MODEL, model, draft, made)
        return made

    def _aim(self, made: Deployment, node: Node, kind: str) -> bool:
        draft = self._draft
        named = node.get("model_name") or node.get("model_id") or node.get("deployment_id")
        model = str(named.value) if named is not None else made.name
        if kind == "gcp_vertex_gemini":
            made.put("model", model)
            made.runtime("gemini")
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
        if not aim_at(made, _TYPES.get(kind, kind), model, str(base.value) if base is not None else None):
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
        expected_key(made, _TYPES.get(kind, kind))

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

    def _adds(self, made: Deployment, node: Node, when: str) -> None:
        """Fields of the body and headers that are put into every request."""
        draft, bodies, headers = self._draft, node.get("extra_body"), node.get("extra_headers")
        for item in bodies.items if bodies is not None else ():
            pointer, value = item.text("pointer"), item.get("value")
            if not pointer or value is None:
                draft.lost(item, "a field of a body cannot be taken out", made.remarks)
                continue
            parts = [part for part in pointer.split("/") if part]
            put_body(made, ("request", when, "extra_body", *parts), value)
            draft.kept(item)
        for item in headers.items if headers is not None else ():
            name, value = item.text("name"), item.get("value")
            if name and value is not None:
                put_header(draft, made, name, value)
                draft.kept(item.get("name"))

    # ---- functions

    def _function(self, name: str, node: Node) -> None:
        draft, variants = self._draft, node.get("variants")
        known: dict[str, str] = {}
        for key, variant in (variants.entries if variants is not None else {}).items():
            target = self._variant(name, key, variant)
            if target is not None:
                known[key] = target
        kind = node.get("type")
        if kind is not None and kind.value == "chat" and known:
            draft.kept(kind)
        strategy = self._trial(node, known)
        if strategy is None:
            draft.lost(node, "none of its variants can be here")
            return
        nodes = tuple(each for each in (node.get("experimentation"),) if each is not None)
        draft.routes.append(Route(draft.free_name(name), strategy, nodes))
        follow({"**": Lost(_PROMPT)}, node, draft, Block(remarks=draft.remarks))

    def _trial(self, node: Node, known: dict[str, str]) -> Strategy | str | None:
        """Who answers: variants by their weights, then those that are there in case they fail."""
        draft, trial = self._draft, node.get("experimentation")
        weights: dict[str, float] = {}
        kind = trial.text("type") if trial is not None else None
        candidates = trial.get("candidate_variants") if trial is not None else None
        if candidates is not None and candidates.entries:
            weights = {key: weight(inner) for key, inner in candidates.entries.items()}
        elif candidates is not None:
            weights = {str(item.value): 1.0 for item in candidates.items}
        backs = trial.get("fallback_variants") if trial is not None else None
        spare = [str(item.value) for item in backs.items] if backs is not None else []
        if not weights:
            variants = node.get("variants")
            for key, variant in (variants.entries if variants is not None else {}).items():
                given = variant.get("weight")
                if given is not None:
                    weights[key] = weight(given)
                    draft.kept(given)
            if not weights:
                weights = {key: 1.0 for key in known if key not in spare}
        if kind in ("static_weights", "static", "uniform"):
            draft.kept(trial)
        first = [(known[key], share) for key, share in weights.items() if key in known and share > 0]
        rest = [known[key] for key in spare if key in known]
        rest += [known[key] for key, share in weights.items() if key in known and share <= 0]
        members: list[Strategy | str] = [*rest]
        if len(first) > 1:
            members = [Strategy("split", tuple(n for n, _ in first), tuple(s for _, s in first)), *rest]
        elif first:
            members = [first[0][0], *rest]
        if not members:
            return None
        return Strategy("fallback", tuple(members)) if len(members) > 1 else members[0]

    def _variant(self, function: str, key: str, node: Node) -> str | None:
        """What answers for a variant: its model, or copies of it with settings of their own."""
        draft, model = self._draft, node.get("model")
        if node.text("type") not in (None, "chat_completion") or model is None:
            draft.lost(node, "a pipeline may ask several times, and choose: there is no such word here")
            return None
        asked = str(model.value)
        draft.kept(node.get("type"), model)
        name = f"{function}-{key}"
        if "::" in asked and asked not in self._models:
            made = self._short(name, asked, model)
            bases = [made] if made is not None else []
        else:
            bases = [each for each in draft.deployments if each.name in self._models.get(asked, ())]
            if not bases:
                draft.lost(node, f"the model `{asked}` is not here")
                return None
            if not any(k not in ("type", "model", "weight", "json_mode", "templates") for k in node.entries):
                follow(_VARIANT, node, draft, Block(remarks=draft.remarks))
                return asked
            bases = [self._copy(name, each, alone=len(bases) == 1) for each in bases]
        for number, base in enumerate(bases):
            if number == 0:
                self._adds(base, node, "force")
                follow(_VARIANT, node, draft, base)
            else:
                scratch = Draft("")
                before = list(base.remarks)
                follow(_VARIANT, node, scratch, base)
                base.remarks = before
        if not bases:
            return None
        if len(bases) == 1:
            return bases[0].name
        draft.routes.append(Route(draft.free_name(name), Strategy("fallback", tuple(b.name for b in bases))))
        return name

    def _copy(self, name: str, base: Deployment, *, alone: bool) -> Deployment:
        """The same deployment once more, for settings of its own."""
        made = copy.deepcopy(base, {id(node): node for each in base.fields() for node in each.nodes})
        made.name = self._draft.free_name(name if alone else f"{name}-{base.name.rpartition('-')[2]}")
        made.remarks, made.doc = [], ""
        self._draft.deployments.append(made)
        return made

    def _short(self, name: str, asked: str, node: Node) -> Deployment | None:
        """`openai::gpt-5-mini`: a provider and a model, without a section of their own."""
        draft, (kind, _, model) = self._draft, asked.partition("::")
        made = Deployment(name=draft.free_name(name), nodes=(node,))
        theirs = _TYPES.get(kind, kind)
        if not aim_at(made, theirs, model):
            draft.lost(node, _NOWHERE)
            return None
        expected_key(made, theirs)
        draft.deployments.append(made)
        return made

    # ---- the gateway

    def _gateway(self) -> None:
        draft = self._draft
        bind = self._root.get("gateway", "bind_address")
        if bind is not None:
            draft.gateway.put("bind", str(bind.value), bind)
            draft.gateway.put("auth", Code("none"))
            draft.told.append(OPEN)
            draft.kept(bind)
        whole_time = self._root.get("gateway", "global_outbound_http_timeout_ms")
        if whole_time is None:
            return
        try:
            value = milliseconds(whole_time)
        except Unfit as unfit:
            draft.lost(whole_time, str(unfit))
            return
        constant = Constant("default_timeout", value)
        for made in draft.deployments:
            for path in ("runtime.timeouts.total", "runtime.timeouts.request"):
                if not made.has(path):
                    total = made.value("runtime.timeouts.total")
                    given = total if path.endswith("request") and total is not None else Code(constant.name)
                    made.put(path, given, whole_time)
        draft.constants.append(constant)
        draft.changed(whole_time, _IN_ALL, constant.remarks)


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
