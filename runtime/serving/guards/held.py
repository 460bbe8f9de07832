"""What of an answer its guards have not seen yet: nothing of it is told before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ...requests.answer import Chunk, PassedChunk
from .answers import AnswerTexts
from .guard import LONGEST_SAID, Asked, Guard
from .texts import Change, Place, Texts

MOST_HELD = 8 << 20
"""Characters of an answer that are held back at most."""

_LONGER = 4
"""How many times as long as it should be a piece may get where no word ends."""


class Held:
    """Takes chunks in, and gives them back when `guards` have seen them, perhaps changed."""

    def __init__(self, guards: Sequence[Guard], asked: Asked) -> None:
        self._guards = guards
        self._asked = asked
        sizes = [guard.plan.pieces for guard in guards]
        self._size = None if None in sizes else max(size for size in sizes if size is not None)
        self._chunks: list[Chunk] = []
        self._length = 0
        self._is_between = True
        self._said = ""

    async def take(self, chunk: Chunk) -> list[Chunk]:
        """What may be told, now that `chunk` has come. Raises RequestError."""
        texts: list[str] = []
        AnswerTexts(_into(texts))(chunk)
        begins_anew = self._is_between or any(text[:1].isspace() for text in texts[:1])
        told: list[Chunk] = []
        if self._size is not None and not isinstance(chunk, PassedChunk):
            is_enough = self._length >= self._size and begins_anew
            if is_enough or self._length >= self._size * _LONGER:
                told, self._chunks, self._length = await self.seen(self._chunks), [], 0
        self._chunks.append(chunk)
        if texts:
            self._length += sum(map(len, texts))
            self._is_between = texts[-1][-1:].isspace()
        elif isinstance(chunk, PassedChunk):
            self._length += len(chunk.data)
        if self._length > MOST_HELD:
            self._guards[0].give_up("answer", f"holds back {MOST_HELD >> 20} MiB at most", self._asked)
        return told

    async def rest(self) -> list[Chunk]:
        """All that is left. Raises RequestError."""
        return await self.seen(_joined(self._chunks))

    async def seen(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """`chunks` as they may be told. Raises RequestError."""
        pieces: dict[Place, list[str]] = {}

        def find(place: Place, text: str) -> str:
            pieces.setdefault(place, []).append(text)
            return text

        finder = AnswerTexts(find)
        clean = [finder(chunk) for chunk in chunks]
        if finder.unread:
            for guard in self._guards:
                guard.refuse_unread("answer", self._asked)
        whole = {place: "".join(parts) for place, parts in pieces.items()}
        whole = {place: text for place, text in whole.items() if text.strip()}
        changed = await self.changed(whole)
        if changed == whole:
            return clean

        def put(place: Place, text: str) -> str:
            if place not in whole:
                return text
            return changed.pop(place, "")  # all of it where its first piece was

        putter = AnswerTexts(put)
        return [putter(chunk) for chunk in clean]

    async def value(self, value: Any) -> Any:
        """The value of a pipeline as it may be told. Raises RequestError."""
        found: dict[Place, str] = {}

        def find(place: Place, text: str) -> str:
            found[place] = text
            return text

        finder = Texts(find)
        finder(value, own=True)
        if finder.unread:
            for guard in self._guards:
                guard.refuse_unread("answer", self._asked)
        whole = {place: text for place, text in found.items() if text.strip()}
        changed = await self.changed(whole)
        return Texts(lambda place, text: changed.get(place, text))(value, own=True)

    async def changed(self, whole: dict[Place, str]) -> dict[Place, str]:
        """What becomes of the texts at these places. Raises RequestError."""
        if not whole:
            return {}
        texts = list(whole.values())
        for guard in self._guards:
            texts = await guard.see("answer", texts, self._said, self._asked)
        for (place, before), after in zip(whole.items(), texts, strict=True):
            if before != after and _are_arguments(place) and _is_json(before) and not _is_json(after):
                self._guards[-1].give_up("answer", "leaves no JSON of the arguments of a call", self._asked)
        self._said = (self._said + "".join(texts))[-LONGEST_SAID:]
        return dict(zip(whole, texts, strict=True))


def _into(texts: list[str]) -> Change:
    def find(place: Place, text: str) -> str:
        if text:
            texts.append(text)
        return text

    return find


def _joined(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The pieces of what is passed on as one: they end anywhere, also within a letter."""
    first = chunks[0] if chunks else None
    if not isinstance(first, PassedChunk) or len(chunks) == 1:
        return list(chunks)
    passed = [chunk for chunk in chunks if isinstance(chunk, PassedChunk)]
    usage = next((chunk.usage for chunk in reversed(passed) if chunk.usage is not None), None)
    return [first._replace(data=b"".join(chunk.data for chunk in passed), usage=usage, more=False)]


def _are_arguments(place: Place) -> bool:
    return place[-1:] == ("arguments",) or place[1:2] == ("call",)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
