"""Requests that users of other gateways reported as mistranslated, and what clients were seen to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inferc.compiler.plan import UNKNOWN, Capabilities
from inferc.compiler.plan.dialects import AT_OPENAI, AT_OTHERS
from inferc.runtime.dialects.adapt import Adapted, Unsuitable, adapt
from inferc.runtime.dialects.exact_json import dumps
from inferc.runtime.dialects.openai.requests import chat_request
from inferc.runtime.dialects.registry import CLIENT_SIDES, PROVIDER_SIDES
from inferc.runtime.requests.errors import BadRequest

from ...support.strict import problems

Json = dict[str, Any]

ASK: Any = {"role": "user", "content": "Do it."}
TOOL: Json = {"name": "now", "input_schema": {"type": "object", "properties": {}}}
MARK: Json = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def told(
    client: str, body: Json, provider: str, can: Capabilities = UNKNOWN, *, elsewhere: bool = False
) -> tuple[Json, list[str]]:
    """What the provider is sent, and the places of what was changed. elsewhere: to who is not OpenAI."""
    asked = CLIENT_SIDES[client].read_request(body)
    can = AT_OTHERS if elsewhere else can
    found = adapt(asked, can, client=client, provider=provider)
    assert isinstance(found, Adapted), found
    sent = json.loads(dumps(PROVIDER_SIDES[provider].write_request(found.conversation)))
    sent = {name: value for name, value in sent.items() if value is not None}
    assert not problems(provider, sent)
    return sent, [note.where for note in found.notes]


def after_call(result: Any, **more: Any) -> Json:
    """A question of Anthropic's client behind a call and its result."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": result, **more}
    messages = [ASK, {"role": "assistant", "content": [call]}, {"role": "user", "content": [block]}]
    return {"model": "m", "max_tokens": 100, "tools": [TOOL], "messages": messages}


@pytest.mark.parametrize(
    ("result", "response"),
    [
        ('{"a":1}', {"a": 1}),
        ("[1]", {"output": [1]}),
        ("words", {"output": "words"}),
        ('{"$ref":"#/$defs/x"}', {"output": '{"$ref":"#/$defs/x"}'}),
        ('{"a":[{"$ref": "#/y"}]}', {"output": '{"a":[{"$ref": "#/y"}]}'}),
    ],
)
def test_google_looks_for_nothing_in_a_schema_that_a_tool_gave(result: str, response: Json) -> None:
    """https://github.com/vercel/ai/issues/14369: `$ref` in a result is refused with 400."""
    sent, _ = told("anthropic", after_call(result), "gemini")
    assert sent["contents"][2]["parts"][0]["functionResponse"]["response"] == response


