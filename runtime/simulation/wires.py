"""What providers say over their wires, made by the mock provider's own code and remembered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import orjson
from attrs import evolve, field
from yarl import URL

from ...compiler.plan.record import define, frozen
from ..mock_provider.answers import Answer, answer_to, make_answer
from ..mock_provider.anthropic_api import AnthropicApi, AnthropicOnVertexApi
from ..mock_provider.api import Api, RequestPath
from ..mock_provider.bedrock_api import BedrockApi
from ..mock_provider.embeddings import (
    cohere_embeddings,
    gemini_embeddings,
    openai_embeddings,
    vertex_embeddings,
)
from ..mock_provider.gemini_api import GeminiApi
from ..mock_provider.openai_api import OpenAIApi
from ..mock_provider.parsed_request import Asked, MockError
from ..mock_provider.rerank import rerank
from .http_answers import WholeAnswer

_OPENAI, _ANTHROPIC, _GEMINI = OpenAIApi(), AnthropicApi(), GeminiApi()
_ON_VERTEX, _BEDROCK = AnthropicOnVertexApi(), BedrockApi()
_MODEL = re.compile(r"/models/(?P<model>[^/:]+):(?P<method>\w+)$")
_CONVERSE = re.compile(r"/model/(?P<model>[^/]+)/(?P<method>converse|converse-stream)$")
_DEPLOYMENT = re.compile(r"/deployments/(?P<deployment>[^/]+)/")
_KEPT = 4096
"""Answers that are remembered."""
_WORD = " word"
AS_ASKED = -1
"""Tokens of an answer: as many as the request allows."""


@frozen
class Path:
    """Where a request goes."""

    path: str
    match_info: Mapping[str, str]
    headers: Mapping[str, str] = MappingProxyType({"anthropic-version": "any"})

    @classmethod
    def of(cls, url: URL) -> Path:
        found = _MODEL.search(url.path) or _CONVERSE.search(url.path) or _DEPLOYMENT.search(url.path)
        return cls(url.path, found.groupdict() if found else {})


def api_of(path: RequestPath) -> Api:
    """Who speaks at a path."""
    method = path.match_info.get("method", "")
    if method in ("rawPredict", "streamRawPredict"):
        return _ON_VERTEX
    if method.startswith("converse"):
        return _BEDROCK
    if path.path.endswith("/v1/messages"):
        return _ANTHROPIC
    return _GEMINI if method else _OPENAI


@define
class Spoken:
    """An answer as it goes over the wire. whole: of one that is no stream. events: of a stream. prompt,
    completion: its tokens.
    """

    whole: WholeAnswer | None = None
    events: list[bytes] = field(factory=list)
    prompt: int = 0
    completion: int = 0


class Wires:
    """Answers of one provider. Those to the same bytes are the same, so that they are made once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes, str | None, int | None, int | None], Spoken] = {}

    def speak(
        self, path: Path, body: bytes, text: str | None, tokens: int | None, pieces: int | None
    ) -> Spoken:
        """The answer to a request. Raises MockError.

        text: what is said; None: what the mock provider says. tokens: that it counts as; None: its words.
        pieces: of a stream, at least; None: as many as it has words.
        """
        key = (path.path, body, text, tokens, pieces)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            found = self._kept[key] = _speak(path, body, text, tokens, pieces)
        return found


def _speak(path: Path, raw: bytes, text: str | None, tokens: int | None, pieces: int | None) -> Spoken:
    body: dict[str, Any] = orjson.loads(raw)
    for ending, made in _OTHERS.items():
        if path.path.endswith(ending):
            whole, counted = made(path, body)
            return Spoken(WholeAnswer(orjson.dumps(whole)), prompt=counted)
    api = api_of(path)
    asked = api.read(path, body)
    tokens = asked.max_tokens if tokens == AS_ASKED else tokens
    answer = _answer(asked, text, tokens, pieces)
    if asked.stream:
        return Spoken(None, api.events(asked, answer), answer.prompt_tokens, answer.completion_tokens)
    said = WholeAnswer(orjson.dumps(api.whole(asked, answer)))
    return Spoken(said, [], answer.prompt_tokens, answer.completion_tokens)


def _answer(asked: Asked, text: str | None, tokens: int | None, pieces: int | None) -> Answer:
    if text is not None:
        answer = make_answer(asked, text, (), "stop")
    else:
        answer = answer_to(asked)
        if pieces is not None and not answer.calls and asked.schema is None:
            words = _WORD * max(pieces - len(answer.text.split()), 0)
            answer = evolve(answer, text=answer.text + words)
    return answer if tokens is None else evolve(answer, completion_tokens=tokens)


Made = Callable[[Path, dict[str, Any]], tuple[dict[str, Any], int]]

_OTHERS: dict[str, Made] = {
    "/embeddings": lambda path, body: openai_embeddings(
        path.match_info.get("deployment") or str(body.get("model")), body
    ),
    "/embed": lambda _, body: cohere_embeddings(body),
    ":batchEmbedContents": lambda _, body: gemini_embeddings(body),
    ":predict": lambda _, body: vertex_embeddings(body),
    "/rerank": lambda _, body: rerank(body),
}


def error_of(path: Path, error: MockError) -> bytes:
    """The body of an error."""
    return orjson.dumps(api_of(path).error(error))


def error_event_of(path: Path, error: MockError) -> bytes:
    """An error inside a stream."""
    return api_of(path).error_event(error)
