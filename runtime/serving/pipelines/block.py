"""A block of a pipeline as it is run: slots for values, and steps that say which slots they wait for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from attrs import field

from ....compiler.plan.record import define

if TYPE_CHECKING:
    from .activation import Activation

Frame = list[Any]
"""The values of one block while it runs, by slot."""

PENDING: Any = object()
"""What is in a slot whose value is not there yet."""

Compute = Callable[[Frame], Any]
"""A value from others, at once, or Later. Raises StepFailed."""


class Later:
    """A value that would take the loop too long: `await` it, and it is computed elsewhere, within a limit."""

    __slots__ = ("_work",)

    def __init__(self, work: Callable[[], Awaitable[Any]]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, None, Any]:
        return self._work().__await__()


Act = Callable[["Activation"], Coroutine[Any, Any, Any]]
"""A value that takes time. Raises RequestError."""


@define(eq=False)
class Step:
    """What puts a value into `slot`, once those that it waits for are there: `compute` or `act`.

    takes: what a message about it names, and the slots with their values.
    """

    name: str
    slot: int
    line: int
    column: int
    takes: dict[str, int]
    compute: Compute | None = None
    act: Act | None = None

    @property
    def label(self) -> str:
        """What users call it: without the number of the part."""
        return self.name.partition(".")[0]


@define(eq=False)
class Block:
    """What all runs of a block share.

    template: constants in their slots, `PENDING` in all others. missing: for each step, how many slots
    it waits for. consumers: for each slot, the steps that wait for it. inputs: the slots that are filled
    from outside, by name; captures: those of them that the block around gives, as (its slot, ours).
    awaited: the slots without which the block is not over, its output among them.
    """

    template: Frame
    steps: list[Step]
    missing: list[int]
    consumers: list[tuple[int, ...]]
    inputs: dict[str, int]
    captures: tuple[tuple[int, int], ...]
    output: int
    awaited: frozenset[int]
    ready: tuple[int, ...] = field(init=False)
    """The steps that wait for nothing."""
    left: int = field(init=False)
    """How many of the awaited slots are empty at first."""

    def __attrs_post_init__(self) -> None:
        self.ready = tuple(index for index, missing in enumerate(self.missing) if not missing)
        self.left = sum(self.template[slot] is PENDING for slot in self.awaited)
