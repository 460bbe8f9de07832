"""Every client's dialect in front of every provider's: one request and its answer, all the way and back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from inferc.compiler.plan import UNKNOWN
from inferc.runtime.dialects.adapt import Adapted, adapt
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.registry import CLIENT_SIDES, PROVIDER_SIDES
from inferc.runtime.dialects.server_sent_events import SseParser
from inferc.runtime.requests.errors import RateLimited
from tests.support.official_types import (
    check_anthropic,
    check_bedrock,
    check_gemini,
    check_openai_chat,
    check_openai_responses,
)
from tests.support.rows import each_row
from tests.support.strict import problems

USER = {"role": "user", "content": "Hello."}
SCHEMA = {"type": "object", "properties": {}}

ASKED: dict[str, dict[str, Any]] = {
    "openai_chat": {"messages": [USER], "stream_options": {"include_usage": True}}
    | {"stream": True, "tools": [{"type": "function", "function": {"name": "now", "parameters": SCHEMA}}]},
    "openai_responses": {
        "input": "Hello.",
        "tools": [{"type": "function", "name": "now", "parameters": SCHEMA}],
    },
    "anthropic": {"messages": [USER], "max_tokens": 9, "tools": [{"name": "now", "input_schema": SCHEMA}]},
}

CALL = {"id": "t1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
MESSAGE = {"role": "assistant", "content": "I look.", "tool_calls": [CALL]}
BLOCKS = [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "t1", "name": "now", "input": {}}]
CONVERSED = [{"text": "I look."}, {"toolUse": {"toolUseId": "t1", "name": "now", "input": {}}}]
PARTS = [{"text": "I look."}, {"functionCall": {"id": "t1", "name": "now", "args": {}}}]

SAID = {"type": "output_text", "text": "I look.", "annotations": []}

ANSWERED: dict[str, Any] = {
    "openai_chat": {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "tool_calls", "logprobs": None}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    },
    "openai_responses": {
        "id": "resp_1",
        "object": "response",
        "model": "m",
        "status": "completed",
        "output": [
            {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [SAID]},
            {"id": "fc_1", "type": "function_call", "call_id": "t1", "name": "now", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": BLOCKS,
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "bedrock": {
        "output": {"message": {"role": "assistant", "content": CONVERSED}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
        "metrics": {"latencyMs": 1},
    },
    "gemini": {
        "responseId": "r1",
        "modelVersion": "m",
        "candidates": [{"index": 0, "content": {"role": "model", "parts": PARTS}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    },
}

CHECKS = {
    "openai_chat": check_openai_chat,
    "openai_responses": check_openai_responses,
    "anthropic": check_anthropic,
    "gemini": check_gemini,
    "bedrock": check_bedrock,
}


def parsed(client: str, whole: bytes) -> tuple[Any, ...]:
    """What the client's own package makes of an answer: its words, its call, its usage."""
    if client == "openai_chat":
        chat = ChatCompletion.model_validate_json(whole, strict=True)
        message, usage = chat.choices[0].message, chat.usage
        [call] = message.tool_calls or []
        assert call.type == "function"
        assert usage is not None
        return message.content, call.id, call.function.name, usage.prompt_tokens, usage.completion_tokens
    if client == "anthropic":
        text, use = (answer := Message.model_validate_json(whole, strict=True)).content
        assert (text.type, use.type) == ("text", "tool_use")
        return text.text, use.id, use.name, answer.usage.input_tokens, answer.usage.output_tokens  # type: ignore[union-attr]
    response = Response.model_validate_json(whole, strict=True)
    said = response.output[1]
    assert said.type == "function_call"
    assert response.usage is not None
    counts = response.usage.input_tokens, response.usage.output_tokens
    return response.output_text, said.call_id, said.name, *counts


@each_row("provider", PROVIDER_SIDES)
@each_row("client", CLIENT_SIDES)
def test_a_request_goes_all_the_way_and_its_answer_back(client: str, provider: str) -> None:
    asks, answers = CLIENT_SIDES[client], PROVIDER_SIDES[provider]
    conversation = asks.read_request({"model": "m", **ASKED[client]})
    found = adapt(conversation, UNKNOWN, client=client, provider=provider)
    assert isinstance(found, Adapted)
    request = loads(dumps(answers.write_request(found.conversation)))
    check_types = CHECKS[provider]
    check_types(request)
    assert problems(provider, request) == []

    events = answers.reader(PlainFailures()).read_whole(orjson.dumps(ANSWERED[provider]))
    whole = asks.whole(conversation, 1, fold(events))
    assert parsed(client, whole) == ("I look.", "t1", "now", 3, 2)
    writer = asks.stream(conversation, 1)
    streamed = SseParser().feed(b"".join(map(writer.write, events)) + writer.end())
    assert b'"error":{' not in streamed[-1].data
    assert b"I look." in b"".join(event.data for event in streamed)


@pytest.mark.parametrize("client", CLIENT_SIDES)
def test_every_client_is_told_of_an_error_in_its_words(client: str) -> None:
    assert CLIENT_SIDES[client].error(RateLimited("slow down"))["error"]["message"] == "slow down"


@pytest.mark.parametrize("client", CLIENT_SIDES)
def test_every_client_sees_a_stream_that_never_came_to_its_end(client: str) -> None:
    side = CLIENT_SIDES[client]
    writer = side.stream(side.read_request({"model": "m", **ASKED[client]}), 1)
    assert b'"error"' in writer.end()
