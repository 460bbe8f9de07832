"""The values of a block → an object of its class, and a diagnostic for each value that does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    IterableValidationError,
    IterableValidationNote,
)

from ...dsl import syntax as s
from ...dsl.convert import language_converter
from ...dsl.diagnostics import Diagnostics
from ...dsl.mismatch import Mismatch, SecretMismatch
from .merge import Paths, Setting

T = TypeVar("T")

_ROUNDS = 4
"""How often to try again: without a wrong value, its block may lack a required field, and so on outwards."""


def structure(values: dict[str, Any], cls: type[T], paths: Paths, found: Diagnostics) -> T | None:
    """`values` as an object of `cls`; each value that does not fit is reported, taken out, and the rest
    structured again, so that the rest can be checked too. None when what is left is not enough."""
    for _ in range(_ROUNDS):
        try:
            return language_converter.structure(values, cls)
        except (BaseValidationError, Mismatch, SecretMismatch) as error:
            from .mismatches import report_mismatch  # most files have none

            for path, leaf in _leaves(error, ()):
                place = _place(path, paths)
                if place is not None and isinstance(leaf, Mismatch | SecretMismatch):
                    setting, node = place
                    report_mismatch(leaf, setting, node, found)
                _take_out(values, [step for step in path if isinstance(step, str)])
    return None


def _take_out(values: dict[str, Any], path: list[str]) -> None:
    """Remove the value at `path`, or the innermost block around it that is there."""
    *blocks, name = path or [""]
    around: list[tuple[dict[str, Any], str]] = []
    for step in blocks:
        if not isinstance(values.get(step), dict):
            break
        around.append((values, step))
        values = values[step]
    if name in values:
        del values[name]
    elif around:
        del around[-1][0][around[-1][1]]


def _leaves(
    error: BaseException, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], BaseException]]:
    match error:
        case ClassValidationError() | IterableValidationError():
            with_notes, others = error.group_exceptions()
            for inner, note in with_notes:
                yield from _leaves(inner, (*path, _step(note)))
            for inner in others:
                yield from _leaves(inner, path)
        case BaseValidationError():
            for inner in error.exceptions:
                yield from _leaves(inner, path)
        case _:
            yield path, error


def _step(note: AttributeValidationNote | IterableValidationNote) -> str | int:
    """The step from a value to the part of it that a note is about."""
    step: Any = note.index if isinstance(note, IterableValidationNote) else note.name
    return step  # type: ignore[no-any-return]


def _place(path: tuple[str | int, ...], paths: Paths) -> tuple[Setting, s.Expression] | None:
    """The field at `path`, and the part of its value that the path leads to."""
    names = tuple(step for step in path if isinstance(step, str))
    for length in range(len(names), 0, -1):
        setting = paths.get(names[:length])
        if isinstance(setting, Setting):
            node = setting.node.value
            indices = [step for step in path if isinstance(step, int)]
            if indices and isinstance(node, s.ListExpression):
                node = node.items[indices[0]]
            return setting, node
    return None
