"""Answers of servers that speak OpenAI's protocol in a way of their own, in the words of OpenAI's clients."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from attrs import evolve
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from inferc.compiler.plan import ProviderKind
from inferc.runtime.dialects import openai_chat
from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.anthropic import write_answer as anthropic
from inferc.runtime.dialects.gemini.read_answer import read_usage
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.server_sent_events import Event
from inferc.runtime.replicas.remote.passthrough.answers import read_whole
from inferc.runtime.replicas.remote.passthrough.streams import PassingReader
from inferc.runtime.requests import events as e
from inferc.runtime.requests.errors import (
    ContentFiltered,
    ContextLengthExceeded,
    RateLimited,
    RequestError,
    ServerError,
    Unauthorized,
)
from tests.support.rows import each_row
from tests.support.wires import wire_plan

COMPATIBLE = Classifier(evolve(wire_plan("openai"), provider=ProviderKind.OPENAI_COMPATIBLE), None)
USED = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def whole(reason: Any = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "Hello.", **message}
    choice = {"index": 0, "message": said, "finish_reason": reason}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": USED,
    }


def chunk(reason: Any = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": "Hello.", **delta}, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def passed_whole(value: Any) -> Any:
    return orjson.loads(read_whole(orjson.dumps(value), COMPATIBLE).data)


def passed(*values: Any) -> list[Any]:
    reader = PassingReader(COMPATIBLE, hide_usage=False)
    found = [
        orjson.loads(each.data) for value in values for each in reader.read(Event(b"", orjson.dumps(value)))
    ]
    assert list(reader.close()) == []
    return found


def read(*values: Any) -> list[e.Event]:
    reader = openai_chat.OpenAIChatReader(PlainFailures())
    found = [made for value in values for made in reader.read(Event(b"", orjson.dumps(value)))]
    return found + reader.close()


@each_row(
    ("told", "openais", "anthropics"),
    [
        ("length", "length", "max_tokens"),
        ("model_length", "length", "max_tokens"),
        ("MAX_TOKENS", "length", "max_tokens"),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("sensitive", "content_filter", "refusal"),
        ("guardrail_intervened", "content_filter", "refusal"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter", "refusal"),
        ("eos_token", "stop", "end_turn"),
        ("tool_use", "stop", "end_turn"),
        ("something new", "stop", "end_turn"),
    ],
)
def test_the_end_of_an_answer_is_told_in_the_client_s_words(told: str, openais: str, anthropics: str) -> None:
    [choice] = passed_whole(whole(told))["choices"]
    [last] = passed(chunk(told))[-1]["choices"]
    assert choice["finish_reason"] == last["finish_reason"] == openais
    if told != openais:
        assert choice["native_finish_reason"] == last["native_finish_reason"] == told
    written = orjson.loads(anthropic.write_whole(fold(read(chunk(told)))))
    assert written["stop_reason"] == anthropics


@pytest.mark.parametrize("told", ["abort", "function_call_filter: MALFORMED_FUNCTION_CALL"])
def test_an_answer_that_was_given_up_has_failed(told: str) -> None:
    with pytest.raises(RequestError):
        passed_whole(whole(told))
    with pytest.raises(RequestError):
        passed(chunk(told))
    assert isinstance(read(chunk(told))[-1], e.Failed)


def test_a_stream_whose_chunks_tell_an_empty_reason_goes_on() -> None:
    found = passed(chunk(""), chunk(""), chunk("stop"))
    assert [each["choices"][0]["finish_reason"] for each in found] == [None, None, "stop"]


def test_what_is_told_to_be_nothing_is_filled_in_where_clients_need_it() -> None:
    answer, part = whole(), chunk("stop")
    for value in (answer, part):
        value["object"] = None
        value["choices"][0]["index"] = None
    answer["created"] = None
    ChatCompletion.model_validate(passed_whole(answer))
    for each in passed(part, part):
        ChatCompletionChunk.model_validate(each)


@each_row(
    "value",
    [
        {"object": "error", "message": "out of memory", "type": "InternalServerError", "code": 500},
        {"success": False, "msg": "out of memory", "code": 50001},
        {"detail": "out of memory"},
        {"code": "InternalError", "message": "out of memory", "request_id": "r"},
        {"status": "error", "message": "out of memory"},
        {"id": "c", "choices": None, "base_resp": {"status_code": 1000, "status_msg": "out of memory"}},
    ],
)
def test_an_error_in_a_form_of_its_own_is_one_whole_and_streamed(value: Any) -> None:
    with pytest.raises(RequestError, match="out of memory"):
        passed_whole(value)
    with pytest.raises(RequestError, match="out of memory"):
        passed(chunk(), value)
    failed = read(chunk(), value)[-1]
    assert isinstance(failed, e.Failed)
    assert "out of memory" in failed.error.message


@each_row(
    ("number", "told", "kind", "retryable"),
    [
        (1002, "rate limit", RateLimited, True),
        (1004, "login fail", Unauthorized, False),
        (1008, "insufficient balance", RateLimited, False),
        (1026, "new_sensitive", ContentFiltered, False),
        (2013, "invalid params, context window exceeds limit", ContextLengthExceeded, False),
        (2056, "usage limit exceeded", RateLimited, False),
        (1000, "unknown", ServerError, True),
        (99999, "", ServerError, True),
        ([1], "odd", ServerError, True),
    ],
)
def test_a_number_in_an_answer_says_which_error_it_is(
    number: Any, told: str, kind: type[RequestError], retryable: bool
) -> None:
    failed = {"id": "c", "choices": None, "base_resp": {"status_code": number, "status_msg": told}}
    with pytest.raises(kind) as found:
        passed_whole(failed)
    assert (type(found.value), found.value.retryable) == (kind, retryable)


@pytest.mark.parametrize("value", [None, {"code": 0, "message": "success"}, {"code": 200, "msg": "ok"}])
def test_an_event_that_says_that_all_is_well_is_no_error(value: Any) -> None:
    assert not any(isinstance(each, e.Failed) for each in read(chunk(), value, chunk("stop")))
    passed(chunk(), value, chunk("stop"))


def test_a_choice_that_says_nothing_is_no_answer() -> None:
    with pytest.raises(RequestError, match="says nothing"):
        passed_whole({"id": "c", "choices": [{"index": 0, "finish_reason": "stop"}]})


@each_row(
    "body",
    [
        {"errors": [{"message": "Too hot."}]},
        {"errors": ["Too hot."]},
        {"error": {"message": {"temperature": "Too hot."}}},
        {"success": False, "errors": [{"code": 1, "message": "Too hot."}], "result": None},
        {"msg": "Too hot."},
        {"error_msg": "Too hot."},
    ],
)
def test_what_a_refusal_says_is_found_in_whatever_form(body: Any) -> None:
    error = COMPATIBLE.http_error(400, {}, orjson.dumps(body))
    assert error.message.endswith("answered 400: Too hot.")


def test_a_prompt_of_google_s_is_never_less_than_what_was_cached_of_it() -> None:
    counts = {"promptTokenCount": 10, "cachedContentTokenCount": 400, "candidatesTokenCount": 5}
    assert (read_usage(counts).prompt_tokens, read_usage(counts).cached_tokens) == (410, 400)
    within = read_usage({**counts, "promptTokenCount": 500})
    assert within.prompt_tokens == 500
