"""What a pipeline says beside its steps, and of its parameters."""

from __future__ import annotations

from attrs import field

from ...dsl.data_kinds import DataKind
from ...dsl.fields import doc
from ...dsl.gateway import Bounds
from ...dsl.record import frozen
from ..blocks.merge import Paths


@frozen(eq=False, repr=False)
class PipelineOptions:
    """What stands among the steps of a pipeline, and is none."""

    carries: tuple[DataKind, ...] = doc("kinds of data that go through it", default=())
    bounds: Bounds = doc(
        "the most that one request to it may take; more is an error when checked", factory=Bounds
    )


@frozen(eq=False, repr=False)
class WrittenOptions:
    """Options of a pipeline, and where they stand."""

    options: PipelineOptions = field(factory=PipelineOptions)
    paths: Paths = field(factory=dict)


@frozen(eq=False, repr=False)
class ParameterOptions:
    """What stands behind `with` at a parameter."""

    carries: tuple[DataKind, ...] = doc("kinds of data in it", default=())
