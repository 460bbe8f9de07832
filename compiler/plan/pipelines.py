"""Pipelines and externs, as the executor needs them."""

from __future__ import annotations

from attrs import field

from ...dsl.data_kinds import DataKind
from ...dsl.fields import rare
from ...dsl.gateway import PROVED, Bounds
from ...dsl.kinds import Isolation
from ...dsl.record import frozen
from ...dsl.units import Duration, Size
from .nodes import Node
from .source import SourceRef
from .types import Type, TypeKind


@frozen
class ParameterPlan:
    """What a pipeline or an extern takes."""

    name: str
    type: Type
    carries: tuple[DataKind, ...] = rare("kinds of data in it; without it: none", default=())


@frozen(kw_only=True)
class PipelinePlan:
    """A typed graph of steps."""

    pipeline: str = field(metadata={"doc": "its name, which requests and calls use"})
    source: SourceRef
    parameters: tuple[ParameterPlan, ...] = field(metadata={"doc": "nodes take their values by these names"})
    result: Type
    nodes: tuple[Node, ...] = field(metadata={"doc": "each behind all that it takes"})
    output: str = field(metadata={"doc": "the node, or the parameter, that gives the result"})
    carries: tuple[DataKind, ...] = rare("kinds of data that go through it; without it: none", default=())
    bounds: Bounds = rare(PROVED, default=Bounds())

    @property
    def chats(self) -> bool:
        """Whether it takes one text and gives a text, so that it may be asked as a chat model."""
        takes = [each.type.kind for each in self.parameters]
        return takes == [TypeKind.TEXT] and self.result.kind in (TypeKind.TEXT, TypeKind.CHOICE)


@frozen(kw_only=True)
class ExternPlan:
    """Code of the user's; it is imported when the plan runs, never earlier."""

    extern: str
    source: SourceRef
    parameters: tuple[ParameterPlan, ...]
    result: Type
    target: str = field(metadata={"doc": "`package.module:function`"})
    isolation: Isolation = field(
        default=Isolation.PROCESS, metadata={"doc": "where it runs: in processes of its own, or on threads"}
    )
    workers: int = field(default=4, metadata={"doc": "processes at most"})
    timeout: Duration = field(
        default=Duration(60), metadata={"doc": "longest that a call may take that does not say so itself"}
    )
    memory: Size | None = field(default=None, metadata={"doc": "bytes of each process; null: no limit"})
    carries: tuple[DataKind, ...] = rare(
        "kinds of data in its result, whatever it takes; without it: none", default=()
    )
    removes: tuple[DataKind, ...] = rare(
        "kinds of data that are not in its result any more; without it: none", default=()
    )
