"""Secrets in the lines that findings show: what stands behind the name of a field for one, however it is."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from .diagnostics import Diagnostic, Fix, Label
from .late_pattern import late_pattern
from .secrets import MASK, has_long_row
from .source import Source

_NEAR = 200
"""How many characters of a line are looked at, before a place and behind it."""

_FIELD = late_pattern(
    r"(?i)\b(?:\w*_)?(?:key|secret|token|password|apikey|auth)\"?+"
    r"[ \t]*+(?:[:=]=?+|=>)[ \t]*+(?:(?:env|file)[ \t]++)?+"
)
_SURE = late_pattern(r"(?i)_key|secret|password|_token")
"""Fields that hold nothing else: a `key` may be a name."""
_VALUE = late_pattern(r"""(?P<quote>['"`“”„‘’‚«]?+)(?P<value>[^\s'"`“”‘’»,;{}()\[\]#]{8,4096}+)(?!\()""")
_WHERE = late_pattern(r"\.{0,2}/.*|~/.*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|\$.*")
"""Where a secret is, instead of itself: a path, a variable."""
_PATH = late_pattern(r"[A-Za-z]:\\")


def without_secrets(item: Diagnostic, *, is_of_syntax: bool = False) -> Diagnostic:
    """The finding without secrets that stand in the line it shows: they are hidden there, and no fix has one.

    is_of_syntax: whether no field has been read there, so that nobody else looks whether it holds a secret.
    """
    if item.primary is None:
        return item
    span = item.primary.span
    text = span.source.text
    for start, end in _secrets_near(text, span.start, is_of_syntax):
        span.source.hide(start, end)
        secret, mask = text[start:end], MASK * (end - start)
        item = evolve(
            item,
            message=item.message.replace(secret, mask),
            primary=Label(span, item.primary.text.replace(secret, mask)),
            help=tuple(each.replace(secret, mask) for each in item.help),
            fixes=tuple(fix for fix in item.fixes if not _touches(fix, span.source, start, end)),
        )
    return item


def _touches(fix: Fix, source: Source, start: int, end: int) -> bool:
    return any(
        each.span.source is source and each.span.start < end and start < each.span.end for each in fix.edits
    )


def _secrets_near(text: str, offset: int, is_of_syntax: bool) -> Iterator[tuple[int, int]]:
    """The secrets in the line around `offset`: where they start and end."""
    first, last = max(0, offset - _NEAR), min(len(text), offset + _NEAR)
    begin, end = text.rfind("\n", first, offset) + 1, text.find("\n", offset, last)
    for field in _FIELD.finditer(text, max(begin, first), end if end >= 0 else last):
        found = _VALUE.match(text, field.end())
        if found is None or _WHERE.fullmatch(found["value"]):
            continue
        is_told = (
            is_of_syntax
            and bool(found["quote"] or "-" in found["value"])
            and _SURE.search(field[0]) is not None
            and _PATH.match(found["value"]) is None
        )
        if is_told or has_long_row(found["value"]):
            yield found.span("value")
