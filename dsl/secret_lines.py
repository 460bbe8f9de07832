"""Secrets in findings: what stands behind the name of a field for one is in none, however it is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain

from attrs import evolve

from .diagnostics import Diagnostic, Fix, Label
from .late_pattern import late_pattern
from .secrets.names import holds_secret
from .secrets.texts import MASK, has_long_row
from .source import Span

_QUOTED = late_pattern(r"`[^`]++`|\"[^\"`]++\"")
_WORD = late_pattern(r"\w{3,}+")
_PIECE = late_pattern(r"[^\s\"'“”`]{3,}+")
_PLACE = late_pattern(r'(?:env|file)\("[^"\n]*+"\)')
_LONG_WORD = late_pattern(r"[\w+/=.-]{8,}+")
_BESIDE = late_pattern(r"[^A-Za-z0-9]+")
_LEAST = 3
"""Shorter ones are no secret to look for in sentences."""
_LEAST_OF_ROW = 6
"""So much of a key is a part of it, and no word that is in it by chance."""


def without_secrets(item: Diagnostic) -> Diagnostic:
    """The finding without secrets that stand in the lines it shows: no word of it has one, and no fix."""
    if item.primary is None:
        return item
    labels = (item.primary, *item.secondary)
    secrets = frozenset(each for label in labels for each in _secrets_at(label.span))
    if not secrets:
        return item
    masked = _masking(secrets, frozenset(_shown(label.span) for label in labels))
    return evolve(
        item,
        message=masked(item.message),
        primary=Label(item.primary.span, masked(item.primary.text)),
        secondary=tuple(Label(each.span, masked(each.text)) for each in item.secondary),
        help=tuple(map(masked, item.help)),
        fixes=tuple(fix for fix in item.fixes if not _tells(fix, masked)),
    )


def _secrets_at(span: Span) -> list[str]:
    return span.source.secrets_between(span.start, span.end)


def _shown(span: Span) -> str:
    """What may be seen of the first line of `span`."""
    return span.source.line_text(span.source.line_of(span.start))


@lru_cache(maxsize=16)  # a long line may have a thousand findings
def _masking(secrets: frozenset[str], lines: frozenset[str]) -> Callable[[str], str]:
    """What puts bullets over `secrets` in a sentence, and over their parts where it quotes something.

    lines: what may be seen of them. Their words, such as the names of fields, stay where they are quoted.
    """
    whole = sorted((each for each in secrets if len(each) >= _LEAST), key=len, reverse=True)
    named = {word for word in {*chain.from_iterable(map(_WORD.findall, lines))} if holds_secret(word)}
    unlike = [each for each in whole if not (each.isalpha() and each.islower()) and each not in named]
    words = {word for each in secrets for word in (*_WORD.findall(each), *_PIECE.findall(each))}
    words |= {each for each in secrets if len(each) > 1 and any(map(str.isalnum, each))}
    words |= {word.replace("-", "_") for word in words}
    words.difference_update(*map(_WORD.findall, lines))
    longest_first = sorted(words, key=len, reverse=True)
    rows = [row for each in whole if has_long_row(row := _BESIDE.sub("", each))]

    def part(found: re.Match[str]) -> str:
        row = _BESIDE.sub("", found[0])
        is_part = not (row.isalpha() and row.islower()) and any(row in each for each in rows)
        return MASK * len(found[0]) if is_part and len(row) >= _LEAST_OF_ROW else found[0]

    def in_quotes(found: re.Match[str]) -> str:
        quoted = found[0][1:-1]
        ends = [end for end in quoted.split("…") if len(end) >= _LEAST] if "…" in quoted else [quoted]
        if any(end in words or any(end in each for each in whole if "…" in quoted) for end in ends):
            return f"{found[0][0]}{MASK * len(quoted)}{found[0][0]}"
        for word in longest_first:
            if word in quoted:
                quoted = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", MASK * len(word), quoted)
        return f"{found[0][0]}{quoted}{found[0][0]}"

    def masked(text: str) -> str:
        for each in unlike:
            if each in text:
                around = ("", "") if has_long_row(each) else (r"(?<!\w)", r"(?!\w)")
                text = re.sub(re.escape(each).join(around), MASK * len(each), text)
        text = _QUOTED.sub(in_quotes, text)
        return _LONG_WORD.sub(part, text) if rows else text

    return masked


def _tells(fix: Fix, masked: Callable[[str], str]) -> bool:
    """Whether a fix has a secret in it, or writes bullets instead of one."""
    return masked(fix.title) != fix.title or any(
        MASK in edit.replacement
        or masked(edit.replacement) != edit.replacement
        or (
            edit.span.source.has_secret(edit.span.start, edit.span.end)
            and bool(edit.replacement)
            and not _PLACE.fullmatch(edit.replacement)
            and not edit.span.source.declares(edit.replacement)
        )
        for edit in fix.edits
    )
