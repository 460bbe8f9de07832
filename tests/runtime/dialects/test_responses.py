"""OpenAI's responses: what clients ask, and every event of what they get, in its order."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from attrs import evolve
from hypothesis import given
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from inferc.compiler.plan import UNKNOWN
from inferc.runtime.dialects import anthropic, openai_chat
from inferc.runtime.dialects.adapt import Adapted, Unsuitable, adapt
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.dialects.openai_responses import ResponsesWriter, read_request
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.requests import events as e
from inferc.runtime.requests.conversation import (
    Conversation,
    FunctionTool,
    SealedTool,
    ThinkingWanted,
    ToolChoice,
)
from inferc.runtime.requests.errors import BadRequest, RequestError, ServerError
from inferc.runtime.requests.parts import Media, Sealed, Text, Thinking, ToolCall, ToolResult
from tests.support.conversations import answers
from tests.support.examples import FEWER
from tests.support.official_types import check_anthropic, check_openai_chat, check_openai_responses
from tests.support.rows import each_row

Json = dict[str, Any]

STREAM_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}

BODY: Json = {
    "model": "m",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
        | {"encrypted_content": "anthropic:sig"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        | {"content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        {"type": "function_call", "call_id": "c", "name": "now", "arguments": '{"n": 1.0}'},
        {"type": "function_call_output", "call_id": "c", "output": "12:00"},
        {
            "role": "user",
            "content": [{"type": "input_image", "detail": "low", "image_url": "https://x.org/a.png"}],
        },
    ],
    "tools": [{"type": "function", "name": "now", "parameters": SCHEMA, "strict": True}],
    "tool_choice": {"type": "function", "name": "now"},
    "max_output_tokens": 100,
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True}},
    "store": False,
    "stream": True,
}


def conversation(**more: Any) -> Conversation:
    return read_request({"model": "m", "input": "Hello.", **more})


def test_what_clients_ask_is_read() -> None:
    check_openai_responses(BODY)
    read = read_request(BODY)
    assert [turn.role for turn in read.turns] == ["system", "user", "assistant", "user", "user"]
    parts = [part for turn in read.turns for part in turn.parts]
    assert parts == [
        Text("Be brief."),
        Text("What is it?"),
        Thinking("hm", "sig", "anthropic"),
        Text("I look."),
        ToolCall("c", "now", '{"n": 1.0}'),
        ToolResult("c", (Text("12:00"),)),
        Media(
            "image", "image/png", url="https://x.org/a.png", extras={"openai_responses": {"detail": "low"}}
        ),
    ]
    assert read.extras == {"openai": {"store": False}}


@pytest.mark.parametrize("to", ["anthropic", "openai_chat"])
def test_what_clients_ask_reaches_providers_of_other_dialects(to: str) -> None:
    found = adapt(read_request(BODY), UNKNOWN, client="openai_responses", provider=to)
    assert isinstance(found, Adapted), found
    if to == "anthropic":
        request = loads(dumps(anthropic.write_request(found.conversation)))
        check_anthropic(request)
        assert request["messages"][1]["content"][0] == {
            "type": "thinking",
            "thinking": "hm",
            "signature": "sig",
        }
    else:
        request = loads(dumps(openai_chat.write_request(found.conversation)))
        check_openai_chat(request)
    assert '"n":1.0' in orjson.dumps(request).decode().replace("\\", "").replace(" ", "")


def test_what_only_openai_can_open_stays_sealed() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    read = conversation(input=[{"role": "user", "content": "x"}, item])
    assert read.turns[1].parts == (Sealed("openai_responses", item),)
    tool = {"type": "web_search"}
    found = adapt(conversation(tools=[tool]), UNKNOWN, client="openai_responses", provider="anthropic")
    assert "tools[0]" in str(found)


@each_row(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ],
)
def test_fields_are_checked_and_named(more: Json, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        conversation(**more)
    assert caught.value.param == param
    assert isinstance(caught.value, BadRequest) or caught.value.code == "unsupported"


def test_reasoning_is_asked_for_with_its_summary() -> None:
    read = conversation(reasoning={"effort": "high", "summary": "auto"})
    assert read.thinking == ThinkingWanted(effort="high", summary="auto", shown=True)


def stream(events: list[e.Event], request: Conversation | None = None) -> list[Json]:
    writer = ResponsesWriter(request or conversation(), 1)
    sent = b"".join(writer.write(event) for event in events) + writer.end()
    told = SseParser().feed(sent)
    assert all(event.name.decode() == orjson.loads(event.data)["type"] for event in told)
    return [orjson.loads(event.data) for event in told]


@FEWER
@given(answers())
def test_the_stream_is_what_openai_s_client_parses(events: list[e.Event]) -> None:
    told = stream(events)
    for event in told:
        STREAM_EVENT.validate_json(orjson.dumps(event), strict=True)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    kinds = [event["type"].removeprefix("response.") for event in told]
    assert kinds[:2] == ["created", "in_progress"]
    assert kinds[-1] in ("completed", "incomplete")
    assert kinds.count("output_item.added") == kinds.count("output_item.done")
    assert kinds.count("content_part.added") == kinds.count("content_part.done")
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert sorted(done, key=lambda item: item["id"]) == sorted(
        told[-1]["response"]["output"], key=lambda item: item["id"]
    )


@FEWER
@given(answers())
def test_the_last_event_holds_the_whole_response(events: list[e.Event]) -> None:
    last = stream(events)[-1]["response"]
    whole = ResponsesWriter(conversation(), 1).whole(fold(events))
    response = Response.model_validate_json(whole, strict=True)
    assert _joined(orjson.loads(whole)) == _joined(last)
    assert response.output_text == "".join(
        part.text for part in fold(events).choices[0].parts if isinstance(part, Text)
    )


def _joined(response: Json) -> Json:
    """The response with the texts of a message as one, and without the ids of items."""
    output = []
    for item in response["output"]:
        made = {name: value for name, value in item.items() if name != "id"}
        if made["type"] == "message":
            made["content"] = "".join(part["text"] for part in item["content"])
            if output and output[-1]["type"] == "message":
                output[-1]["content"] += made["content"]
                continue
        output.append(made)
    return response | {"output": output}


def test_the_events_of_an_answer_come_in_their_documented_order() -> None:
    events = [
        e.Started("1", "m"),
        e.ThinkingDelta("hm", "anthropic"),
        e.ThinkingSigned("s", "anthropic"),
        e.PartEnded(),
        e.TextDelta("Hello"),
        e.PartEnded(),
        e.ToolCallBegun(0, "c", "now", extras={"gemini": {"thoughtSignature": "AAAA"}}),
        e.ToolCallDelta(0, "{}"),
        e.ToolCallDone(0),
        e.Finished("tool_calls"),
    ]
    told = stream(events)
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    again = conversation(input=[{"role": "user", "content": "x"}, *told[-1]["response"]["output"]])
    thought, text, call = (part for turn in again.turns[1:] for part in turn.parts)
    assert thought == Thinking("hm", "s", "anthropic")
    assert (text.text, call.extras["gemini"]) == ("Hello", {"thoughtSignature": "AAAA"})  # type: ignore[union-attr]


def test_an_answer_that_breaks_off_has_failed() -> None:
    told = stream([e.Started("1", "m"), e.TextDelta("x"), e.Failed(ServerError("no"), began=True)])
    assert told[-1]["type"] == "response.failed"
    assert told[-1]["response"]["error"] == {"code": "server_error", "message": "no"}
    assert stream([e.Started("1", "m"), e.TextDelta("x")])[-1]["type"] == "response.failed"


FREE = {
    "type": "custom",
    "name": "patch",
    "format": {"type": "grammar", "syntax": "lark", "definition": "s: X"},
}
SEARCH = {"type": "tool_search", "execution": "client", "parameters": SCHEMA}
IN_A_SPACE = {"type": "namespace", "name": "team", "tools": [{"type": "function", "name": "send"}]}
LATER = {"type": "additional_tools", "role": "developer", "tools": [IN_A_SPACE]}
RUN_BY_CLIENTS: list[tuple[Json, str, str, Json]] = [
    ({"tools": [FREE]}, "patch", '{"input": "a\\n\\"b\\""}', {"input": 'a\n"b"', "type": "custom_tool_call"}),
    ({"tools": [FREE]}, "patch", "as it is", {"input": "as it is", "type": "custom_tool_call"}),
    ({"tools": [SEARCH]}, "tool_search", '{"q": "x"}', {"arguments": {"q": "x"}, "type": "tool_search_call"}),
    ({"input": [LATER]}, "send", "{}", {"arguments": "{}", "type": "function_call", "namespace": "team"}),
    (
        {"tools": [{"type": "local_shell"}]},
        "local_shell",
        '{"command": ["ls"], "timeout_ms": 9}',
        {
            "type": "local_shell_call",
            "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 9},
        },
    ),
    (
        {"tools": [{"type": "shell", "environment": {"type": "local"}}]},
        "shell",
        '{"commands": ["ls"]}',
        {
            "type": "shell_call",
            "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": None},
        },
    ),
    (
        {"tools": [{"type": "apply_patch"}]},
        "apply_patch",
        '{"type": "create_file", "path": "a", "diff": "+b"}',
        {
            "type": "apply_patch_call",
            "operation": {"type": "create_file", "path": "a", "diff": "+b"},
        },
    ),
]
"""What a client declares, what the model calls and says, and what the client gets to see."""


@pytest.mark.parametrize(("declared", "name", "arguments", "seen"), RUN_BY_CLIENTS)
def test_calls_of_what_the_client_runs_come_as_it_declared_it(
    declared: Json, name: str, arguments: str, seen: Json
) -> None:
    asked = conversation(
        **{**declared, "input": [*declared.get("input", ()), {"role": "user", "content": "x"}]}
    )
    events: list[e.Event] = [
        e.Started("a", "m"),
        e.ToolCallBegun(0, "c", name),
        *[e.ToolCallDelta(0, piece) for piece in (arguments[:3], arguments[3:])],
        e.ToolCallDone(0),
        e.Finished("tool_calls"),
    ]
    told = stream(events, asked)
    for event in told:
        STREAM_EVENT.validate_json(orjson.dumps(event), strict=True)
    [streamed] = told[-1]["response"]["output"]
    [whole] = orjson.loads(ResponsesWriter(asked, 1).whole(fold(events)))["output"]
    assert {**streamed, "id": ""} == {**whole, "id": ""}
    assert seen.items() <= streamed.items()
    assert streamed["call_id"] == "c"
    [done] = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == streamed
    texts = [event["input"] for event in told if event["type"] == "response.custom_tool_call_input.done"]
    assert texts == ([seen["input"]] if "input" in seen else [])


@pytest.mark.parametrize("to", ["anthropic", "openai_chat", "gemini", "bedrock"])
def test_what_the_client_runs_is_a_function_for_others_and_so_is_its_history(to: str) -> None:
    history = [
        {"role": "user", "content": "x"},
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": 'a "b"'},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
        {"type": "tool_search_call", "call_id": "c2", "execution": "client", "arguments": {"q": "x"}},
        {"type": "tool_search_output", "call_id": "c2", "execution": "client", "tools": [IN_A_SPACE]},
    ]
    asked = conversation(input=history, tools=[FREE, SEARCH], tool_choice={"type": "custom", "name": "patch"})
    found = adapt(asked, UNKNOWN, client="openai_responses", provider=to)
    assert isinstance(found, Adapted), found
    names = [tool.name for tool in found.conversation.tools if isinstance(tool, FunctionTool)]
    assert names == ["patch", "tool_search", "send"]
    assert found.conversation.tool_choice == ToolChoice("required", ("patch",))
    parts = [part for turn in found.conversation.turns for part in turn.parts]
    assert parts[1:] == [
        ToolCall("c1", "patch", '{"input":"a \\"b\\""}'),
        ToolResult("c1", (Text("done"),)),
        ToolCall("c2", "tool_search", '{"q":"x"}'),
        ToolResult("c2", (Text("Found: send"),)),
    ]
    assert {"tools[0]", "tools[1]"} <= {note.where for note in found.notes}
    as_it_came = adapt(asked, UNKNOWN, client="openai_responses", provider="openai_responses")
    assert isinstance(as_it_came, Adapted)
    assert as_it_came.conversation == asked


RUN_HERE = [
    {"role": "user", "content": "x"},
    {"type": "local_shell_call", "id": "1", "call_id": "c1", "action": {"type": "exec", "command": ["ls"]}},
    {"type": "local_shell_call_output", "id": "c1", "output": "a"},
    {"type": "shell_call", "call_id": "c2", "action": {"commands": ["ls"]}},
    {"type": "shell_call_output", "call_id": "c2", "output": [{"stdout": "a"}]},
    {"type": "apply_patch_call", "call_id": "c3", "operation": {"type": "delete_file", "path": "a"}},
    {"type": "apply_patch_call_output", "call_id": "c3", "status": "failed", "output": "no"},
]
"""What a client ran for a model of OpenAI's, before another one is asked."""


