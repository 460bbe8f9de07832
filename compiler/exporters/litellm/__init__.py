"""Deployments and routes as LiteLLM's `config.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..values import Lost, beside, dollars, seconds
from .entries import PERIODS, Entries
from .groups import Router

if TYPE_CHECKING:
    from ...program import Program


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


class _Writing:
    def __init__(self, program: Program, lost: list[Lost]) -> None:
        self._program = program
        self._lost = lost
        self._entries = Entries(lost)

    def file(self) -> dict[str, Any]:
        entries, graph = self._entries, self._program.graph
        for _, deployment in self._program.deployments:
            entries.add(deployment)
        models = list(entries.made.values())
        routes = Router(graph.routes if graph is not None else (), entries.made, self._lost)
        router = self._common() | routes.settings(models)
        shared = self._cache()
        for values in entries.values:
            self._lost.extend(values.rest())
        made: dict[str, Any] = {}
        if entries.variables:
            made["environment_variables"] = entries.variables
        made["model_list"] = models
        if router:
            made["router_settings"] = router
        shared |= self._budget()
        if shared:
            made["litellm_settings"] = shared
        return made | self._gateway()

    def _gateway(self) -> dict[str, Any]:
        gateway = self._program.gateway
        made: dict[str, Any] = {}
        if gateway.auth is not None:
            made["general_settings"] = {"master_key": self._entries.secret(gateway.auth, "gateway")}
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
                made = {"max_budget": dollars(ceiling), "budget_duration": PERIODS[window]}
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
        for values in self._entries.values:
            values.take("cache.shared")
            values.take("cache.sampled")
        return {"cache": True, "cache_params": {"type": "local", "ttl": seconds(time)}}

    def _agreed(self, path: str) -> Any:
        """The value at a path, where all deployments say the same."""
        found = [values.peek(path) for values in self._entries.values]
        if not found or found[0] is None or any(each != found[0] for each in found):
            return None
        for values in self._entries.values:
            values.take(path)
        return found[0]

    def _lose(self, where: str, says: str) -> None:
        self._lost.append(Lost(where, says))
