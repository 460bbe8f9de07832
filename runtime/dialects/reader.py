"""What reads answers: bytes are others' business, here events of a stream, or a whole body, become events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import orjson
from attrs import evolve

from ..requests import events as e
from ..requests.errors import RequestError, ServerError
from ..requests.usage import Usage, is_believable
from .exact_json import loads
from .ids import make_id
from .no_json import no_json
from .provider_errors.classify import is_page
from .provider_errors.codes import MINIMAX
from .server_sent_events import Event as StreamEvent

DONE = b"[DONE]"
"""The end of a stream at OpenAI, which servers in between send behind streams of other protocols, too.

Source: https://github.com/huggingface/tau/pull/692.
"""

MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading raises where a value is of another kind than the provider documents."""
_NOTHING, _SHORT = (b"", b"null", DONE), 12
_PACKED = (b"\x1f\x8b", b"\x1f\x9d", b"\x28\xb5\x2f\xfd")
"""How what is packed begins: gzip, compress, zstd. Sources: RFC 1952, RFC 8878, compress(1)."""
UNDOCUMENTED = "the answer does not have the shape that is documented"

_TEXTS: dict[type, tuple[str, ...]] = {
    e.TextDelta: ("text",),
    e.ThinkingDelta: ("text",),
    e.RefusalDelta: ("text",),
    e.ThinkingSigned: ("signature",),
    e.TextSigned: ("signature",),
    e.ThinkingRedacted: ("data",),
    e.ToolCallBegun: ("id", "name"),
    e.ToolCallDelta: ("arguments",),
}
"""What must be text in events: writers put it together, and count its characters."""

IMPOSSIBLE = "told a usage that cannot be: it is not believed, and what was used is estimated"


class Failures(Protocol):
    """Makes the errors behind answers that are none; they name the provider and hide its key."""

    @property
    def origin(self) -> str:
        """Who answers, by the name of its deployment."""

    def in_band(self, error: Any) -> RequestError:
        """The error that the provider tells inside an answer."""

    def malformed(self, what: str) -> RequestError:
        """The error behind an answer that is not what the provider promises."""

    def doubt(self, what: str) -> None:
        """Report something in an answer that cannot be, and is not believed."""


class PlainFailures:
    """Errors that name nobody."""

    origin = ""

    def in_band(self, error: Any) -> RequestError:
        message = error.get("message") if isinstance(error, dict) else error
        return ServerError(f"the provider failed: {message}")

    def malformed(self, what: str) -> RequestError:
        return ServerError(f"the provider: {what}")

    def doubt(self, what: str) -> None:
        """Nobody is told."""


def says_nothing(data: bytes) -> bool:
    """Whether an event is one that servers in between send so that nobody takes a stream for dead, or an end
    mark that is written in another way: how the stream ends, its last chunk says.

    Sources: https://github.com/netease-lcap/wave-agent/pull/1326 (empty data),
    https://github.com/anomalyco/opencode/issues/50314 (`null`).
    """
    return len(data) <= _SHORT and data != DONE and data.strip(b' \t"') in _NOTHING


def parse_object(
    body: bytes, failures: Failures, parse: Callable[[bytes], Any] = orjson.loads
) -> dict[str, Any]:
    """The JSON object in an answer. Raises RequestError, also for an `error` inside it."""
    try:
        value = parse(body)
    except orjson.JSONDecodeError as wrong:
        if body.startswith(_PACKED):
            what = "packed, though it was asked for as it is"
        elif is_page(body):
            what = "a page of HTML"
        else:
            what = f"no JSON: {no_json(wrong)}" if body.strip() else "empty"
        raise failures.malformed(f"the answer is {what}") from None
    if not isinstance(value, dict):
        raise failures.malformed("the answer is no JSON object")
    if error := value.get("error") or ("x_groq" in value and _error_at_groq(value["x_groq"])):
        raise failures.in_band(error)
    if not value.get("choices") and (error := _error_beside(value)):
        raise failures.in_band(error)
    return value


_SAY_WHY = ("message", "msg", "detail", "error_msg")
_OF_ERRORS = frozenset(
    {*_SAY_WHY, "code", "details", "error_code", "param", "path", "request_id", "status", "timestamp", "type"}
)
"""Fields of objects that are an error and nothing else."""
_GOOD = (0, 200, "0", "200")


