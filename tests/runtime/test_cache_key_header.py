"""The key of a prompt's cache, which xAI's chats have as a header, and its responses as a field."""

from __future__ import annotations

from typing import Any

import pytest

from inferc.runtime.dialects import openai_responses
from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.exact_json import loads
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.chat_answers import Fit
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest

from ..support.rows import each_row
from .reference.reference import plan

HELLO = [{"role": "user", "content": "Hello."}]


def asked(key: Any, **more: Any) -> Fit:
    body = {"model": "it", "messages": HELLO, "prompt_cache_key": key, **more}
    return Chats(plan("xai", "grok-4.7")).fit(ChatRequest(body, False))


@pytest.mark.parametrize("more", [{}, {"metadata": {"a": "b"}}])
def test_it_goes_in_the_header_that_the_provider_reads(more: dict[str, Any]) -> None:
    fit = asked("conv-1", **more)
    assert fit.headers == {"x-grok-conv-id": "conv-1"}
    assert "prompt_cache_key" not in loads(fit.body)
    assert fit.changes == tuple(more)


@pytest.mark.parametrize(
    "key", ["a\r\nAuthorization: Bearer b", "Gr\u00fc\u00dfe", "k" * 5000, " padded ", "\ud800"]
)
def test_what_is_no_value_of_a_header_is_sent_as_a_digest(key: str) -> None:
    [(name, said)] = asked(key).headers.items()
    assert name == "x-grok-conv-id"
    assert len(said) == 64
    assert said == asked(key).headers[name] != asked("other\n").headers[name]


@pytest.mark.parametrize("key", [{"a": 1}, ["a"], 7, True])
def test_a_key_that_is_no_text_is_the_clients_error(key: Any) -> None:
    with pytest.raises(BadRequest, match="`prompt_cache_key` must be ") as refused:
        asked(key)
    assert (refused.value.param, refused.value.code) == ("prompt_cache_key", "wrong_type")


@each_row("options", [{"mode": "implicit"}, {"ttl": "30m"}, {}])
@each_row("more", [{}, {"service_tier": "flex"}])
def test_openrouter_gets_no_options_of_the_cache_but_explicit_ones(
    options: Any, more: dict[str, Any]
) -> None:
    def sent(said: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
        body = {"model": "it", "messages": HELLO, "prompt_cache_options": said, **more}
        fit = Chats(plan("openrouter", "openai/gpt-6-sol")).fit(ChatRequest(body, False))
        assert not list(table("openrouter").complaints("chat", "openai/gpt-6-sol", loads(fit.body)))
        return loads(fit.body), fit.changes

    explicit = {"mode": "explicit", "ttl": "30m"}
    assert sent(explicit)[0]["prompt_cache_options"] == explicit
    body, changes = sent(options)
    assert body.get("prompt_cache_options") is None
    assert "prompt_cache_options" in changes


@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_no_header(key: str | None) -> None:
    assert not asked(key).headers


def test_in_responses_it_is_a_field_and_tools_of_the_providers_own_go_along() -> None:
    body = {
        "model": "it",
        "input": "What is new?",
        "tools": [{"type": "web_search"}],
        "prompt_cache_key": "c",
    }
    request = said_in("openai_responses", body, openai_responses.read_request(body))
    made = plan("xai", "grok-4.7", more="responses = true")
    fit = Chats(made, responses=made.responses).fit(request)
    sent = loads(fit.body)
    assert (fit.path, fit.headers) == ("/responses", {})
    assert (sent["prompt_cache_key"], sent["tools"]) == ("c", [{"type": "web_search"}])
    assert sent["include"] == ["reasoning.encrypted_content"]


def test_a_client_of_responses_keeps_its_key_where_chats_answer_it() -> None:
    body = {"model": "it", "input": "Hello.", "prompt_cache_key": "c"}
    request = said_in("openai_responses", body, openai_responses.read_request(body))
    fit = Chats(plan("xai", "grok-4.7")).fit(request)
    assert (fit.path, fit.headers) == ("/chat/completions", {"x-grok-conv-id": "c"})
