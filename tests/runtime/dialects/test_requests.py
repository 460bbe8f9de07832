"""Requests: what is read is what is written, and nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given

from inferc.runtime.dialects import openai_chat
from inferc.runtime.dialects.anthropic import read_request as read_anthropic, write_request as write_anthropic
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.requests.conversation import FunctionTool, ToolChoice
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.parts import Sealed, Thinking, ToolCall, path
from tests.support.conversations import anthropic_bodies, openai_bodies
from tests.support.official_types import check_anthropic, check_openai_chat
from tests.support.rows import each_row

USER = {"role": "user", "content": "Hello."}


def openai(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [USER], **more}


def plain(body: dict[str, Any]) -> Any:
    """The body as it goes out, read again, with what is text and nothing else written as text."""
    return _short(loads(dumps(body)))


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    made = {name: _short(inner) for name, inner in value.items()}
    for name in ("content", "system"):
        match made.get(name):
            case [{"type": "text", "text": str(text), **more}] if not more:
                made[name] = text
    return made


@given(openai_bodies())
def test_openai_s_requests_are_written_as_they_were_read(body: dict[str, Any]) -> None:
    check_openai_chat(body)
    written = openai_chat.write_request(openai_chat.read_request(body))
    check_openai_chat(loads(dumps(written)))
    assert plain(written) == plain(body)


@given(openai_bodies())
def test_openai_s_conversations_are_read_as_they_were_written(body: dict[str, Any]) -> None:
    read = openai_chat.read_request(body)
    assert openai_chat.read_request(openai_chat.write_request(read)) == read


@given(anthropic_bodies())
def test_anthropic_s_requests_are_written_as_they_were_read(body: dict[str, Any]) -> None:
    check_anthropic(body)
    written = loads(dumps(write_anthropic(read_anthropic(body))))
    check_anthropic(written)
    assert plain(written) == plain(body)


@each_row(
    "body",
    [
        openai(new_field={"a": 1}),
        openai({"role": "user", "content": "x", "new": 1}),
        openai({"role": "user", "content": [{"type": "text", "text": "x", "new": 1}]}),
        openai({"role": "user", "content": [{"type": "new_part", "value": 1}]}),
        openai(USER, {"role": "function", "name": "f", "content": "1"}),
        openai(USER, {"role": "assistant", "content": None, "audio": {"id": "a"}}),
        openai(tools=[{"type": "custom", "custom": {"name": "c"}}]),
        openai(tools=[{"type": "function", "function": {"name": "f", "new": 1}}]),
        openai(response_format={"type": "grammar", "grammar": "root"}),
        openai(stream=True, stream_options={"include_usage": True, "new": 1}),
        openai(top_k=4, min_p=0.1, max_tokens=3),
    ],
)
def test_what_openai_may_say_tomorrow_goes_on_as_it_came(body: dict[str, Any]) -> None:
    assert plain(openai_chat.write_request(openai_chat.read_request(body))) == plain(body)


@each_row(
    ("where", "value"),
    [
        ("new_field", 1),
        ("messages", [{"role": "user", "content": [{"type": "new_block", "value": 1}]}]),
        ("tools", [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]),
        ("thinking", {"type": "between_tools"}),
        ("output_config", {"effort": "low", "new": 1}),
        ("metadata", {"user_id": "u", "new": 1}),
        ("tool_choice", {"type": "auto", "new": 1}),
    ],
)
def test_what_anthropic_may_say_tomorrow_goes_on_as_it_came(where: str, value: Any) -> None:
    body = {"model": "m", "max_tokens": 5, "messages": [USER], where: value}
    assert plain(write_anthropic(read_anthropic(body))) == plain(body)


def test_numbers_in_arguments_keep_their_value() -> None:
    text = '{"id": 123456789012345678901234567890, "one": 1.0, "exact": 0.12345678901234567890123}'
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}
    read = openai_chat.read_request(
        openai(USER, {"role": "assistant", "content": None, "tool_calls": [call]})
    )
    sent = dumps(write_anthropic(read))
    assert text.encode() in sent
    there = read_anthropic(loads(sent)).turns[1].parts[0]
    assert isinstance(there, ToolCall)
    assert there.arguments == text.replace(" ", "")


def test_arguments_that_were_cut_off_reach_anthropic_as_what_they_are() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "b'}}
    read = openai_chat.read_request(openai({"role": "assistant", "content": None, "tool_calls": [call]}))
    [block] = write_anthropic(read)["messages"][0]["content"]
    assert block["input"] == {"INVALID_JSON": '{"a": "b'}


def test_values_know_where_they_stood() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.org/a.png"}}
    read = openai_chat.read_request(
        openai({"role": "user", "content": [{"type": "text", "text": "x"}, image]})
    )
    assert path(read.turns[0].parts[1].at) == "messages[0].content[1]"


def test_anthropic_s_thoughts_travel_in_openai_s_tool_calls() -> None:
    thoughts = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    call |= {"extra_content": {"anthropic": {"thinking": thoughts}, "google": {"thought_signature": "AAAA"}}}
    message = {"role": "assistant", "content": "I look.", "reasoning_content": "hm", "tool_calls": [call]}
    read = openai_chat.read_request(openai(USER, message))
    assert read.turns[1].parts[0] == Thinking("hm", "s", "anthropic")
    assert openai_chat.write_request(read)["messages"][1] == message


def test_a_choice_of_tools_is_said_in_both_dialects() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    named = {"type": "function", "function": {"name": "f"}}
    read = openai_chat.read_request(openai(tools=[tool], tool_choice=named, parallel_tool_calls=False))
    assert (read.tools, read.tool_choice) == ((FunctionTool("f"),), ToolChoice("required", ("f",)))
    sent = write_anthropic(read)
    assert sent["tool_choice"] == {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    assert sent["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]


def test_a_part_of_another_dialect_is_never_written() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    body = {"model": "m", "max_tokens": 5, "messages": [USER, {"role": "assistant", "content": [block]}]}
    read = read_anthropic(body)
    assert isinstance(read.turns[1].parts[0], Sealed)
    with pytest.raises(BadRequest) as caught:
        openai_chat.write_request(read)
    assert caught.value.param == "messages[1].content[0]"


@each_row(
    ("body", "param"),
    [
        ({"messages": [USER]}, "model"),
        ({"model": "m"}, "messages"),
        (openai("x"), "messages[0]"),
        (openai({"content": "x"}), "messages[0].role"),
        (openai({"role": "king", "content": "x"}), "messages[0].role"),
        (openai({"role": "user", "content": 3}), "messages[0].content"),
        (openai({"role": "user", "content": [{"text": "x"}]}), "messages[0].content[0].type"),
        (openai({"role": "user", "content": [{"type": "text"}]}), "messages[0].content[0].text"),
        (
            openai({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}),
            "messages[0].content[0].image_url.url",
        ),
        (openai({"role": "tool", "content": "x"}), "messages[0].tool_call_id"),
        (openai({"role": "assistant", "tool_calls": 3}), "messages[0].tool_calls"),
        (openai({"role": "assistant", "tool_calls": [{}]}), "messages[0].tool_calls[0].id"),
        (openai(temperature="hot"), "temperature"),
        (openai(max_tokens=0), "max_tokens"),
        (openai(n=True), "n"),
        (openai(stop=[1]), "stop"),
        (openai(tools=[{"type": "function", "function": {}}]), "tools[0].function.name"),
        (openai(tool_choice="perhaps"), "tool_choice"),
        (openai(response_format="json"), "response_format"),
        (openai(stream="yes"), "stream"),
    ],
)
def test_openai_s_fields_are_checked_and_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        openai_chat.read_request(body)
    assert caught.value.param == param


@each_row(
    ("more", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_use"}]}]}, "messages[0].content[0].id"),
        ({"system": 3}, "system"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "perhaps"}}, "tool_choice.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"stop_sequences": [1]}, "stop_sequences"),
    ],
)
def test_anthropic_s_fields_are_checked_and_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_anthropic({"model": "m", "max_tokens": 5, "messages": [USER], **more})
    assert caught.value.param == param


def test_numbers_that_fit_are_numbers() -> None:
    text = b'{"a": 1234567890123456, "b": 0.1234567890123456, "c": [1e300]}'
    assert loads(text) == orjson.loads(text)