def _error_beside(value: dict[str, Any]) -> Any:
    """The error that an answer without choices is, or tells in a form of its own; None where it is none.

    Sources: vLLM and SGLang (`object`), MiniMax's API reference (`base_resp`), gateways that answer 200
    whatever happens (`success`), FastAPI's documentation (`detail`) and Alibaba's Model Studio (`code`,
    `message` and `request_id`), which say nothing else.
    """
    if value.get("object") == "error" or value.get("success") is False:
        said = value.get("message") or value.get("msg") or "no reason given"
        return {"message": str(said), "code": value.get("code"), "type": value.get("type")}
    told = value.get("base_resp")
    if isinstance(told, dict) and told.get("status_code"):
        number = told["status_code"]
        status, code = MINIMAX.get(number, (502, None)) if isinstance(number, int) else (502, None)
        return {"message": str(told.get("status_msg") or number), "code": code, "status": status}
    if value and value.keys() <= _OF_ERRORS and value.get("code") not in _GOOD:
        said = next((text for name in _SAY_WHY if isinstance(text := value.get(name), str) and text), None)
        return None if said is None else {**value, "message": said}
    return None


def _error_at_groq(told: Any) -> Any:
    """Why Groq stopped a stream early. Source: Groq's API reference, chunks of chat completions."""
    return told.get("error") if isinstance(told, dict) else None


class AnswerReader:
    """Reads one answer, whole or event by event. Subclasses say what one JSON object means.

    ended: nothing may follow: the answer is complete, or has failed. last: the event, as it is sent, that
    marks the end of a complete stream; empty where none does.
    """

    last = b""

    def __init__(self, failures: Failures) -> None:
        self.ended = False
        self._failures = failures
        self._began = False

    def read(self, event: StreamEvent) -> list[e.Event]:
        """What one event of a stream says."""
        if says_nothing(event.data):
            return []
        return self._guarded(lambda: self._read_stream(event))

    def read_whole(self, body: bytes) -> list[e.Event]:
        """All that a whole answer says."""

        def read() -> Iterator[e.Event]:
            yield from self._read_whole(self._object(body))
            self.ended = True

        return self._guarded(read)

    def close(self) -> list[e.Event]:
        """What is left to say when the stream has ended, which may be that it was cut off."""
        return [] if self.ended else self._guarded(self._close)

    def _read_stream(self, event: StreamEvent) -> Iterable[e.Event]:
        return self._close() if event.data == DONE else self._read_object(self._object(event.data))

    def _tell(
        self, told: Mapping[str, Any], read: Callable[[Any], Usage], dialect: str, tier: str = ""
    ) -> Iterator[e.Event]:
        """A usage, where it can be; else what is known without it counts. tier: which the answer tells beside
        it."""
        if is_believable(told):
            usage = read(told)
            yield e.UsageKnown(evolve(usage, tier=tier) if tier else usage, dialect, told)
        else:
            self._failures.doubt(IMPOSSIBLE)

    def _object(self, data: bytes) -> dict[str, Any]:
        return parse_object(data, self._failures, loads)

    def _guarded(self, read: Callable[[], Iterable[e.Event]]) -> list[e.Event]:
        """The events that `read` gives, and the failure that stops it."""
        found: list[e.Event] = []
        if self.ended:
            return found
        try:
            for event in read():
                if type(event) is e.ToolCallBegun and not event.id:
                    event = evolve(event, id=make_id("", str(event.call), event.name))
                for name in _TEXTS.get(type(event), ()):
                    if not isinstance(getattr(event, name), str):
                        raise TypeError(name)
                found.append(event)
        except (RequestError, *MISSHAPEN) as error:
            self.ended = True
            if not isinstance(error, RequestError):
                error = self._failures.malformed(UNDOCUMENTED)
            found.append(e.Failed(error, self._began or bool(found)))
        self._began = self._began or bool(found)
        return found

    def _read_object(self, value: dict[str, Any]) -> Iterable[e.Event]:
        raise NotImplementedError

    def _read_whole(self, value: dict[str, Any]) -> Iterable[e.Event]:
        raise NotImplementedError

    def _close(self) -> Iterable[e.Event]:
        raise self._failures.malformed("the stream was cut off")