@pytest.mark.parametrize("to", ["anthropic", "openai_chat", "gemini", "bedrock"])
def test_shells_and_patches_that_the_client_runs_are_functions_for_others(to: str) -> None:
    tools = [{"type": "local_shell"}, {"type": "shell"}, {"type": "apply_patch"}]
    asked = conversation(input=RUN_HERE, tools=tools, tool_choice={"type": "apply_patch"})
    found = adapt(asked, UNKNOWN, client="openai_responses", provider=to)
    assert isinstance(found, Adapted), found
    assert all(isinstance(tool, FunctionTool) for tool in found.conversation.tools)
    assert found.conversation.tool_choice == ToolChoice("required", ("apply_patch",))
    parts = [part for turn in found.conversation.turns for part in turn.parts]
    assert parts[1:] == [
        ToolCall("c1", "local_shell", '{"command":["ls"]}'),
        ToolResult("c1", (Text("a"),)),
        ToolCall("c2", "shell", '{"commands":["ls"]}'),
        ToolResult("c2", (Text('[{"stdout":"a"}]'),)),
        ToolCall("c3", "apply_patch", '{"type":"delete_file","path":"a"}'),
        ToolResult("c3", (Text('{"status":"failed","output":"no"}'),)),
    ]


@pytest.mark.parametrize(
    ("item", "wrong"),
    [
        ({"type": "local_shell_call_output", "output": "x"}, "input[1].id"),
        ({"type": "shell_call_output", "output": []}, "input[1].call_id"),
        ({"type": "shell_call", "call_id": "c", "action": 3}, "input[1].action"),
        ({"type": "apply_patch_call", "operation": {}}, "input[1].call_id"),
    ],
)
def test_a_call_of_such_a_tool_that_is_none_is_refused_by_its_place(item: Json, wrong: str) -> None:
    asked = conversation(input=[{"role": "user", "content": "x"}, item])
    with pytest.raises(BadRequest) as refused:
        adapt(asked, UNKNOWN, client="openai_responses", provider="anthropic")
    assert refused.value.param == wrong


