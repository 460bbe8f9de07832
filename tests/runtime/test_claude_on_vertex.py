"""Claude on Vertex: what is sent and understood, against a fake that refuses what Vertex refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from attrs import frozen

from inferc.compiler.compile import check_file, compile_checked
from inferc.runtime.mock_provider import MockOptions

from ..support.anthropic_client import anthropic_client
from ..support.google import token_server
from ..support.openai_client import openai_client
from ..support.remote import Mock, executor_of, gateway_of, mock_provider

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}


@frozen
class House:
    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic
    mock: Mock

    async def ask(self, content: Any = "hello there", **fields: Any) -> Any:
        messages = [{"role": "user", "content": content}]
        return await self.openai.chat.completions.create(
            **{"model": "claude", "messages": messages, **fields}
        )


@asynccontextmanager
async def house(
    folder: Path, model: str = "claude-sonnet-4-5@20250929", more: str = "", **options: Any
) -> AsyncIterator[House]:
    async with mock_provider(MockOptions(strict=True, gap=0, **options)) as mock, token_server() as tokens:
        (folder / "account.json").write_text(tokens.account())
        source = folder / "it.infer"
        source.write_text(
            f'deployment claude {{\n  model = "{model}"\n'
            f'  runtime anthropic {{\n    endpoint = "{mock.url}"\n'
            f'    project = "shop-42"\n    region = "global"\n{more}    credentials = file("account.json")\n'
            "    retry { max_retries = 0 }\n  }\n}\n"
        )
        checked = check_file(source.name, source)
        assert checked.ok, checked.diagnostics
        (plan,) = compile_checked(checked, folder).deployments
        async with (
            executor_of(plan, base_dir=folder) as executor,
            gateway_of(executor) as url,
            openai_client(url) as of_openai,
            anthropic_client(url) as of_anthropic,
        ):
            yield House(of_openai, of_anthropic, mock)


async def test_a_client_of_openai_is_answered_whole_and_streamed(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        answer = await it.ask()
        assert answer.choices[0].message.content == "You said: hello there"
        assert answer.usage.total_tokens > 0
        chunks = [chunk async for chunk in await it.ask(stream=True)]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert text == "You said: hello there"
        assert it.mock.stats.models == {"claude-sonnet-4-5@20250929": 2}


async def test_a_client_of_anthropic_is_answered_whole_and_streamed(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        asked: Any = {"model": "claude", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
        answer = await it.anthropic.messages.create(**asked)
        assert answer.content[0].type == "text"
        assert answer.content[0].text == "You said: hello"
        async with it.anthropic.messages.stream(**asked) as stream:
            assert await stream.get_final_text() == "You said: hello"


@pytest.mark.parametrize("model", ["claude-sonnet-4-5@20250929", "claude-opus-4@20250514", "claude-opus-4-6"])
async def test_an_answer_can_be_held_to_a_schema(tmp_path: Path, model: str) -> None:
    async with house(tmp_path, model) as it:
        answer = await it.ask(response_format=FORMAT)
        assert "city" in (answer.choices[0].message.content or "")


async def test_an_image_by_its_address_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as it:
        image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        with pytest.raises(openai.BadRequestError) as caught:
            await it.ask([{"type": "text", "text": "what is it?"}, image])
        assert caught.value.code == "unsupported_parameter"
        assert it.mock.stats.requests == 0


async def test_googles_errors_are_understood(tmp_path: Path) -> None:
    from inferc.runtime.mock_provider.faults import parse_fault

    async with house(tmp_path, faults=(parse_fault("429"),)) as it:
        with pytest.raises(openai.RateLimitError, match="online_prediction_requests_per_base_model"):
            await it.ask()


async def test_anthropic_behind_google_cloud_is_asked_as_anthropic_is(tmp_path: Path) -> None:
    async with house(tmp_path, "claude-haiku-4-5", '    workspace = "wrkspc_1"\n') as it:
        answer = await it.ask([{"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}])
        assert answer.choices[0].finish_reason == "stop"
        told = await it.anthropic.messages.create(
            model="claude", max_tokens=50, messages=[{"role": "user", "content": "hello there"}]
        )
        assert told.content[0].text == "You said: hello there"
        assert it.mock.stats.models == {"claude-haiku-4-5": 2}
