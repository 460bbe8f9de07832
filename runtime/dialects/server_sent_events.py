"""Server-sent events: bytes in, events out, whatever pieces the bytes arrive in."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import NamedTuple

import orjson

EVENT_STREAM = "text/event-stream"
"""The type of bodies in which events stand."""

MAX_EVENT = 16 << 20
"""Bytes that one event may have, and one line of any kind: a picture in base64 fits."""
_RETURN = ord("\r")
_LINE = 256 << 10
"""Bytes within which the first of several objects ends."""
_OF_JSON = (b"{", b"}", b" ", b"\t", b'"', b"]")
"""How the lines of JSON begin that is written for people."""
_BLANK = 64
"""Bytes of white space that may stand in front of a stream."""


class Event(NamedTuple):
    """One event: its name (`b""` when it has none) and its data, lines joined with LF."""

    name: bytes
    data: bytes


class EventTooLarge(Exception):
    """An event has more than MAX_EVENT bytes."""


class SseParser:
    """Splits bytes into lines at LF, CR or CRLF before anything is decoded, and lines into events.

    Comments, unknown fields and `ping` events are skipped. A line that is an object, and no part of an event,
    is one by itself, as some servers send them, and so is an object in several lines, as Gemini breaks a
    stream off with. An event that is called an error says so in its data, too, and so does one that is no
    event, as from llama.cpp until 2025 (`error: {…}`) and proxies that pass an error on as it is. Sources:
    https://github.com/ggml-org/llama.cpp/pull/16109, https://github.com/lemonade-sdk/lemonade/issues/2826,
    https://github.com/hackclub/ai/issues/17, https://github.com/theopenco/llmgateway/pull/3616.
    """

    is_between = True
    """Whether all that came was whole events."""
    _size = 0
    _name = b""
    _is_first = True
    _after_cr = False

    def __init__(self) -> None:
        self._tail: list[bytes] = []
        self._data: list[bytes] = []

    @property
    def in_event(self) -> bool:
        """Whether the data of an event, which is no `ping`, has begun to come and is not complete."""
        if self._name == b"ping":
            return False
        return bool(self._data) or b"".join(piece[:5] for piece in self._tail[:5]).startswith(b"data:")

    def feed(self, received: bytes) -> list[Event]:
        """The events that are complete with `received`. Raises EventTooLarge."""
        if plain := self.plain(received):
            return [Event(b"", data) for data in plain]
        if self._after_cr and received:
            received = received.removeprefix(b"\n")
            self._after_cr = False
        if _RETURN in received:
            self._after_cr = received.endswith(b"\r")
            received = received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, tail = received.split(b"\n")
        if lines and self._tail:
            lines[0] = b"".join((*self._tail, lines[0]))
            self._tail = []
        if lines and self._is_first:
            lines[0] = lines[0].removeprefix(BOM_UTF8)
            self._is_first = False
        events: list[Event] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
            elif not line:
                if data := self._data:
                    if self._name != b"ping":
                        wholes = data if len(data) == 1 or _is_each_whole(data) else [b"\n".join(data)]
                        is_error = self._name == b"error"
                        events += [Event(self._name, _error(each) if is_error else each) for each in wholes]
                    self._data = []
                self._name = b""
                self._size = 0
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
            elif line.startswith(b"{") and line.endswith(b"}") and not self._data and not self._name:
                events.append(Event(b"", line))
                self._size = 0
            elif line[:1] in _OF_JSON and (
                self._data[:1] == [b"{"] or (line == b"{" and not self._data and not self._name)
            ):
                self._data.append(line)
            elif line.startswith(b"error:") or (line.startswith(b"{") and b'"error"' in line):
                self._name = b"error"
                self._data.append(line.removeprefix(b"error:").strip())
        if tail:
            self._tail.append(tail)
        if self._tail or self._data:
            self._size += len(received)
            if self._size > MAX_EVENT:
                raise EventTooLarge
        else:
            self._size = 0
        self.is_between = not (self._tail or self._data or self._name or self._after_cr)
        return events

    def plain(self, received: bytes) -> list[bytes]:
        """The data of the events in `received`, where each is whole, and one line of data, as most are; else
        nothing, and it is to be fed."""
        if not self.is_between or not received.startswith(b"data: ") or not received.endswith(b"\n\n"):
            return []
        events = received[6:-2].split(b"\n\ndata: ")
        return events if _RETURN not in received and received.count(b"\n") == 2 * len(events) else []

    def close(self) -> list[Event]:
        """The event that the end of the bytes leaves without its blank line, if there is one."""
        return self.feed(b"\n\n") if self._tail or self._data else []


def is_stream(body: bytes, content_type: str) -> bool:
    """Whether a body in one piece is events, whatever is said of it: some servers send them as JSON, and JSON
    as events; others send objects with nothing around them, in lines or, as Gemini does where nobody asks for
    events, in a list. Sources: https://github.com/microsoft/foundry-dev-tools/issues/195,
    https://github.com/decolua/9router/pull/3301, https://github.com/hackclub/ai/issues/17,
    https://github.com/nyo16/nous/pull/26.
    """
    begin = body[:_BLANK].lstrip()
    if begin.startswith(b"{"):
        return is_lines(body) is True
    if begin.startswith(b"["):
        return begin[1:].lstrip().startswith(b"{")
    return content_type.startswith(EVENT_STREAM) or begin.startswith(
        (b"data:", b"event:", b"id:", b"retry:", b":")
    )


def is_lines(body: bytes) -> bool | None:
    """Whether a body that begins with `body`, and that with an object, has one in each line; None: that shows
    with what comes next."""
    end = body.find(b"\n")
    following = body[end + 1 : end + 1 + _BLANK].lstrip() if end >= 0 else b""
    if not following:
        return None if len(body) < _LINE else False
    try:
        return following.startswith(b"{") and isinstance(orjson.loads(body[:end]), dict)
    except ValueError:
        return False


def without_end_mark(body: bytes) -> bytes:
    """JSON without the end mark of a stream that some servers send behind it.

    Source: https://github.com/decolua/9router/issues/3492.
    """
    tail = body[-_BLANK:]
    begin = tail.rfind(b"data:") if tail.rstrip().endswith(b"[DONE]") else -1
    return body if begin < 0 or not body.startswith(b"{") else body[: begin - len(tail)]


def _is_each_whole(lines: list[bytes]) -> bool:
    """Whether each line of an event is one of its own, as no JSON can be that goes on in the next line: the
    blank lines in between were left out."""
    return all(line.startswith((b"{", b"[DONE]")) and line.endswith((b"}", b"[DONE]")) for line in lines)


def _error(data: bytes) -> bytes:
    """`data` of an event that is called an error, as an object that says it is one."""
    try:
        told = orjson.loads(data)
    except ValueError:
        told = data.decode(errors="replace")
    if isinstance(told, dict) and ("error" in told or told.get("type") == "error"):
        return data
    return orjson.dumps({"error": told})
