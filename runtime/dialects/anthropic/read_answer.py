"""From answers of `POST /v1/messages` to events, whole and streamed.

Sources: Anthropic Messages API reference, Anthropic streaming messages guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ....compiler.plan import WireFormat
from ....compiler.plan.service_tiers import tier_in
from ...requests import events as e
from ...requests.parts import NOTHING, Sealed
from ...requests.usage import Usage
from ..argument_pieces import ArgumentPieces
from ..exact_json import dumps
from ..fields import count, few
from ..reader import AnswerReader
from .blocks import DIALECT

Json = dict[str, Any]

REASONS: dict[str, e.Reason] = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "pause_turn": "pause",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "context_window",
    "refusal": "refusal",
}
"""Why the model stopped; what is new to this table counts as `stop`."""

_ENVELOPE = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage", "stop_details"}
)


_END = ("stop_reason", "stop_sequence", "stop_details")
_OF_END = frozenset({"type", "delta", "usage"})
_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""The counts that are the prompt together."""


class AnthropicReader(AnswerReader):
    """`message_start`, blocks with their deltas, `message_delta`, `message_stop`; or one message.

    A stream that says why it ended is whole without its last event, which not all compatible servers send.
    """

    last = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    def __init__(self, failures: Any) -> None:
        super().__init__(failures)
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._usage: Json = {}
        self._started = self._finished = False

    def _read_object(self, value: Json) -> Iterable[e.Event]:
        match value.get("type"):
            case "message_start":
                return self._start(value["message"])
            case "ping":
                return ()
            case _ if not self._started:
                raise self._failures.malformed("the stream does not begin with `message_start`")
            case "content_block_start":
                return self._block_start(value["index"], value["content_block"])
            case "content_block_delta":
                return self._block_delta(self._block(value["index"]), value["delta"])
            case "content_block_stop":
                return self._block_stop(self._block(value["index"]))
            case "message_delta":
                return self._message_delta(value)
            case "message_stop":
                if not self._finished:
                    raise self._failures.malformed("the stream ended without saying why")
                self.ended = True
                return ()
            case _:  # kinds of events that are still to come
                return ()

    def _close(self) -> Iterable[e.Event]:
        if not self._finished:
            return super()._close()
        self.ended = True
        return ()

    def _read_whole(self, value: Json) -> Iterator[e.Event]:
        if not isinstance(value.get("content"), list):
            raise self._failures.malformed("the answer has no content")
        yield from self._start(value)
        for index, block in enumerate(value["content"]):
            yield from self._block_start(index, block)
            yield from self._block_stop(self._blocks[index])
        yield from self._message_delta({"delta": {name: value.get(name) for name in _END}})
        if not self._finished:  # SGLang: https://github.com/sgl-project/sglang/issues/4550
            yield e.Finished("tool_calls" if self._calls else "stop")

    def _start(self, message: Json) -> Iterator[e.Event]:
        self._started = True
        extras = {name: message[name] for name in message if name not in _ENVELOPE}
        sealed = {DIALECT: extras} if extras else NOTHING
        yield from self._tell_usage(message.get("usage"))
        yield e.Started(str(message.get("id") or ""), str(message.get("model") or ""), sealed)

    def _block(self, index: int) -> _Block:
        block = self._blocks.get(index)
        if block is None:
            raise self._failures.malformed("the stream goes on with a block that never began")
        return block

    def _block_start(self, index: int, content: Json) -> Iterator[e.Event]:
        """A block, which in a stream is still empty, and in a whole message complete."""
        block = self._blocks[index] = _Block(content)
        match content["type"]:
            case "text":
                if content.get("text"):
                    yield e.TextDelta(content["text"])
                for citation in content.get("citations") or ():
                    yield _cited(citation)
            case "thinking":
                if content.get("thinking"):
                    yield e.ThinkingDelta(content["thinking"], DIALECT)
                if content.get("signature"):
                    yield e.ThinkingSigned(content["signature"], DIALECT)
            case "redacted_thinking":
                yield e.ThinkingRedacted(content["data"], DIALECT)
            case "tool_use":
                block.call = self._calls
                self._calls += 1
                more = {key: v for key, v in content.items() if key not in ("type", "id", "name", "input")}
                extras = {DIALECT: more} if more else NOTHING
                yield e.ToolCallBegun(
                    block.call, str(content.get("id") or ""), content["name"], extras=extras
                )
            case _:
                block.sealed = True

    def _block_delta(self, block: _Block, delta: Json) -> Iterable[e.Event]:
        match delta["type"]:
            case "text_delta":
                return (e.TextDelta(delta["text"]),) if delta["text"] else ()
            case "input_json_delta":
                if not delta["partial_json"]:
                    return ()
                said = block.input.add(delta["partial_json"])
                if block.call is None:
                    block.pieces.append(said)
                    return ()
                return (e.ToolCallDelta(block.call, said),) if said else ()
            case "thinking_delta":
                return (e.ThinkingDelta(delta["thinking"], DIALECT),) if delta["thinking"] else ()
            case "signature_delta":
                return (e.ThinkingSigned(delta["signature"], DIALECT),) if delta["signature"] else ()
            case "citations_delta":
                return (_cited(delta["citation"]),)
            case _ if block.sealed:  # of a block that is told as it is, when it is complete
                more = {name: value for name, value in delta.items() if name != "type" and value is not None}
                block.content = {**block.content, **more}
                return ()
            case _:  # kinds of deltas that are still to come
                return ()

    def _block_stop(self, block: _Block) -> Iterator[e.Event]:
        if block.call is not None:
            told = block.content.get("input") or {}
            if said := block.input.rest(told if isinstance(told, str) else dumps(told).decode()):
                yield e.ToolCallDelta(block.call, said)
            yield e.ToolCallDone(block.call)
        elif block.sealed:
            content = block.content
            if block.pieces:
                text = "".join(block.pieces) + block.input.rest()
                content = content | {"input": self._object(text.encode())}
            yield e.SealedMade(Sealed(DIALECT, content))
        else:
            yield e.PartEnded()

    def _message_delta(self, value: Json) -> Iterator[e.Event]:
        """Some servers end calls as they end words: https://github.com/strands-rl/strands-env/pull/252."""
        yield from self._tell_usage(value.get("usage"))
        delta = value.get("delta") or {}
        reason = delta.get("stop_reason")
        if not reason or self._finished:
            return
        self._finished = True
        told = {name: v for name, v in delta.items() if name not in ("stop_reason", "stop_sequence") and v}
        told |= {name: v for name, v in value.items() if name not in _OF_END and v}
        if reason not in REASONS:
            told["stop_reason"] = reason
        extras = {DIALECT: told} if told else NOTHING
        told_as = REASONS.get(reason, "stop")
        told_as = "tool_calls" if told_as == "stop" and self._calls else told_as
        yield e.Finished(told_as, 0, delta.get("stop_sequence"), extras)

    def _tell_usage(self, usage: Any) -> Iterator[e.Event]:
        """Counts grow with the stream, and a later event tells only some of them. SGLang tells a prompt of no
        tokens in the end (https://github.com/sgl-project/sglang/pull/20830), and so do others
        (https://github.com/envoyproxy/ai-gateway/pull/1631)."""
        if usage:
            told = {name: value for name, value in usage.items() if value is not None}
            if not any(told.get(name) for name in _PROMPT):
                told = {name: value for name, value in told.items() if name not in _PROMPT}
            self._usage = self._usage | told
            yield from self._tell(self._usage, read_usage, DIALECT)


class _Block:
    """A content block on its way.

    call: its number, where it is one. pieces: of its input, which are kept for hosted tools only.
    """

    __slots__ = ("call", "content", "input", "pieces", "sealed")

    def __init__(self, content: Json) -> None:
        self.content = content
        self.call: int | None = None
        self.input = ArgumentPieces()
        self.pieces: list[str] = []
        self.sealed = False


def _cited(citation: Json) -> e.Cited:
    return e.Cited(DIALECT, citation, citation.get("url"), citation.get("title"))


def read_usage(usage: Json) -> Usage:
    """Anthropic counts the prompt in three parts: new, written to the cache, and read from it."""
    cached = count(usage, "cache_read_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    return Usage(
        count(usage, "input_tokens") + written + cached,
        count(usage, "output_tokens"),
        cached_tokens=cached,
        reasoning_tokens=count(usage.get("output_tokens_details"), "thinking_tokens"),
        cache_write_tokens=written,
        cache_write_1h_tokens=count(usage.get("cache_creation"), "ephemeral_1h_input_tokens"),
        searches=few(usage.get("server_tool_use"), "web_search_requests"),
        tier=tier_in(usage, WireFormat.ANTHROPIC),
    )
