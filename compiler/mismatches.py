"""What cattrs could not structure → diagnostics at the value that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cattrs.errors import BaseValidationError, ClassValidationError, IterableValidationError

from ..dsl import syntax as s
from ..dsl.convert import Mismatch, QuantityMismatch, SecretMismatch, WordMismatch
from ..dsl.diagnostics import Diagnostics, Edit, Fix
from ..dsl.secrets import SECRET_ADVICE
from ..dsl.source import Span
from ..dsl.suggest import did_you_mean, near
from ..dsl.units import DURATION_UNITS, EXAMPLES, KIND_NAMES, SIZE_UNITS, Duration, Size
from ..dsl.values import Word, show
from .evaluate import report_unknown_value
from .merge import Setting
from .shape import Paths

_UNITS = {Duration: tuple(DURATION_UNITS), Size: tuple(SIZE_UNITS)}


def report_mismatches(error: BaseException, paths: Paths, found: Diagnostics) -> None:
    """Report every leaf of `error`; paths that were never written belong to mistakes reported before."""
    for path, leaf in _leaves(error, ()):
        place = _place(path, paths)
        if place is not None and isinstance(leaf, Mismatch):
            setting, node = place
            _report(leaf, setting, node, found)


def _leaves(error: BaseException, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], BaseException]]:
    match error:
        case ClassValidationError() | IterableValidationError():
            with_notes, others = error.group_exceptions()
            for inner, note in with_notes:
                step = note.index if isinstance(error, IterableValidationError) else note.name  # type: ignore[union-attr]
                yield from _leaves(inner, (*path, step))
            for inner in others:
                yield from _leaves(inner, path)
        case BaseValidationError():
            for inner in error.exceptions:
                yield from _leaves(inner, path)
        case _:
            yield path, error


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


def _report(mismatch: Mismatch, setting: Setting, node: s.Expression, found: Diagnostics) -> None:
    name, scope = setting.node.name.text, setting.scope
    span = scope.span(node)
    value = mismatch.value
    if isinstance(mismatch, SecretMismatch):
        _secret(mismatch, name, setting, span, found)
    elif isinstance(mismatch, WordMismatch):
        _word(mismatch, name, span, found)
    elif isinstance(value, Word) and isinstance(node, s.Reference) and mismatch.suggestion is None:
        names = list(scope.names(s.LetDeclaration, s.ParamDeclaration))
        report_unknown_value(node, str(value), scope, names, found)
    elif isinstance(mismatch, QuantityMismatch) and type(value) in (int, float):
        _missing_unit(mismatch, name, span, found)
    else:
        fixes, hint = _suggested(mismatch, span)
        found.error(
            "E0301", f"`{name}` takes {mismatch.expected}", span, str(mismatch), help=hint, fixes=fixes
        )


def _missing_unit(mismatch: QuantityMismatch, name: str, span: Span, found: Diagnostics) -> None:
    kind: Any = mismatch.kind
    written = show(mismatch.value)
    units = _UNITS.get(kind)
    helps = [f"{KIND_NAMES[kind]}s are written like `{EXAMPLES[kind]}`"]
    if units:
        helps = [f"for {_full_name(kind)} write `{mismatch.suggestion}`; units are {', '.join(f'`{u}`' for u in units)}"]
    fixes = [Fix(f"write `{mismatch.suggestion}`", (Edit(span, mismatch.suggestion),), safe=False)]
    found.error(
        "E0302", f"`{name}` needs a unit", span, f"{written} what?", help=helps,
        fixes=fixes if mismatch.suggestion else [],
    )  # fmt: skip


def _full_name(kind: Any) -> str:
    return "seconds" if kind is Duration else "gibibytes"


def _word(mismatch: WordMismatch, name: str, span: Span, found: Diagnostics) -> None:
    value = mismatch.value
    if mismatch.suggestion is not None:
        fix = Fix(f"write `{mismatch.suggestion}`", (Edit(span, mismatch.suggestion),))
        found.error(
            "E0303", f"`{name}` takes a bare word", span, "a word stands without quotes",
            help=f"write `{mismatch.suggestion}`", fixes=[fix],
        )  # fmt: skip
        return
    text = str(value) if isinstance(value, str) else ""
    meant = near(text, mismatch.words) if text else []
    fixes = [Fix(f"write `{meant[0]}`", (Edit(span, meant[0]),))] if len(meant) == 1 and "(" not in meant[0] else []
    found.error(
        "E0303", f"`{name}` is {mismatch.expected}", span, "not one of them",
        help=did_you_mean(text, mismatch.words) if text else None, fixes=fixes,
    )  # fmt: skip


def _secret(mismatch: SecretMismatch, name: str, setting: Setting, span: Span, found: Diagnostics) -> None:
    if mismatch.inline:
        span.source.hide(span.start + 1, span.end - 1)
        found.error(
            "E0306",
            f"`{name}` must not hold the secret itself",
            span,
            "a secret in plain text",
            help=SECRET_ADVICE,
        )
        return
    found.error("E0301", f"`{name}` says where the secret is", span, f"expected {mismatch.expected}")


def _suggested(mismatch: Mismatch, span: Span) -> tuple[list[Fix], str | None]:
    if mismatch.suggestion is None:
        return [], None
    edit = Edit(span, mismatch.suggestion)
    return [Fix(f"write `{mismatch.suggestion}`", (edit,), safe=False)], f"write `{mismatch.suggestion}`"
