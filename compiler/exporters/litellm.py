"""Deployments and routes as LiteLLM's `config.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...dsl.deployment import Deployment
from ...dsl.inference import name_at
from ...dsl.kinds import RuntimeKind, SecretSource, TaskKind, UnsupportedAction
from ...dsl.late_text import LateText
from ...dsl.presets import PRESETS
from ...dsl.runtimes import FederatedConfig, LaunchableConfig, OpenAIConfig, RemoteConfig, SecretRef
from ...dsl.units import Money
from ..importers.formats.litellm.tiers import CACHED, TIERS
from ..plan.routes import BalanceKind, RouteKind
from ..scope import Symbol
from .values import Lost, Values, beside, dollars, plain, seconds

if TYPE_CHECKING:
    from ..program import Program
    from ..routes.typed import Member, TypedRoute

_PREFIXES: dict[RuntimeKind, str] = {
    RuntimeKind.OPENAI: "openai",
    RuntimeKind.ANTHROPIC: "anthropic",
    RuntimeKind.GEMINI: "gemini",
    RuntimeKind.BEDROCK: "bedrock",
    RuntimeKind.LITELLM: "litellm_proxy",
    RuntimeKind.OPENAI_COMPATIBLE: "openai",
    RuntimeKind.VLLM: "hosted_vllm",
    RuntimeKind.MISTRALRS: "openai",
    RuntimeKind.CANDLE: "openai",
} | {kind: preset.prefixes[0].rstrip("/") for kind, preset in PRESETS.items()}
"""What stands before the name of a model at each runtime."""

_MODES = {TaskKind.EMBED: "embedding", TaskKind.RERANK: "rerank"}
_STRATEGIES = {
    BalanceKind.LEAST_BUSY: "least-busy",
    BalanceKind.LEAST_COST: "cost-based-routing",
    BalanceKind.LEAST_LATENCY: "latency-based-routing",
    BalanceKind.USAGE: "usage-based-routing-v2",
}
_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": CACHED,
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
    "image_input": "input_cost_per_image_token",
    "image_output": "output_cost_per_image_token",
}
_UNIT_PRICES = {
    "per_second": "input_cost_per_second",
    "per_search": "input_cost_per_query",
    "per_image": "output_cost_per_image",
    "per_character": "input_cost_per_character",
}
_APPENDED = {RuntimeKind.OLLAMA: "/v1", RuntimeKind.AZURE: "/openai/v1"}
"""What LiteLLM puts behind the address of a provider."""

_PERIODS = {"hour": "1h", "day": "1d", "week": "7d", "month": "30d"}


def litellm(program: Program, lost: list[Lost]) -> dict[str, str]:
    """One file with all that LiteLLM can reach."""
    import yaml

    lost += beside(program, "auth", "key", "budget")
    writing = _Writing(program, lost)

    class Plain(yaml.SafeDumper):
        """Writes what stands in several places each time, and not as an anchor."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    text = yaml.dump(writing.file(), Dumper=Plain, sort_keys=False, allow_unicode=True, width=100)
    comments = [f"# {each.where}: {each.says}\n" for each in lost]
    return {"config.yaml": "".join([*comments, text])}


_Entry = tuple[str, float | None]
"""The name of an entry, and its share of a group."""


