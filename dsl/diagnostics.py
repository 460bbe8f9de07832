"""A diagnostic as data: what is wrong, where, and what to do. Rendering is somebody else's job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from attrs import field

from .record import frozen
from .secrets.texts import holds_key, masked
from .source import Span
from .suggest import near
from .word_enum import WordEnum


class Severity(WordEnum):
    """How bad it is: an error stops compilation, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@frozen
class Label:
    """A place that belongs to a diagnostic, and what is to be seen there."""

    span: Span
    text: str = ""


@frozen
class Edit:
    """Put `replacement` where `span` is now."""

    span: Span
    replacement: str


@frozen
class Fix:
    """A change that a machine can make.

    safe: it cannot change the meaning of what was right, so `inferc check --fix` applies it.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


def write_instead(span: Span, meant: Sequence[str]) -> list[Fix]:
    """The change to what was meant, when there is only one thing that it can be."""
    if len(meant) != 1:
        return []
    return [Fix(f"write `{meant[0]}`", (Edit(span, meant[0]),), safe=False)]


@frozen
class Diagnostic:
    """One finding.

    primary: the place to look at first; None only when there is no source at all (a missing file).
    secondary: other places that explain it.
    """

    code: str
    severity: Severity
    message: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


LONG = 200
"""After this many findings, no near matches are looked for any more."""


@frozen
class Diagnostics:
    """A growing collection of findings, in the order in which they were made."""

    items: list[Diagnostic] = field(factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        self.items.append(diagnostic)

    def error(self, code: str, message: str, span: Span | None, label: str = "", **details: Any) -> None:
        self.add(make(Severity.ERROR, code, message, span, label, **details))

    def warning(self, code: str, message: str, span: Span | None, label: str = "", **details: Any) -> None:
        self.add(make(Severity.WARNING, code, message, span, label, **details))

    def note(self, code: str, message: str, span: Span | None, label: str = "", **details: Any) -> None:
        self.add(make(Severity.NOTE, code, message, span, label, **details))

    @property
    def is_long(self) -> bool:
        """Whether there are so many findings that near matches would cost time and help nobody."""
        return len(self.items) > LONG

    def near(self, name: str, known: Iterable[str]) -> list[str]:
        """The names of `known` that `name` was probably meant to be; none once the list is long."""
        return [] if self.is_long else near(name, known)

    @property
    def has_errors(self) -> bool:
        return any(item.is_error for item in self.items)


def make(
    severity: Severity,
    code: str,
    message: str,
    span: Span | None,
    label: str = "",
    *,
    secondary: Iterable[Label] = (),
    notes: Iterable[str] = (),
    help: Iterable[str] | str | None = None,
    fixes: Iterable[Fix] = (),
) -> Diagnostic:
    """A diagnostic from its parts; `help` may be one sentence or several.

    What looks like a key is masked in every text, and a fix that would repeat one is left out.
    """
    helps = (help,) if isinstance(help, str) else tuple(help or ())
    known = span.source.borne_keys if span is not None else ()
    hidden = partial(masked, known=known)
    primary = Label(span, hidden(label)) if span is not None else None
    return Diagnostic(
        code,
        severity,
        hidden(message),
        primary,
        tuple(Label(each.span, hidden(each.text)) for each in secondary),
        tuple(map(hidden, notes)),
        tuple(map(hidden, helps)),
        tuple(fix for fix in fixes if not any(holds_key(edit.replacement, known) for edit in fix.edits)),
    )


def places(diagnostic: Diagnostic) -> Iterator[Span]:
    """All places that a finding names."""
    if diagnostic.primary is not None:
        yield diagnostic.primary.span
    for label in diagnostic.secondary:
        yield label.span
    for fix in diagnostic.fixes:
        for edit in fix.edits:
            yield edit.span


def with_places(diagnostic: Diagnostic, spans: Iterator[Span]) -> Diagnostic:
    """The same finding of others, in the order of `places`."""
    primary = diagnostic.primary
    return Diagnostic(
        diagnostic.code,
        diagnostic.severity,
        diagnostic.message,
        Label(next(spans), primary.text) if primary is not None else None,
        tuple(Label(next(spans), each.text) for each in diagnostic.secondary),
        diagnostic.notes,
        diagnostic.help,
        tuple(
            Fix(fix.title, tuple(Edit(next(spans), each.replacement) for each in fix.edits), fix.safe)
            for fix in diagnostic.fixes
        ),
    )


def count(diagnostics: Iterable[Diagnostic]) -> dict[Severity, int]:
    """How many there are of each severity, the worst first."""
    found = Counter(item.severity for item in diagnostics)
    return {severity: found[severity] for severity in Severity}


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """`diagnostics` by file and place, without repetitions; those without a place first."""

    def key(item: Diagnostic) -> tuple[str, int, int]:
        if item.primary is None:
            return ("", 0, 0)
        return (item.primary.span.source.name, item.primary.span.start, item.primary.span.end)

    return sorted(dict.fromkeys(diagnostics), key=key)
