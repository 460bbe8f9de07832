"""Phrases of a world: which words go together where nothing stands between them but a space."""

from __future__ import annotations

from typing import Any

from . import syntax as s
from .tokens import KEYWORDS

CONTINUES = frozenset(("per", "at", "of", "times", "tokens", "after", "retry_after"))
"""Words that go on with a phrase; any other one starts the next, where the last one has a verb."""


def as_phrase(piece: Any) -> s.Phrase:
    return piece if isinstance(piece, s.Phrase) else s.Phrase(piece.start, piece.end, piece)


def goes_on(phrase: s.Phrase, piece: Any) -> bool:
    """Whether `piece` belongs to `phrase`, which stands before it."""
    if isinstance(piece, s.Phrase) or phrase.phrases is not None:
        return False
    if not isinstance(piece, s.Reference) or piece.name in CONTINUES or piece.name in KEYWORDS:
        return not isinstance(piece, s.Member)
    if piece.name == "~":
        return True
    last = phrase.words[-1] if phrase.words else None
    has_verb = phrase.value is not None or bool(phrase.words)
    return not has_verb or (isinstance(last, s.Reference) and last.name in ("per", "fails", "answers"))