def test_a_model_is_told_of_the_skills_beside_a_shell() -> None:
    skill = {"name": "sheets", "path": "skills/sheets", "description": "Reads sheets."}
    shell = {"type": "shell", "environment": {"type": "local", "skills": [skill]}}
    asked = conversation(input=[{"role": "user", "content": "x"}], tools=[shell])
    found = adapt(asked, UNKNOWN, client="openai_responses", provider="anthropic")
    assert isinstance(found, Adapted), found
    [tool] = found.conversation.tools
    assert isinstance(tool, FunctionTool)
    assert str(tool.description).endswith("\n- sheets (skills/sheets): Reads sheets.")


def test_a_shell_that_openai_runs_is_refused_by_others() -> None:
    asked = conversation(
        input=[{"role": "user", "content": "x"}],
        tools=[{"type": "shell", "environment": {"type": "container_auto"}}],
    )
    found = adapt(asked, UNKNOWN, client="openai_responses", provider="anthropic")
    assert isinstance(found, Unsuitable)
    assert "ask a model there" in found.problems[0].why


def test_a_choice_among_tools_of_all_kinds_is_one_among_functions() -> None:
    function = {"type": "function", "name": "f"}
    chosen = [{"type": "custom", "name": "patch"}, {"type": "local_shell"}, function]
    asked = conversation(
        input=[{"role": "user", "content": "x"}],
        tools=[FREE, {"type": "local_shell"}, function, {**function, "name": "g"}],
        tool_choice={"type": "allowed_tools", "mode": "auto", "tools": chosen},
    )
    found = adapt(asked, UNKNOWN, client="openai_responses", provider="openai_chat")
    assert isinstance(found, Adapted), found
    assert found.conversation.tool_choice == ToolChoice("auto", ("patch", "local_shell", "f"))


