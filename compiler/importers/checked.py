"""What is written passes `inferc check`: what does not is taken out, and lost with its reason."""

from __future__ import annotations

from pathlib import Path

from ...dsl.diagnostics import Diagnostic
from ..compile import check_file
from .draft import Block, Deployment, Draft, Route
from .foreign import ImportFailed
from .writer import Place, lines

MISSING_MODEL = "E0501"
"""The one error that may stay: the models of another system need not lie here yet."""

_MOST_ROUNDS = 200
_REQUIRED = ("", "model", "runtime")


def settle(draft: Draft, path: Path) -> None:
    """Take out what the language refuses, until nothing is refused. path: where the file will be."""
    for _ in range(_MOST_ROUNDS):
        written = lines(draft, short=False)
        text = "\n".join(line for line, _ in written) + "\n"
        refused = [
            each
            for each in check_file(path.name, path, text=text).diagnostics
            if each.is_error and each.code != MISSING_MODEL
        ]
        if not refused:
            draft.drop_unused("nothing is left that it counts for")
            return
        _take_out(draft, written[_line(refused[0])][1], refused[0])
    raise ImportFailed("too much of this file cannot be said here")


def _line(refused: Diagnostic) -> int:
    if refused.primary is None:
        return 0
    span = refused.primary.span
    return span.source.position(span.start)[0] - 1


def _take_out(draft: Draft, place: Place, refused: Diagnostic) -> None:
    owner, key = place
    says = refused.message
    if isinstance(owner, Route):
        if owner.options.items:
            for name in list(owner.options.items):
                draft.drop_field(owner.options, name, says)
        elif owner.choice:
            draft.drop_choice(owner, says)
        else:
            draft.drop_route(owner, says)
    elif isinstance(owner, Deployment) and key in _REQUIRED:
        draft.drop(owner, says)
    elif isinstance(owner, Block) and key:
        draft.drop_field(owner, key, says)
    elif (deployment := _around(draft, owner)) is not None:
        draft.drop(deployment, says)
    elif isinstance(owner, Block):
        for name in list(owner.items):
            draft.drop_field(owner, name, says)
    else:
        raise ImportFailed(f"what this file says cannot be written: {says}")


def _around(draft: Draft, block: Block | None) -> Deployment | None:
    """The deployment that a block is in."""

    def holds(outer: Block) -> bool:
        return outer is block or any(isinstance(i, Block) and holds(i) for i in outer.items.values())

    return next((each for each in draft.deployments if block is not None and holds(each)), None)
