"""An inference request, as it was read."""

from __future__ import annotations

from attrs import field

from ....compiler.plan.record import frozen
from ...requests.request import TensorRequest


@frozen
class Asked:
    """A request and how its answer is to be sent: which outputs as bytes, all others as JSON.

    priority: as the gateway counts, more is sooner. timeout: in seconds. classes: outputs of which so many of
    the best classes are wanted.
    """

    request: TensorRequest
    id: str | None
    binary: dict[str, bool]
    binary_by_default: bool
    priority: int = 0
    timeout: float | None = None
    classes: dict[str, int] = field(factory=dict, kw_only=True)
