"""Portkey's configs: strategies over targets, which may be strategies again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from attrs import evolve, field

from ....dsl.catalogues.inference import match_runtime
from ....dsl.kinds import RuntimeKind
from ....dsl.record import define
from ....dsl.units import Duration
from ..bedrock import ROLE, aim_at_bedrock
from ..draft import Block, Deployment, Draft, Route
from ..foreign import Node
from ..literals import env
from ..origin import Origin
from ..providers import ANY_OF_VERTEX, COMPATIBLE, aim_at, expected_key, find_provider, provider_of_model
from ..requests import DEFAULTS, FORCED, body, cache
from ..secrets import left_out, variable_for
from ..strategy import Strategy, split
from ..tables import Lost, Table, To, Unfit, follow, milliseconds, positive, seconds, text, weight, whole
from .portkey_choices import named, together

_NOWHERE = "inferc has no runtime for this provider: leave it to Portkey, `runtime openai_compatible`"
_GUARD = "inferc brings no guards: `gateway { guard name { … } }` calls code of your own"
_STATUS = "what another try, or another member, may help is known for each provider"

_PROVIDERS = {
    "azure-openai": "azure",
    "vertex-ai": "vertex_ai",
    "mistral-ai": "mistral",
    "together-ai": "together_ai",
    "fireworks-ai": "fireworks_ai",
    "perplexity-ai": "perplexity",
    "x-ai": "xai",
    "huggingface": "huggingface",
    "workers-ai": "cloudflare",
}
"""Portkey's names of providers that others call otherwise."""

_AWS = {
    "region": "aws_region",
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
    "endpoint": "custom_host",
    "api_key": "api_key",
}
"""Fields of Bedrock's targets, by our names."""

_BY_MODEL = (RuntimeKind.ANTHROPIC, RuntimeKind.GEMINI)
"""Providers of a virtual key that the name of the model tells."""

_CLOUDS = ("bedrock", "vertex_ai")
"""Those that ask for credentials of a cloud, and no key."""

_OF_A_TARGET = frozenset({"virtual_key", "override_params", "default_params", "retry", "cache"})
"""What stands beside a `provider` where the config is one target alone."""

_WEEK = Duration(7 * 86400)
"""How long Portkey keeps an answer where the config does not say."""

_INHERITED: Table = {
    "retry.attempts": To("runtime.retry.max_retries", whole),
    "request_timeout": To("runtime.timeouts.total", milliseconds),
    "cb_config.failure_threshold": To(
        "runtime.circuit_breaker.failure_threshold", positive, "here failures in a row"
    ),
    "cb_config.cooldown_interval": To("runtime.circuit_breaker.open_duration", milliseconds),
}
"""What counts for all targets below, unless they say something else."""

_PARAMS = ("override_params", "default_params")
"""What bodies are given, whatever the client says or where it is silent; targets add to what stands above."""

_DEFAULTS: Table = {**DEFAULTS, "*": body}

_TARGET: Table = {
    "name": Lost("targets have names of their own here"),
    "aws_role_arn": Lost(ROLE),
    "aws_external_id": Lost(ROLE),
    "aws_auth_type": Lost(ROLE),
    "openai_organization": To("runtime.organization", text),
    "openai_project": To("runtime.project", text),
    "vertex_project_id": To("runtime.project", text),
    "vertex_region": To("runtime.region", text),
    "retry.on_status_codes": Lost(_STATUS),
    "retry.use_retry_after_header": To("runtime.retry.respect_retry_after", lambda node: node.value is True),
    "retry.use_retry_after_headers": To("runtime.retry.respect_retry_after", lambda node: node.value is True),
    "strategy.on_status_codes": Lost(_STATUS),
    "strategy.cb_config.**": Lost("a circuit opens after failures in a row, whatever their share"),
    "cache.mode": Lost("only answers to equal requests are kept"),
    "cache.max_age": Lost("no answers are kept"),
    "forward_headers": Lost("headers of clients are not passed on"),
    "before_request_hooks": Lost(_GUARD),
    "after_request_hooks": Lost(_GUARD),
    "input_guardrails": Lost(_GUARD),
    "output_guardrails": Lost(_GUARD),
    "default_input_guardrails": Lost(_GUARD),
    "default_output_guardrails": Lost(_GUARD),
    "strategy.mode": Lost("routes do not look into requests: give each case a name of its own"),
    "strategy.conditions": Lost("routes do not look into requests: give each case a name of its own"),
    "strategy.default": Lost("routes do not look into requests: give each case a name of its own"),
    "weight": Lost("a share without another target beside it"),
}


