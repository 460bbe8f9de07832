"""What is wrong with a file, as data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from attrs import field

from ..compiler.compile import Checked, check_file
from ..compiler.unused import without_used_elsewhere
from ..dsl.diagnostics import Diagnostic
from ..dsl.record import frozen
from ..dsl.render import OutputFormat, render
from ..dsl.render.as_json import diagnostic_as_json
from ..dsl.render.places import place

Source = str | os.PathLike[str]


@frozen
class Finding:
    """One thing that is wrong with a file, or worth knowing.

    severity: "error", "warning" or "note". file: None where there is no place to point at. Lines and columns
    count from 1. help: what to do. `str()` is what `inferc check` prints.
    """

    code: str
    severity: str
    message: str
    file: str | None
    line: int | None
    column: int | None
    label: str
    notes: tuple[str, ...]
    help: tuple[str, ...]
    _diagnostic: Diagnostic = field(repr=False, eq=False)

    @property
    def is_error(self) -> bool:
        """Whether it stands in the way of a plan."""
        return self._diagnostic.is_error

    def to_dict(self) -> dict[str, Any]:
        """All of it, with its fixes, as `inferc check --format json` has it."""
        return diagnostic_as_json(self._diagnostic)

    def __str__(self) -> str:
        return render([self._diagnostic], OutputFormat.TERMINAL).rstrip("\n")


class Findings(tuple[Finding, ...]):
    """All that was found, in the order of the file. `str()` is what `inferc check` prints."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Those that stand in the way of a plan."""
        return tuple(each for each in self if each.is_error)

    def __str__(self) -> str:
        return render([each._diagnostic for each in self], OutputFormat.TERMINAL).rstrip("\n")

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self) or 'fine')}</pre>"


class CheckError(Exception):
    """A file that cannot be compiled: `findings` says why, and so does the message."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return str(self.findings)


def check(
    path: Source | None = None, *, text: str | None = None, settings: Mapping[str, Any] | None = None
) -> Findings:
    """What is wrong with the file at `path`, and with all that it imports.

    text: its contents, when they are not those on disk; without a path, imports and models are looked for in
    the working directory. settings: values of parameters, by name. Never raises for what a file says.
    """
    return findings_of(checked(path, text, settings).diagnostics)


def checked(path: Source | None, text: str | None, settings: Mapping[str, Any] | None) -> Checked:
    """The file, checked as `inferc check` does. Raises TypeError and ValueError for how it was called."""
    if path is None and text is None:
        raise TypeError("nothing to check: give a path, or the text of a file as `text=`")
    name = "<text>" if path is None else os.fspath(path)
    if text is None and "\n" in name:
        raise ValueError("this is no path: give the text of a file as `text=`")
    found = check_file(name, None if path is None else Path(path), text=text, settings=settings)
    return without_used_elsewhere([found])[0]


def findings_of(diagnostics: Iterable[Diagnostic]) -> Findings:
    """The same, for users."""
    return Findings(map(_finding, diagnostics))


def _finding(item: Diagnostic) -> Finding:
    span = item.primary.span if item.primary is not None else None
    at = place(span) if span is not None else None
    return Finding(
        code=item.code,
        severity=str(item.severity),
        message=item.message,
        file=span.source.name if span is not None else None,
        line=at.line if at is not None else None,
        column=at.column if at is not None else None,
        label=item.primary.text if item.primary is not None else "",
        notes=item.notes,
        help=item.help,
        diagnostic=item,
    )
