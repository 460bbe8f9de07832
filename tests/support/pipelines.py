"""Plans of routes and pipelines, put together by hand; the nodes of a pipeline are those of a `Graph`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from inferc.compiler.plan import (
    JSON,
    SCHEMA,
    TEXT,
    ArmPlan,
    AttemptNode,
    BalanceKind,
    BalancePlan,
    BuiltinNode,
    CallNode,
    CascadePlan,
    ConstantNode,
    ConvertNode,
    DeploymentPlan,
    Duration,
    ExternNode,
    ExternPlan,
    FallbackPlan,
    FieldNode,
    GatewayPlan,
    HedgePlan,
    IfNode,
    IndexNode,
    InterpolationNode,
    KeySource,
    ListNode,
    MapNode,
    MatchNode,
    Node,
    OperatorNode,
    ParameterPlan,
    PipelinePlan,
    PlacePlan,
    Plan,
    PromptNode,
    RecordNode,
    RouteKey,
    RoutePlan,
    ShareOf,
    SourceRef,
    SplitPlan,
    TaskKind,
    Type,
)
from inferc.dsl.units import Percent

SOURCE = SourceRef("test.infer", 1, 1)
CHAT = TaskKind.CHAT


def plan_with(*parts: DeploymentPlan | RoutePlan | PipelinePlan | ExternPlan, **gateway: Any) -> Plan:
    """A plan of all these, on a free port."""
    return Plan(
        SCHEMA,
        "test",
        GatewayPlan(port=0, **gateway),
        tuple(part for part in parts if isinstance(part, DeploymentPlan)),
        tuple(part for part in parts if isinstance(part, RoutePlan)),
        tuple(part for part in parts if isinstance(part, PipelinePlan)),
        tuple(part for part in parts if isinstance(part, ExternPlan)),
    )


def _route(name: str, task: TaskKind, inner: bool) -> dict[str, Any]:
    return {"route": name, "source": SOURCE, "task": task, "inner": inner}


def fallback(name: str, *members: str, task: TaskKind = CHAT, inner: bool = False) -> FallbackPlan:
    return FallbackPlan(**_route(name, task, inner), members=members)


def balance(
    name: str, *members: str, by: BalanceKind = BalanceKind.ROUND_ROBIN, inner: bool = False
) -> BalancePlan:
    return BalancePlan(**_route(name, CHAT, inner), members=members, by=by)


def split(
    name: str,
    shares: Mapping[str, float],
    key: RouteKey | None = None,
    inner: bool = False,
) -> SplitPlan:
    return SplitPlan(
        **_route(name, CHAT, inner),
        shares=tuple(ShareOf(member, Percent(share)) for member, share in shares.items()),
        key=key or RouteKey(KeySource.HEADER, "x-inferc-key"),
    )


def hedge(name: str, *members: str, after: float = 0.4, inner: bool = False) -> HedgePlan:
    return HedgePlan(**_route(name, CHAT, inner), members=members, after=Duration(after))


def cascade(
    name: str, *members: str, condition: Graph, accept: str, task: TaskKind = CHAT, inner: bool = False
) -> CascadePlan:
    return CascadePlan(
        **_route(name, task, inner), members=members, condition=tuple(condition.nodes), accept=accept
    )


def extern(
    name: str,
    target: str,
    result: Type = TEXT,
    *,
    limits: Mapping[str, Any] | None = None,
    **parameters: Type,
) -> ExternPlan:
    """limits: what stands behind `with` where it is declared."""
    return ExternPlan(
        extern=name,
        source=SOURCE,
        parameters=_parameters(parameters),
        result=result,
        target=target,
        **dict(limits or {}),
    )


def _parameters(types: Mapping[str, Type]) -> tuple[ParameterPlan, ...]:
    return tuple(ParameterPlan(name, kind) for name, kind in types.items())


class Graph:
    """The nodes of a pipeline, one after the other; each method adds one and gives its name.

    Each stands in a line of its own, in column 3. types: those of the nodes, by name, that give no text.
    """

    def __init__(self, types: Mapping[str, str] = MappingProxyType({})) -> None:
        self.nodes: list[Node] = []
        self._types = types

    def pipeline(
        self, output: str, result: Type = TEXT, *, name: str = "p", **parameters: Type
    ) -> PipelinePlan:
        """The whole. parameters: `message`, a text, where none are given."""
        return PipelinePlan(
            pipeline=name,
            source=SOURCE,
            parameters=_parameters(parameters or {"message": TEXT}),
            result=result,
            nodes=tuple(self.nodes),
            output=output,
        )

    def constant(self, name: str, value: object, block: str = "") -> str:
        return self._add(ConstantNode, name, block, value=value)

    def field(self, name: str, of: str, field: str, block: str = "") -> str:
        return self._add(FieldNode, name, block, of=of, field=field)

    def operator(self, name: str, operator: str, *operands: str, block: str = "") -> str:
        return self._add(OperatorNode, name, block, operator=operator, operands=operands)

    def index(self, name: str, of: str, at: str, block: str = "") -> str:
        return self._add(IndexNode, name, block, of=of, places=(PlacePlan(first=at),))

    def list(self, name: str, *items: str, block: str = "") -> str:
        return self._add(ListNode, name, block, items=items)

    def record(self, name: str, block: str = "", **fields: str) -> str:
        return self._add(RecordNode, name, block, fields=fields)

    def text(self, name: str, literals: tuple[str, ...], *values: str, block: str = "") -> str:
        return self._add(InterpolationNode, name, block, literals=literals, values=values)

    def prompt(self, name: str, template: str, /, block: str = "", **variables: str) -> str:
        return self._add(PromptNode, name, block, template=template, variables=variables)

    def builtin(self, name: str, function: str, /, *arguments: str, block: str = "", **named: str) -> str:
        return self._add(BuiltinNode, name, block, function=function, arguments=arguments, named=named)

    def convert(self, name: str, of: str, to: Type = JSON, block: str = "") -> str:
        return self._add(ConvertNode, name, block, of=of, to=to)

    def call(
        self,
        name: str,
        target: str,
        block: str = "",
        task: TaskKind | None = CHAT,
        *,
        options: Any = None,
        **arguments: str,
    ) -> str:
        """options: those of the call, such as `timeout`."""
        given = dict(options or {})
        return self._add(CallNode, name, block, target=target, task=task, arguments=arguments, **given)

    def extern(
        self, name: str, extern: str, block: str = "", *, options: Any = None, **arguments: str
    ) -> str:
        return self._add(ExternNode, name, block, extern=extern, arguments=arguments, **dict(options or {}))

    def match(self, name: str, subject: str, *arms: tuple[tuple[object, ...], str], block: str = "") -> str:
        plans = tuple(ArmPlan(values, arm) for values, arm in arms)
        return self._add(MatchNode, name, block, subject=subject, arms=plans)

    def choose(self, name: str, condition: str, then: str, otherwise: str, block: str = "") -> str:
        return self._add(IfNode, name, block, condition=condition, then=then, otherwise=otherwise)

    def map(self, name: str, over: str, variable: str, each: str, limit: int = 16, block: str = "") -> str:
        return self._add(MapNode, name, block, over=over, variable=variable, each=each, limit=limit)

    def attempt(self, name: str, first: str, otherwise: str, block: str = "") -> str:
        return self._add(AttemptNode, name, block, first=first, otherwise=otherwise)

    def _add(self, cls: type[Node], name: str, block: str, **fields: Any) -> str:
        place = {"line": len(self.nodes) + 2, "column": 3}
        type = self._types.get(name, "text")
        self.nodes.append(cls(name=name, block=block, type=type, **place, **fields))
        return name
