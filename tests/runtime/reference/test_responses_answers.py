"""Each field that OpenAI publishes of responses and of the events of their streams, alone in one: reading
loses none, and a client of any protocol gets it, or is told of it.

`responses.json` says what repeats the request, what says nothing, and what makes an answer a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from attrs import evolve
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError

from inferc.runtime.dialects.chunks import ChunkEvents
from inferc.runtime.dialects.openai_responses import ResponsesReader
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.dialects.server_sent_events import Event as StreamEvent, SseParser
from inferc.runtime.requests import events as e
from inferc.runtime.requests.answer import ChatEvents

from ...support.rows import each_row
from .published import Published, Said
from .test_answers import CLIENTS
from .test_own_answers import FOLDER, completed
from .test_responses import SAID

Json = dict[str, Any]

PART = {"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [PART]}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "now", "arguments": "{}"}
USED = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 1},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 5,
}
WHOLE: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "m",
    "output": [MESSAGE],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": USED,
}
IN = SAID["answers"]


def of_a_response(said: Json) -> Json:
    made: Json = completed(WHOLE, said)
    if "incomplete_details" in said:
        made["status"] = "incomplete"
    for item in made["output"]:
        if item["type"] == "function_call":
            item["arguments"] = "{}"
    return made


@cache
def shapes() -> Json:
    found: Json = json.loads((FOLDER / "openai_responses.json").read_text("utf-8"))["shapes"]
    fields = {
        name: spec for name, spec in found["chat"]["fields"].items() if name.rstrip("!") not in IN["repeated"]
    }
    return {**found, "chat": {"fields": fields}}


@cache
def published() -> tuple[Said, ...]:
    return tuple(Published(shapes(), WHOLE, of_a_response).requests())


def listed(section: str) -> re.Pattern[str]:
    return re.compile("|".join(f"({each})" for each in IN[section]))


def events(body: Json) -> list[e.Event]:
    return ResponsesReader(PlainFailures()).read_whole(json.dumps(body).encode())


@cache
def answers() -> tuple[tuple[Said, list[e.Event], list[e.Event]], ...]:
    """All that are no failures, with what is read of each and of the same without its field."""
    found = ((said, events(said.body)) for said in published() if said.body != said.without)
    return tuple(
        (said, told, events(said.without)) for said, told in found if not isinstance(told[-1], e.Failed)
    )


def test_an_answer_fails_where_the_table_says_so_and_nowhere_else() -> None:
    failed = {said.place for said in published() if isinstance(events(said.body)[-1], e.Failed)}
    assert {place for place in failed if not listed("failures").fullmatch(place)} == set()
    assert len(answers()) > 500


def test_reading_loses_no_field() -> None:
    lost = [said.place for said, told, without in answers() if told == without]
    assert [place for place in lost if not listed("needless").fullmatch(place)] == []


def got(client: str, told: list[e.Event], stream: bool) -> tuple[bytes, set[str]]:
    """What a client gets, and what it is said not to get."""
    seen, side, conversation = ChunkEvents(client), CLIENT_SIDES[client], said_by(client)
    chunk = ChatEvents(tuple(told), None)
    if stream:
        writer = side.stream(conversation, 0)
        text = b"".join(map(writer.write, seen.of(chunk))) + writer.end()
    else:
        text = side.whole(conversation, 0, seen.whole(chunk))
    return text, set(seen.untold)


@cache
def said_by(client: str) -> Any:
    body: Json = {"model": "it", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello."}]}
    if client == "openai_responses":
        body = {"model": "it", "input": "Hello."}
    return evolve(CLIENT_SIDES[client].read_request(body), stream_usage=True)


@each_row("stream", [False, True])
@each_row("client", CLIENTS)
def test_nothing_of_a_response_is_gone_in_silence(client: str, stream: bool) -> None:
    silent = re.compile("|".join(f"({each})" for each in (*IN["needless"], *IN["untold"][client])))
    lost = []
    for said, told, without in answers():
        if told != without and not silent.fullmatch(said.place):
            text, untold = got(client, told, stream)
            if not untold and text == got(client, without, stream)[0]:
                lost.append(said.place)
    assert lost == []


def test_what_is_written_anew_is_a_response_for_openais_client() -> None:
    wrong = {}
    for said, told, _ in answers():
        try:
            Response.model_validate_json(got("openai_responses", told, stream=False)[0])
        except ValidationError as error:
            wrong[said.place] = str(error)
    assert wrong == {}


def test_a_stream_that_is_written_anew_is_read_by_openais_client_and_ends_as_the_whole_answer() -> None:
    event_type: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for said, told, _ in answers()[::5]:
        text = got("openai_responses", told, stream=True)[0]
        sent = [json.loads(each.data) for each in SseParser().feed(text)]
        assert [event["sequence_number"] for event in sent] == list(range(len(sent)))
        for event in sent:
            event_type.validate_python(event)
        whole = json.loads(got("openai_responses", told, stream=False)[0])
        kinds = [[item["type"] for item in each["output"]] for each in (sent[-1]["response"], whole)]
        assert kinds[0] == kinds[1], said.place


BEGUN = {**WHOLE, "status": "in_progress", "output": []}
CREATED = {"type": "response.created", "response": BEGUN}
COMPLETED = {"type": "response.completed", "response": WHOLE}


def stream_with(event: Json) -> list[Json]:
    """A stream in which one event is the one that is said, with what begins what it is about."""
    kind, place = event.get("type", ""), event.get("output_index")
    if "response" in event:
        event = {**event, "response": of_a_response({"output": [], **event["response"]})}
        return [event] if kind == "response.created" else [CREATED, event, COMPLETED]
    if event.get("item", {}).get("type") == "function_call":
        event = {**event, "item": {**event["item"], "arguments": "{}"}}
    if kind.startswith("response.function_call_arguments") or (
        kind == "response.output_item.done" and event["item"]["type"] == "function_call"
    ):
        return [CREATED, {"type": "response.output_item.added", "output_index": place, "item": CALL}, event]
    return [CREATED, *([event] if event else []), COMPLETED]


def streamed(event: Json) -> list[e.Event]:
    reader = ResponsesReader(PlainFailures())
    found: list[e.Event] = []
    for each in stream_with(event):
        found += reader.read(StreamEvent(b"", json.dumps(each).encode()))
    return found


def of_streams() -> Iterator[tuple[str, Json, Json]]:
    """The place of each field of the events of a stream, but for those of whole responses and items."""
    roots = {**shapes(), "Response": shapes()["chat"], "chat": shapes()["event"]}
    for said in Published(roots, {}).requests():
        event, without = (each.get("event", each) for each in (said.body, said.without))
        inside = re.search(r">\.(response|item)[.<]", said.place)
        if event != without and (not inside or said.place.endswith(">")):
            yield said.place, event, without


def test_reading_a_stream_loses_no_field() -> None:
    lost = [place for place, event, without in of_streams() if streamed(event) == streamed(without)]
    assert [place for place in lost if not listed("streams").fullmatch(place)] == []
