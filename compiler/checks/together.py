"""Settings that need each other, or rule each other out."""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostics, Label
from ..declare import Declared


def needs(
    declared: Declared, one: tuple[str, ...], other: str, value: str, found: Diagnostics, or_else: str = ""
) -> None:
    """A setting that is nothing without another one in the same block."""
    found.error(
        "E0308",
        f"`{one[-1]}` needs `{other}` beside it",
        declared.span(*one),
        f"`{other}` is missing",
        help=f"add `{other} = {value}`{or_else}",
    )


def rule_out(
    declared: Declared, one: tuple[str, ...], other: tuple[str, ...], why: str, found: Diagnostics
) -> None:
    """Two settings that say the same thing."""
    found.error(
        "E0308",
        f"`{one[-1]}` and `{other[-1]}` rule each other out: both say {why}",
        declared.span(*other),
        secondary=[Label(declared.span(*one), "the other one")],
        help="keep one of them",
    )
