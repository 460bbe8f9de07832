"""Declarations whose syntax had to be guessed: no errors follow from the guess (error recovery)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping

from ..dsl.diagnostics import Diagnostic
from ..dsl.parsing.parser import Parsed
from ..dsl.record import frozen
from ..dsl.source import Source, Span

Place = tuple[Source, int]
"""A file, and the number of a declaration in it."""

_SYNTAX = "E01"
_OF_TEXTS = ("E0105", "E0112")
"""Mistakes in how a text is written."""
_ALWAYS = ("E0306", "N0414")
"""What is said anyway: that a secret stands in the file, and what was assumed."""


@frozen(eq=False, repr=False, slots=False)
class Damage:
    """The declarations of one file of which a part could not be read for certain.

    starts: where each declaration begins. hit, nodes: the damaged ones, by number and by the id of the node.
    """

    starts: tuple[int, ...] = ()
    hit: frozenset[int] = frozenset()
    nodes: frozenset[int] = frozenset()

    @classmethod
    def of(cls, parsed: Parsed) -> Damage:
        """The damage that guesses mean to declarations."""
        hit = frozenset(bisect_right(parsed.starts, guess) - 1 for guess in parsed.guesses) - {-1}
        return cls(parsed.starts, hit, frozenset(id(parsed.declarations[index]) for index in hit))

    def number_at(self, offset: int) -> int:
        """The number of the declaration at `offset`, or before it; -1 before the first one."""
        return bisect_right(self.starts, offset) - 1


def without_followers(
    diagnostics: Iterable[Diagnostic], damages: Mapping[Source, Damage]
) -> list[Diagnostic]:
    """`diagnostics` without those about the meaning of damaged declarations, or of lines whose form is wrong,
    and without warnings about declarations that have a mistake; `damages` is by file."""
    diagnostics = _once_of_secrets(list(diagnostics))
    misshapen = {_line(each) for each in diagnostics if each.code.startswith(_SYNTAX)}
    wrong = {
        place for place in (_declaration(each, damages) for each in diagnostics if each.is_error) if place
    }
    if not misshapen and not wrong and not any(damage.hit for damage in damages.values()):
        return diagnostics
    return [
        each
        for each in diagnostics
        if _is_kept(each) or not (_follows(each, damages, wrong) or (misshapen and _line(each) in misshapen))
    ]


def _once_of_secrets(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """`diagnostics` without those about how something is written that may not stand there at all."""
    secrets = [each.primary.span for each in diagnostics if each.code == "E0306" and each.primary]
    return [each for each in diagnostics if each.code not in _OF_TEXTS or not _is_inside(each, secrets)]


def _is_inside(diagnostic: Diagnostic, spans: Iterable[Span]) -> bool:
    if diagnostic.primary is None:
        return False
    here = diagnostic.primary.span
    return any(
        each.source is here.source and each.start <= here.start and here.end <= each.end for each in spans
    )


def _is_kept(diagnostic: Diagnostic) -> bool:
    """Whether it is said whatever else is wrong."""
    code = diagnostic.code
    return diagnostic.primary is None or code.startswith(_SYNTAX) or code in _ALWAYS


def _line(diagnostic: Diagnostic) -> tuple[Source, int] | None:
    """The line that a finding is about."""
    if diagnostic.primary is None:
        return None
    span = diagnostic.primary.span
    return span.source, span.source.line_of(span.start)


def _follows(
    diagnostic: Diagnostic, damages: Mapping[Source, Damage], wrong: Collection[Place | None]
) -> bool:
    place = _declaration(diagnostic, damages)
    if place is None:
        return False
    source, index = place
    return index in damages[source].hit or (not diagnostic.is_error and place in wrong)


def _declaration(diagnostic: Diagnostic, damages: Mapping[Source, Damage]) -> Place | None:
    """The declaration that a finding is about: its file, and its number there."""
    if diagnostic.primary is None or diagnostic.primary.span.source not in damages:
        return None
    source = diagnostic.primary.span.source
    return source, damages[source].number_at(diagnostic.primary.span.start)
