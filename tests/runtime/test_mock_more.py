"""The mock provider's completions, moderations, sounds and pictures, with OpenAI's client."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any

import openai
import pytest

from inferc.compiler.capabilities import capabilities_from
from inferc.compiler.plan import Capabilities
from inferc.dsl.catalogues.capabilities import find_facts
from inferc.dsl.kinds import RuntimeKind
from inferc.runtime.mock_provider import MockOptions

from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, mock_provider, remote_plan

MODELS = {
    "texts": "gpt-3.5-turbo-instruct",
    "guard": "omni-moderation-latest",
    "speaker": "gpt-4o-mini-tts",
    "plain": "tts-1",
    "hears": "whisper-1",
    "speakers": "gpt-4o-transcribe-diarize",
    "draws": "gpt-image-2",
}


def known(model: str) -> Capabilities:
    """What the catalogue says of a model."""
    return capabilities_from(find_facts(model, RuntimeKind.OPENAI).values)


@asynccontextmanager
async def client(**options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    headers = {"Authorization": "Bearer k"}
    async with (
        mock_provider(MockOptions(gap=0, **options)) as mock,
        executor_of(
            *(
                remote_plan(name, mock.endpoint, headers=headers, model=model, capabilities=known(model))
                for name, model in MODELS.items()
            )
        ) as executor,
        gateway_of(executor) as url,
        openai_client(url) as api,
    ):
        yield api


@pytest.mark.parametrize("strict", [False, True])
async def test_what_openai_has_beside_chats_is_answered(strict: bool) -> None:
    async with client(strict=strict) as api:
        done = await api.completions.create(model="texts", prompt=["a b", "c"], echo=True)
        assert [choice.text for choice in done.choices] == ["a bYou said: a b", "cYou said: c"]
        stream = await api.completions.create(model="texts", prompt="x", stream=True)
        assert [chunk.choices[0].text async for chunk in stream] == ["You said: x"]
        checked = await api.moderations.create(model="guard", input=["fine", "violence"])
        assert [result.flagged for result in checked.results] == [False, True]
        spoken = await api.audio.speech.create(model="speaker", input="two words", voice="alloy")
        assert spoken.content.startswith(b"RIFF")
        heard = await api.audio.transcriptions.create(model="hears", file=("a.wav", spoken.content))
        assert heard.text == f"A sound of {len(spoken.content)} bytes."
        drawn = await api.images.generate(model="draws", prompt="a cat", n=2)
        assert drawn.data is not None
        assert b64decode(drawn.data[1].b64_json or "").startswith(b"\x89PNG")
        edited = await api.images.edit(model="draws", image=b"x", prompt="a dog", n=2)
        assert edited.data is not None
        assert len(edited.data) == 2


async def test_each_form_and_stream_of_an_answer_comes_whole() -> None:
    async with client(strict=True) as api:
        drawing = await api.images.generate(model="draws", prompt="a cat", stream=True, partial_images=2)
        kinds = [event.type async for event in drawing]
        assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
        editing = await api.images.edit(
            model="draws", image=b"x", prompt="a cat", stream=True, partial_images=1
        )
        assert [event.type async for event in editing] == ["image_edit.partial_image", "image_edit.completed"]
        said = await api.audio.speech.create(model="speaker", input="hi", voice="alloy", stream_format="sse")
        assert said.content.count(b"speech.audio.delta") == 4
        assert b"speech.audio.done" in said.content
        heard: Any = {"model": "hears", "file": ("a.wav", b"x")}
        whole = await api.audio.transcriptions.create(**heard, response_format="verbose_json")
        assert (whole.duration, whole.segments[0].end) == (1.0, 1.0)
        for form, begin in (("srt", "1\n00:00:00,000 -->"), ("vtt", "WEBVTT"), ("text", "A sound of 1")):
            text: Any = await api.audio.transcriptions.create(**heard, response_format=form)
            assert text.startswith(begin)
        diarized: Any = {"model": "speakers", "file": ("a.wav", b"x"), "response_format": "diarized_json"}
        told: Any = await api.audio.transcriptions.create(**diarized)
        assert told.segments[0].speaker == "A"
        events = [
            event.type async for event in await api.audio.transcriptions.create(**diarized, stream=True)
        ]
        assert events == ["transcript.text.delta"] * 5 + ["transcript.text.segment", "transcript.text.done"]


NOT_TAKEN: list[tuple[str, dict[str, Any], str]] = [
    ("images.generate", {"model": "draws", "prompt": "x", "n": 11}, "n"),
    ("images.generate", {"model": "draws", "prompt": "x", "partial_images": 4}, "partial_images"),
    ("images.generate", {"model": "draws", "prompt": "x", "response_format": "url"}, "response_format"),
    ("images.generate", {"model": "draws", "prompt": "x", "extra_body": {"steps": 5}}, "steps"),
    ("images.generate", {"model": "draws", "prompt": "x", "quality": "odd"}, "quality"),
    ("images.generate", {"model": "speaker", "prompt": "x"}, "model"),
    ("images.edit", {"model": "draws", "prompt": "x", "image": b"x", "n": 11}, "n"),
    ("audio.speech.create", {"model": "plain", "input": "x", "voice": "nobody"}, "voice"),
    ("audio.speech.create", {"model": "plain", "input": "x", "voice": "alloy", "speed": 9}, "speed"),
    ("audio.speech.create", {"model": "plain", "input": "x" * 4097, "voice": "alloy"}, "input"),
    (
        "audio.speech.create",
        {"model": "plain", "input": "x", "voice": "alloy", "instructions": "sad"},
        "instructions",
    ),
    ("audio.transcriptions.create", {"model": "hears", "file": b"x", "temperature": 2}, "temperature"),
    ("audio.transcriptions.create", {"model": "hears", "file": b"x", "keywords": ["a"]}, "keywords"),
    ("audio.transcriptions.create", {"model": "plain", "file": b"x"}, "model"),
    ("completions.create", {"model": "texts", "prompt": "x", "logprobs": 6}, "logprobs"),
    ("completions.create", {"model": "texts", "prompt": "x", "extra_body": {"top_k": 5}}, "top_k"),
    (
        "chat.completions.create",
        {"model": "plain", "messages": [{"role": "user", "content": "x"}]},
        "model",
    ),
]


async def test_what_the_model_does_not_take_is_refused_by_name() -> None:
    async with client(strict=True) as api:
        for kind, asked, param in NOT_TAKEN:
            with pytest.raises(openai.BadRequestError) as refused:
                await attrgetter(kind)(api)(**asked)
            assert refused.value.param == param


async def test_what_makes_no_sense_is_refused() -> None:
    async with client() as api:
        for asked in (
            api.images.generate(model="draws", prompt="x", n=99),
            api.moderations.create(model="guard", input=[]),
            api.images.edit(model="draws", image=b"x", prompt="x", n=0, extra_body={"n": "many"}),
        ):
            with pytest.raises(openai.BadRequestError):
                await asked
