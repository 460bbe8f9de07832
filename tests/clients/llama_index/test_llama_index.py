"""LlamaIndex's models, embeddings and agents."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.openai_like import OpenAILike, OpenAILikeResponses
from pydantic import BaseModel

from ..served import CHATS, EMBEDDERS, TALKERS, answers

CLAUDES = {"gpt": "claude-sonnet-4-5", "flash": "claude-haiku-4-5"}
"""Names for them that LlamaIndex lets its class for Anthropic ask for; it knows no others."""

KINDS = ("chats", "responses")
ASKED = [(model, kind) for kind in KINDS for model in TALKERS]
ASKED += [(model, "messages") for model in CLAUDES]


class City(BaseModel):
    """A city."""

    name: str
    people: int


def llm(url: str, model: str, kind: str) -> LLM:
    if kind == "messages":
        return Anthropic(model=CLAUDES[model], base_url=url, api_key="any", max_retries=0)
    if kind == "responses":
        return OpenAILikeResponses(
            model=model,
            api_base=f"{url}/v1",
            api_key="any",
            max_retries=0,
            is_function_calling_model=True,
        )
    return OpenAILike(
        model=model,
        api_base=f"{url}/v1",
        api_key="any",
        max_retries=0,
        is_chat_model=True,
        is_function_calling_model=True,
    )


@pytest.mark.tries("LlamaIndex, {kind}", "text", "stream")
@pytest.mark.parametrize(
    ("model", "kind"),
    [(model, kind) for kind in KINDS for model in CHATS] + [(model, "messages") for model in CLAUDES],
)
def test_a_question_is_answered_whole_and_streamed(url: str, model: str, kind: str) -> None:
    chosen = llm(url, model, kind)
    assert answers(model, chosen.complete("hello").text, "hello")
    assert answers(model, "".join(piece.delta for piece in chosen.stream_complete("hello")), "hello")


@pytest.mark.tries("LlamaIndex, {kind}", "tools")
@pytest.mark.parametrize(("model", "kind"), ASKED)
def test_an_agent_calls_a_tool(url: str, model: str, kind: str) -> None:
    asked: list[str] = []

    def weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return "sunny"

    async def run() -> str:
        agent = FunctionAgent(tools=[FunctionTool.from_defaults(weather)], llm=llm(url, model, kind))
        return str(await agent.run("call weather"))

    assert "sunny" in asyncio.run(run())
    assert len(asked) == 1


@pytest.mark.tries("LlamaIndex, {kind}", "shape")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", TALKERS)
def test_an_answer_has_the_shape_that_was_asked_for(url: str, model: str, kind: str) -> None:
    asked = PromptTemplate("a city")
    assert isinstance(llm(url, model, kind).structured_predict(City, asked), City)


@pytest.mark.tries("LlamaIndex, embeddings", "vectors")
@pytest.mark.parametrize("model", EMBEDDERS)
def test_texts_are_embedded(url: str, model: str) -> None:
    embedder = OpenAILikeEmbedding(model_name=model, api_base=f"{url}/v1", api_key="any")
    assert len(embedder.get_text_embedding_batch(["a", "b"])) == 2
