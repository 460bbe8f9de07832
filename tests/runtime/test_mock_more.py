"""The mock provider's completions, moderations, sounds and pictures, with OpenAI's client."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from inferc.runtime.mock_provider import MockOptions

from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, mock_provider, remote_plan


@asynccontextmanager
async def client(**options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    headers = {"Authorization": "Bearer k"}
    async with (
        mock_provider(MockOptions(gap=0, **options)) as mock,
        executor_of(remote_plan("gpt", mock.endpoint, headers=headers)) as executor,
        gateway_of(executor) as url,
        openai_client(url) as api,
    ):
        yield api


@pytest.mark.parametrize("strict", [False, True])
async def test_what_openai_has_beside_chats_is_answered(strict: bool) -> None:
    async with client(strict=strict) as api:
        done = await api.completions.create(model="gpt", prompt=["a b", "c"], echo=True)
        assert [choice.text for choice in done.choices] == ["a bYou said: a b", "cYou said: c"]
        stream = await api.completions.create(model="gpt", prompt="x", stream=True)
        assert [chunk.choices[0].text async for chunk in stream] == ["You said: x"]
        checked = await api.moderations.create(model="gpt", input=["fine", "violence"])
        assert [result.flagged for result in checked.results] == [False, True]
        spoken = await api.audio.speech.create(model="gpt", input="two words", voice="alloy")
        assert spoken.content.startswith(b"RIFF")
        heard = await api.audio.transcriptions.create(model="gpt", file=("a.wav", spoken.content))
        assert heard.text == f"A sound of {len(spoken.content)} bytes."
        drawn = await api.images.generate(model="gpt", prompt="a cat", n=2)
        assert drawn.data is not None
        assert b64decode(drawn.data[1].b64_json or "").startswith(b"\x89PNG")
        edited = await api.images.edit(model="gpt", image=b"x", prompt="a dog", n=2)
        assert edited.data is not None
        assert len(edited.data) == 2


async def test_what_makes_no_sense_is_refused() -> None:
    async with client() as api:
        for asked in (
            api.images.generate(model="gpt", prompt="x", n=99),
            api.moderations.create(model="gpt", input=[]),
            api.images.edit(model="gpt", image=b"x", prompt="x", n=0, extra_body={"n": "many"}),
        ):
            with pytest.raises(openai.BadRequestError):
                await asked
