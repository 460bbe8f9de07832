"""Values for a pipeline, with all that goes with them: as a `Call` is for a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...compiler.plan.record import define, frozen
from .call import NO_HEADERS


@define(eq=False)
class TextOptions:
    """How a client wants the text that answers it, in OpenAI's words; the call that gives it takes them.

    taken: whether one has: a text that is computed from several calls has none that could.
    """

    values: Mapping[str, Any]
    taken: bool = False


@frozen
class PipelineCall:
    """values: of the pipeline's parameters. deadline, priority, headers, payers: as of a `Call`.

    wanted: of the text that the pipeline gives.
    """

    values: Mapping[str, Any]
    deadline: float | None = None
    priority: int = 0
    headers: Mapping[str, str] = NO_HEADERS
    payers: tuple[str, ...] = ()
    wanted: TextOptions | None = None
