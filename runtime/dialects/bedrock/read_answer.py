"""From answers of Converse and ConverseStream to events.

Thoughts are sealed as Anthropic's: of the models here, only Claude signs its own, and takes them back
wherever it runs. Sources: Amazon Bedrock API reference (Converse, ConverseStream); Anthropic's guide to
extended thinking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from secrets import token_hex
from typing import Any

from ....compiler.plan import WireFormat
from ....compiler.plan.service_tiers import tier_in
from ...requests import events as e
from ...requests.parts import Media, Sealed
from ...requests.usage import Usage
from ..argument_pieces import ArgumentPieces
from ..exact_json import dumps
from ..fields import count
from ..reader import AnswerReader
from ..server_sent_events import Event as StreamEvent
from .event_stream import FAILURE
from .write_request import DIALECT, SIGNED_BY

Json = dict[str, Any]

REASONS: dict[str, e.Reason] = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "model_context_window_exceeded": "context_window",
}
"""Why the model stopped; what is new to this table counts as `stop`."""

_READ = frozenset({"output", "usage", "stopReason"})
"""Fields of answers that are read here; others are told as they are."""

BROKEN = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Why the model failed: the answer is an error, which another try may not meet."""


class BedrockReader(AnswerReader):
    """`messageStart`, blocks with their deltas, `messageStop`, and `metadata` with the usage; or one
    message."""

    def __init__(self, failures: Any) -> None:
        super().__init__(failures)
        self._calls: dict[int, int] = {}
        self._inputs: dict[int, ArgumentPieces] = {}
        self._count = 0
        self._others: dict[int, Json] = {}
        self._started = self._finished = False

    def _read_stream(self, event: StreamEvent) -> Iterable[e.Event]:
        value = self._object(event.data)
        if event.name == FAILURE:
            raise self._failures.in_band(value)
        match event.name:
            case b"messageStart":
                return self._start()
            case b"contentBlockStart":
                return self._block_start(value["contentBlockIndex"], value["start"])
            case b"contentBlockDelta":
                return self._block_delta(value["contentBlockIndex"], value["delta"])
            case b"contentBlockStop":
                return self._block_stop(value["contentBlockIndex"])
            case b"messageStop":
                return (*self._beside(value), *self._stop(value))
            case b"metadata":
                return self._metadata(value)
            case _:  # kinds of events that are still to come
                return ()

    def _read_whole(self, value: Json) -> Iterator[e.Event]:
        content = ((value.get("output") or {}).get("message") or {}).get("content")
        if not isinstance(content, list):
            raise self._failures.malformed("the answer has no content")
        yield from self._start()
        for block in content:
            yield from self._block(block)
        if isinstance(usage := value.get("usage"), dict):
            yield from self._tell(usage, read_usage, DIALECT, tier_in(value, WireFormat.BEDROCK))
        yield from self._beside(value)
        yield from self._stop(value)
        if not self._finished:
            raise self._failures.malformed("the answer does not say why it ended")

    def _close(self) -> Iterable[e.Event]:
        if not self._finished:
            raise self._failures.malformed("the stream was cut off")
        self.ended = True
        return ()

    def _start(self) -> Iterator[e.Event]:
        if not self._started:
            self._started = True
            yield e.Started(f"bedrock-{token_hex(12)}", "")

    def _block(self, block: Json) -> Iterator[e.Event]:
        """A whole block."""
        match block:
            case {"text": str(text)}:
                if text:
                    yield e.TextDelta(text)
                yield e.PartEnded()
            case {"toolUse": {"name": str(name)} as call} if "type" not in call:
                yield e.ToolCallBegun(self._count, str(call.get("toolUseId") or ""), name)
                yield e.ToolCallDelta(self._count, dumps(call.get("input") or {}).decode())
                yield e.ToolCallDone(self._count)
                self._count += 1
            case {"reasoningContent": {"reasoningText": {"text": str(text)} as thought}}:
                if text:
                    yield e.ThinkingDelta(text, SIGNED_BY)
                if signature := thought.get("signature"):
                    yield e.ThinkingSigned(signature, SIGNED_BY)
                yield e.PartEnded()
            case {"reasoningContent": {"redactedContent": str(data)}}:
                yield e.ThinkingRedacted(data, SIGNED_BY)
            case {"citationsContent": dict(cited)}:
                for part in cited.get("content") or ():
                    if text := part.get("text"):
                        yield e.TextDelta(text)
                for citation in cited.get("citations") or ():
                    yield _cited(citation)
                yield e.PartEnded()
            case {"image": {"format": str(format), "source": {"bytes": str(data)}, **more}} if not more:
                yield e.MediaMade(Media("image", f"image/{format}", data))
            case dict():
                yield e.SealedMade(Sealed(DIALECT, block))
            case _:
                raise TypeError("content")

    def _block_start(self, index: int, start: Json) -> Iterator[e.Event]:
        """The beginning of a block that is no text: text has none."""
        match start:
            case {"toolUse": {"name": str(name)} as call} if "type" not in call:
                self._calls[index] = self._count
                self._inputs[index] = ArgumentPieces()
                self._count += 1
                yield e.ToolCallBegun(self._calls[index], str(call.get("toolUseId") or ""), name)
            case _:
                self._others[index] = dict(start)

    def _block_delta(self, index: int, delta: Json) -> Iterator[e.Event]:
        match delta:
            case {"text": str(text)}:
                if text:
                    yield e.TextDelta(text)
            case {"toolUse": {"input": str(piece)}} if index in self._calls:
                if said := self._inputs[index].add(piece):
                    yield e.ToolCallDelta(self._calls[index], said)
            case {"reasoningContent": {"text": str(text)}}:
                if text:
                    yield e.ThinkingDelta(text, SIGNED_BY)
            case {"reasoningContent": {"signature": str(signature)}}:
                if signature:
                    yield e.ThinkingSigned(signature, SIGNED_BY)
            case {"reasoningContent": {"redactedContent": str(data)}}:
                yield e.ThinkingRedacted(data, SIGNED_BY)
            case {"citation": dict(citation)}:
                yield _cited(citation)
            case {"image": {"source": {"bytes": str(data)}}} if "image" in self._others.get(index, {}):
                format = self._others.pop(index)["image"]["format"]
                yield e.MediaMade(Media("image", f"image/{format}", data))
            case _:  # of a kind that is not read here, or still to come
                self._others.setdefault(index, {}).setdefault("deltas", []).append(delta)

    def _block_stop(self, index: int) -> Iterator[e.Event]:
        if (call := self._calls.get(index)) is not None:
            if rest := self._inputs[index].rest():
                yield e.ToolCallDelta(call, rest)
            yield e.ToolCallDone(call)
        elif (other := self._others.pop(index, None)) is not None:
            yield e.SealedMade(Sealed(DIALECT, other))
        else:
            yield e.PartEnded()

    def _stop(self, value: Json) -> Iterator[e.Event]:
        """Some models end calls as they end words: https://github.com/strands-rl/strands-env/pull/252."""
        reason = value.get("stopReason")
        if not reason or self._finished:
            return
        if reason in BROKEN:
            raise self._failures.malformed(f"the model failed to make its answer: {reason}")
        self._finished = True
        told = REASONS.get(reason, "stop")
        yield e.Finished("tool_calls" if told == "stop" and self._count else told)

    def _beside(self, value: Json) -> Iterator[e.Event]:
        """What is told of the whole answer: how a guardrail judged it, the tier, how long it took."""
        if more := {name: v for name, v in value.items() if name not in _READ and v}:
            yield e.FieldsMade(DIALECT, more, "answer")

    def _metadata(self, value: Json) -> Iterator[e.Event]:
        yield from self._beside(value)
        if isinstance(usage := value.get("usage"), dict):
            yield from self._tell(usage, read_usage, DIALECT, tier_in(value, WireFormat.BEDROCK))
        if not self._finished:
            raise self._failures.malformed("the stream ended without saying why")
        self.ended = True


