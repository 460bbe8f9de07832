"""`# infer: allow W0210`: warnings and notes that are turned off in place.

The comment stands at the end of the line that the finding points at, or alone on the line above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..dsl.diagnostics import Diagnostic, Severity
from ..dsl.source import Source

_ALLOW = re.compile(r"#\s*infer:\s*allow\s+([A-Z]\d{4}(?:\s*,\s*[A-Z]\d{4})*)")


def without_allowed(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """`diagnostics` without those that a comment turns off; errors cannot be."""
    return [diagnostic for diagnostic in diagnostics if not _is_allowed(diagnostic)]


def _is_allowed(diagnostic: Diagnostic) -> bool:
    if diagnostic.severity is Severity.ERROR or diagnostic.primary is None:
        return False
    source = diagnostic.primary.span.source
    if "infer:" not in source.text:
        return False
    line = source.line_of(diagnostic.primary.span.start)
    codes = _codes(source, line)
    if line > 1 and source.line_text(line - 1).lstrip().startswith("#"):
        codes |= _codes(source, line - 1)
    return diagnostic.code in codes


def _codes(source: Source, line: int) -> set[str]:
    found = _ALLOW.search(source.line_text(line))
    return {code.strip() for code in found[1].split(",")} if found else set()
