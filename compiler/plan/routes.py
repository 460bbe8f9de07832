"""Routes, as the executor needs them: several deployments behind one name.

Members are names of deployments or of other routes. A route that stands inside another one has a name
of its own, that of the outer with its place behind it (`assistant.2`), and is not served under it.
"""

from __future__ import annotations

from attrs import field

from ...dsl.data_kinds import DataKind
from ...dsl.fields import rare
from ...dsl.gateway import PROVED, Bounds
from ...dsl.kinds import TaskKind
from ...dsl.policies import Budget
from ...dsl.promise import Promise
from ...dsl.record import frozen
from ...dsl.units import Duration, Percent
from ...dsl.word_enum import WordEnum
from .nodes import Node
from .source import SourceRef


class RouteKind(WordEnum):
    """How a route picks one of its members."""

    FALLBACK = "fallback"
    BALANCE = "balance"
    SPLIT = "split"
    HEDGE = "hedge"
    CASCADE = "cascade"


class BalanceKind(WordEnum):
    """One after the other; the one with the fewest requests, the cheapest, the quickest, the least used; the
    same one for all that belongs together."""

    ROUND_ROBIN = "round_robin"
    LEAST_BUSY = "least_busy"
    LEAST_COST = "least_cost"
    LEAST_LATENCY = "least_latency"
    USAGE = "usage"
    KEY = "key"


class KeySource(WordEnum):
    """Where in a request a key is: a header, a field of the body, or how its conversation began."""

    HEADER = "header"
    FIELD = "field"
    CONVERSATION = "conversation"


@frozen(kw_only=True)
class RoutePlan:
    """What all routes say."""

    kind: RouteKind
    route: str = field(metadata={"doc": "its name, which requests use as `model`"})
    inner: bool = field(default=False, metadata={"doc": "it stands inside another route, and is not served"})
    source: SourceRef
    task: TaskKind = field(metadata={"doc": "what its members do"})
    budget: Budget | None = rare("spend ceilings of all that is asked through it; without it: none")
    carries: tuple[DataKind, ...] = rare("kinds of data that its requests hold; without it: none", default=())
    bounds: Bounds = rare(PROVED, default=Bounds())
    promise: Promise = rare(
        "what arrives, whoever answers, proved when it was compiled; without it: nothing was",
        default=Promise(),
    )


@frozen(kw_only=True)
class FallbackPlan(RoutePlan):
    """The first member that can answer."""

    kind: RouteKind = RouteKind.FALLBACK
    members: tuple[str, ...]


@frozen
class RouteKey:
    """What keeps requests together."""

    source: KeySource
    name: str = field(metadata={"doc": "of the header or the field; empty for `conversation`"})


@frozen(kw_only=True)
class BalancePlan(RoutePlan):
    """One of the members, so that all have as much to do."""

    kind: RouteKind = RouteKind.BALANCE
    members: tuple[str, ...]
    by: BalanceKind
    key: RouteKey | None = rare("what goes to the same member; only by `key`")


@frozen
class ShareOf:
    """How much of the traffic a member gets."""

    member: str
    share: Percent


@frozen(kw_only=True)
class SplitPlan(RoutePlan):
    """Members by shares that are 100% together; requests with the same key go to the same member."""

    kind: RouteKind = RouteKind.SPLIT
    shares: tuple[ShareOf, ...]
    key: RouteKey


@frozen(kw_only=True)
class HedgePlan(RoutePlan):
    """The next member is asked, too, whenever `after` has passed without a first chunk; the first wins."""

    kind: RouteKind = RouteKind.HEDGE
    members: tuple[str, ...]
    after: Duration


@frozen(kw_only=True)
class CascadePlan(RoutePlan):
    """One member after the other, until an answer is accepted; the last one's always is."""

    kind: RouteKind = RouteKind.CASCADE
    members: tuple[str, ...]
    condition: tuple[Node, ...] = field(
        metadata={
            "doc": "a graph as in a pipeline, over the answer `it`. chat, generate: `text`, `finish_reason`, "
            "`tokens`, `confidence`; classify: `label`, `confidence`"
        }
    )
    accept: str = field(metadata={"doc": "the node that says whether the answer is accepted"})


ROUTE_CLASSES: dict[RouteKind, type[RoutePlan]] = {
    RouteKind.FALLBACK: FallbackPlan,
    RouteKind.BALANCE: BalancePlan,
    RouteKind.SPLIT: SplitPlan,
    RouteKind.HEDGE: HedgePlan,
    RouteKind.CASCADE: CascadePlan,
}