def _cited(citation: Json) -> e.Cited:
    """A citation, in Anthropic's words where it has some: clients of Anthropic's read it then."""
    location, title = citation.get("location") or {}, citation.get("title")
    text = "".join(str(each.get("text") or "") for each in citation.get("sourceContent") or ())
    for name, (kind, start, end) in _PLACES.items():
        if isinstance(place := location.get(name), dict):
            told = {"type": kind, "cited_text": text, start: place.get("start"), end: place.get("end")}
            if name == "searchResultLocation":
                told |= {"search_result_index": place.get("searchResultIndex")}
                told |= {"source": citation.get("source") or "", "title": title}
            else:
                told |= {"document_index": place.get("documentIndex"), "document_title": title}
            return e.Cited(SIGNED_BY, told, None, title)
    web = location.get("web") or {}
    return e.Cited(DIALECT, citation, web.get("url"), title)


_PLACES = {
    "documentChar": ("char_location", "start_char_index", "end_char_index"),
    "documentPage": ("page_location", "start_page_number", "end_page_number"),
    "documentChunk": ("content_block_location", "start_block_index", "end_block_index"),
    "searchResultLocation": ("search_result_location", "start_block_index", "end_block_index"),
}
"""Places in what the client sent: Converse's name, and Anthropic's with those of its bounds."""


def read_usage(usage: Json) -> Usage:
    """What was read from the cache, and written to it, stands beside the other tokens of the prompt.

    Source: Amazon Bedrock user guide, prompt caching.
    """
    read, written = count(usage, "cacheReadInputTokens"), count(usage, "cacheWriteInputTokens")
    details = usage.get("cacheDetails")
    hour = sum(
        count(each, "inputTokens")
        for each in (details if isinstance(details, list) else ())
        if isinstance(each, dict) and each.get("ttl") == "1h"
    )
    return Usage(
        count(usage, "inputTokens") + read + written,
        count(usage, "outputTokens"),
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(hour, written),
    )
