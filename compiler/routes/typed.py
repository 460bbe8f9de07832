"""Routes as they are checked: every member found, every option read."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field

from ...dsl import syntax as s
from ...dsl.data_kinds import DataKind
from ...dsl.policies import Budget
from ...dsl.record import frozen
from ...dsl.units import Duration, Percent
from ..pipelines.typed import Typed, Variable
from ..plan.routes import BalanceKind, KeySource, RouteKind
from ..scope import Symbol
from ..typing.callables import Callee
from .options import WrittenOptions


@frozen(eq=False, repr=False)
class Member:
    """One member: a deployment or a route by name, or a route that stands inside.

    name: what the plan calls it. share: of a split. confident: whether its answers come with a confidence.
    """

    node: s.Node
    name: str
    target: Symbol | TypedRoute | None
    callee: Callee | None
    share: Percent | None = None
    confident: bool = True


@frozen(eq=False, repr=False)
class Judgement:
    """What a cascade accepts: a condition over the answer `it`."""

    it: Variable
    condition: Typed


@frozen(eq=False, repr=False)
class TypedRoute:
    """A route; only what belongs to its kind is set. callee: what a call of it takes and gives."""

    symbol: Symbol
    node: s.RouteList | s.RouteSplit | s.RouteMember
    name: str
    kind: RouteKind
    members: tuple[Member, ...]
    callee: Callee | None
    by: BalanceKind = BalanceKind.ROUND_ROBIN
    after: Duration | None = None
    key: tuple[KeySource, str] | None = None
    judgement: Judgement | None = None
    options: WrittenOptions = field(factory=WrittenOptions)

    @property
    def budget(self) -> Budget | None:
        """Its spend ceilings."""
        return self.options.options.budget

    @property
    def carries(self) -> tuple[DataKind, ...]:
        """Kinds of data that its requests hold."""
        return self.options.options.carries

    @property
    def confident(self) -> bool:
        """Whether every answer comes with a confidence."""
        return all(member.confident for member in self.members)

    def routes(self) -> Iterator[TypedRoute]:
        """The routes that stand inside, each before the one around it, and this one."""
        for member in self.members:
            if isinstance(member.target, TypedRoute):
                yield from member.target.routes()
        yield self
