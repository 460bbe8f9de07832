"""Diagnostics as workflow commands, which GitHub shows as annotations at the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..diagnostics import Diagnostic, Label, Severity
from .places import clamp, encodable, place

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
DATA_ESCAPES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
PROPERTY_ESCAPES = DATA_ESCAPES | str.maketrans({":": "%3A", ",": "%2C"})


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """All `diagnostics`, one command a line."""
    return "".join(encodable(_command(item)) + "\n" for item in diagnostics)


def _command(item: Diagnostic) -> str:
    properties = [*_location(item), ("title", item.code)]
    written = ",".join(f"{name}={value.translate(PROPERTY_ESCAPES)}" for name, value in properties)
    return f"::{COMMANDS[item.severity]} {written}::{_text(item).translate(DATA_ESCAPES)}"


def _location(item: Diagnostic) -> Iterable[tuple[str, str]]:
    """File, lines and columns; GitHub accepts columns only within one line."""
    if item.primary is None:
        return
    found = place(item.primary.span)
    yield "file", item.primary.span.source.name
    yield "line", str(found.line)
    yield "endLine", str(found.end_line)
    if found.line == found.end_line:
        yield "col", str(found.column)
        yield "endColumn", str(found.end_column)


def _text(item: Diagnostic) -> str:
    """The message and all that explains it, one piece a line."""
    label = [item.primary.text] if item.primary and item.primary.text else []
    places = [_place(other) for other in item.secondary if other.text]
    notes = [f"note: {note}" for note in item.notes]
    helps = [f"help: {text}" for text in (*item.help, *(fix.title for fix in item.fixes))]
    return "\n".join([item.message, *label, *places, *notes, *helps])


def _place(label: Label) -> str:
    line, column = label.span.source.position(clamp(label.span)[0])
    return f"{label.span.source.name}:{line}:{column}: {label.text}"
