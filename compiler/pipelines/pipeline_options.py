"""What a pipeline says beside its steps, and of its parameters."""

from __future__ import annotations

from ...dsl.data_kinds import DataKind
from ...dsl.fields import doc
from ...dsl.record import frozen


@frozen(eq=False, repr=False)
class PipelineOptions:
    """Fields that stand among the steps of a pipeline, and are none."""

    carries: tuple[DataKind, ...] = doc("kinds of data that go through it", default=())


@frozen(eq=False, repr=False)
class ParameterOptions:
    """What stands behind `with` at a parameter."""

    carries: tuple[DataKind, ...] = doc("kinds of data in it", default=())
