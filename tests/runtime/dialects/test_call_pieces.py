"""Calls whose pieces are numbered and named in all the ways that servers do reach clients of all protocols as
they were meant."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from attrs import evolve

from inferc.compiler.plan import ProviderKind
from inferc.runtime.dialects import anthropic, bedrock, openai_chat, openai_responses
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.anthropic import AnthropicWriter
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.reader import AnswerReader, PlainFailures
from inferc.runtime.dialects.server_sent_events import Event
from inferc.runtime.replicas.remote.passthrough.answers import read_whole
from inferc.runtime.replicas.remote.passthrough.streams import PassingReader
from inferc.runtime.requests import events as e
from inferc.runtime.requests.conversation import Conversation
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.parts import ToolCall
from tests.support.rows import each_row
from tests.support.wires import wire_plan

COMPATIBLE = Classifier(evolve(wire_plan("openai"), provider=ProviderKind.OPENAI_COMPATIBLE), None)

Pieces = list[tuple[Any, Any, Any, Any]]
"""Number, id, name and arguments of each; None: not told."""

ONE: list[tuple[str, dict[str, Any]]] = [("f", {"x": 1})]
TWO: list[tuple[str, dict[str, Any]]] = [("f", {"x": 1}), ("g", {"x": 2})]

SAID = [
    pytest.param(
        [(0, "a", "f", '{"x":'), (0, None, None, "1}"), (1, "b", "g", '{"x":2}')], TWO, id="plainly"
    ),
    pytest.param([(7, "a", "f", '{"x":'), (7, None, None, "1}")], ONE, id="from seven on"),
    pytest.param([(7, "a", "f", '{"x":'), (None, None, None, "1}")], ONE, id="only at first"),
    pytest.param([("0", "a", "f", '{"x":'), ("0", None, None, "1}")], ONE, id="in texts"),
    pytest.param([(None, "a", "f", '{"x":'), (None, None, None, "1}")], ONE, id="never"),
    pytest.param([(None, "a", "f", '{"x":1}'), (None, "b", "g", '{"x":2}')], TWO, id="never, two"),
    pytest.param([(0, "a", "f", '{"x":1}'), (0, "b", "g", '{"x":2}')], TWO, id="all alike"),
    pytest.param(
        [(0, "a", "f", '{"x":1}'), (0, "b", "g", ""), (1, None, None, '{"x":2}')], TWO, id="late by one"
    ),
    pytest.param([(0, "a", "f", '{"x":'), (1, "a", None, "1}")], ONE, id="another number, the same id"),
    pytest.param([(0, "a", "f", '{"x":1}'), (1, "a", "g", '{"x":2}')], TWO, id="one id for both"),
    pytest.param([(0, None, "f", '{"x":1}'), (1, None, "g", '{"x":2}')], TWO, id="no id"),
    pytest.param([(0, None, "f", ""), (0, "a", None, '{"x":1}')], ONE, id="an id later"),
    pytest.param([(0, "a", "f", '{"x":'), (0, "a2", None, "1}")], ONE, id="an id for each piece"),
    pytest.param([(0, "a", "f", '{"x":'), (0, "", "", "1}")], ONE, id="empty texts"),
    pytest.param([(0, "a", "f", '{"x":'), (0, "a", "f", "1}")], ONE, id="all of it each time"),
    pytest.param([(0, None, "f", '{"x":'), (0, None, "f", "1}")], ONE, id="the name each time"),
    pytest.param([(0, "a", None, '{"x"'), (0, None, "f", ":1}")], ONE, id="a name later"),
    pytest.param([(0, "a", "f", {"x": 1})], ONE, id="as an object"),
    pytest.param(  # https://github.com/anomalyco/opencode/pull/17339
        [(0, "a", "f", '{"x":'), (0, None, None, "1}"), (0, None, None, '{"x":1}')], ONE, id="all again"
    ),
    pytest.param(  # https://github.com/elizaOS/eliza/pull/16973
        [(0, "a", "f", '{"x": 1}'), (0, "a", "f", '{"x":1}')], ONE, id="all again, written otherwise"
    ),
    pytest.param(  # https://github.com/NousResearch/hermes-agent/pull/35718
        [
            (0, "a", "f", "{"),
            *((0, None, None, said) for said in ('{"x"', '{"x":', '{"x":1', '{"x":1}', '{"x":1}')),
        ],
        ONE,
        id="all that came, each time",
    ),
    pytest.param(  # https://github.com/envoyproxy/ai-gateway/pull/1466
        [(0, "a", "f", "{}"), (0, "", "", ""), (0, "", "", '{"x":'), (0, "", "", "1}")],
        ONE,
        id="an empty object first",
    ),
    pytest.param(
        [(0, "a", "f", "{}"), (1, "b", "g", "{}"), (0, None, None, '{"x":1}'), (1, None, None, '{"x":2}')],
        TWO,
        id="empty objects first",
    ),
    pytest.param([(0, "a", "f", '{}{"x":1}')], ONE, id="an empty object in front"),
    pytest.param(
        [(0, "a", "f", "{}"), (1, "b", "g", '{"x":2}')], [("f", {}), TWO[1]], id="an empty object alone"
    ),
    pytest.param([(0, "a", "f", "{}"), (0, "b", "g", "{}")], [("f", {}), ("g", {})], id="two empty objects"),
    pytest.param([(0, "a", "f", "{"), (0, None, None, "}")], [("f", {})], id="an empty object in pieces"),
    pytest.param(  # https://github.com/Kilo-Org/cloud/pull/4753
        [(0, "a", "f", "")], [("f", {})], id="no arguments"
    ),
    pytest.param(
        [(0, "a", "f", '{"x":'), (0, None, None, '{"x":1}'), (0, None, None, "}")],
        [("f", {"x": {"x": 1}})],
        id="the same words within",
    ),
    pytest.param(
        [(0, "a", "f", '{"x":'), (1, "b", "g", '{"x":'), (0, None, None, "1}"), (1, None, None, "2}")],
        TWO,
        id="by turns",
    ),
]


def chunk(delta: Any, reason: str | None = None) -> Event:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return Event(b"", orjson.dumps({"id": "c", "model": "m", "choices": [choice]}))


def chunks(pieces: Pieces) -> list[Event]:
    made = []
    for index, id, name, arguments in pieces:
        function = {"name": name, "arguments": arguments}
        call = {"index": index, "id": id, "function": {k: v for k, v in function.items() if v is not None}}
        made.append(chunk({"tool_calls": [{k: v for k, v in call.items() if v is not None}]}))
    return [*made, chunk({}, "stop")]


def events(pieces: Pieces) -> list[e.Event]:
    reader = openai_chat.OpenAIChatReader(PlainFailures())
    return [made for each in chunks(pieces) for made in reader.read(each)] + reader.close()


def put_together(data: list[bytes]) -> Any:
    """The calls of chunks, and the reason of the last, as OpenAI's clients see them."""
    calls: dict[int, dict[str, str]] = {}
    reason = None
    for each in map(orjson.loads, data):
        [choice] = each["choices"]
        reason = choice["finish_reason"]
        for call in choice["delta"].get("tool_calls") or ():
            assert call["index"] in calls or call["type"] == "function"
            mine = calls.setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
            mine["id"] += call.get("id") or ""
            mine["name"] += call["function"].get("name") or ""
            mine["arguments"] += call["function"].get("arguments") or ""
    assert list(calls) == list(range(len(calls)))
    return list(calls.values()), reason