class _Writing:
    def __init__(self, program: Program, lost: list[Lost]) -> None:
        self._program = program
        self._lost = lost
        self._variables: dict[str, str] = {}
        self._values: list[Values] = []
        self._entries: dict[str, dict[str, Any]] = {}

    def file(self) -> dict[str, Any]:
        for _, deployment in self._program.deployments:
            entry = self._entry(deployment)
            if entry is not None:
                self._entries[deployment.name] = entry
        models = list(self._entries.values())
        router = self._common() | self._routes(models)
        shared = self._cache()
        for values in self._values:
            self._lost.extend(values.rest())
        made: dict[str, Any] = {}
        if self._variables:
            made["environment_variables"] = self._variables
        made["model_list"] = models
        if router:
            made["router_settings"] = router
        shared |= self._budget()
        if shared:
            made["litellm_settings"] = shared
        return made | self._gateway()

    # ---- deployments

    def _entry(self, deployment: Deployment) -> dict[str, Any] | None:
        kind, config = deployment.effective_runtime, deployment.effective_config
        values = Values(deployment)
        if kind not in _PREFIXES or not isinstance(config, RemoteConfig):
            self._lose(deployment.name, f"LiteLLM does not reach `{kind}`")
            return None
        if isinstance(config, LaunchableConfig) and config.launch is not None:
            self._lose(deployment.name, "LiteLLM starts no servers: give it an `endpoint`")
            return None
        if isinstance(config, FederatedConfig) and config.aws is not None:
            self._lose(deployment.name, f"LiteLLM does not ask `{kind}` behind AWS's access")
            return None
        params = self._target(deployment, config, kind, values)
        params |= self._limits(config, values)
        params |= self._request(values)
        info = self._info(deployment, values)
        entry: dict[str, Any] = {"model_name": self._called(deployment), "litellm_params": params}
        if info:
            entry["model_info"] = info
        self._values.append(values)
        return entry

    def _called(self, deployment: Deployment) -> str:
        return f"{deployment.name}/*" if deployment.model.endswith("*") else deployment.name

    def _target(
        self, deployment: Deployment, config: RemoteConfig, kind: RuntimeKind, values: Values
    ) -> dict[str, Any]:
        prefix, model = _PREFIXES[kind], self._text(deployment.model)
        params: dict[str, Any] = {
            "model": model if model.startswith("os.environ/") else f"{prefix}/{name_at(kind, model)}"
        }
        resource = values.take("azure_resource")
        if isinstance(config, OpenAIConfig) and resource is not None:
            named = values.take("azure_deployment")
            params["model"] = f"azure/{self._text(named if named is not None else deployment.model)}"
            params["api_base"] = f"https://{self._text(resource)}.openai.azure.com/"
            if (version := values.take("api_version")) is not None:
                params["api_version"] = self._text(version)
        if (endpoint := values.take("endpoint")) is not None:
            params["api_base"] = self._text(endpoint, _APPENDED.get(kind, ""))
            if kind is RuntimeKind.AZURE:
                params["api_version"] = "v1"
        if kind is RuntimeKind.BEDROCK:
            for ours, theirs in (("region", "aws_region_name"), ("profile", "aws_profile_name")):
                if (value := values.take(ours)) is not None:
                    params[theirs] = self._text(value)
            for ours in ("access_key_id", "secret_access_key", "session_token"):
                if (secret := values.take(ours)) is not None:
                    params[f"aws_{ours}"] = self._secret(secret, deployment.name)
            if "api_base" in params:
                params["aws_bedrock_runtime_endpoint"] = params.pop("api_base")
        for ours, theirs in (("project", "vertex_project"), ("region", "vertex_location")):
            if (
                kind in (RuntimeKind.GEMINI, RuntimeKind.ANTHROPIC)
                and (value := values.take(ours)) is not None
            ):
                params[theirs] = self._text(value)
                params["model"] = f"vertex_ai/{name_at(kind, model).removeprefix('vertex_ai/')}"
        if (account := values.take("credentials")) is not None:
            params["vertex_credentials"] = self._secret(account, deployment.name)
        keys = values.take("api_key")
        if keys:
            params["api_key"] = self._secret(keys[0], deployment.name)
            for _ in keys[1:]:
                self._lose(f"{deployment.name}.api_key", "an entry has one key: the first is taken")
        for name in ("organization",):
            if (value := values.take(name)) is not None:
                params[name] = self._text(value)
        if (headers := values.take("headers")) is not None:
            params["extra_headers"] = {key: self._text(value) for key, value in headers.items()}
        return params

    def _limits(self, config: RemoteConfig, values: Values) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for path, name in (
            ("rate_limits.requests_per_minute", "rpm"),
            ("rate_limits.tokens_per_minute", "tpm"),
            ("serving.max_concurrent", "max_parallel_requests"),
        ):
            if (value := values.take(path)) is not None:
                made[name] = value
        values.take("retry.max_retries")
        made["num_retries"] = config.retry.max_retries
        total, first = values.take("timeouts.total"), config.timeouts.request
        if total is not None:
            made["timeout"] = seconds(total)
            if first == total:
                values.take("timeouts.request")
        if (read := values.take("timeouts.read")) is not None:
            made["stream_timeout"] = seconds(read)
        if (rest := values.take("circuit_breaker.open_duration")) is not None:
            made["cooldown_time"] = seconds(rest)
        for window, period in _PERIODS.items():
            ceiling = values.take(f"budget.max_spend_per_{window}")
            if ceiling is not None and "max_budget" not in made:
                values.take("budget.on_exceeded")
                made |= {"max_budget": dollars(ceiling), "budget_duration": period}
            elif ceiling is not None:
                self._lose(
                    f"budget.max_spend_per_{window}", "an entry has one ceiling: the shortest is taken"
                )
        return made

    def _request(self, values: Values) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for path in [each for each in values.paths() if each.startswith("request.defaults.")]:
            name, value = path.rpartition(".")[2], values.take(path)
            made[name] = plain(value)
        if values.take("request.unsupported") is UnsupportedAction.DROP:
            made["drop_params"] = True
        return made

    def _info(self, deployment: Deployment, values: Values) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if deployment.effective_task in _MODES:
            made["mode"] = _MODES[deployment.effective_task]
        config = deployment.effective_config
        if isinstance(config, OpenAIConfig) and config.azure_resource is not None:
            made["base_model"] = f"azure/{self._text(deployment.model)}"
        if (base := values.take("model_info.base_model")) is not None:
            made["base_model"] = base
        for path, name in (("context_window", "max_input_tokens"), ("max_output", "max_output_tokens")):
            if (value := values.take(f"model_info.{path}")) is not None:
                made[name] = value
        for ours, theirs in _PRICES.items():
            price: Money | None = values.take(f"price.{ours}")
            if price is not None:
                made[theirs] = float(price) / 1_000_000
        for tier in TIERS:
            if (times := values.take(f"price.{tier}")) is not None:
                cached = values.take(f"price.{tier}_cached")
                for theirs in ("input_cost_per_token", "output_cost_per_token", CACHED):
                    if (usual := made.get(theirs)) is not None:
                        is_apart = theirs == CACHED and cached is not None
                        made[f"{theirs}_{tier}"] = usual * (cached if is_apart else times)
        for ours, theirs in _UNIT_PRICES.items():
            if (price := values.take(f"price.{ours}")) is not None:
                made[theirs] = float(price)
        return made

    def _text(self, value: str, end: str = "") -> str:
        """A text, or the variable that it comes from, whose default the file itself sets. end: what LiteLLM
        puts behind it by itself."""
        if not isinstance(value, LateText):
            return str(value).removesuffix(end)
        if value.variables and value.parts[1:] in ((), (end,)):
            variable = value.variables[0]
            if variable.default is not None:
                self._variables[variable.name] = variable.default
            return f"os.environ/{variable.name}"
        self._lose(str(value), "a text around a variable is written as it is without it")
        return str(value)

    def _secret(self, secret: SecretRef, name: str) -> str:
        if secret.source is SecretSource.ENV:
            return f"os.environ/{secret.name}"
        variable = "".join(char if char.isalnum() else "_" for char in name.upper()) + "_KEY"
        where = f"{secret.source}({secret.name})"
        self._lose(f"{name}.api_key", f"LiteLLM has no {where}: put what is there into {variable}")
        return f"os.environ/{variable}"

    # ---- routes and the gateway

    def _routes(self, models: list[dict[str, Any]]) -> dict[str, Any]:
        """Groups of entries with the name of a route, fallbacks and aliases."""
        router: dict[str, Any] = {}
        fallbacks: list[dict[str, list[str]]] = []
        aliases: dict[str, str] = {}
        routes = self._program.graph.routes if self._program.graph is not None else ()
        known = {route.name: route for route in routes}
        for route in routes:
            alias = route.members[0].name if len(route.members) == 1 else ""
            if alias in known and alias != route.name:
                aliases[route.name] = alias
                continue
            names = [name for name in _flat(route, known) if name in self._entries]
            if route.kind in (RouteKind.HEDGE, RouteKind.CASCADE) or not names:
                self._lose(route.name, "LiteLLM has groups and fallbacks, and no such route")
                continue
            if route.budget is not None:
                self._lose(f"{route.name}.budget", "routes have no budgets there")
            is_open = any(self._entries[name]["model_name"].endswith("/*") for name in names)
            called = f"{route.name}/*" if is_open else route.name
            if len(names) == 1 and not is_open:
                aliases[route.name] = names[0]
                continue
            first = route.members[0] if route.kind is RouteKind.FALLBACK else route
            group = self._group(first, known)
            for name, weight in group:
                entry = self._entries[name]
                params = dict(entry["litellm_params"])
                if weight is not None:
                    params["weight"] = weight
                info = {**entry.get("model_info", {}), "id": f"{route.name}/{name}"}
                models.append({"model_name": called, "litellm_params": params, "model_info": info})
            inner = _inner(first, known)
            by = _STRATEGIES.get(inner.by) if inner is not None else None
            if by is not None and router.setdefault("routing_strategy", by) != by:
                self._lose(route.name, "one rule counts for all groups there")
            behind = [name for name in names if name not in {each for each, _ in group}]
            if behind and is_open:
                self._lose(route.name, "fallbacks name models there, and none that clients complete")
            elif behind:
                fallbacks.append({route.name: behind})
        if fallbacks:
            router["fallbacks"] = fallbacks
        if aliases:
            router["model_group_alias"] = aliases
        return router

    def _group(
        self, member: Member | TypedRoute, known: Mapping[str, TypedRoute]
    ) -> list[tuple[str, float | None]]:
        """The entries that share the name of a route, with their shares."""
        inner = _inner(member, known)
        if inner is None:
            return [(member.name, None)] if member.name in self._entries else []
        found: list[_Entry] = []
        for each in inner.members:
            share = round(float(each.share) * 100, 4) if each.share is not None else None
            found += [(name, weight if share is None else share) for name, weight in self._group(each, known)]
        return found

    def _gateway(self) -> dict[str, Any]:
        gateway = self._program.gateway
        made: dict[str, Any] = {}
        if gateway.auth is not None:
            made["general_settings"] = {"master_key": self._secret(gateway.auth, "gateway")}
        if gateway.keys:
            self._lose("gateway.key", "LiteLLM keeps keys in its database: make them there")
        return made

    def _budget(self) -> dict[str, Any]:
        gateway = self._program.gateway
        ceilings = gateway.budget.ceilings() if gateway.budget is not None else {}
        made: dict[str, Any] = {}
        for window, ceiling in ceilings.items():
            if made:
                self._lose(
                    f"gateway.budget.max_spend_per_{window}", "there is one ceiling: the first is taken"
                )
            else:
                made = {"max_budget": dollars(ceiling), "budget_duration": _PERIODS[window]}
        return made

    # ---- what counts for all models there

    def _common(self) -> dict[str, Any]:
        """Settings of the router, where all deployments agree."""
        made: dict[str, Any] = {}
        if (wait := self._agreed("retry.initial_backoff")) is not None:
            made["retry_after"] = seconds(wait)
        if (failures := self._agreed("circuit_breaker.failure_threshold")) is not None:
            made["allowed_fails"] = failures - 1
        return made

    def _cache(self) -> dict[str, Any]:
        time = self._agreed("cache.ttl")
        if time is None:
            return {}
        for values in self._values:
            values.take("cache.shared")
            values.take("cache.sampled")
        return {"cache": True, "cache_params": {"type": "local", "ttl": seconds(time)}}

    def _agreed(self, path: str) -> Any:
        """The value at a path, where all deployments say the same."""
        found = [values.peek(path) for values in self._values]
        if not found or found[0] is None or any(each != found[0] for each in found):
            return None
        for values in self._values:
            values.take(path)
        return found[0]

    def _lose(self, where: str, says: str) -> None:
        self._lost.append(Lost(where, says))


def _flat(route: TypedRoute, known: Mapping[str, TypedRoute]) -> Iterator[str]:
    """The deployments in a route, each once, in order."""
    seen: dict[str, None] = {}
    for member in route.members:
        inner = known.get(member.name) if isinstance(member.target, Symbol) else member.target
        if inner is None:
            seen.setdefault(member.name)
        else:
            seen |= dict.fromkeys(_flat(inner, known))
    yield from seen


def _inner(member: Member | TypedRoute, known: Mapping[str, TypedRoute]) -> TypedRoute | None:
    """The route that a member is, None for a deployment."""
    if not hasattr(member, "target"):
        return member
    return known.get(member.name) if isinstance(member.target, Symbol) else member.target