def recognises(root: Node) -> bool:
    """Whether this is a config of Portkey."""
    plain = _snake(root)
    is_list = "targets" in plain and not plain["targets"].entries
    return is_list or ("provider" in plain and not plain.keys().isdisjoint(_OF_A_TARGET))


def read(root: Node, draft: Draft, origin: Origin) -> None:
    """Put a config into the draft: a route that is called like the file, and its targets."""
    reading = _Reading(draft)
    made = reading.target(root, origin.stem, {}, is_root=True)
    if made is None:
        return
    if isinstance(made, Strategy):
        draft.routes.append(Route(draft.free_name(origin.stem), made, tuple(reading.said)))
    elif made != origin.stem:
        draft.routes.append(Route(draft.free_name(origin.stem), made))


def _snake(node: Node) -> dict[str, Node]:
    """The entries of a mapping, their names with `_`: both forms are allowed."""
    found: dict[str, Node] = {}
    for key, value in node.entries.items():
        found[re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()] = value
    return found


def _plain(node: Node) -> Node:
    if node.entries:
        return Node(node.path, node.line, {k: _plain(v) for k, v in _snake(node).items()})
    return node


@define(eq=False)
class _Reading:
    _draft: Draft
    said: list[Node] = field(factory=list)

    def target(
        self, node: Node, name: str, inherited: Mapping[str, Node], *, is_root: bool = False
    ) -> Strategy | str | None:
        """A target: a deployment, or a strategy over further ones."""
        own: Mapping[str, Node] = _snake(node)
        given = {
            **inherited,
            **{key: _plain(own[key]) for key in ("retry", "request_timeout", "cache") if key in own},
        }
        for key in _PARAMS:
            above = inherited[key].entries if key in inherited else {}
            if (params := own.get(key)) is not None and params.entries:
                given[key] = Node(params.path, params.line, {**above, **params.entries})
        if "strategy" in own and (circuit := _plain(own["strategy"]).get("cb_config")) is not None:
            given["cb_config"] = circuit
        targets = own.get("targets")
        if targets is None:
            return self._deployment(node, name, given)
        mode = own["strategy"].get("mode") if "strategy" in own else None
        kind = str(mode.value) if mode is not None else "single"
        members: list[tuple[Strategy | str, Node]] = []
        for number, item in enumerate(targets.items, 1):
            called = item.text("name") or f"{name}-{number}"
            made = self.target(item, called, given)
            if made is not None:
                members.append((made, item))
                self._draft.kept(item.get("name") if isinstance(made, Strategy) else None)
        if not members:
            return None
        is_known = kind != "conditional"
        self._draft.kept(mode if is_known else None)
        strategy = _plain(own["strategy"]) if "strategy" in own else None
        if strategy is not None and kind == "conditional":
            chosen_by = {item.text("name") or "": made for made, item in members}
            if named(strategy, chosen_by if is_root else {}, self._draft):
                self._draft.kept(mode, strategy.get("default"))
        option = together(strategy, self._draft) if kind == "loadbalance" else ""
        follow(_TARGET, _without(_plain(node), "targets"), self._draft, Block(remarks=self._draft.remarks))
        if not is_known:
            default = own["strategy"].text("default") if kind == "conditional" else None
            chosen = (made for made, item in members if item.text("name") == default)
            return next(chosen, members[0][0])
        if mode is not None:
            self.said.append(mode)
        return self._strategy(kind, members, option, name)

    def _called(self, made: Strategy | str, name: str) -> str:
        """A name for what has a share: several targets are a route."""
        if isinstance(made, str):
            return made
        self._draft.routes.append(Route(self._draft.free_name(name), made))
        return self._draft.routes[-1].name

    def _strategy(
        self, kind: str, members: list[tuple[Strategy | str, Node]], option: str, name: str
    ) -> Strategy | str:
        made = tuple(member for member, _ in members)
        if len(made) == 1 or kind == "single":
            return made[0]
        if kind == "fallback":
            return Strategy("fallback", made)
        weights = [item.get("weight") for _, item in members]
        shares = [weight(each) for each in weights]
        self._draft.kept(*weights)
        if len({*shares}) == 1 and any(isinstance(each, Strategy) for each in made):
            return Strategy("balance", made, option=option)
        shared = split([self._called(each, f"{name}-{at}") for at, each in enumerate(made, 1)], shares)
        return evolve(shared, option=option) if isinstance(shared, Strategy) else shared

    def _deployment(self, node: Node, name: str, inherited: Mapping[str, Node]) -> str | None:
        draft, own = self._draft, _plain(node)
        made = Deployment(name=draft.free_name(name), nodes=(node,))
        provider = own.get("provider")
        params, defaults = (inherited.get(key) for key in _PARAMS)
        model = params.get("model") if params is not None else None
        asked = str(model.value) if model is not None else "*"
        slug = re.fullmatch(r"@([^/]+)/(.+)", asked)
        inferred = match_runtime(asked)
        said = str(inferred) if inferred in _BY_MODEL else "openai"
        if (virtual := own.get("virtual_key")) is not None:
            said = _of_virtual_key(str(virtual.value)) or said
        if provider is not None:
            said = str(provider.value)
        if slug is not None:
            said, asked = slug[1], slug[2]
        integration = slug[1] if slug is not None else said.removeprefix("@") if said.startswith("@") else ""
        theirs = _provider(said.lstrip("@"))
        if integration and find_provider(theirs) is None and theirs not in _CLOUDS:
            theirs = provider_of_model(asked) or theirs
        before = draft.said()
        if not self._aim(made, own, theirs, asked):
            draft.lost_whole(node, _NOWHERE, before)
            return None
        draft.deployments.append(made)
        if integration and (_PROVIDERS.get(integration, integration) != theirs or theirs == "azure"):
            has_key = not own.entries.keys().isdisjoint(("api_key", "virtual_key"))
            named = model if slug is not None else provider
            self._integration(made, integration, theirs, named, has_key=has_key or theirs in _CLOUDS)
        draft.kept(provider, model, own.get("name") if made.name == own.text("name") else None)
        self._key(made, own, theirs)
        self._bodies(made, FORCED, params)
        self._bodies(made, _DEFAULTS, defaults)
        rest = {key: value for key, value in own.entries.items() if key not in ("weight", "targets")}
        for path, rule in _INHERITED.items():
            first, *more = path.split(".")
            found = inherited.get(first)
            for key in more:
                found = found.get(key) if found is not None else None
            if found is not None and isinstance(rule, To):
                self._inherit(made, rule, found)
        kept = inherited.get("cache")
        if kept is not None and kept.text("mode") == "simple":
            lasts = kept.get("max_age")
            nodes = [each for each in (kept.get("mode"), lasts) if each is not None]
            try:
                cache(made, seconds(lasts) if lasts is not None else _WEEK, *nodes)
                draft.kept(*nodes)
            except Unfit as unfit:
                draft.lost(kept, str(unfit), made.remarks)
        if made.has("runtime.timeouts.total"):
            made.put("runtime.timeouts.request", made.value("runtime.timeouts.total"))
        follow(_TARGET, Node(node.path, node.line, rest), draft, made)
        return made.name

    def _bodies(self, made: Deployment, table: Table, params: Node | None) -> None:
        """Parameters of this target and of those above it, which other targets may have had before."""
        if params is None:
            return
        for key, node in params.entries.items():
            if key != "model":
                draft = Draft("") if self._draft.report.is_marked(node) else self._draft
                follow(table, Node(params.path, params.line, {key: node}), draft, made)

    def _inherit(self, made: Deployment, rule: To, node: Node) -> None:
        try:
            made.put(rule.path, rule.read(node), node)
            if rule.changed:
                self._draft.changed(node, rule.changed, made.remarks)
            self._draft.kept(node)
        except Unfit as unfit:
            self._draft.lost(node, str(unfit), made.remarks)

    def _aim(self, made: Deployment, own: Node, provider: str, model: str) -> bool:
        draft, host = self._draft, own.get("custom_host")
        resource = own.get("azure_resource_name") or own.get("resource_name")
        deployment = own.get("azure_deployment_id") or own.get("deployment_id")
        if provider == "azure" and resource is not None:
            made.put(
                "model", model if model != "*" else str(deployment.value if deployment else resource.value)
            )
            block = made.runtime("openai")
            block.put("azure_resource", str(resource.value), resource)
            if deployment is not None:
                block.put("azure_deployment", str(deployment.value), deployment)
            if (version := own.get("azure_api_version") or own.get("api_version")) is not None:
                block.put("api_version", str(version.value), version)
                draft.kept(version)
            draft.kept(resource, deployment)
            return True
        if provider == "vertex_ai":
            bare = model.removeprefix("google.").removeprefix("anthropic.")
            if not bare.startswith(("gemini", "claude", "*")):
                return False
            if bare == "*":
                draft.changed(own.get("provider"), ANY_OF_VERTEX, made.remarks)
            made.put("model", bare)
            block = made.runtime("anthropic" if bare.startswith("claude") else "gemini")
            if (account := own.get("vertex_service_account_json")) is not None:
                block.put("credentials", self._secret(made, account, "account"), account)
                if not draft.report.is_marked(account):
                    draft.kept(account)
            return True
        if provider == "bedrock":
            given = {name: own.get(theirs) for name, theirs in _AWS.items()}
            draft.kept(host)
            return aim_at_bedrock(made, model, given, _value, partial(self._secret, made), draft)
        if not aim_at(made, provider, model, str(host.value) if host is not None else None):
            return False
        if model == "*":
            made.put("model", "*" if made.label_of("runtime") == COMPATIBLE else f"{provider}/*")
        draft.kept(host)
        return True

    def _secret(self, made: Deployment, node: Node, variable: str) -> object:
        match = re.fullmatch(r"\$\{?(\w+)\}?|\{\{\s*(\w+)\s*\}\}", str(node.value))
        if match is not None:
            return env(match[1] or match[2])
        return left_out(self._draft, node, variable_for(made.name, variable), made)

    def _integration(
        self, made: Deployment, integration: str, provider: str, node: Node | None, *, has_key: bool
    ) -> None:
        """Portkey keeps the key of each integration: two of one provider have two keys."""
        says = f"`@{integration}` is Portkey's own: here `{provider}` is asked"
        if not has_key:
            variable = variable_for(integration, "api_key")
            made.put("runtime.api_key", env(variable))
            says += f", with the key in {variable}"
        self._draft.changed(node, says + self._at_azure(made, integration), made.remarks)

    def _at_azure(self, made: Deployment, owner: str) -> str:
        """What to say of the address of Azure's resource, which Portkey keeps, too, where it is needed."""
        if made.label_of("runtime") != "azure" or made.has("runtime.endpoint"):
            return ""
        variable = variable_for(owner, "endpoint")
        made.put("runtime.endpoint", self._draft.behind(env(variable), "/openai/v1"))
        return f"; the address of its resource goes into {variable}"

    def _key(self, made: Deployment, own: Node, provider: str) -> None:
        draft = self._draft
        key, virtual = own.get("api_key"), own.get("virtual_key")
        if key is not None and not made.has("runtime.api_key"):
            written = self._secret(made, key, "api_key")
            made.put("runtime.api_key", written, key)
            if not draft.report.is_marked(key):
                draft.kept(key)
        if virtual is not None:
            variable = variable_for(str(virtual.value))
            runtime = made.label_of("runtime")
            says = f"a virtual key is Portkey's own: put the key of {runtime} into {variable}"
            draft.changed(virtual, says + self._at_azure(made, str(virtual.value)), made.remarks)
            if key is None:
                made.put("runtime.api_key", env(variable), virtual)
        if provider not in _CLOUDS:
            expected_key(draft, made, provider, url=own.get("custom_host"))


def _value(node: Node) -> object:
    return str(node.value)


def _provider(said: str) -> str:
    """The provider that is meant; a slug of one's own, such as `openai-prod`, begins with its name."""
    known = _PROVIDERS.get(said, said)
    parts = known.split("-")
    starts = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
    found = (_PROVIDERS.get(each, each) for each in starts)
    return next((each for each in found if find_provider(each) is not None or each in _CLOUDS), known)


def _of_virtual_key(name: str) -> str | None:
    """The provider that a virtual key is of, where its name begins with that, as Portkey proposes."""
    found = _provider(name.lower().replace("_", "-").replace("open-ai", "openai"))
    return found if find_provider(found) is not None or found in _CLOUDS else None


def _without(node: Node, *keys: str) -> Node:
    return Node(node.path, node.line, {k: v for k, v in node.entries.items() if k not in keys})
