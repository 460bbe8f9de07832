"""Requests that are no chats in OpenAI's own words, generated in the shapes that it publishes: it gets them
as they are, and each other provider takes what it gets, or the client is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import Phase, given, settings, strategies as st
from openai.types import EmbeddingCreateParams, image_generate_params, moderation_create_params
from openai.types.audio import SpeechCreateParams
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from inferc.runtime.dialects.exact_json import loads
from inferc.runtime.dialects.openai.embeddings import read_embed
from inferc.runtime.dialects.openai.rerank import read_rerank
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.passthrough.requests import Passed
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import PassedRequest

from ...support.shaped import Shaped
from .reference import PASSED, plan
from .test_retrieval import MODELS

Json = dict[str, Any]

_SHAPED = Shaped(table("openai").shapes, {"dimensions": st.sampled_from([256, 512, 1024])})
_RANKED = Shaped(table("openrouter").shapes)
WIRES = MODELS["embed"]
RANKS = {**MODELS["rerank"], "openrouter": ("openrouter", "cohere/rerank-v3.5", "rerank")}
PUBLISHED: dict[str, tuple[Any, str]] = {
    "images": (image_generate_params.ImageGenerateParamsNonStreaming, "gpt-image-1"),
    "speech": (SpeechCreateParams, "gpt-4o-mini-tts"),
    "moderations": (moderation_create_params.ModerationCreateParams, "omni-moderation-latest"),
}
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@cache
def _closed(published: Any) -> TypeAdapter[Any]:
    return TypeAdapter(with_config(ConfigDict(extra="forbid"))(published))


def against(published: Any, body: Json) -> list[str]:
    """What the package's type of a request has against `body`; fields that it does not know among it."""
    try:
        _closed(published).validate_python(body, strict=True)
    except ValidationError as error:
        return [f"{each['loc']}: {each['msg']}" for each in error.errors()]
    return []


def refused(sends: Callable[[], Json], asked: Json) -> Json | None:
    """What is sent; None where the client is told by name what of it cannot be."""
    try:
        return sends()
    except BadRequest as error:
        named = (error.param or "").partition("[")[0]
    assert named in asked
    return None


@settings(phases=PHASES, max_examples=60)
@given(wire=st.sampled_from(sorted(WIRES)), asked=_SHAPED.shape("embed", model="m"))
def test_texts_to_embed_reach_each_provider_in_its_shape_or_are_refused_by_name(
    wire: str, asked: Json
) -> None:
    provider, model, shape = WIRES[wire]
    if provider == "vertex" and isinstance(asked["input"], list):
        asked = {**asked, "input": asked["input"][:1]}  # what a request of a pool holds there
    asks = retrieval_of(plan(provider, model))
    sent = refused(lambda: loads(asks.request(read_embed(asked).request).body), asked)
    if sent is None:
        return
    assert [each.message for each in table(provider).complaints(shape, model, sent)] == []
    if provider == "openai":
        assert against(EmbeddingCreateParams, sent) == []
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        assert sent["input"] in (texts, [texts])
        kept = {name: value for name, value in asked.items() if name in ("dimensions", "user")}
        assert kept.items() <= sent.items()


@settings(phases=PHASES, max_examples=60)
@given(wire=st.sampled_from(sorted(RANKS)), asked=_RANKED.shape("rerank", model="m"))
def test_texts_to_rank_reach_each_provider_in_its_shape_or_are_refused_by_name(
    wire: str, asked: Json
) -> None:
    provider, model, shape = RANKS[wire]
    asks = retrieval_of(plan(provider, model))
    sent = refused(lambda: loads(asks.request(read_rerank(asked).request).body), asked)
    if sent is None:
        return
    assert [each.message for each in table(provider).complaints(shape, model, sent)] == []
    if provider == "openrouter":
        written = {name: value for name, value in sent.items() if name not in ("model", "top_n")}
        texts = [each["text"] if isinstance(each, dict) else each for each in asked["documents"]]
        kept = {name: value for name, value in asked.items() if name not in ("model", "top_n")}
        assert written == {**kept, "documents": texts}  # an object that holds a text alone is that text


@pytest.mark.parametrize("kind", PUBLISHED)
def test_what_is_passed_on_reaches_openai_as_the_package_has_it(kind: str) -> None:
    published, model = PUBLISHED[kind]
    passed, path = Passed(plan("openai", model)), PASSED[kind][0]

    @settings(phases=PHASES, max_examples=40)
    @given(asked=_SHAPED.shape(kind, model=model))
    def check(asked: Json) -> None:
        asked = {name: value for name, value in asked.items() if name != "stream"}
        if asked.get("response_format") == "b64_json":
            del asked["response_format"]  # the model answers so without being asked, and takes no word of it
        sent = refused(lambda: loads(passed.request(PassedRequest(path, model, body=asked)).body), asked)
        if sent is not None:
            assert sent == asked
            assert against(published, sent) == []

    check()
