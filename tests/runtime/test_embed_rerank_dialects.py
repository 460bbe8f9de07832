"""Embeddings and reranking as clients of several providers ask for them; what becomes of each field."""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy
import openai
import pytest
from aiohttp import web
from attrs import frozen

from inferc.compiler.plan import ProviderKind, TaskKind
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import EmbedRequest

from ..support.openai_client import openai_client
from ..support.remote import executor_of, gateway_of, remote_plan, serving
from ..support.wires import wire_plan

COMPATIBLE = ProviderKind.OPENAI_COMPATIBLE
VECTOR = [0.25, -0.5]
KIND = {"object": "embedding"}
PACKED = b64encode(numpy.array(VECTOR, "<f4").tobytes()).decode()


@frozen
class Front:
    """A gateway with an embedder `e` and a reranker `r`. seen: the bodies that their provider got."""

    url: str
    seen: list[dict[str, Any]]
    http: aiohttp.ClientSession

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with self.http.post(self.url + path, json=body) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def front(provider: ProviderKind = COMPATIBLE) -> AsyncIterator[Front]:
    seen: list[dict[str, Any]] = []

    async def embed(request: web.Request) -> web.Response:
        seen.append(body := await request.json())
        data = [{**KIND, "index": i, "embedding": PACKED} for i in range(len(body["input"]))]
        return web.json_response({"data": data, "usage": {"prompt_tokens": 7, "total_tokens": 7}})

    async def rerank(request: web.Request) -> web.Response:
        seen.append(body := await request.json())
        scores = [0.2, 0.9, 0.5][: len(body["documents"])]
        results = [{"index": i, "relevance_score": score} for i, score in enumerate(scores)]
        return web.json_response({"results": results, "usage": {"total_tokens": 9}})

    app = web.Application()
    app.router.add_post("/v1/embeddings", embed)
    app.router.add_post("/v1/rerank", rerank)
    async with (
        serving(app) as url,
        executor_of(
            remote_plan("e", f"{url}/v1", provider=provider, task=TaskKind.EMBED),
            remote_plan("r", f"{url}/v1", provider=provider, task=TaskKind.RERANK),
        ) as executor,
        gateway_of(executor) as gateway,
        aiohttp.ClientSession() as http,
    ):
        yield Front(gateway, seen, http)


@pytest.mark.parametrize(
    ("path", "body", "options"),
    [
        ("/v1/embeddings", {"model": "e", "input": "a"}, {"user": "u", "input_type": "query", "new": [1]}),
        (
            "/v1/embeddings",
            {"model": "e", "input": ["a"]},
            {"task": "retrieval.query", "late_chunking": True},
        ),
        ("/v1/embeddings", {"model": "e", "input": ["a"]}, {"truncation": True, "output_dimension": 2}),
        ("/v2/embed", {"model": "e", "texts": ["a"]}, {"input_type": "search_query", "truncate": "END"}),
        ("/v1/embed", {"model": "e", "texts": ["a"]}, {"truncate": "NONE", "max_tokens": 5}),
        ("/embed", {"inputs": ["a"]}, {"truncate": True, "prompt_name": "query"}),
        ("/v1/rerank", {"model": "r", "query": "q", "documents": ["a"]}, {"max_tokens_per_doc": 9}),
        ("/v1/rerank", {"model": "r", "query": "q", "documents": ["a"], "top_k": 1}, {"truncation": False}),
        ("/v2/rerank", {"model": "r", "query": "q", "documents": ["a"]}, {"priority": 3}),
        ("/rerank", {"query": "q", "texts": ["a"]}, {"raw_scores": True}),
    ],
)
async def test_what_else_is_said_reaches_servers_that_speak_openais_wire(
    path: str, body: dict[str, Any], options: dict[str, Any]
) -> None:
    async with front() as it:
        status, _ = await it.post(path, {**body, **options, "normalized": None, "own": None})
        assert status == 200
        assert it.seen[0]["model"] == "gpt-4o-mini"
        assert None not in it.seen[0].values()
        assert {name: it.seen[0].get(name) for name in options} == options


async def test_openai_is_told_the_number_of_dimensions_in_its_own_word() -> None:
    async with front(ProviderKind.OPENAI) as it:
        status, _ = await it.post("/v1/embeddings", {"model": "e", "input": ["a"], "output_dimension": 2})
        assert status == 200
        assert it.seen[0]["dimensions"] == 2
        assert "output_dimension" not in it.seen[0]


