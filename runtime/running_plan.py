"""One plan, running: what answers under which name, and what is in flight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from ..compiler.plan import Plan
from ..compiler.plan.abilities import Abilities, abilities_of
from ..compiler.plan.open_names import OpenNames, is_pattern
from .limits.keys import KeyPolicies
from .limits.plan_policies import PlanPolicies
from .requests.errors import UnknownModel
from .requests.foreign_text import short_name
from .requests.health import Finding
from .requests.naming import named
from .requests.pipeline_call import PipelineCall
from .requests.request import Request
from .requests.trace import Trace
from .serving.deployment import Deployment
from .serving.model import Model

if TYPE_CHECKING:
    from .serving.guards import GuardedModel, Guards
    from .serving.guards.door import Door
    from .serving.pipelines.externs import Extern
    from .serving.pipelines.pipeline import Event, Pipeline, Result
    from .serving.pipelines.threads import Threads
    from .serving.pipelines.workers.workers import Workers
    from .serving.routes.route import Route


class RunningPlan:
    """Everything of one plan; another one takes over when the plan changes.

    models: all that requests may name as `model`. reachable: those that stand inside others, too.
    broken: deployments that could not be started, and that routes do without. users: requests in flight.
    """

    def __init__(self, plan: Plan, policies: PlanPolicies | None = None) -> None:
        self.plan = plan
        self.policies = policies
        self.keys: Mapping[str, KeyPolicies] = policies.keys if policies is not None else {}
        """The policies of the keys of the gateway, by name."""
        self.deployments: dict[str, Deployment] = {}
        self.routes: dict[str, Route] = {}
        self.pipelines: dict[str, Pipeline] = {}
        self.reachable: dict[str, Model] = {}
        self.models: dict[str, Model] = {}
        self.broken: frozenset[str] = frozenset()
        self.externs: Mapping[str, Extern] = {}
        self.workers: Workers | None = None
        self.threads: Threads | None = None
        self.guards: Guards | None = None
        self.users = 0

    def __contains__(self, name: object) -> bool:
        """Whether a model or a pipeline is called so."""
        return name in self.models or name in self.pipelines

    @cached_property
    def abilities(self) -> dict[str, Abilities]:
        """What clients may ask of each name of the plan."""
        return abilities_of(self.plan)

    def spent_by(self, key: KeyPolicies) -> dict[str, float]:
        """Dollars by window, of those windows in which the key has a ceiling."""
        if self.policies is None or key.payer is None:
            return {}
        return key.payer.budget.spent(self.policies.epoch + asyncio.get_running_loop().time())

    def findings(self) -> Iterator[Finding]:
        """What is wrong with all that is neither a deployment nor a route."""
        for part in (self.policies, self.threads, self.workers):
            if part is not None:
                yield from part.findings()

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name. Raises UnknownModel, which lists the names there are."""
        try:
            return self.deployments[name]
        except KeyError:
            raise UnknownModel(self._unknown(name), param="model") from None

    def model(self, name: str) -> Model:
        """What answers requests for `name`: what is called so, or else what has the longest of the names of
        which clients say a part. Raises UnknownModel, which lists the names there are.
        """
        try:
            return self.models[name]
        except KeyError:
            model = self.answering(name)
            if model is None:
                raise UnknownModel(self._unknown(name), param="model") from None
            return model

    def answering(self, name: str) -> Model | None:
        """The same; None where nothing does."""
        found = (name, "") if name in self.models else self._open_names.find(name)
        return self.models[found[0]] if found is not None else None

    def completed(self, name: str, request: Request) -> Request:
        """`request` for `name`, as it is asked of who answers for that: what stands for the `*` of a name
        takes the place of the name, behind a slash."""
        found = self._open_names.find(name) if name not in self.models else None
        return request if found is None or not is_pattern(found[0]) else named(request, f"/{found[1]}")

    @cached_property
    def has_patterns(self) -> bool:
        """Whether a name has a `*`."""
        return any(map(is_pattern, self.models))

    @cached_property
    def _open_names(self) -> OpenNames:
        patterns = [name for name in self.models if is_pattern(name)]
        prefixes = [name for name, model in self.models.items() if model.is_wildcard and not is_pattern(name)]
        return OpenNames(patterns, prefixes)

    def asked(self, name: str, payers: tuple[str, ...] = ()) -> Model | GuardedModel:
        """The model of that name, behind its guards. payers: who asks. Raises UnknownModel."""
        model = self.model(name)
        return model if self.guards is None else self.guards.around(model, name, payers)

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name. Raises UnknownModel, which lists those there are."""
        try:
            return self.pipelines[name]
        except KeyError:
            name = short_name(name)
            listed = _listed(name, self.pipelines)
            message = f"there is no pipeline `{name}`; the pipelines here are: {listed}"
            if name in self.models:
                message = f"`{name}` is no pipeline, but a model: name it as `model`; pipelines: {listed}"
            raise UnknownModel(message, param="pipeline", code="pipeline_not_found") from None

    def deadline(self) -> float | None:
        """When a request that comes now must be answered, in the time of the running loop."""
        timeout = self.plan.gateway.timeout
        return asyncio.get_running_loop().time() + timeout if timeout is not None else None

    async def run(self, pipeline: Pipeline, call: PipelineCall, trace: Trace | None = None) -> Result:
        """What `pipeline` gives. Raises RequestError."""
        trace = Trace(spans=[]) if trace is None else trace
        door = self._door(pipeline, call)
        return await (pipeline.run(call, trace.spans) if door is None else door.run(pipeline, call, trace))

    def events(
        self, pipeline: Pipeline, call: PipelineCall, trace: Trace | None = None
    ) -> AsyncGenerator[Event, None]:
        """The same, with what happens on the way."""
        trace = Trace(spans=[]) if trace is None else trace
        door = self._door(pipeline, call)
        return pipeline.stream(call, trace.spans) if door is None else door.events(pipeline, call, trace)

    def _door(self, pipeline: Pipeline, call: PipelineCall) -> Door | None:
        return self.guards.of(pipeline.name, call.payers) if self.guards is not None else None

    def is_idle(self, among: Iterable[Deployment]) -> bool:
        """Whether nothing is in flight any more that may come to the deployments `among`."""
        return not self.users and not any(each.running or each.waiting for each in among)

    async def stop(self, after: RunningPlan | None = None) -> None:
        """Stop all that `after` does not go on with, and break off what runs there. Safe to call twice."""
        kept = {id(each) for each in after.deployments.values()} if after is not None else set()
        gone = [each for each in self.deployments.values() if id(each) not in kept]
        await asyncio.gather(*(deployment.stop() for deployment in gone))
        if self.threads is not None and (after is None or after.threads is not self.threads):
            self.threads.stop()
        if self.workers is not None and (after is None or after.workers is not self.workers):
            await self.workers.stop()
        if self.policies is not None:
            await self.policies.stop(after.policies if after is not None else None)

    def _unknown(self, name: str) -> str:
        name = short_name(name)
        if name in self.pipelines:
            return f"`{name}` is a pipeline that does not chat: send the request to /v1/pipelines/{name}"
        return f"there is no model `{name}`; the models here are: {_listed(name, self.models)}"


def _listed(name: str, names: Iterable[str]) -> str:
    """All of `names`, those nearest to `name` first."""
    all_names = list(names)
    near = get_close_matches(name, all_names, n=4)
    ordered = [*near, *(other for other in all_names if other not in near)]
    return ", ".join(f"`{other}`" for other in ordered) or "none"