def test_a_summary_that_is_no_list_is_refused() -> None:
    thought = {"type": "reasoning", "summary": True, "encrypted_content": "anthropic:sig"}
    with pytest.raises(BadRequest, match="summary"):
        conversation(input=[thought])


def test_of_a_choice_what_is_left_out_of_the_tools_is_left_out_too() -> None:
    function = {"type": "function", "name": "f"}
    asked = conversation(
        input=[{"role": "user", "content": "x"}],
        tools=[function, {"type": "web_search", "external_web_access": False}],
        tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [function, {"type": "web_search"}]},
    )
    for provider in ("openai_chat", "anthropic", "gemini"):
        found = adapt(asked, UNKNOWN, client="openai_responses", provider=provider)
        assert isinstance(found, Adapted), found
        assert len(found.conversation.tools) == 1
    open_web = evolve(asked, tools=(asked.tools[0], SealedTool("openai_responses", {"type": "web_search"})))
    assert isinstance(adapt(open_web, UNKNOWN, client="openai_responses", provider="openai_chat"), Unsuitable)


def test_a_namespace_without_functions_is_told_as_it_came() -> None:
    odd = {"type": "namespace", "name": "team", "tools": "none"}
    asked = conversation(tools=[odd, IN_A_SPACE])
    whole = orjson.loads(ResponsesWriter(asked, 1).whole(fold([e.Started("a", "m"), e.Finished("stop")])))
    assert [tool["tools"] == "none" for tool in whole["tools"]] == [True, False]
    assert [each["name"] for each in whole["tools"][1]["tools"]] == ["send"]


SPOKEN: list[e.Event] = [e.TextDelta("So it")]
CUT_CALL: list[e.Event] = [e.ToolCallBegun(0, "c", "f"), e.ToolCallDelta(0, '{"a": "b'), e.ToolCallDone(0)]


@pytest.mark.parametrize(
    ("events", "states"),
    [
        (SPOKEN, ["incomplete"]),
        ([*SPOKEN, e.PartEnded()], ["incomplete"]),
        ([*SPOKEN, e.PartEnded(), e.ThinkingDelta("hm", "anthropic"), e.PartEnded()], ["completed", None]),
        ([*SPOKEN, e.PartEnded(), *CUT_CALL], ["completed", "incomplete"]),
    ],
)
def test_an_item_that_was_cut_off_says_so(events: list[e.Event], states: list[str | None]) -> None:
    """Clients call the functions of items that are complete."""
    all_of_it = [e.Started("a", "m"), *events, e.Finished("length")]
    told = stream(all_of_it)
    assert [item.get("status") for item in told[-1]["response"]["output"]] == states
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == told[-1]["response"]["output"]
    whole = orjson.loads(ResponsesWriter(conversation(), 1).whole(fold(all_of_it)))
    assert [item.get("status") for item in whole["output"]] == states
