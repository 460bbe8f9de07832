"""Deployments as entries of LiteLLM's `model_list`."""

from __future__ import annotations

from typing import Any

from ....dsl.catalogues.inference import name_at
from ....dsl.catalogues.presets import PRESETS
from ....dsl.deployment import Deployment
from ....dsl.kinds import RuntimeKind, SecretSource, TaskKind, UnsupportedAction
from ....dsl.late_text import LateText
from ....dsl.runtimes import FederatedConfig, LaunchableConfig, OpenAIConfig, RemoteConfig, SecretRef
from ....dsl.units import Money
from ...importers.formats.litellm.tiers import CACHED, TIERS
from ...plan.open_names import is_pattern
from ..values import Lost, Values, dollars, plain, seconds

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

PERIODS = {"hour": "1h", "day": "1d", "week": "7d", "month": "30d"}


class Entries:
    """What the deployments became, by their names. variables: those that the file itself gives a default."""

    def __init__(self, lost: list[Lost]) -> None:
        self._lost = lost
        self.variables: dict[str, str] = {}
        self.values: list[Values] = []
        self.made: dict[str, dict[str, Any]] = {}

    def add(self, deployment: Deployment) -> None:
        """The entry of a deployment, if LiteLLM can reach it."""
        kind, config = deployment.effective_runtime, deployment.effective_config
        values = Values(deployment)
        if kind not in _PREFIXES or not isinstance(config, RemoteConfig):
            self._lose(deployment.name, f"LiteLLM does not reach `{kind}`")
            return
        if isinstance(config, LaunchableConfig) and config.launch is not None:
            self._lose(deployment.name, "LiteLLM starts no servers: give it an `endpoint`")
            return
        if isinstance(config, FederatedConfig) and config.aws is not None:
            self._lose(deployment.name, f"LiteLLM does not ask `{kind}` behind AWS's access")
            return
        params = self._target(deployment, config, kind, values)
        params |= self._limits(config, values)
        params |= self._request(values)
        info = self._info(deployment, values)
        entry: dict[str, Any] = {"model_name": self._called(deployment), "litellm_params": params}
        if info:
            entry["model_info"] = info
        self.values.append(values)
        self.made[deployment.name] = entry

    def _called(self, deployment: Deployment) -> str:
        is_open = deployment.model.endswith("*") and not is_pattern(deployment.name)
        return f"{deployment.name}/*" if is_open else deployment.name

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
                    params[f"aws_{ours}"] = self.secret(secret, deployment.name)
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
            params["vertex_credentials"] = self.secret(account, deployment.name)
        keys = values.take("api_key")
        if keys:
            params["api_key"] = self.secret(keys[0], deployment.name)
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
        for window, period in PERIODS.items():
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
                self.variables[variable.name] = variable.default
            return f"os.environ/{variable.name}"
        self._lose(str(value), "a text around a variable is written as it is without it")
        return str(value)

    def secret(self, secret: SecretRef, name: str) -> str:
        if secret.source is SecretSource.ENV:
            return f"os.environ/{secret.name}"
        variable = "".join(char if char.isalnum() else "_" for char in name.upper()) + "_KEY"
        where = f"{secret.source}({secret.name})"
        self._lose(f"{name}.api_key", f"LiteLLM has no {where}: put what is there into {variable}")
        return f"os.environ/{variable}"

    def _lose(self, where: str, says: str) -> None:
        self._lost.append(Lost(where, says))
