"""`# infer: allow W0210`: warnings and notes that are turned off in place.

The comment stands at the end of the line that the finding points at, or alone on the line above it.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable

from ..dsl.diagnostics import Diagnostic, Label, Severity
from ..dsl.late_pattern import late_pattern
from ..dsl.parsing.tokens import tokenize
from ..dsl.source import Source

_ALLOW = late_pattern(r"#\s*infer:\s*allow\s+([A-Z]\d{4}(?:\s*,\s*[A-Z]\d{4})*)")


def without_allowed(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """`diagnostics` without those that a comment turns off; errors cannot be."""
    allowed: dict[Source, dict[int, set[str]]] = {}
    kept = []
    for diagnostic in diagnostics:
        if diagnostic.severity is Severity.ERROR or diagnostic.primary is None:
            kept.append(diagnostic)
            continue
        source = diagnostic.primary.span.source
        if source not in allowed:
            allowed[source] = _allowed_lines(source)
        if not allowed[source] or diagnostic.code not in allowed[source].get(_line(diagnostic.primary), ()):
            kept.append(diagnostic)
    return kept


def _line(label: Label) -> int:
    return label.span.source.line_of(label.span.start)


def _allowed_lines(source: Source) -> dict[int, set[str]]:
    """The codes that are turned off, by the line that they are turned off for."""
    allowed: dict[int, set[str]] = {}
    comments = list(_ALLOW.finditer(source.text))
    texts = [token for token in tokenize(source.text) if "#" in token.text] if comments else []
    starts = [token.start for token in texts]
    for found in comments:
        before = bisect(starts, found.start())
        if before and found.start() < texts[before - 1].end:
            continue
        line = source.line_of(found.start())
        trailing = not source.line_text(line).lstrip().startswith("#")
        codes = {code.strip() for code in found[1].split(",")}
        allowed.setdefault(line if trailing else line + 1, set()).update(codes)
    return allowed
