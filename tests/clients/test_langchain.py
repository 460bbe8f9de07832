"""LangChain's chat models and embeddings, of OpenAI's package and of Anthropic's."""

from __future__ import annotations

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from .served import CHATS, EMBEDDERS, SHAPERS, TALKERS, answers

KINDS = ("chats", "responses", "messages")


class City(BaseModel):
    """A city."""

    name: str
    people: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def chat(url: str, model: str, kind: str) -> ChatOpenAI | ChatAnthropic:
    if kind == "messages":
        return ChatAnthropic(model=model, base_url=url, api_key="any", max_retries=0)
    return ChatOpenAI(
        model=model,
        base_url=f"{url}/v1",
        api_key="any",
        max_retries=0,
        use_responses_api=kind == "responses",
        stream_usage=True,
    )


@pytest.mark.tries("LangChain, {kind}", "text", "stream")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", CHATS)
def test_a_chat_is_answered_whole_and_streamed(url: str, model: str, kind: str) -> None:
    llm = chat(url, model, kind)
    answer = llm.invoke("hello")
    assert answers(model, answer.text, "hello")
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] > 0
    assert answers(model, "".join(piece.text for piece in llm.stream("hello")), "hello")


@pytest.mark.tries("LangChain, {kind}", "tools")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", TALKERS)
def test_a_tool_is_called_and_its_result_understood(url: str, model: str, kind: str) -> None:
    llm = chat(url, model, kind).bind_tools([weather])
    asked = HumanMessage("call weather")
    called = llm.invoke([asked])
    [call] = called.tool_calls
    assert call["name"] == "weather"
    result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    assert "sunny" in llm.invoke([asked, called, result]).text


@pytest.mark.tries("LangChain, {kind}", "shape")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", SHAPERS)
def test_an_answer_has_the_shape_that_was_asked_for(url: str, model: str, kind: str) -> None:
    assert isinstance(chat(url, model, kind).with_structured_output(City).invoke("a city"), City)


@pytest.mark.tries("LangChain, embeddings", "vectors")
@pytest.mark.parametrize("model", EMBEDDERS)
def test_texts_are_embedded(url: str, model: str) -> None:
    embedder = OpenAIEmbeddings(
        model=model, base_url=f"{url}/v1", api_key="any", check_embedding_ctx_length=False
    )
    assert len(embedder.embed_documents(["a", "b"])) == 2