def test_several_texts_are_one_where_servers_tear_them_apart() -> None:
    """Claude Code sends three system texts, of which Ollama makes three messages."""
    body = after_call([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
    body["system"] = [{"type": "text", "text": text} for text in ("You help.", "Be short.", "Be kind.")]
    body["system"][2] |= MARK
    body["messages"][2]["content"] += [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]
    elsewhere, _ = told("anthropic", body, "openai_chat", elsewhere=True)
    assert [message["content"] for message in elsewhere["messages"]] == [
        "You help.\nBe short.\nBe kind.",
        "Do it.",
        None,
        "a\nb",
        "c\nd",
    ]
    at_openai, _ = told("anthropic", body, "openai_chat")
    assert [len(message["content"] or "") for message in at_openai["messages"]] == [3, 6, 0, 2, 2]


def test_an_empty_text_makes_no_line() -> None:
    texts = [{"type": "text", "text": text} for text in ("", "a", "", "b", "")]
    body: Json = {"model": "m", "messages": [{"role": "user", "content": texts}]}
    sent, _ = told("openai_chat", body, "openai_chat", elsewhere=True)
    assert sent["messages"] == [{"role": "user", "content": "a\nb"}]


def test_texts_beside_a_picture_stay_parts() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body: Json = {"model": "m", "messages": [{"role": "user", "content": [*texts, picture]}]}
    sent, _ = told("openai_chat", body, "openai_chat", elsewhere=True)
    assert sent["messages"] == body["messages"]


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini", "bedrock"])
def test_a_call_without_arguments_may_have_none(provider: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": None}}
    messages = [ASK, {"role": "assistant", "content": None, "tool_calls": [call]}]
    messages.append({"role": "tool", "tool_call_id": "c", "content": "x"})
    tools = [{"type": "function", "function": {"name": "now", "parameters": TOOL["input_schema"]}}]
    sent, _ = told("openai_chat", {"model": "m", "messages": messages, "tools": tools}, provider)
    found = {
        "openai_chat": lambda: json.loads(sent["messages"][1]["tool_calls"][0]["function"]["arguments"]),
        "anthropic": lambda: sent["messages"][1]["content"][0]["input"],
        "gemini": lambda: sent["contents"][1]["parts"][0]["functionCall"]["args"],
        "bedrock": lambda: sent["messages"][1]["content"][0]["toolUse"]["input"],
    }
    assert found[provider]() == {}


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini", "bedrock"])
def test_cursor_declares_tools_of_chats_as_responses_have_them(provider: str) -> None:
    """https://github.com/BerriAI/litellm/pull/34029, https://github.com/jwadow/kiro-gateway/pull/49."""
    schema = TOOL["input_schema"]
    nested = {"type": "function", "function": {"name": "read", "parameters": schema}}
    flat = {"type": "function", "name": "write", "description": "It writes.", "parameters": schema}
    odd = {"type": "function", "name": "list", "input_schema": schema}
    body: Json = {"model": "m", "messages": [ASK], "tools": [nested, flat, odd]}
    body["tool_choice"] = {"type": "function", "name": "write"}
    sent, notes = told("openai_chat", body, provider)
    functions = [{"type": "function", "function": {"name": "write", "description": "It writes."}}]
    functions[0]["function"]["parameters"] = schema  # type: ignore[index]
    functions.append({"type": "function", "function": {"name": "list", "parameters": schema}})
    usual = {**body, "tools": [nested, *functions]}
    usual["tool_choice"] = {"type": "function", "function": {"name": "write"}}
    assert (sent, notes) == told("openai_chat", usual, provider)
    marked = [{**tool, **MARK} for tool in body["tools"]]
    sent = told("openai_chat", {**body, "tools": marked}, provider)
    assert sent == told(
        "openai_chat", {**usual, "tools": [{**tool, **MARK} for tool in usual["tools"]]}, provider
    )


def test_a_tool_of_free_text_is_nested_with_its_grammar() -> None:
    grammar = {"syntax": "lark", "definition": "s: X"}
    tool = {"type": "custom", "name": "ApplyPatch", "format": {"type": "grammar", **grammar}}
    sent, _ = told("openai_chat", {"model": "m", "messages": [ASK], "tools": [tool]}, "openai_chat")
    format = {"type": "grammar", "grammar": grammar}
    assert sent["tools"] == [{"type": "custom", "custom": {"name": "ApplyPatch", "format": format}}]


def test_opencode_marks_messages_for_the_cache() -> None:
    """Seen of opencode 1.18.33: whole messages, and results, are marked."""
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}, **MARK}
    messages = [
        {"role": "system", "content": "You help.", **MARK},
        {**ASK, **MARK},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "x", **MARK},
    ]
    tools = [{"type": "function", "function": {"name": "now", "parameters": TOOL["input_schema"]}}]
    body: Json = {"model": "m", "messages": messages, "tools": tools}
    sent, notes = told("openai_chat", body, "anthropic")
    assert not [note for note in notes if "cache_control" in note]
    assert sent["system"] == [{"type": "text", "text": "You help.", **MARK}]
    assert sent["messages"][0]["content"] == [{"type": "text", "text": "Do it.", **MARK}]
    assert sent["messages"][1]["content"][0]["cache_control"] == MARK["cache_control"]
    assert sent["messages"][2]["content"][0]["cache_control"] == MARK["cache_control"]
    sent, _ = told("openai_chat", body, "bedrock")
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    marks = [sent["system"][1]] + [sent["messages"][i]["content"][1] for i in (0, 1, 2)]
    assert marks == [point] * 4
    sent, _ = told("openai_chat", body, "openai_chat", can=AT_OPENAI)
    assert "cache_control" not in json.dumps(sent)


def test_a_mark_on_a_message_with_calls_stands_on_the_last_of_them() -> None:
    call = {"type": "function", "function": {"name": "now", "arguments": "{}"}}
    calls = [{"id": id, **call} for id in ("a", "b")]
    results = [{"role": "tool", "tool_call_id": id, "content": "x"} for id in ("a", "b")]
    messages = [ASK, {"role": "assistant", "content": "Wait.", "tool_calls": calls, **MARK}, *results]
    sent, _ = told("openai_chat", {"model": "m", "messages": messages}, "anthropic")
    marks = [block.get("cache_control") for block in sent["messages"][1]["content"]]
    assert marks == [None, None, MARK["cache_control"]]


