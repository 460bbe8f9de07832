"""OpenAI's client for Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from .served import CHATS, EMBEDDERS, SHAPERS, TALKERS, answers

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "The weather in a city", "parameters": PARAMETERS}


class City(BaseModel):
    name: str
    people: int


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.mark.tries("OpenAI for Python, chats", "text", "stream")
@pytest.mark.parametrize("model", CHATS)
def test_a_chat_is_answered_whole_and_streamed(client: openai.OpenAI, model: str) -> None:
    whole = client.chat.completions.create(model=model, messages=HELLO)
    assert answers(model, whole.choices[0].message.content, "hello")
    assert whole.usage is not None
    assert whole.usage.completion_tokens > 0
    options: Any = {"model": model, "messages": HELLO, "stream_options": {"include_usage": True}}
    with client.chat.completions.stream(**options) as stream:
        final = stream.get_final_completion()
    assert answers(model, final.choices[0].message.content, "hello")
    assert final.usage is not None


@pytest.mark.tries("OpenAI for Python, chats", "tools")
@pytest.mark.parametrize("model", TALKERS)
def test_chats_call_tools(client: openai.OpenAI, model: str) -> None:
    asked: list[Any] = [{"role": "user", "content": "call weather"}]
    tools: Any = [{"type": "function", "function": WEATHER}]
    called = client.chat.completions.create(model=model, messages=asked, tools=tools).choices[0].message
    assert called.tool_calls is not None
    [call] = called.tool_calls
    assert "city" in json.loads(call.function.arguments)
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    again = client.chat.completions.create(model=model, messages=[*asked, called, result], tools=tools)
    assert "sunny" in str(again.choices[0].message.content)


@pytest.mark.tries("OpenAI for Python, chats", "shape", "forced tool")
@pytest.mark.parametrize("model", SHAPERS)
def test_chats_give_shapes_and_call_what_they_must(client: openai.OpenAI, model: str) -> None:
    tools: Any = [{"type": "function", "function": WEATHER}]
    called = client.chat.completions.create(model=model, messages=HELLO, tools=tools, tool_choice="required")
    assert called.choices[0].finish_reason == "tool_calls"
    [call] = called.choices[0].message.tool_calls or ()
    assert "city" in json.loads(call.function.arguments)
    shaped = client.chat.completions.parse(model=model, messages=HELLO, response_format=City)
    assert isinstance(shaped.choices[0].message.parsed, City)


@pytest.mark.tries("OpenAI for Python, chats", "images")
@pytest.mark.parametrize("model", ["gpt", "claude", "flash", "vllm", "assistant"])
def test_chats_see_images(client: openai.OpenAI, model: str) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    asked: Any = [{"role": "user", "content": [{"type": "text", "text": "hello"}, image]}]
    whole = client.chat.completions.create(model=model, messages=asked)
    assert "hello" in str(whole.choices[0].message.content)


@pytest.mark.tries("OpenAI for Python, responses", "text", "stream", "goes on")
@pytest.mark.parametrize("model", CHATS)
def test_a_response_is_answered_and_gone_on_with(client: openai.OpenAI, model: str) -> None:
    first = client.responses.create(model=model, input="hello")
    assert answers(model, first.output_text, "hello")
    more: Any = {"model": model, "previous_response_id": first.id}
    with client.responses.stream(input="and now?", **more) as stream:
        types = [event.type for event in stream]
        final = stream.get_final_response()
    assert (types[0], types[-1]) == ("response.created", "response.completed")
    assert answers(model, final.output_text, "and now?")


@pytest.mark.tries("OpenAI for Python, responses", "tools")
@pytest.mark.parametrize("model", TALKERS)
def test_responses_call_tools(client: openai.OpenAI, model: str) -> None:
    tools: Any = [{"type": "function", "strict": False, **WEATHER}]
    called = client.responses.create(model=model, input="call weather", tools=tools)
    call = called.output[-1]
    assert call.type == "function_call"
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    again = client.responses.create(model=model, input=[result], previous_response_id=called.id, tools=tools)
    assert "sunny" in again.output_text


@pytest.mark.tries("OpenAI for Python, responses", "tools")
@pytest.mark.parametrize("model", TALKERS)
def test_responses_call_tools_of_free_text(client: openai.OpenAI, model: str) -> None:
    tools: Any = [{"type": "custom", "name": "note", "description": "Write something down."}]
    asked: Any = {"model": model, "tools": tools}
    called = client.responses.create(input="call note", **asked)
    call = called.output[-1]
    assert call.type == "custom_tool_call"
    assert not call.input.startswith("{")
    result: Any = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "sunny"}
    again = client.responses.create(input=[result], previous_response_id=called.id, **asked)
    assert "sunny" in again.output_text
    with client.responses.stream(input="call note", **asked) as stream:
        types = {event.type for event in stream}
        assert stream.get_final_response().output[-1].type == "custom_tool_call"
    assert "response.custom_tool_call_input.done" in types


@pytest.mark.tries("OpenAI for Python, responses", "shape", "forced tool")
@pytest.mark.parametrize("model", SHAPERS)
def test_responses_give_shapes_and_call_what_they_must(client: openai.OpenAI, model: str) -> None:
    tools: Any = [{"type": "function", "strict": False, **WEATHER}]
    called = client.responses.create(model=model, input="hello", tools=tools, tool_choice="required")
    assert called.output[-1].type == "function_call"
    shaped = client.responses.parse(model=model, input="a city", text_format=City)
    assert isinstance(shaped.output_parsed, City)


@pytest.mark.tries("OpenAI for Python, chats", "refuses tools")
@pytest.mark.parametrize("model", ["echo"])
def test_who_takes_no_tools_says_so(client: openai.OpenAI, model: str) -> None:
    tools: Any = [{"type": "function", "function": WEATHER}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=model, messages=HELLO, tools=tools)
    assert str(refused.value.param).startswith("tools")


@pytest.mark.tries("OpenAI for Python, completions", "text", "stream")
@pytest.mark.parametrize("model", ["writer", "vllm", "local"])
def test_a_text_is_gone_on_with(client: openai.OpenAI, model: str) -> None:
    asked: Any = {"model": model, "prompt": "hello", "max_tokens": 20}
    whole = client.completions.create(**asked)
    assert whole.choices[0].text
    assert "".join(piece.choices[0].text for piece in client.completions.create(**asked, stream=True))


@pytest.mark.tries("OpenAI for Python, embeddings", "vectors")
@pytest.mark.parametrize("model", EMBEDDERS)
def test_texts_are_embedded(client: openai.OpenAI, model: str) -> None:
    assert len(client.embeddings.create(model=model, input=["a", "b"]).data) == 2
