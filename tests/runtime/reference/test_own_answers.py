"""Each field that Anthropic, Google and AWS publish of their answers, alone in one: reading loses none, and a
client of Anthropic's gets all of Claude's, however it is told.

`answers/NAME.json` are the fields, made by `scripts/build_shapes.py`; what goes because it says nothing, and
what makes an answer a failure, stands in the tables, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import Message
from attrs import evolve

from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.anthropic import AnthropicReader, AnthropicWriter, write_whole
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.registry import PROVIDER_SIDES
from inferc.runtime.dialects.server_sent_events import Event as StreamEvent, SseParser
from inferc.runtime.requests import events as e

from .published import Published, Said
from .reference import read

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "answers"
TEXT = {"type": "text", "text": "Hi."}
USED = {"input_tokens": 3, "output_tokens": 2}
CANDIDATE = {"index": 0, "content": {"role": "model", "parts": [{"text": "Hi."}]}, "finishReason": "STOP"}

WHOLE: dict[str, Json] = {
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [TEXT],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USED,
    },
    "gemini": {"responseId": "r", "modelVersion": "m", "candidates": [CANDIDATE]},
    "bedrock": {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
        "metrics": {"latencyMs": 1},
    },
}


def completed(base: Any, said: Any) -> Any:
    """`said` with all that an answer has beside it."""
    if isinstance(base, dict) and isinstance(said, dict):
        return {**base, **{name: completed(base.get(name), value) for name, value in said.items()}}
    if isinstance(base, list) and isinstance(said, list) and base and said and "finishReason" in base[0]:
        return [completed(base[0], said[0])]
    return said


@cache
def published(provider: str) -> tuple[Said, ...]:
    shapes = json.loads((FOLDER / f"{provider}.json").read_text("utf-8"))["shapes"]
    whole = WHOLE[provider]
    return tuple(Published(shapes, whole, lambda said: completed(whole, said)).requests())


def events(provider: str, body: Json) -> list[e.Event]:
    """What reading gives, whatever the answer is called."""
    found = PROVIDER_SIDES[provider].reader(PlainFailures()).read_whole(json.dumps(body).encode())
    return [without_id(event) for event in found]


def without_id(event: e.Event) -> e.Event:
    """Without the id that is made here, where the provider gives none."""
    made_here = isinstance(event, e.Started) and event.id.startswith("bedrock-")
    return evolve(event, id="") if made_here else event


def listed(provider: str, section: str) -> re.Pattern[str]:
    return re.compile("|".join(f"({each})" for each in read(provider)["answers"][section]) or "-")


def answers(provider: str) -> Iterator[tuple[Said, list[e.Event]]]:
    """All that are no failures."""
    for said in published(provider):
        found = events(provider, said.body)
        if not isinstance(found[-1], e.Failed):
            yield said, found


@pytest.mark.parametrize("provider", WHOLE)
def test_an_answer_fails_where_the_table_says_so_and_nowhere_else(provider: str) -> None:
    read_well = {said.place for said, _ in answers(provider)}
    failed = {said.place for said in published(provider)} - read_well
    assert {place for place in failed if not listed(provider, "failures").fullmatch(place)} == set()
    assert len(read_well) > 300


@pytest.mark.parametrize("provider", WHOLE)
def test_reading_loses_no_field(provider: str) -> None:
    needless = listed(provider, "needless")
    lost = [
        said.place
        for said, found in answers(provider)
        if said.body != said.without
        and not needless.fullmatch(said.place)
        and found == events(provider, said.without)
    ]
    assert lost == []


def test_what_claude_answers_is_written_for_clients_of_anthropics_as_it_was() -> None:
    for said in published("anthropic"):
        raw = json.dumps(said.body).encode()
        found = AnthropicReader(PlainFailures()).read_whole(raw)
        calls = any(block["type"] == "tool_use" for block in said.body["content"])
        as_it_was = {**said.body, "stop_reason": "tool_use"} if calls else said.body  # as Claude ends calls
        assert json.loads(write_whole(fold(found))) == as_it_was, said.place
        writer = AnthropicWriter("m")
        streamed = b"".join(map(writer.write, found)) + writer.end()
        reader = AnthropicReader(PlainFailures())
        again = [each for event in SseParser().feed(streamed) for each in reader.read(event)]
        assert json.loads(write_whole(fold(again))) == as_it_was, said.place


STREAMS: dict[str, list[Json]] = {
    "anthropic": [
        {"type": "message_start", "message": {**WHOLE["anthropic"], "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ],
    "bedrock": [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockStart": {"contentBlockIndex": 0, "start": {}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi."}}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": WHOLE["bedrock"]["usage"]}},
    ],
}
BEGINS = {
    "thinking_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "signature_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "input_json_delta": {"type": "tool_use", "id": "t", "name": "now", "input": {}},
    "compaction_delta": {"type": "compaction", "content": None},
    "toolUse": {"toolUse": {"toolUseId": "t", "name": "now"}},
    "image": {"image": {"format": "png"}},
}
"""The beginning of a block, by the kind of what follows."""


def kind_of(event: Json) -> str:
    return str(event.get("type") or next(iter(event)))


def stream_with(provider: str, event: Json) -> list[Json]:
    """The stream in which one event is the one that is said. A block that it begins says nothing else."""
    made = []
    kind, flat = kind_of(event) if event else "", provider == "anthropic"
    begins_block = kind in ("content_block_start", "contentBlockStart")
    delta = (event if flat else event.get(kind, {})).get("delta", {})
    begins = BEGINS.get(delta.get("type") or next(iter(delta), ""))
    for number, base in enumerate(STREAMS[provider]):
        here = kind_of(base)
        inner = base if flat else base[here]
        if here == kind:
            at = {name: inner[name] for name in ("index", "contentBlockIndex") if name in inner}
            own = event if flat else event[kind]
            inner = completed(inner, own) if kind == "message_delta" else {**inner, **own, **at}
        elif number == 1 and begins is not None:
            inner = {**inner, "content_block" if flat else "start": begins}
        if not (begins_block and number == 2):
            made.append(inner if flat else {here: inner})
    return made


def streamed(provider: str, stream: list[Json]) -> list[e.Event]:
    reader = PROVIDER_SIDES[provider].reader(PlainFailures())
    found: list[e.Event] = []
    for event in stream:
        kind = kind_of(event)
        name, value = ("", event) if provider == "anthropic" else (kind, event[kind])
        found += reader.read(StreamEvent(name.encode(), json.dumps(value).encode()))
    found += reader.close()
    assert not any(isinstance(event, e.Failed) for event in found), stream
    return [without_id(event) for event in found]


def of_streams(provider: str) -> Iterator[tuple[str, Json, Json]]:
    """The place of a field in the events of a stream, an event that has it, and the same without."""
    shapes = json.loads((FOLDER / f"{provider}.json").read_text("utf-8"))["shapes"]
    roots = {**shapes, "Message": shapes["chat"], "chat": shapes["event"]}
    for said in Published(roots, {}).requests():
        event, without = (each.get("event", each) for each in (said.body, said.without))
        if event != without:
            yield said.place, event, without


@pytest.mark.parametrize("provider", STREAMS)
def test_reading_a_stream_loses_no_field(provider: str) -> None:
    needless = listed(provider, "streams")
    lost = [
        place
        for place, event, without in of_streams(provider)
        if not needless.fullmatch(place)
        and streamed(provider, stream_with(provider, event))
        == streamed(provider, stream_with(provider, without))
    ]
    assert lost == []


def test_what_claude_cites_on_bedrock_is_read_by_clients_of_anthropics() -> None:
    place = {"documentIndex": 0, "start": 3, "end": 9}
    citation = {"title": "A", "sourceContent": [{"text": "at noon"}], "location": {"documentChar": place}}
    block = {"citationsContent": {"content": [{"text": "At noon."}], "citations": [citation]}}
    answer = {**WHOLE["bedrock"], "output": {"message": {"role": "assistant", "content": [block]}}}
    message = Message.model_validate_json(write_whole(fold(events("bedrock", answer))))
    [text] = message.content
    assert text.type == "text"
    [cited] = text.citations or ()
    assert cited.type == "char_location"
    assert (cited.cited_text, cited.start_char_index, cited.end_char_index) == ("at noon", 3, 9)
