"""Anthropic's client for Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from .served import CHATS, SHAPERS, TALKERS, answers
from .test_openai import HELLO, PARAMETERS, PIXEL

WEATHER: Any = {"name": "weather", "description": "The weather in a city", "input_schema": PARAMETERS}
CACHED = {"cache_control": {"type": "ephemeral"}}


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as client:
        yield client


@pytest.mark.tries("Anthropic for Python", "text", "stream")
@pytest.mark.parametrize("model", CHATS)
def test_a_message_is_answered_whole_and_streamed(client: anthropic.Anthropic, model: str) -> None:
    whole = client.messages.create(model=model, messages=HELLO, max_tokens=40)
    assert answers(model, whole.content[-1].text, "hello")
    assert whole.usage.input_tokens > 0
    with client.messages.stream(model=model, messages=HELLO, max_tokens=40) as stream:
        said = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert answers(model, said, "hello")
    assert final.content[-1].text == said


@pytest.mark.tries("Anthropic for Python", "tools")
@pytest.mark.parametrize("model", TALKERS)
def test_a_tool_is_called_and_its_result_understood(client: anthropic.Anthropic, model: str) -> None:
    asked: list[Any] = [{"role": "user", "content": "call weather"}]
    more: Any = {"model": model, "max_tokens": 100, "tools": [WEATHER]}
    called = client.messages.create(messages=asked, **more)
    assert called.stop_reason == "tool_use"
    call = called.content[-1]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    asked += [{"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
    with client.messages.stream(messages=asked, **more) as stream:
        assert "sunny" in stream.get_final_text()


@pytest.mark.tries("Anthropic for Python", "forced tool")
@pytest.mark.parametrize("model", SHAPERS)
def test_a_tool_that_must_be_called_is(client: anthropic.Anthropic, model: str) -> None:
    answer = client.messages.create(
        model=model, messages=HELLO, max_tokens=100, tools=[WEATHER], tool_choice={"type": "any"}
    )
    assert answer.stop_reason == "tool_use"
    assert "city" in answer.content[-1].input


@pytest.mark.tries("Anthropic for Python", "images", "cache marks")
@pytest.mark.parametrize("model", TALKERS)
def test_images_and_marks_of_the_cache_are_taken(client: anthropic.Anthropic, model: str) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "hello", **CACHED}]
    answer = client.messages.create(
        model=model,
        max_tokens=40,
        system=[{"type": "text", "text": "Be kind.", **CACHED}],
        messages=[{"role": "user", "content": content}],
    )
    assert "hello" in answer.content[-1].text


@pytest.mark.tries("Anthropic for Python", "thinking", "counting")
@pytest.mark.parametrize("model", ["claude", "assistant"])
def test_thoughts_come_with_their_signature(client: anthropic.Anthropic, model: str) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    answer = client.messages.create(model=model, messages=HELLO, max_tokens=2000, thinking=thinking)
    thought, said = answer.content
    assert thought.type == "thinking"
    assert thought.signature
    history: Any = [*HELLO, {"role": "assistant", "content": answer.content}, *HELLO]
    again = client.messages.create(model=model, messages=history, max_tokens=2000, thinking=thinking)
    assert again.content[-1].text == said.text == "You said: hello"
    assert client.messages.count_tokens(model=model, messages=history).input_tokens > 0


@pytest.mark.tries("Anthropic for Python", "refuses tools")
@pytest.mark.parametrize("model", ["echo"])
def test_who_takes_no_tools_says_so(client: anthropic.Anthropic, model: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match="tools"):
        client.messages.create(model=model, messages=HELLO, max_tokens=40, tools=[WEATHER])
