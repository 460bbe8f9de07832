"""Files of the language as files of other systems, as far as those have words for it.

Each format takes the values that a deployment sets (`values`); those that it leaves are lost, and said so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import field

from ...dsl.record import frozen
from .atomr import atomr
from .litellm import litellm
from .triton import triton
from .values import Lost

if TYPE_CHECKING:
    from ..program import Program

__all__ = ["TARGETS", "Exported", "Lost", "export"]

TARGETS: dict[str, Callable[[Program, list[Lost]], dict[str, str]]] = {
    "litellm": litellm,
    "atomr": atomr,
    "triton": triton,
}
"""By the name of a system: what writes its files, and says what is lost."""


@frozen(eq=False)
class Exported:
    """files: their texts by their paths, one for most systems. lost: what they have no word for."""

    files: dict[str, str]
    lost: tuple[Lost, ...] = field(default=())


def export(program: Program, target: str) -> Exported:
    """The files of another system for a program without errors."""
    lost: list[Lost] = []
    files = TARGETS[target](program, lost)
    return Exported(files, tuple(lost))