@pytest.mark.parametrize("provider", ["openai_chat", "anthropic", "gemini", "bedrock"])
def test_codex_offers_an_index_of_the_web_that_only_openai_has(provider: str) -> None:
    """Seen of Codex 0.171.0: it is offered with each request, unless `web_search` is off in its settings."""
    tool = {"type": "function", "name": "now", "parameters": TOOL["input_schema"]}
    search = {"type": "web_search", "external_web_access": False}
    body: Json = {"model": "m", "input": "Do it.", "tools": [tool, search], "tool_choice": "auto"}
    sent, notes = told("openai_responses", body, provider)
    assert notes == ["tools[1]"]
    assert sent == told("openai_responses", {**body, "tools": [tool]}, provider)[0]
    for wanted in ({"type": "web_search"}, {**search, "external_web_access": True}):
        asked = CLIENT_SIDES["openai_responses"].read_request({**body, "tools": [tool, wanted]})
        found = adapt(asked, UNKNOWN, client="openai_responses", provider=provider)
        assert isinstance(found, Unsuitable), found
        assert [problem.where for problem in found.problems] == ["tools[1]"]


def test_who_must_call_a_tool_is_told_that_none_is_left() -> None:
    search = {"type": "web_search", "external_web_access": False}
    body: Json = {"model": "m", "input": "Do it.", "tools": [search], "tool_choice": "required"}
    asked = CLIENT_SIDES["openai_responses"].read_request(body)
    found = adapt(asked, UNKNOWN, client="openai_responses", provider="anthropic")
    assert isinstance(found, Unsuitable), found
    [problem] = found.problems
    assert (problem.where, problem.why) == ("tool_choice", "none of the tools that could be called is left")
    dropped = adapt(asked, UNKNOWN, client="openai_responses", provider="anthropic", unsupported="drop")
    assert isinstance(dropped, Adapted)
    assert (dropped.conversation.tools, dropped.conversation.tool_choice) == ((), None)


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
@pytest.mark.parametrize("client", ["openai_chat", "openai_responses"])
def test_tools_that_anthropic_runs_are_asked_for_in_its_own_protocol(client: str, provider: str) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    said = {"messages": [ASK]} if client == "openai_chat" else {"input": [ASK]}
    asked = CLIENT_SIDES[client].read_request({"model": "m", **said, "tools": tools})
    found = adapt(asked, UNKNOWN, client=client, provider=provider)
    assert isinstance(found, Unsuitable), found
    what = "the tool `web_search_20250305` is Anthropic's: ask for it at /v1/messages, or leave it out"
    assert [(problem.where, problem.why) for problem in found.problems] == [("tools[0]", what)]


@pytest.mark.parametrize("strict", [None, False, True])
def test_optional_parameters_stay_optional_in_responses(strict: bool | None) -> None:
    """https://github.com/open-webui/open-webui/issues/27750: there, functions that say nothing are strict."""
    said = {} if strict is None else {"strict": strict}
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    schema["required"] = ["a"]
    function = {"name": "now", "parameters": schema, **said}
    chat: Json = {"model": "m", "messages": [ASK], "tools": [{"type": "function", "function": function}]}
    tool = {"name": "now", "input_schema": schema, **said}
    message: Json = {"model": "m", "max_tokens": 100, "messages": [ASK], "tools": [tool]}
    for client, body in (("openai_chat", chat), ("anthropic", message)):
        sent, _ = told(client, body, "openai_responses")
        assert sent["tools"][0]["strict"] is bool(strict)
    native: Json = {"model": "m", "input": "Do it.", "tools": [{"type": "function", **function}]}
    sent, _ = told("openai_responses", native, "openai_responses")
    assert sent["tools"][0]["strict"] is strict


def test_who_asks_chats_in_the_words_of_responses_is_told_where_these_are() -> None:
    """Cursor's agent mode: https://github.com/BerriAI/litellm/pull/34029."""
    with pytest.raises(BadRequest, match="a body with `input` is asked at /v1/responses") as refused:
        chat_request({"model": "m", "input": [ASK]})
    assert (refused.value.param, refused.value.code) == ("messages", "missing_field")
    with pytest.raises(BadRequest, match="`messages` is missing; it must be a list"):
        chat_request({"model": "m"})
