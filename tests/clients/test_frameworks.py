"""pydantic-ai, OpenAI's agents, instructor and LiteLLM."""

from __future__ import annotations

import asyncio
from typing import Any

import agents
import instructor
import litellm
import openai
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from .served import CHATS, EMBEDDERS, SHAPERS, TALKERS, answers


class City(BaseModel):
    """A city."""

    name: str
    people: int


MAKERS = {"chats": OpenAIChatModel, "responses": OpenAIResponsesModel}


@pytest.mark.tries("pydantic-ai, {kind}", "text", "stream")
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("model", CHATS)
def test_pydantic_ai_asks_whole_and_streamed(url: str, model: str, kind: str) -> None:
    agent = Agent(MAKERS[kind](model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="any")))

    async def streamed() -> str:
        async with agent.run_stream("hello") as stream:
            return await stream.get_output()

    assert answers(model, agent.run_sync("hello").output, "hello")
    assert answers(model, asyncio.run(streamed()), "hello")


@pytest.mark.tries("pydantic-ai, {kind}", "tools")
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("model", TALKERS)
def test_pydantic_ai_runs_tools(url: str, model: str, kind: str) -> None:
    agent = Agent(MAKERS[kind](model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="any")))
    asked: list[str] = []

    @agent.tool_plain
    def weather(city: str) -> str:
        asked.append(city)
        return "sunny"

    assert "sunny" in agent.run_sync("call weather").output
    assert len(asked) == 1


@pytest.mark.tries("pydantic-ai, {kind}", "shape")
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("model", SHAPERS)
def test_pydantic_ai_reads_shapes(url: str, model: str, kind: str) -> None:
    chosen = MAKERS[kind](model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="any"))
    assert isinstance(Agent(chosen, output_type=City).run_sync("a city").output, City)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(each, marks=pytest.mark.tries("openai-agents", "text", "goes on", *more))
        for each in CHATS
        for more in [("tools",) if each in TALKERS else ()]
    ],
)
def test_openais_agents_answer_and_call(url: str, model: str) -> None:
    agents.set_tracing_disabled(True)
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)

    @agents.function_tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return "sunny"

    kind = agents.OpenAIResponsesModel(model, client)
    agent = agents.Agent("helper", model=kind, tools=[weather] if model in TALKERS else [])
    first = agents.Runner.run_sync(agent, "hello")
    assert answers(model, first.final_output, "hello")
    again = agents.Runner.run_sync(agent, "and now?", previous_response_id=first.last_response_id)
    assert answers(model, again.final_output, "and now?")
    if model in TALKERS:
        assert "sunny" in agents.Runner.run_sync(agent, "call weather").final_output


class Editor:
    """Keeps which files were to be created, updated or deleted."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def _done(self, operation: agents.ApplyPatchOperation) -> agents.ApplyPatchResult:
        self.asked.append(operation.type)
        return agents.ApplyPatchResult(status="completed", output="sunny")

    create_file = update_file = delete_file = _done


@pytest.mark.tries("openai-agents", "shells", "patches")
@pytest.mark.parametrize("model", TALKERS)
def test_openais_agents_run_commands_and_patches(url: str, model: str) -> None:
    agents.set_tracing_disabled(True)
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
    run: list[list[str]] = []
    editor = Editor()

    def local(request: agents.LocalShellCommandRequest) -> str:
        run.append(request.data.action.command)
        return "sunny"

    def shell(request: agents.ShellCommandRequest) -> str:
        run.append(request.data.action.commands)
        return "sunny"

    tools = (
        agents.LocalShellTool(executor=local),
        agents.ShellTool(executor=shell),
        agents.ApplyPatchTool(editor=editor),
    )
    for tool in tools:
        must = agents.ModelSettings(tool_choice="required")
        kind = agents.OpenAIResponsesModel(model, client)
        agent = agents.Agent("helper", model=kind, tools=[tool], model_settings=must)
        assert agents.Runner.run_sync(agent, "do it").final_output
    assert all(run)
    assert (len(run), editor.asked) == (2, ["create_file"])


@pytest.mark.tries("instructor", "shape")
@pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA])
@pytest.mark.parametrize("model", SHAPERS)
def test_instructor_reads_shapes(url: str, model: str, mode: instructor.Mode) -> None:
    client = instructor.from_openai(openai.OpenAI(base_url=f"{url}/v1", api_key="any"), mode=mode)
    city = client.chat.completions.create(
        model=model, response_model=City, messages=[{"role": "user", "content": "a city"}], max_retries=0
    )
    assert isinstance(city, City)


@pytest.mark.tries("LiteLLM, chats", "text", "stream")
@pytest.mark.tries("LiteLLM, messages", "text", "stream")
@pytest.mark.tries("LiteLLM, responses", "text")
@pytest.mark.parametrize("model", CHATS)
def test_litellm_speaks_three_protocols(url: str, model: str) -> None:
    messages = [{"role": "user", "content": "hello"}]
    for name, base in ((f"openai/{model}", f"{url}/v1"), (f"anthropic/{model}", url)):
        answer = litellm.completion(name, messages, api_base=base, api_key="any", max_tokens=50)
        assert answers(model, answer.choices[0].message.content, "hello")
        stream = litellm.completion(name, messages, api_base=base, api_key="any", max_tokens=50, stream=True)
        assert answers(model, "".join(piece.choices[0].delta.content or "" for piece in stream), "hello")
    told = litellm.responses("hello", f"openai/{model}", api_base=f"{url}/v1", api_key="any")
    assert answers(model, told.output[-1].content[0].text, "hello")


@pytest.mark.tries("LiteLLM, {kind}", "tools")
@pytest.mark.parametrize("kind", ["chats", "messages"])
@pytest.mark.parametrize("model", TALKERS)
def test_litellm_calls_tools(url: str, model: str, kind: str) -> None:
    name, base = {"chats": (f"openai/{model}", f"{url}/v1"), "messages": (f"anthropic/{model}", url)}[kind]
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "weather", "description": "Now", "parameters": schema}}
    messages: list[Any] = [{"role": "user", "content": "call weather"}]
    more: Any = {"api_base": base, "api_key": "any", "max_tokens": 50, "tools": [tool]}
    called = litellm.completion(name, messages, **more).choices[0].message
    [call] = called.tool_calls
    assert call.function.name == "weather"
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    again = litellm.completion(name, [*messages, called, result], **more)
    assert "sunny" in again.choices[0].message.content


@pytest.mark.tries("LiteLLM, embeddings", "vectors")
@pytest.mark.parametrize("model", EMBEDDERS)
def test_litellm_embeds(url: str, model: str) -> None:
    vectors = litellm.embedding(f"openai/{model}", ["a", "b"], api_base=f"{url}/v1", api_key="any")
    assert len(vectors.data) == 2


@pytest.mark.tries("LiteLLM, rerank", "ranks", model="ranker")
def test_litellm_ranks(url: str) -> None:
    ranked = litellm.rerank(
        "cohere/ranker", query="blue sky", documents=["grass", "blue sky"], api_base=url, api_key="any"
    )
    assert ranked.results[0]["index"] == 1
