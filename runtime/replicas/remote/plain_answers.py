"""Answers that come in one piece and say nothing that needs a parser, as most do.

Such a piece is one head, a length, and as many bytes of JSON. To read it, a parser, a stream and a queue for
both are made by aiohttp for each answer, and are most of what its connection costs. Here one pattern says
whether a piece is such an answer; anything else, also a part of one, is aiohttp's to read.
"""

from __future__ import annotations

import re
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy, istr

from .connector import MAX_HEADER, MAX_HEADERS, Steady

_BEGINS = b"HTTP/1.1 200 OK\r\n"
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]++): (?![\t ])([\t\x20-\x7e]*+)(?<![\t ])\r\n")
_BESIDE = len(": \r\n")
_MOST_DIGITS = 15
_CONNECTION, _TYPE, _SIZE = istr("Connection"), istr("Content-Type"), istr("Content-Length")
_CHUNKED, _PACKED, _UPGRADE = istr("Transfer-Encoding"), istr("Content-Encoding"), istr("Upgrade")
"""With these, a body is something else than the bytes that follow, or a connection no longer one of HTTP."""


class PlainAnswer(NamedTuple):
    """A success in JSON, whole."""

    headers: CIMultiDictProxy[str]
    body: bytes


def plain_answer(piece: bytes) -> PlainAnswer | None:
    """The answer that `piece` is; None where it is more or less than one, or has to be parsed."""
    end = piece.find(b"\r\n\r\n", 0, MAX_HEADER)
    if end < 0 or not piece.startswith(_BEGINS):
        return None
    head = piece[len(_BEGINS) : end + 2].decode("latin-1")
    fields = _FIELD.findall(head)
    if sum([len(name) + len(value) + _BESIDE for name, value in fields]) != len(head):
        return None  # something stands between them
    headers = CIMultiDict(fields)
    size = headers.get(_SIZE, "")
    if (
        len(fields) > MAX_HEADERS
        or not size.isdigit()
        or len(size) > _MOST_DIGITS
        or len(piece) != end + 4 + int(size)
        or len(headers.getall(_SIZE)) != 1
        or headers.get(_TYPE, "").partition(";")[0] != "application/json"
        or headers.get(_CONNECTION, "keep-alive").lower() != "keep-alive"
        or _CHUNKED in headers
        or _PACKED in headers
        or _UPGRADE in headers
    ):
        return None
    return tuple.__new__(PlainAnswer, (CIMultiDictProxy(headers), piece[end + 4 :]))


class FirstPiece:
    """Waits on `steady` for the first that comes of an answer. parse: make a parser, which reads what is no
    plain answer."""

    __slots__ = ("_parse", "_steady", "waiter")

    def __init__(self, steady: Steady, loop: AbstractEventLoop, parse: Callable[[], None]) -> None:
        self._steady = steady
        self._parse = parse
        self.waiter: Future[PlainAnswer | None] = loop.create_future()
        """Done with the answer; None: its parser has it."""
        steady.relay = self

    def passes(self, piece: bytes) -> bool:
        """Whether `piece` is a whole answer."""
        self._steady.relay = None
        answer = plain_answer(piece)
        if answer is None:
            self._parse()
        if not self.waiter.done():
            self.waiter.set_result(answer)
        return answer is not None

    def look(self, piece: bytes) -> None:
        """The connection has ended, or its parser has `piece`."""
        self._steady.relay = None
        if not self.waiter.done():
            self.waiter.set_result(None)
