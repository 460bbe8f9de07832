"""Conversations in a provider's own words, generated in the shapes that it publishes: the provider gets them
as they are, and each other takes what it gets, or the client is refused by name.

As they are: a text alone is the same as a list that holds nothing else, and so is an address of a picture as
the object around it; a message without words has none, nothing, or no content; ids and states of messages are
those of answers, which nobody wants back.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings, strategies as st

from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest

from ...support.shaped import Shaped
from ...support.strict import of_all_models
from .reference import judge, plan
from .test_generated import JUDGED, models
from .test_own import BETAS, CLOSED

Json = dict[str, Any]
CALL_ID = "call{:05}"
DROP = "request { unsupported = drop }"


def some_of(kinds: dict[str, st.SearchStrategy[Json]], least: int = 0) -> st.SearchStrategy[list[Json]]:
    each = st.sampled_from(sorted(kinds)).flatmap(kinds.__getitem__)
    return st.lists(each, min_size=least, max_size=2)


# ---- Anthropic's blocks

_BLOCKS = Shaped(table("anthropic").shapes, without=frozenset({"cache_control"}))


def blocks(shape: str) -> dict[str, st.SearchStrategy[Json]]:
    """Strategies for the kinds of blocks of a message."""
    of = table("anthropic").shapes[shape]["fields"]["content!"]["any of"][1]["list"]["of"]
    alone = {"tool_use", "tool_result", "thinking", "redacted_thinking"}
    return {kind: _BLOCKS.shape(name, type=kind) for kind, name in of.items() if kind not in alone}


ASKED, SAID = blocks("UserMessage"), blocks("AssistantMessage")
WORDS = {kind: ASKED[kind] for kind in ("text", "image", "document", "search_result")}
RESULTS = _BLOCKS.shape("ToolResultBlock", type="tool_result")


@st.composite
def anthropic_bodies(draw: st.DrawFn) -> Json:
    """With parts that only Anthropic knows, now and then."""
    messages: list[Json] = []
    sealed = draw(st.integers(0, 3)) == 0
    for number in range(draw(st.integers(1, 2))):
        asked = draw(some_of(ASKED if sealed else WORDS))
        said = draw(some_of(SAID if sealed else {"text": SAID["text"], "image": SAID["image"]}))
        said.append({"type": "text", "text": "So."})
        messages.append({"role": "user", "content": [*asked, {"type": "text", "text": "Well?"}]})
        messages.append({"role": "assistant", "content": said})
        if draw(st.booleans()):
            id = CALL_ID.format(number)
            said.append({"type": "tool_use", "id": id, "name": "now", "input": {}})
            messages.append({"role": "user", "content": [{**draw(RESULTS), "tool_use_id": id}]})
            messages.append({"role": "assistant", "content": [{"type": "text", "text": "Done."}]})
    messages.append({"role": "user", "content": "Go on."})
    tools = [{"name": "now", "input_schema": CLOSED}] if draw(st.booleans()) else []
    body = {"model": "m", "max_tokens": 2000, "messages": messages}
    return {**body, "tools": tools} if tools else body


# ---- items of OpenAI's responses

_ITEMS = Shaped(table("openai").shapes, without=frozenset({"prompt_cache_breakpoint"}))
_KINDS = table("openai").shapes["responses"]["fields"]["input"]["any of"][1]["list"]["of"]
_WITH_OTHERS = {"message", "function_call", "custom_tool_call", "item_reference", "compaction_trigger"}
ITEMS = {
    kind: _ITEMS.shape(shape, type=kind)
    for kind, shape in _KINDS.items()
    if kind not in {*_WITH_OTHERS, "configuration_update", "mcp_approval_response", "additional_tools"}
    and not kind.endswith("_output")
}
INPUTS: st.SearchStrategy[Json] = st.sampled_from(
    [
        {"type": "input_text", "text": "Hello."},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
    ]
)


@st.composite
def responses_bodies(draw: st.DrawFn) -> Json:
    items: list[Json] = []
    for number in range(draw(st.integers(1, 2))):
        items.append({"role": "user", "content": draw(st.lists(INPUTS, min_size=1, max_size=2))})
        items += draw(some_of(ITEMS))
        if draw(st.booleans()):
            call = {"call_id": CALL_ID.format(number)}
            items.append({"type": "function_call", **call, "name": "now", "arguments": "{}"})
            output = draw(st.just("12:00") | st.lists(INPUTS, min_size=1, max_size=2))
            items.append({"type": "function_call_output", **call, "output": output})
        items.append({"role": "assistant", "content": "So."})
    items.append({"role": "user", "content": "Go on."})
    return {"model": "m", "input": items}


# ---- messages of those who speak OpenAI's chat completions in their own way

_THOUGHT = {
    "type": "thinking",
    "thinking": [{"type": "text", "text": "hm"}],
    "closed": True,
    "signature": "c",
}
CHUNKS: list[Json] = [
    {"type": "text", "text": "Hello."},
    {"type": "image_url", "image_url": "https://example.com/a.png"},
    {"type": "document_url", "document_url": "https://example.com/a.pdf", "document_name": "a.pdf"},
    {"type": "reference", "reference_ids": [1, "b"]},
    {"type": "file", "file_id": "0b1c"},
    {"type": "input_audio", "input_audio": "UklGRg=="},
]
SPEAKS: dict[str, tuple[str, dict[str, st.SearchStrategy[Any]], frozenset[str]]] = {
    "openrouter": ("anthropic/claude-sonnet-4.5", {}, frozenset({"audio", "prompt_cache_breakpoint"})),
    "mistral": (
        "mistral-large-latest",
        {
            "other_part": st.sampled_from(CHUNKS[2:]),
            "thinking_part": st.just(_THOUGHT),
            "detail": st.just("low"),
        },
        frozenset({"name", "prefix"}),
    ),
}
"""The model, strategies for shapes that say too little, and fields that some models do not take."""


@st.composite
def chat_messages(draw: st.DrawFn, provider: str) -> list[Json]:
    _, special, without = SPEAKS[provider]
    shapes = table(provider).shapes
    beside = {"role", "content", "tool_calls", "tool_call_id", "function_call", *without}
    plain = Shaped(shapes, special, frozenset({*without, "model"}))
    of = shapes["chat"]["fields"].get("messages!", shapes["chat"]["fields"].get("messages"))["list"]["of"]

    def message(role: str, **more: Any) -> Json:
        spec = shapes[of[role]]["fields"]
        made = draw(Shaped(shapes, special, frozenset({*beside, "model"})).shape(of[role]))
        content = spec.get("content!", spec.get("content"))
        if role in ("tool", "system"):
            content = "text"
        return {**made, "role": role, "content": draw(plain.value(content, "content", 1)), **more}

    messages = [message("system")] if draw(st.booleans()) else []
    for number in range(draw(st.integers(1, 2))):
        messages += [message("user"), message("assistant")]
        if draw(st.booleans()):
            id = CALL_ID.format(number)
            call = {"id": id, "type": "function", "function": {"name": "now", "arguments": "{}"}}
            messages[-1]["tool_calls"] = [call]
            messages += [message("tool", tool_call_id=id), message("assistant")]
    return [*messages, message("user")]


# ---- what they become


def as_it_is(value: Any) -> Any:
    """`value` without what says nothing, as the beginning of this module has it."""
    if isinstance(value, list):
        return [as_it_is(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: as_it_is(each) for name, each in value.items() if each not in (None, "", [])}
    if isinstance(made.get("content"), str) and made.get("type") in (None, "message", "tool_result"):
        kind = "text" if "input" not in str(made.get("type")) else "input_text"
        made["content"] = [{"type": kind, "text": made["content"]}]
    if made.get("type") == "image_url" and isinstance(made["image_url"], str):
        made["image_url"] = {"url": made["image_url"]}
    return made


def as_items(items: list[Json]) -> list[Json]:
    made = []
    for item in items:
        if item.get("type", "message") == "message":
            kind = "output_text" if item["role"] == "assistant" else "input_text"
            content = item["content"]
            parts = [{"type": kind, "text": content}] if isinstance(content, str) else content
            item = {"role": item["role"], "content": parts}
        made.append(as_it_is(item))
    return made


@given(anthropic_bodies())
@settings(max_examples=15)
def test_claude_gets_anthropics_own_blocks_as_they_are(body: Json) -> None:
    assert [*of_all_models("anthropic").complaints("chat", "", body, BETAS)] == []
    sent = fitted("anthropic", "anthropic", "claude-opus-4-8", body)
    assert as_it_is(sent["messages"]) == as_it_is(body["messages"])


@given(responses_bodies())
@settings(max_examples=15)
def test_openai_gets_the_items_of_its_responses_as_they_are(body: Json) -> None:
    assert [*of_all_models("openai").complaints("responses", "", body)] == []
    sent = fitted("openai_responses", "openai", "gpt-4.1", body, responses=True)
    assert as_items(sent["input"]) == as_items(body["input"])


@pytest.mark.parametrize("provider", SPEAKS)
@given(data=st.data())
@settings(max_examples=12)
def test_who_speaks_as_openai_does_gets_its_own_kinds_of_parts_as_they_are(
    provider: str, data: st.DataObject
) -> None:
    model = SPEAKS[provider][0]
    body = {"model": model, "messages": data.draw(chat_messages(provider))}
    assert [error.message for error in of_all_models(provider).complaints("chat", "", body)] == []
    sent = fitted("openai_chat", provider, model, body)
    assert as_it_is(sent["messages"]) == as_it_is(body["messages"])


def fitted(client: str, name: str, model: str, body: Json, *, responses: bool = False) -> Json:
    sent: Json = json.loads(Chats(plan(name, model), responses=responses).fit(asked(client, body)).body)
    return sent


def asked(client: str, body: Json) -> ChatRequest:
    body = json.loads(json.dumps(body))
    if client == "openai_chat":
        return ChatRequest(body, False)
    return said_in(client, body, CLIENT_SIDES[client].read_request(body))


OWN_WORDS = {
    "anthropic": anthropic_bodies(),
    "openai_responses": responses_bodies(),
    **{
        name: chat_messages(name).map(lambda messages: {"model": "m", "messages": messages})
        for name in SPEAKS
    },
}


@pytest.mark.parametrize("words", OWN_WORDS)
@given(data=st.data())
@settings(max_examples=4, phases=[Phase.generate])
def test_others_take_what_they_get_of_it_or_it_is_refused_by_name(words: str, data: st.DataObject) -> None:
    client = "openai_chat" if words in SPEAKS else words
    body = data.draw(OWN_WORDS[words])
    nameless: list[Any] = []
    for name in JUDGED:
        if name in ("anthropic", "openai") and client != "openai_chat" and name in client:
            continue
        if client == "openai_chat" and name in ("openai", words):
            continue  # what is new to OpenAI's own clients, OpenAI judges
        model = data.draw(st.sampled_from(models(name)), name)
        for beside in ("", DROP):
            chats = Chats(plan(name, model, beside=beside))
            request = asked(client, body)
            responses = chats.lacks(request)
            try:
                sent = json.loads(
                    Chats(plan(name, model, beside=beside), responses=responses).fit(request).body
                )
            except BadRequest as error:
                nameless += [] if error.param else [(name, model, error.message)]
                continue
            strict = judge(name)
            assert strict is not None
            kind = "responses" if responses else "chat"
            complaints = [each.message for each in strict.complaints(kind, model, sent)]
            assert complaints == [], (name, model, beside)
    assert nameless == []