async def test_openai_is_not_sent_what_it_does_not_know_and_does_not_matter(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with front(ProviderKind.OPENAI) as it:
        body = {"model": "e", "texts": ["a"], "input_type": "search_query", "truncate": "END", "user": "u"}
        status, _ = await it.post("/v2/embed", body)
        assert status == 200
        assert it.seen[0].keys() == {"model", "input", "encoding_format", "user"}
        assert "`input_type` is left out" in caplog.text


async def test_embeddings_in_the_shape_of_cohere() -> None:
    async with front() as it:
        _, first = await it.post("/v1/embed", {"model": "e", "texts": ["a", "b"]})
        assert first["embeddings"] == [VECTOR, VECTOR]
        assert first["response_type"] == "embeddings_floats"
        body = {"model": "e", "texts": ["a"], "output_dimension": 2, "embedding_types": ["float", "base64"]}
        _, second = await it.post("/v2/embed", body)
        assert it.seen[-1]["dimensions"] == 2
        assert second["embeddings"]["float"] == [VECTOR]
        assert numpy.frombuffer(b64decode(second["embeddings"]["base64"][0]), "<f4").tolist() == VECTOR
        assert second["meta"]["billed_units"] == {"input_tokens": 7}
        for wrong in ({"embedding_types": ["int8"]}, {"images": ["data:"]}, {"texts": []}):
            status, error = await it.post("/v2/embed", {"model": "e", "texts": ["a"], **wrong})
            assert status == 400
            assert next(iter(wrong)) in error["message"]


async def test_embeddings_as_jina_voyage_and_tei_ask_for_them() -> None:
    async with front() as it:
        body = {"model": "e", "input": [{"text": "a"}], "embedding_type": "base64"}
        _, jinas = await it.post("/v1/embeddings", body)
        assert jinas["data"][0]["embedding"] == PACKED
        body = {"model": "e", "input": "a", "output_dtype": "float", "encoding_format": None}
        _, voyages = await it.post("/v1/embeddings", body)
        assert voyages["data"][0]["embedding"] == VECTOR
        assert voyages["usage"]["total_tokens"] == 7
        assert await it.post("/embed", {"inputs": "a"}) == (200, [VECTOR])
        assert await it.post("/embed", {"inputs": [[1, 2]]}) == (200, [VECTOR])
        status, error = await it.post("/embed", {"inputs": 5})
        assert status == 400
        assert error["error_type"] == "Validation"


async def test_reranking_in_the_shapes_of_cohere_voyage_and_tei() -> None:
    documents: list[Any] = ["a", {"text": "b", "id": 1}, "c"]
    asked = {"model": "r", "query": "q", "documents": documents}
    async with front() as it:
        _, first = await it.post("/v1/rerank", {**asked, "top_n": 2, "return_documents": True})
        assert first["results"] == [
            {"index": 1, "relevance_score": 0.9, "document": {"text": "b", "id": 1}},
            {"index": 2, "relevance_score": 0.5, "document": {"text": "c"}},
        ]
        _, second = await it.post("/v2/rerank", {**asked, "top_n": 1})
        assert second["results"] == [{"index": 1, "relevance_score": 0.9}]
        assert second["meta"]["billed_units"] == {"search_units": 1}
        _, voyages = await it.post("/v1/rerank", {**asked, "top_k": 1, "return_documents": True})
        assert voyages["data"] == [{"index": 1, "relevance_score": 0.9, "document": {"text": "b", "id": 1}}]
        assert voyages["usage"] == {"total_tokens": 9}
        _, teis = await it.post("/rerank", {"query": "q", "texts": ["a", "b"], "return_text": True})
        assert teis == [{"index": 1, "score": 0.9, "text": "b"}, {"index": 0, "score": 0.2, "text": "a"}]
        _, vllms = await it.post("/rerank", asked)
        assert vllms["results"][0] == {"index": 1, "relevance_score": 0.9}
        assert it.seen[-1]["documents"] == ["a", "b", "c"]


async def test_documents_are_read_by_the_fields_that_are_named() -> None:
    documents = [{"title": "T", "body": "B", "id": "1"}]
    body = {"model": "r", "query": "q", "documents": documents, "rank_fields": ["title", "body"]}
    async with front() as it:
        status, _ = await it.post("/v1/rerank", body)
        assert status == 200
        assert it.seen[0]["documents"] == ["title: T\nbody: B"]
        for wrong, named in (
            ({"rank_fields": ["none"]}, "documents[0]"),
            ({"rank_fields": "t"}, "rank_fields"),
        ):
            status, error = await it.post("/v1/rerank", {**body, **wrong})
            assert (status, error["error"]["param"]) == (400, named)


async def test_who_names_no_model_gets_the_only_one_there_is() -> None:
    plans = [remote_plan(name, task=TaskKind.RERANK) for name in ("one", "two")]
    async with (
        executor_of(*plans) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/rerank", json={"query": "q", "texts": ["a"]}) as answer,
    ):
        assert answer.status == 400
        assert "one, two" in (await answer.json())["error"]


@pytest.mark.parametrize(
    ("wire", "options", "found"),
    [
        ("gemini", {"input_type": "search_query"}, {"taskType": "RETRIEVAL_QUERY"}),
        (
            "gemini",
            {"task": "text-matching", "title": "t"},
            {"taskType": "SEMANTIC_SIMILARITY", "title": "t"},
        ),
        ("vertex", {"task_type": "FACT_VERIFICATION"}, {"task_type": "FACT_VERIFICATION"}),
        ("vertex", {"truncate": "NONE"}, {"autoTruncate": False}),
    ],
)
def test_google_is_told_what_texts_are_for(wire: str, options: dict[str, Any], found: dict[str, Any]) -> None:
    request = EmbedRequest(("x",), options=options)
    _, raw = retrieval_of(wire_plan(wire, task=TaskKind.EMBED)).request(request)
    body = json.loads(raw)
    [asked] = body["requests"] if wire == "gemini" else body["instances"]
    assert {name: {**asked, **body.get("parameters", {})}.get(name) for name in found} == found


@pytest.mark.parametrize(
    "options", [{"input_type": "song"}, {"truncate": "NONE"}, {"prompt_name": "query"}, {"truncate": "START"}]
)
def test_google_is_not_asked_for_what_it_has_not(options: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        retrieval_of(wire_plan("gemini", task=TaskKind.EMBED)).request(EmbedRequest(("x",), options=options))
    assert refused.value.param == next(iter(options))


@pytest.mark.parametrize("provider", [COMPATIBLE, ProviderKind.OPENROUTER, ProviderKind.LITELLM])
async def test_who_may_not_know_base64_is_not_asked_for_it_whatever_the_client_wants(
    provider: ProviderKind,
) -> None:
    """Source: https://github.com/plastic-labs/honcho/pull/938 and those beside it in the table."""
    sent = retrieval_of(wire_plan("openai", task=TaskKind.EMBED, provider=provider)).request(
        EmbedRequest(("x",))
    )
    assert "encoding_format" not in json.loads(sent.body)


async def test_fields_that_are_left_out_are_named_in_a_header() -> None:
    async with front(ProviderKind.OPENAI) as it:
        asked = {"model": "e", "input": ["a"], "task": "retrieval.query", "user": "u"}
        async with it.http.post(f"{it.url}/v1/embeddings", json=asked) as answer:
            assert (answer.status, answer.headers["x-inferc-adapted"]) == (200, "task")
        assert it.seen[0].keys() == {"model", "input", "user", "encoding_format"}
        status, said = await it.post("/v1/embeddings", asked | {"late_chunking": True})
        assert (status, said["error"]["param"]) == (400, "late_chunking")


@pytest.mark.parametrize("texts", [1, 800, 6000])  # bytes: few, too many to be copied, too many for one write
async def test_answers_of_any_size_come_whole(texts: int) -> None:
    async with front() as it:
        asked = {"model": "e", "input": ["a"] * texts, "encoding_format": "base64"}
        for _ in range(2):
            status, said = await it.post("/v1/embeddings", asked)
            data = [{**KIND, "index": index, "embedding": PACKED} for index in range(texts)]
            assert (status, said["data"], said["model"]) == (200, data, "e")


async def test_vectors_of_another_length_than_was_asked_for_are_an_error() -> None:
    async with front() as it:
        asked = {"model": "e", "input": ["a"], "dimensions": 3}
        status, said = await it.post("/v1/embeddings", asked)
        assert (status, len(it.seen)) == (502, 1)  # it would say the same again
        assert "openai_compatible (deployment `e`): its vectors have 2 numbers" in said["error"]["message"]
        assert "`dimensions` asked for 3" in said["error"]["message"]
        status, said = await it.post("/v1/embeddings", asked | {"dimensions": 2})
        assert status == 200


async def test_clients_do_not_try_again_what_would_fail_again() -> None:
    async with front() as it, openai_client(it.url) as api:
        with pytest.raises(openai.InternalServerError):
            await api.with_options(max_retries=2).embeddings.create(model="e", input="a", dimensions=3)
        assert len(it.seen) == 1
