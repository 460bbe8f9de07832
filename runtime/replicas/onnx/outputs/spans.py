"""Spans of a text from the labels of its tokens, as the pipelines of `transformers` put them together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy

from .....compiler.plan import Aggregation
from .....compiler.plan.record import frozen
from ....requests.answer import LabelledSpan
from .scores import Floats

if TYPE_CHECKING:
    from tokenizers import Encoding

_OUTSIDE = "O"
"""The label of tokens that are nothing."""


@frozen
class _Piece:
    """One token or one word. start, end: characters of the text."""

    scores: Floats
    start: int
    end: int

    @property
    def best(self) -> int:
        return int(self.scores.argmax())


def spans_of(
    text: str, encoding: Encoding, scores: Floats, names: Sequence[str], aggregation: Aggregation
) -> tuple[LabelledSpan, ...]:
    """The spans of `text` in their order. scores: [tokens, labels], of the tokens of `encoding`."""
    if aggregation in (Aggregation.NONE, Aggregation.SIMPLE):
        pieces = [piece for _, piece in _tokens(encoding, scores)]
    else:
        pieces = list(_words(encoding, scores, aggregation))
    if aggregation is Aggregation.NONE:
        found = [_span(text, names[piece.best], [piece]) for piece in pieces]
    else:
        found = [_span(text, tag, group) for tag, group in _groups(pieces, names)]
    return tuple(span for span in found if span.label != _OUTSIDE)


def _tokens(encoding: Encoding, scores: Floats) -> Iterator[tuple[int | None, _Piece]]:
    """The tokens that stand for a part of the text, each with the number of its word."""
    places = zip(encoding.offsets, encoding.word_ids, encoding.special_tokens_mask, scores, strict=True)
    for (start, end), word, is_special, row in places:
        if not is_special:
            yield word, _Piece(row, start, end)


def _words(encoding: Encoding, scores: Floats, aggregation: Aggregation) -> Iterator[_Piece]:
    for _, tokens in groupby(_tokens(encoding, scores), key=lambda each: each[0]):
        pieces = [piece for _, piece in tokens]
        match aggregation:
            case Aggregation.FIRST:
                of_word = pieces[0].scores
            case Aggregation.MAX:
                of_word = max(pieces, key=lambda piece: float(piece.scores.max())).scores
            case _:
                of_word = numpy.mean([piece.scores for piece in pieces], axis=0)
        yield _Piece(of_word, pieces[0].start, pieces[-1].end)


def _groups(pieces: Sequence[_Piece], names: Sequence[str]) -> Iterator[tuple[str, list[_Piece]]]:
    """Neighbours with one tag, `PER` of `B-PER` and `I-PER`; a `B-` begins a new one."""
    group: list[_Piece] = []
    last = ""
    for piece in pieces:
        name = names[piece.best]
        head, tag = (name[:2], name[2:]) if name[:2] in ("B-", "I-") else ("I-", name)
        if group and (tag != last or head == "B-"):
            yield last, group
            group = []
        last = tag
        group.append(piece)
    if group:
        yield last, group


def _span(text: str, label: str, pieces: Sequence[_Piece]) -> LabelledSpan:
    start, end = pieces[0].start, pieces[-1].end
    start += len(text[start:end]) - len(text[start:end].lstrip())
    score = float(numpy.mean([piece.scores.max() for piece in pieces]))
    return LabelledSpan(label, score, text[start:end], start, end)
