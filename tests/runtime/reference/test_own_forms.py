"""Forms and completions in OpenAI's own words, generated in the shapes that it publishes; forms are written
by its own client. It gets them as they are, others as far as they can, or the client is refused by name.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings, strategies as st
from openai import OpenAI
from openai.types import completion_create_params

from inferc.runtime.dialects.exact_json import loads
from inferc.runtime.dialects.multipart import read_form
from inferc.runtime.dialects.openai.passed_fields import check_form
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.passthrough.requests import Passed
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import CompletionRequest, Part, PassedRequest

from ...support.rows import each_row
from ...support.shaped import Shaped
from ...support.strict import of_all_models
from .reference import PASSED, plan, read
from .test_own_retrieval import PHASES, Json, against, refused
from .test_passed_fields import SECTIONS

FILE = ("speech.mp3", b"ID3\r\n--\x00\xff", "audio/mpeg")
IMAGE = ("cat.png", b"\x89PNG\r\n\x1a\n", "image/png")
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "file": st.just(FILE),
    "image": st.sampled_from([IMAGE, [IMAGE, ("naïve ☃.png", b"2", "image/png")]]),
    "mask": st.just(IMAGE),
    "chunking_strategy": st.sampled_from(["auto", {"type": "server_vad", "threshold": 0.5}]),
    "include": st.just(["logprobs"]),
    "keywords": st.lists(st.sampled_from(["naïve", "a b"]), min_size=1, max_size=2),
    "known_speaker_names": st.just(["Ada", "Bo"]),
    "known_speaker_references": st.just(["data:audio/mpeg;base64,SUQz"]),
    "languages": st.just(["en", "de"]),
    "prompt": st.sampled_from(["two\nlines", "naïve ☃", '"; name="model"']),
}
_ONLY_JSON = frozenset({"images", "moderation", "markup", "svg"})
"""Fields of edits that stand in bodies of JSON, or that need another one of a kind."""

_FORMS = Shaped(table("openai").shapes, SPECIAL, _ONLY_JSON)
_TEXTS = Shaped(table("openai").shapes, {"stop": st.sampled_from(["\n", ["a", "b"]])})

NOTHING_SAID: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("chunking_strategy", "background", "moderation", "quality", "size"), ("auto",)),
    "response_format": ("json", "b64_json"),
    "best_of": (1,),
    "n": (1,),
    "echo": (False,),
}
"""Values with which a field asks for what comes anyway: nobody is told that they were left out."""

MODELS = {
    ("openai", "transcriptions"): ("gpt-transcribe", "whisper-1", "gpt-4o-transcribe-diarize"),
    ("openai", "edits"): ("gpt-image-2", "dall-e-2"),
}
FORMS = [each for each in SECTIONS if each[1] in ("edits", "variations", "transcriptions", "translations")]
COMPLETIONS = [name for name, kind in SECTIONS if kind == "completions"]


def written(kind: str, asked: Json) -> tuple[Part, ...]:
    """The form that OpenAI's client sends."""
    client, sent = _client()
    sent.clear()
    {
        "edits": client.images.edit,
        "variations": client.images.create_variation,
        "transcriptions": client.audio.transcriptions.create,
        "translations": client.audio.translations.create,
    }[kind](**asked)
    [request] = sent
    return read_form(request.read(), request.headers["content-type"])


@cache
def _client() -> tuple[OpenAI, list[httpx2.Request]]:
    """OpenAI's client, and what it sends."""
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={"text": "", "data": [], "created": 1})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return OpenAI(api_key="k", base_url="http://openai", max_retries=0, http_client=http), sent


def meant(parts: tuple[Part, ...], asked: Json) -> Json:
    """What a form says, each value as the client had it."""
    names = {part.name.partition("[")[0] for part in parts}
    return {name: value for name, value in asked.items() if name in names}


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
@each_row(("name", "kind"), FORMS)
def test_a_form_of_openai_s_client_reaches_each_provider_as_it_is_or_is_refused_by_name(
    name: str, kind: str
) -> None:
    section, path = read(name)[kind], PASSED[kind][0]

    @settings(phases=PHASES, max_examples=30, deadline=None)
    @given(
        asked=_FORMS.shape(kind),
        model=st.sampled_from(MODELS.get((name, kind), (section["model"],))),
    )
    def check(asked: Json, model: str) -> None:
        asked = {key: value for key, value in asked.items() if key != "stream"}
        if kind == "edits":  # its schema leaves open which of two fields has them
            asked = {"image": IMAGE, **asked}
        if "timestamp_granularities" in asked:
            asked = {**asked, "response_format": "verbose_json"}
        form = written(kind, {**asked, "model": "theirs"})
        check_form(path, form)
        passed = Passed(plan(name, model))

        def sends() -> Json:
            made = passed.request(PassedRequest(path, "theirs", form=form))
            found = read_form(made.body, made.content_type)
            assert next(each for each in found if each.name == "model").content.decode() == model
            kept = [each for each in form if each.name != "model"]
            here = [each for each in found if each.name != "model"]
            assert [each for each in kept if each in here] == here
            left_out = passed.left_out(PassedRequest(path, "theirs", form=form))
            gone = {each.name.partition("[")[0] for each in kept if each not in here}
            assert [name for name in gone - {*left_out} if asked[name] not in NOTHING_SAID[name]] == []
            return {**meant(tuple(found), asked), "model": model}

        sent = refused(sends, {**asked, "model": model})
        if sent is not None and name == "openai":
            complaints = of_all_models(name).complaints(kind, model, sent)
            assert [each.message for each in complaints] == []

    check()


@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_completion_reaches_each_provider_as_it_is_or_is_refused_by_name(name: str) -> None:
    section = read(name)["completions"]
    passed = Passed(plan(name, section["model"]))

    @settings(phases=PHASES, max_examples=60, deadline=None)
    @given(asked=_TEXTS.shape("completions", model=section["model"]))
    def check(asked: Json) -> None:
        if "stream_options" in asked:
            asked = {**asked, "stream": True}
        request = CompletionRequest(asked, bool(asked.get("stream")))
        sent = refused(lambda: loads(passed.request(request).body), asked)
        if sent is None:
            return
        gone = asked.keys() - sent.keys()
        silent = gone - {*passed.left_out(request)}
        assert [name for name in silent if asked[name] not in NOTHING_SAID[name]] == []
        assert sent == {key: value for key, value in asked.items() if key not in gone}
        if name == "openai":
            assert [
                each.message for each in table(name).complaints("completions", asked["model"], sent)
            ] == []
            published = (
                completion_create_params.CompletionCreateParamsStreaming
                if sent.get("stream")
                else completion_create_params.CompletionCreateParamsNonStreaming
            )
            assert against(published, sent) == []

    check()


def test_a_form_that_names_no_file_is_refused() -> None:
    with pytest.raises(BadRequest, match="`file` is missing"):
        check_form("/audio/transcriptions", ())
