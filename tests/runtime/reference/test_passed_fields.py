"""Each documented field of pictures, speech, transcripts, moderations and completions, alone in a request."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import pytest
from openai.types import (
    completion_create_params,
    image_create_variation_params,
    image_edit_params,
    image_generate_params,
    moderation_create_params,
)
from openai.types.audio import speech_create_params, transcription_create_params, translation_create_params

from inferc.runtime.dialects.openai.endpoint_fields import EndpointFields
from inferc.runtime.dialects.reader import PlainFailures
from inferc.runtime.dialects.server_sent_events import MAX_EVENT
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.passthrough.requests import Passed, Pieces, usage_in
from inferc.runtime.requests.errors import Incapable
from inferc.runtime.requests.request import PassedRequest
from inferc.runtime.requests.usage import Usage

from ...support.rows import each_row
from .reference import NAMES, PASSED, Json, became, fields, judge, plan, read

SECTIONS = [(name, kind) for name in NAMES for kind in PASSED if kind in read(name)]
PUBLISHED: dict[str, tuple[Any, ...]] = {
    "images": (
        image_generate_params.ImageGenerateParamsNonStreaming,
        image_generate_params.ImageGenerateParamsBase,
    ),
    "edits": (image_edit_params.ImageEditParamsNonStreaming, image_edit_params.ImageEditParamsBase),
    "variations": (image_create_variation_params.ImageCreateVariationParams,),
    "speech": (speech_create_params.SpeechCreateParams,),
    "transcriptions": (
        transcription_create_params.TranscriptionCreateParamsNonStreaming,
        transcription_create_params.TranscriptionCreateParamsBase,
    ),
    "translations": (translation_create_params.TranslationCreateParams,),
    "moderations": (moderation_create_params.ModerationCreateParams,),
    "completions": (
        completion_create_params.CompletionCreateParamsNonStreaming,
        completion_create_params.CompletionCreateParamsBase,
    ),
}


@each_row(("name", "kind"), SECTIONS)
def test_what_becomes_of_each_field_is_as_the_table_says(name: str, kind: str) -> None:
    found = {field.name: became(name, field) for field in fields(name, kind)}
    assert {key: each.fate for key, each in found.items()} == {
        field.name: field.fate.split(":")[0] for field in fields(name, kind)
    }
    strict = judge(name)
    if strict is None or kind not in strict.shapes:
        return
    for field in fields(name, kind):
        sent = found[field.name].sent
        said = [] if sent is None else list(strict.complaints(kind, field.model, sent))
        assert [error.message for error in said] == []


@pytest.mark.parametrize("kind", PASSED)
def test_each_field_that_the_package_has_is_decided_on(kind: str) -> None:
    section = read("openai")[kind]
    if f"openai {version('openai')} " not in section["source"]:
        pytest.skip("the table was read from another version")
    names = {name for each in PUBLISHED[kind] for name in each.__annotations__}
    assert section["takes"].keys() == names - {"model", *PASSED[kind][1]}
    strict = {name.rstrip("!") for name in table("openai").shapes[kind]["fields"]}
    assert strict - {"images"} >= names | {"model"}
    assert strict - names <= {"model", "images", "moderation"}  # the latter in JSON, for edits
    for name, other in [pair for pair in SECTIONS if pair[1] == kind]:
        decided = {**read(name)[other]["takes"], **read(name)[other].get("lacks", {})}
        assert section["takes"].keys() <= decided.keys()


def test_a_provider_is_asked_in_its_own_words() -> None:
    mistral = Passed(plan("mistral", "voxtral-mini-tts-2603", "speech"))
    body: Json = {"input": "hello", "voice": "jane"}
    sent = mistral.request(PassedRequest("/audio/speech", "it", body=body))
    assert json.loads(sent.body) == {
        "model": "voxtral-mini-tts-2603",
        "input": "hello",
        "voice_id": "jane",
    }
    with pytest.raises(Incapable, match="has no `/audio/translations`"):
        mistral.request(PassedRequest("/audio/translations", "it", body={}))


def test_what_nobody_documents_goes_on_and_what_says_nothing_is_not_refused() -> None:
    groq = EndpointFields(plan("groq", "canopylabs/orpheus-v1-english", "speech"))
    body = {"input": "x", "voice": "a", "made_up": 1, "stream_format": "audio", "user": None}
    assert groq.body("/audio/speech", body) == {"input": "x", "voice": "a", "made_up": 1}
    with pytest.raises(Incapable, match=r"`speed` must be from 0\.5 to 5, and is 9"):
        groq.check("/audio/speech", {"input": "x", "voice": "a", "speed": 9})
    with pytest.raises(Incapable, match="`voice` is missing"):
        groq.check("/audio/speech", {"input": "x"})


TOKENS = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
ANSWERS: list[tuple[Json, Usage | None]] = [
    ({"type": "image_generation.partial_image", "b64_json": "aGk=", "partial_image_index": 0}, None),
    (
        {
            "type": "image_generation.completed",
            "b64_json": "aGk=",
            "usage": {**TOKENS, "input_tokens_details": {"text_tokens": 2, "image_tokens": 3}},
        },
        Usage(5, 7, image_tokens=3, image_answer_tokens=7, images=1),
    ),
    (
        {"type": "image_edit.completed", "b64_json": "aGk=", "usage": TOKENS},
        Usage(5, 7, image_answer_tokens=7, images=1),
    ),
    ({"type": "speech.audio.delta", "audio": "aGk="}, None),
    ({"type": "speech.audio.done", "usage": TOKENS}, Usage(5, 7)),
    ({"type": "transcript.text.delta", "delta": "hi"}, None),
    (
        {"type": "transcript.text.segment", "id": "s", "speaker": "A", "start": 0, "end": 1.5, "text": "hi"},
        None,
    ),
    (
        {
            "type": "transcript.text.done",
            "text": "hi",
            "usage": {
                "type": "tokens",
                **TOKENS,
                "input_token_details": {"text_tokens": 1, "audio_tokens": 4},
            },
        },
        Usage(5, 7, audio_tokens=4),
    ),
    ({"text": "hi", "usage": {"type": "duration", "seconds": 9}}, Usage(0, audio_ms=9000)),
    (
        {"task": "transcribe", "duration": 8.5, "text": "hi", "segments": [], "words": []},
        Usage(0, audio_ms=8500),
    ),
]
"""Answers and events of streams, as types/ of the package openai have them, and what they take."""


@each_row(("answer", "usage"), ANSWERS)
def test_events_come_whole_and_what_they_take_is_read(answer: Json, usage: Usage | None) -> None:
    sent = b"event: x\ndata: %b\n\n" % json.dumps(answer).encode()
    pieces = Pieces("text/event-stream", PlainFailures())
    chunks = [pieces.piece(sent[at : at + 7]) for at in range(0, len(sent), 7)]
    assert b"".join(chunk.data for chunk in chunks) == sent
    assert usage_in(json.dumps(answer).encode()) == usage
    assert len(sent) < MAX_EVENT


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "application/x-subrip",
            "1\n00:00:00,000 --> 00:00:03,250\nhi\n\n2\n00:01:03,000 --> 00:01:04,500\nyou\n",
        ),
        ("text/plain", "1\n00:00:00,000 --> 00:00:03,250\nhi\n\n2\n00:01:03,000 --> 00:01:04,500\nyou\n"),
        ("text/vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:03.250\nhi\n\n01:03.000 --> 01:04.500\nyou\n"),
    ],
)
def test_subtitles_say_how_long_the_sound_was(kind: str, text: str) -> None:
    pieces = Pieces(kind, PlainFailures())
    usages = [pieces.piece(text[at : at + 9].encode()).usage for at in range(0, len(text), 9)]
    assert [usage for usage in usages if usage is not None][-1] == Usage(0, audio_ms=64_500)