@each_row(("pieces", "meant"), SAID)
def test_calls_are_what_was_meant(pieces: Pieces, meant: Any) -> None:
    [choice] = fold(events(pieces)).choices
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    assert [(call.name, orjson.loads(call.arguments)) for call in calls] == meant
    assert len({call.id for call in calls if call.id}) == len(meant)
    assert choice.reason == "tool_calls"


@each_row(("pieces", "meant"), SAID)
def test_calls_that_pass_are_put_together_as_they_were_meant(pieces: Pieces, meant: Any) -> None:
    reader = PassingReader(COMPATIBLE, hide_usage=False)
    data = [each.data for one in chunks(pieces) for each in reader.read(one)]
    calls, reason = put_together(data)
    assert [(call["name"], orjson.loads(call["arguments"])) for call in calls] == meant
    assert len({call["id"] for call in calls if call["id"]}) == len(meant)
    assert reason == "tool_calls"


@each_row(("pieces", "meant"), SAID)
def test_blocks_of_anthropic_s_follow_each_other(pieces: Pieces, meant: Any) -> None:
    assert blocks(events(pieces)) == [("tool_use", name, arguments) for name, arguments in meant]


def test_who_thinks_and_talks_while_it_calls_has_blocks_that_follow_each_other() -> None:
    told: list[e.Event] = [
        e.TextDelta("---"),
        e.ThinkingDelta("hm", "openai_chat"),
        e.ToolCallBegun(0, "a", "f"),
        e.ToolCallDelta(0, '{"x":'),
        e.ThinkingDelta("more", "openai_chat"),
        e.ToolCallDelta(0, "1}"),
        e.TextDelta("Done."),
        e.ToolCallDone(0),
        e.Finished("tool_calls"),
    ]
    kinds = ["text", "thinking", "tool_use", "thinking", "text"]
    assert [block[0] for block in blocks(told)] == kinds


