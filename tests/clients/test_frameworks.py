"""pydantic-ai, OpenAI's agents, instructor and LiteLLM."""

from __future__ import annotations

import agents
import instructor
import litellm
import openai
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

TALKERS = ("gpt", "claude", "flash", "assistant")


class City(BaseModel):
    """A city."""

    name: str
    people: int


@pytest.mark.parametrize("maker", [OpenAIChatModel, OpenAIResponsesModel])
@pytest.mark.parametrize("model", TALKERS)
def test_pydantic_ai_runs_tools_and_reads_shapes(
    url: str, model: str, maker: type[OpenAIChatModel | OpenAIResponsesModel]
) -> None:
    chosen = maker(model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="any"))
    agent = Agent(chosen)
    asked: list[str] = []

    @agent.tool_plain
    def weather(city: str) -> str:
        asked.append(city)
        return "sunny"

    assert agent.run_sync("hello").output == "You said: hello"
    assert "sunny" in agent.run_sync("call weather").output
    assert len(asked) == 1
    assert isinstance(Agent(chosen, output_type=City).run_sync("a city").output, City)


@pytest.mark.parametrize("model", [*TALKERS, "echo"])
def test_openais_agents_answer_and_call(url: str, model: str) -> None:
    agents.set_tracing_disabled(True)
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)

    @agents.function_tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return "sunny"

    kind = agents.OpenAIResponsesModel(model, client)
    agent = agents.Agent("helper", model=kind, tools=[] if model == "echo" else [weather])
    first = agents.Runner.run_sync(agent, "hello")
    assert first.final_output == "You said: hello"
    again = agents.Runner.run_sync(agent, "and now?", previous_response_id=first.last_response_id)
    assert again.final_output == "You said: and now?"
    if model != "echo":
        assert "sunny" in agents.Runner.run_sync(agent, "call weather").final_output


@pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA])
@pytest.mark.parametrize("model", TALKERS)
def test_instructor_reads_shapes(url: str, model: str, mode: instructor.Mode) -> None:
    client = instructor.from_openai(openai.OpenAI(base_url=f"{url}/v1", api_key="any"), mode=mode)
    city = client.chat.completions.create(
        model=model, response_model=City, messages=[{"role": "user", "content": "a city"}], max_retries=0
    )
    assert isinstance(city, City)


@pytest.mark.parametrize("model", [*TALKERS, "echo"])
def test_litellm_speaks_three_protocols(url: str, model: str) -> None:
    messages = [{"role": "user", "content": "hello"}]
    for name, base in ((f"openai/{model}", f"{url}/v1"), (f"anthropic/{model}", url)):
        answer = litellm.completion(name, messages, api_base=base, api_key="any", max_tokens=50)
        assert answer.choices[0].message.content == "You said: hello"
        stream = litellm.completion(name, messages, api_base=base, api_key="any", max_tokens=50, stream=True)
        assert "".join(piece.choices[0].delta.content or "" for piece in stream) == "You said: hello"
    told = litellm.responses("hello", f"openai/{model}", api_base=f"{url}/v1", api_key="any")
    assert told.output[-1].content[0].text == "You said: hello"


def test_litellm_embeds_and_ranks(url: str) -> None:
    vectors = litellm.embedding("openai/vectors", ["a", "b"], api_base=f"{url}/v1", api_key="any")
    assert len(vectors.data) == 2
    ranked = litellm.rerank(
        "cohere/ranker", query="blue sky", documents=["grass", "blue sky"], api_base=url, api_key="any"
    )
    assert ranked.results[0]["index"] == 1
