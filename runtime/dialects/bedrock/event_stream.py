"""AWS's event streams: bytes in, events out. The messages themselves are read by botocore.

Source: Amazon Bedrock API reference, ConverseStream; AWS SDKs, event stream encoding.
"""

from __future__ import annotations

from binascii import crc32
from itertools import chain
from struct import error as struct_error, unpack_from
from typing import Any

import orjson

from ..server_sent_events import MAX_EVENT, Event, EventTooLarge

FAILURE = b"failure"
"""What an event is called that tells of an error: its data are `type` and `message`."""

_PRELUDE = 12
"""Bytes in front of each message: how long it is, how long its headers are, and whether that can be
believed."""


class BrokenStream(Exception):
    """What comes is no event stream."""


class EventStreamParser:
    """Cuts bytes into messages, and lets botocore read those that are complete."""

    def __init__(self) -> None:
        from botocore.eventstream import EventStreamBuffer, ParserError

        self._buffer: Any = EventStreamBuffer()
        self._errors: tuple[type[Exception], ...] = (ParserError, struct_error, ValueError, LookupError)
        self._pieces: list[bytes] = []
        self._size = 0
        self._wanted = _PRELUDE
        self._failure: EventTooLarge | BrokenStream | None = None

    @property
    def in_event(self) -> bool:
        """Whether a message has begun to come and is not complete."""
        return self._size > 0

    def feed(self, received: bytes) -> list[Event]:
        """The events that are complete with `received`. Raises EventTooLarge and BrokenStream, at the
        earliest when those before have been given."""
        found: list[Event] = []
        if self._failure is None and received:
            self._pieces.append(received)
            self._size += len(received)
            if self._size < self._wanted:
                return []
            data = b"".join(self._pieces)
            start = 0
            try:
                while (end := self._end(data, start)) is not None:
                    found += self._read(data[start:end])
                    start = end
            except (EventTooLarge, BrokenStream) as error:
                self._failure = error
            rest = data[start:]
            self._pieces, self._size = [rest] if rest else [], len(rest)
        if self._failure is not None and not found:
            raise self._failure
        return found

    def close(self) -> list[Event]:
        """Nothing is left at the end but what was cut off."""
        return self.feed(b"")

    def _end(self, data: bytes, start: int) -> int | None:
        """Where the message at `start` ends; None where more of it has to come."""
        if len(data) - start < _PRELUDE:
            self._wanted = _PRELUDE
            return None
        length, _, sum = unpack_from(">III", data, start)
        if crc32(data[start : start + _PRELUDE - 4]) != sum or length <= _PRELUDE:
            raise BrokenStream
        if length > MAX_EVENT:
            raise EventTooLarge
        self._wanted = length
        return start + length if len(data) - start >= length else None

    def _read(self, message: bytes) -> list[Event]:
        self._buffer.add_data(message)
        try:
            return list(chain.from_iterable(map(_events, self._buffer)))
        except self._errors as error:
            raise BrokenStream from error


def _events(message: Any) -> list[Event]:
    headers, payload = message.headers, message.payload
    match headers.get(":message-type"):
        case "event":
            return [Event(str(headers.get(":event-type", "")).encode(), payload)]
        case "exception":
            type = str(headers.get(":exception-type", ""))
            try:
                said = orjson.loads(payload)
            except ValueError:
                said = None
            text = said.get("message") if isinstance(said, dict) else None
            return [_failure(type, text)]
        case "error":
            return [_failure(str(headers.get(":error-code", "")), headers.get(":error-message"))]
        case _:  # kinds of messages that are still to come
            return []


def _failure(type: str, message: object) -> Event:
    told = {"type": type[:1].upper() + type[1:], "message": message if isinstance(message, str) else ""}
    return Event(FAILURE, orjson.dumps(told))