def test_the_next_call_is_not_held_until_the_end() -> None:
    writer = AnthropicWriter("m")
    for event in (e.Started("", "m"), e.ToolCallBegun(0, "a", "f"), e.ToolCallDelta(0, "{}")):
        writer.write(event)
    assert b'"name":"g"' in writer.write(e.ToolCallBegun(1, "b", "g"))


def test_a_call_that_passes_has_its_arguments_where_the_answer_does_not_say_why_it_ended() -> None:
    *told, _ = chunks([(0, "a", "f", "{}")])
    reader = PassingReader(COMPATIBLE, hide_usage=False)
    data = [each.data for one in (*told, Event(b"", b"[DONE]")) for each in reader.read(one)]
    assert put_together(data)[0] == [{"id": "a", "name": "f", "arguments": "{}"}]
    assert orjson.loads(data[-1])["id"] == "c"


def test_the_last_chunk_tells_a_call_once() -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    told = chunk({"tool_calls": [call]}, "tool_calls")
    [passed] = PassingReader(COMPATIBLE, hide_usage=False).read(told)
    assert passed.data == told.data


def test_a_client_of_responses_gets_a_call_whole_that_is_talked_into() -> None:
    told = [
        e.Started("r", "m"),
        e.ToolCallBegun(0, "a", "f"),
        e.ToolCallDelta(0, '{"x":'),
        e.TextDelta("Wait."),
        e.ThinkingDelta("hm", "openai_chat"),
        e.ToolCallDelta(0, "1}"),
        e.ToolCallDone(0),
        e.Finished("tool_calls"),
    ]
    writer = openai_responses.ResponsesWriter(Conversation("m", ()), 1)
    data = b"".join(map(writer.write, told)) + writer.end()
    assert data.count(b'"type":"response.output_item.done"') == 3
    assert writer.response is not None
    call, message, thought = writer.response["output"]
    assert call["arguments"] == '{"x":1}'
    assert message["content"][0]["text"] == "Wait."
    assert thought["summary"][0]["text"] == "hm"


ITEM = {"type": "function_call", "id": "fc", "call_id": "a", "name": "f"}
BEGUN = {"type": "response.output_item.added", "output_index": 0, "item": {**ITEM, "arguments": ""}}
USE = {"type": "tool_use", "id": "a", "name": "f", "input": {}}


def response_pieces(*pieces: str, last: str) -> list[Event]:
    """Of a response that calls a function once."""
    told: list[Any] = [{"type": "response.created", "response": {"id": "r", "model": "m"}}, BEGUN]
    told += [
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": piece}
        for piece in pieces
    ]
    told.append({"type": "response.output_item.done", "output_index": 0, "item": {**ITEM, "arguments": last}})
    told.append({"type": "response.completed", "response": {"status": "completed"}})
    return [Event(b"", orjson.dumps(each)) for each in told]


def message_pieces(*pieces: str) -> list[Event]:
    """Of a message that uses a tool once."""
    told: list[Any] = [
        {"type": "message_start", "message": {"id": "m", "model": "m"}},
        {"type": "content_block_start", "index": 0, "content_block": USE},
    ]
    told += [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
        for piece in pieces
    ]
    told.append({"type": "content_block_stop", "index": 0})
    told.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})
    told.append({"type": "message_stop"})
    return [Event(b"", orjson.dumps(each)) for each in told]


def converse_pieces(*pieces: str) -> list[Event]:
    """The same of Bedrock's."""
    start = {"toolUse": {"toolUseId": "a", "name": "f"}}
    told: list[tuple[bytes, Any]] = [
        (b"messageStart", {"role": "assistant"}),
        (b"contentBlockStart", {"contentBlockIndex": 0, "start": start}),
    ]
    told += [
        (b"contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": piece}}})
        for piece in pieces
    ]
    told.append((b"contentBlockStop", {"contentBlockIndex": 0}))
    told.append((b"messageStop", {"stopReason": "tool_use"}))
    return [Event(name, orjson.dumps(value)) for name, value in told]


