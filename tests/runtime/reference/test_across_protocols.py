"""What is said in one protocol and has no place in another: found by generated requests."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest

from ...support.rows import each_row
from .reference import judge, plan

Json = dict[str, Any]

USER = {"role": "user", "content": "Hello."}


def sent(
    client: str, name: str, model: str, body: Json, *, responses: bool = False
) -> tuple[Json, tuple[str, ...]]:
    """What the provider gets, which has nothing against it, and the places of what was changed."""
    body = {"model": "m", **body}
    request = ChatRequest(body, False)
    if client != "openai_chat":
        request = said_in(client, body, CLIENT_SIDES[client].read_request(body))
    fit = Chats(plan(name, model), responses=responses).fit(request)
    found, strict = json.loads(fit.body), judge(name)
    assert strict is not None
    said = strict.complaints("responses" if responses else "chat", model, found)
    assert [error.message for error in said] == []
    return found, fit.changes


@pytest.mark.parametrize(
    ("name", "model"), [("openai", "gpt-4.1"), ("mistral", "mistral-large-latest"), ("xai", "grok-4.3")]
)
def test_a_picture_that_a_tool_gave_stands_behind_the_results_of_all_calls(name: str, model: str) -> None:
    picture = {"type": "input_image", "image_url": "https://example.com/a.png"}
    calls = [{"type": "function_call", "call_id": id, "name": "see", "arguments": "{}"} for id in "ab"]
    outputs = [{"type": "input_text", "text": "Seen."}, picture]
    results = [
        {"type": "function_call_output", "call_id": "a", "output": outputs},
        {"type": "function_call_output", "call_id": "b", "output": "Nothing."},
    ]
    found, _ = sent("openai_responses", name, model, {"input": [USER, *calls, *results, USER]})
    roles = [message["role"] for message in found["messages"]]
    assert roles[:4] == ["user", "assistant", "tool", "tool"]
    assert "https://example.com/a.png" in json.dumps(found["messages"][4:])


CALL = {"id": "call_123456", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "call_123456", "content": None}
TOLD = RESULT | {"content": "5"}
PARSED = CALL | {"function": {"name": "f", "arguments": {"a": 1}}}
EVERYBODY = [
    *(("openai", "gpt-4.1"), ("openai", "gpt-5.4-mini"), ("anthropic", "claude-sonnet-4-5")),
    *(("gemini", "gemini-3.5-flash"), ("mistral", "mistral-large-latest"), ("deepseek", "deepseek-chat")),
    *(("groq", "openai/gpt-oss-120b"), ("openrouter", "openai/gpt-4.1-mini"), ("vllm", "m")),
]


@each_row(
    "body",
    [
        {"messages": [USER, {"role": "assistant", "content": "Hi.", "tool_calls": []}, USER]},
        {"messages": [USER, {"role": "assistant", "content": None}, USER]},
        {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT, USER]},
        {"messages": [USER], "stream_options": {"include_usage": True}},
        {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [PARSED]}, RESULT, USER]},
        {"messages": [USER, {"role": "assistant", "content": "Hi.", "tool_calls": [PARSED]}, TOLD, USER]},
    ],
    ids=[
        "no calls in a list",
        "no content",
        "no content of a result",
        "options of a stream that is none",
        "parsed arguments",
        "parsed arguments, and nothing else",
    ],
)
@each_row(("name", "model"), EVERYBODY)
def test_what_says_nothing_is_refused_by_nobody(name: str, model: str, body: Json) -> None:
    sent("openai_chat", name, model, body)


@each_row(("name", "model"), EVERYBODY)
def test_what_a_user_says_between_the_results_of_a_turn_stands_behind_them(name: str, model: str) -> None:
    other = {**CALL, "id": "call_abcdef"}
    between = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL, other]},
        {**RESULT, "content": "one"},
        {"role": "user", "content": "Hurry."},
        {"role": "tool", "tool_call_id": "call_abcdef", "content": "two"},
    ]
    found, _ = sent("openai_chat", name, model, {"messages": between})
    text = json.dumps(found)
    assert text.index("one") < text.index("two") < text.index("Hurry.")


def test_openrouter_takes_four_texts_to_stop_at() -> None:
    with pytest.raises(BadRequest, match="4 stop sequences at most"):
        sent("openai_chat", "openrouter", "openai/gpt-4.1-mini", {"messages": [USER], "stop": list("abcde")})


def test_a_schema_of_anthropics_client_has_a_name_in_responses() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    format = {"type": "json_schema", "schema": schema}
    body = {"max_tokens": 99, "messages": [USER], "output_config": {"format": format}}
    found, _ = sent("anthropic", "openai", "gpt-5-pro", body, responses=True)
    assert found["text"]["format"]["name"] == "answer"


def test_a_limit_below_the_least_of_responses_is_raised_and_told() -> None:
    asked = {"messages": [USER], "max_completion_tokens": 2}
    found, changes = sent("openai_chat", "openai", "gpt-5-pro", asked, responses=True)
    assert (found["max_output_tokens"], changes) == (16, ("max_completion_tokens",))


def test_a_cache_mark_on_an_answer_has_no_place_in_responses() -> None:
    part = {"type": "text", "text": "Hi.", "prompt_cache_breakpoint": {"mode": "explicit"}}
    messages = [USER, {"role": "assistant", "content": [part]}, USER]
    _, changes = sent("openai_chat", "openai", "gpt-4.1", {"messages": messages}, responses=True)
    assert changes == ("messages[1].content[0].prompt_cache_breakpoint",)


def test_googles_signature_of_a_call_stays_away_from_openais_responses() -> None:
    signed = {"extra_content": {"google": {"thought_signature": "R0dH"}}}
    call = {"type": "function_call", "call_id": "a", "name": "now", "arguments": "{}", **signed}
    result = {"type": "function_call_output", "call_id": "a", "output": "Noon."}
    found, _ = sent(
        "openai_responses", "openai", "gpt-5-pro", {"input": [USER, call, result]}, responses=True
    )
    assert "R0dH" not in json.dumps(found)


def test_a_model_that_cannot_rest_is_not_sampled_as_if_it_did() -> None:
    asked = {"input": "Hello.", "reasoning": {"effort": "none"}, "temperature": 0.5}
    with pytest.raises(BadRequest) as caught:
        sent("openai_responses", "openai", "gpt-5.5-pro", asked, responses=True)
    assert caught.value.param == "temperature"


def test_calls_before_a_model_without_functions_are_named_where_bedrock_would_refuse_them() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    messages = [
        USER,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "Noon."},
    ]
    with pytest.raises(BadRequest) as caught:
        sent("openai_chat", "bedrock", "meta.llama3-70b-instruct-v1:0", {"messages": messages})
    assert caught.value.param == "messages[1].tool_calls[0]"


MISTRALS: list[Json] = [
    {"type": "input_audio", "input_audio": "https://example.com/a.mp3"},
    {"type": "file", "file_id": "0b1c"},
    {"type": "document_url", "document_url": "https://example.com/a.pdf", "document_name": "a.pdf"},
    {"type": "reference", "reference_ids": [1, "b"]},
    {"type": "text", "text": "What is in them?"},
]


def test_mistral_gets_its_own_kinds_of_chunks_as_they_are() -> None:
    thought = {
        "type": "thinking",
        "thinking": [{"type": "text", "text": "hm"}],
        "signature": "c",
        "closed": True,
    }
    said = {"role": "assistant", "content": [thought, {"type": "text", "text": "So."}]}
    messages = [{"role": "user", "content": MISTRALS}, said, {"role": "user", "content": "Go on."}]
    found, changes = sent("openai_chat", "mistral", "mistral-large-latest", {"messages": messages})
    assert found["messages"] == messages
    assert changes == ()


@pytest.mark.parametrize("part", MISTRALS[:4], ids=lambda part: str(part["type"]))
def test_mistrals_own_kinds_of_chunks_are_refused_by_name_for_others(part: Json) -> None:
    body = {"messages": [{"role": "user", "content": [part, {"type": "text", "text": "What is it?"}]}]}
    others = [
        ("anthropic", "claude-opus-4-8"),
        ("gemini", "gemini-3-flash"),
        ("groq", "llama-3.3-70b-versatile"),
    ]
    known_by_name = part["type"] in ("input_audio", "file")  # OpenAI gets kinds that may be its newest
    for name, model in [*others, *([("openai", "gpt-4.1")] if known_by_name else [])]:
        with pytest.raises(BadRequest) as refused:
            sent("openai_chat", name, model, body)
        assert refused.value.param == "messages[0].content[0]"


def test_the_address_of_a_picture_as_mistral_has_it_is_an_object_for_others() -> None:
    said = [{"type": "image_url", "image_url": "https://example.com/a.png"}]
    body = {"messages": [{"role": "user", "content": said}]}
    found, _ = sent("openai_chat", "openrouter", "openai/gpt-4o", body)
    assert found["messages"][0]["content"][0]["image_url"] == {"url": "https://example.com/a.png"}


@pytest.mark.parametrize("to", ["openai_chat", "openai_responses"])
def test_a_picture_in_an_answer_is_refused_by_name_where_answers_are_text(to: str) -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    said = {"role": "assistant", "content": [picture, {"type": "text", "text": "So."}]}
    body = {"max_tokens": 99, "messages": [USER, said, USER]}
    with pytest.raises(BadRequest) as refused:
        sent("anthropic", "openai", "gpt-4.1", body, responses=to == "openai_responses")
    assert refused.value.param == "messages[1].content[0]"
    found, _ = sent("anthropic", "openrouter", "google/gemini-3-flash-preview", body)
    assert "https://example.com/a.png" in json.dumps(found["messages"][1])


def test_what_is_not_to_be_cited_is_said_to_converse() -> None:
    found = {"type": "search_result", "source": "a.org", "title": "A", "citations": {}}
    said = [{**found, "content": [{"type": "text", "text": "x"}]}, {"type": "text", "text": "Well?"}]
    body = {"max_tokens": 99, "messages": [{"role": "user", "content": said}]}
    told, _ = sent("anthropic", "bedrock", "anthropic.claude-opus-4-8", body)
    assert told["messages"][0]["content"][0]["searchResult"]["citations"] == {"enabled": False}


@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
def test_cache_marks_reach_openrouter(client: str) -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    said = [{"type": "text", "text": "A long text.", "cache_control": mark}]
    body: Json = {"max_tokens": 99, "messages": [{"role": "user", "content": said}]}
    found, _ = sent(client, "openrouter", "anthropic/claude-sonnet-4.5", body)
    assert found["messages"][0]["content"] == said


BILL = "x-anthropic-billing-header: cc_version=2.1.197; cc_entrypoint=cli; cch=0c1f3;"
ELSEWHERE = [
    ("openai", "gpt-4.1"),
    ("gemini", "gemini-3-flash-preview"),
    ("bedrock", "anthropic.claude-opus-4-8"),
    ("mistral", "mistral-small-latest"),
]


@pytest.mark.parametrize(("provider", "model"), ELSEWHERE)
@pytest.mark.parametrize("more", [[], ["Be brief."]])
def test_what_is_about_anthropic_s_bill_goes_to_anthropic_alone(
    provider: str, model: str, more: list[str]
) -> None:
    system = [{"type": "text", "text": text} for text in (BILL, *more)]
    body = {"max_tokens": 99, "system": system, "messages": [USER]}
    found, told = sent("anthropic", provider, model, body)
    assert "billing" not in json.dumps(found)
    assert ("Be brief." in json.dumps(found)) == bool(more)
    assert told == ("system[0]",)
    at_anthropic, told = sent("anthropic", "anthropic", "claude-opus-4-8", body)
    assert at_anthropic["system"] == system
    assert told == ()


@pytest.mark.parametrize(
    "block",
    [
        {"type": "tool_reference", "tool_name": "read_file"},
        {
            "type": "search_result",
            "source": "https://a.org/read_file",
            "title": "A",
            "content": [{"type": "text", "text": "So it is."}],
        },
        {"type": "document", "source": {"type": "content", "content": "read_file does it."}, "title": "A"},
    ],
)
@pytest.mark.parametrize(("provider", "model"), [each for each in ELSEWHERE if each[0] != "bedrock"])
@pytest.mark.parametrize("inside", [True, False])
def test_what_only_anthropic_has_a_block_for_is_told_in_words(
    block: Json, provider: str, model: str, inside: bool
) -> None:
    call = {"type": "tool_use", "id": "c1", "name": "find", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [block] if inside else "Found."}
    said = [result] if inside else [result, block]
    turns = [USER, {"role": "assistant", "content": [call]}, {"role": "user", "content": said}]
    tools = [
        {"name": "find", "input_schema": {"type": "object", "properties": {}}},
        {"name": "read_file", "defer_loading": True, "input_schema": {"type": "object", "properties": {}}},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
    ]
    found, told = sent("anthropic", provider, model, {"max_tokens": 99, "messages": turns, "tools": tools})
    assert "read_file" in json.dumps(found.get("messages", found.get("contents")))
    assert "tool_search_tool" not in json.dumps(found)
    assert "messages[2].content" in " ".join(told)
    assert "tools[2]" in told


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-4.1"), ("gemini", "gemini-2.5-flash")])
def test_the_older_name_of_a_form_means_the_form(provider: str, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    body = {"max_tokens": 99, "messages": [USER]}
    form = {"type": "json_schema", "schema": schema}
    older, _ = sent("anthropic", provider, model, {**body, "output_format": form})
    newer, _ = sent("anthropic", provider, model, {**body, "output_config": {"format": form}})
    assert older == newer


@pytest.mark.parametrize(
    ("client", "body"),
    [
        (
            "anthropic",
            {
                "max_tokens": 99,
                "system": "Be brief.",
                "messages": [USER, {"role": "system", "content": "It is noon."}],
            },
        ),
        (
            "openai_responses",
            {"instructions": "Be brief.", "input": [{"role": "developer", "content": "It is noon."}, USER]},
        ),
        (
            "openai_chat",
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "system", "content": "It is noon."},
                    USER,
                ]
            },
        ),
    ],
)
def test_a_template_that_takes_one_system_prompt_gets_one(client: str, body: Json) -> None:
    found, _ = sent(client, "vllm", "Qwen/Qwen3.6-27B", body)
    assert [message["role"] for message in found["messages"]].count("system") == 1
    assert "It is noon." in json.dumps(found)
    assert "Be brief." in json.dumps(found["messages"][0])


def test_one_system_prompt_before_such_a_template_passes_as_it_came() -> None:
    body = {"messages": [{"role": "system", "content": "Be brief."}, USER], "model": "m"}
    fit = Chats(plan("vllm", "Qwen/Qwen3.6-27B")).fit(ChatRequest(body, False))
    assert fit.passes


@pytest.mark.parametrize(
    ("provider", "model"),
    [each for each in ELSEWHERE if each[0] in ("gemini", "bedrock")] + [("anthropic", "claude-opus-4-8")],
)
@pytest.mark.parametrize("name", ["$READFILE", "f<|channel|>commentary", "9 lives", "", "x" * 200])
def test_a_call_of_what_nobody_declared_has_a_name_that_the_provider_takes(
    provider: str, model: str, name: str
) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "There is none."},
    ]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    found, told = sent("openai_chat", provider, model, {"messages": messages, "tools": [tool]})
    turns = json.dumps(found.get("messages", found.get("contents")))
    [*_, called] = re.findall(r'"(?:toolUse|functionCall|tool_use)".*?"name": "(.*?)"', turns)
    assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]{0,63}", called)
    assert "There is none." in turns
    assert "messages[1].tool_calls[0]" in told


def test_a_document_of_text_ends_no_cache_at_bedrock() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "A."}
    document = {"type": "document", "source": source, "cache_control": {"type": "ephemeral"}}
    said = [{"type": "text", "text": "Well?", "cache_control": {"type": "ephemeral"}}, document]
    body = {"max_tokens": 99, "messages": [{"role": "user", "content": said}]}
    found, told = sent("anthropic", "bedrock", "anthropic.claude-opus-4-8", body)
    kinds = [next(iter(block)) for block in found["messages"][0]["content"]]
    assert kinds == ["text", "cachePoint", "document"]
    assert told == ("messages[0].content[1].cache_control",)