@each_row(
    ("reader", "told", "meant"),
    [
        (openai_responses.ResponsesReader, response_pieces("{}", '{"x":', "1}", last=""), {"x": 1}),
        (openai_responses.ResponsesReader, response_pieces('{"x":', "1}", last='{"x": 1}'), {"x": 1}),
        (openai_responses.ResponsesReader, response_pieces(last='{"x":1}'), {"x": 1}),
        (openai_responses.ResponsesReader, response_pieces("{}", last="{}"), {}),
        (anthropic.AnthropicReader, message_pieces("{}", '{"x":', "1}"), {"x": 1}),
        (anthropic.AnthropicReader, message_pieces("{}"), {}),
        (anthropic.AnthropicReader, message_pieces(), {}),
        (bedrock.BedrockReader, converse_pieces("{}", '{"x":', "1}"), {"x": 1}),
        (bedrock.BedrockReader, converse_pieces(), {}),
    ],
)
def test_arguments_of_other_protocols_are_what_was_meant(
    reader: type[AnswerReader], told: list[Event], meant: dict[str, int]
) -> None:
    reading = reader(PlainFailures())
    found = [made for each in told for made in reading.read(each)] + reading.close()
    [call] = fold(found).choices[0].parts
    assert isinstance(call, ToolCall)
    assert orjson.loads(call.arguments) == meant


def blocks(told: list[e.Event]) -> list[tuple[str, str, Any]]:
    """The blocks of a stream of Anthropic's, each of which has its end before the next begins."""
    writer = AnthropicWriter("m")
    data = b"".join(map(writer.write, told)) + writer.end()
    found: list[tuple[str, str, Any]] = []
    begun: dict[str, Any] | None = None
    text = ""
    for line in data.splitlines():
        if not line.startswith(b"data: "):
            continue
        event = orjson.loads(line[6:])
        match event["type"]:
            case "content_block_start":
                assert begun is None
                assert event["index"] == len(found)
                begun, text = event["content_block"], ""
            case "content_block_delta":
                assert event["index"] == len(found)
                text += event["delta"].get("partial_json", "")
            case "content_block_stop":
                assert begun is not None
                assert event["index"] == len(found)
                value = orjson.loads(text) if text else None
                found.append((begun["type"], begun.get("name", ""), value))
                begun = None
    assert begun is None
    assert data.endswith(b'data: {"type":"message_stop"}\n\n')
    return found


def test_a_call_whose_name_never_comes_is_an_error() -> None:
    pieces: Pieces = [(0, "a", None, "{}")]
    assert isinstance(events(pieces)[-1], e.Failed)
    reader = PassingReader(Classifier(wire_plan("openai"), None), hide_usage=False)
    with pytest.raises(RequestError, match="does not name"):
        [list(reader.read(each)) for each in chunks(pieces)]


@pytest.mark.parametrize("arguments", [{"x": 1}, '{}{"x":1}'], ids=["an object", "an empty one in front"])
def test_a_whole_answer_that_passes_has_calls_that_clients_read(arguments: Any) -> None:
    call = {"function": {"name": "f", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": ""}]}
    body = orjson.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    passed = read_whole(body, COMPATIBLE)
    [choice] = orjson.loads(passed.data)["choices"]
    calls = choice["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"x":1}'] * 2
    assert len({call["id"] for call in calls} - {""}) == 2
    assert [call["type"] for call in calls] == ["function"] * 2
    assert choice["finish_reason"] == "tool_calls"


def test_openai_s_own_answers_pass_as_they_came() -> None:
    begun = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    told = [chunk({"tool_calls": [begun]}), *chunks([(0, None, None, '{"x":1}')])]
    reader = PassingReader(Classifier(wire_plan("openai"), None), hide_usage=False)
    assert [each.data for one in told for each in reader.read(one)] == [each.data for each in told]


def test_chunks_that_tell_a_message_say_it_in_all_protocols() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
    told = Event(b"", orjson.dumps({"id": "c", "model": "m", "choices": [choice]}))
    passing = PassingReader(Classifier(wire_plan("openai"), None), hide_usage=False)
    for _ in range(2):
        [passed] = passing.read(told)
        assert orjson.loads(passed.data)["choices"][0]["delta"]["content"] == "Hello."
    assert e.TextDelta("Hello.") in openai_chat.OpenAIChatReader(PlainFailures()).read(told)


def test_what_was_cached_is_kept_when_a_later_usage_does_not_tell_it() -> None:
    used = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
    known = {**used, "prompt_tokens_details": {"cached_tokens": 80}}
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    told = [
        Event(b"", orjson.dumps({"id": "c", "model": "m", "choices": [choice], "usage": usage}))
        for usage in (known, {**used, "completion_tokens": 3, "total_tokens": 103})
    ]
    passing = PassingReader(Classifier(wire_plan("openai"), None), hide_usage=False)
    usages = [each.usage for one in told for each in passing.read(one)]
    reader = openai_chat.OpenAIChatReader(PlainFailures())
    usages += [made.usage for one in told for made in reader.read(one) if isinstance(made, e.UsageKnown)]
    assert [(usage.completion_tokens, usage.cached_tokens) for usage in usages if usage] == [
        (2, 80),
        (3, 80),
    ] * 2
