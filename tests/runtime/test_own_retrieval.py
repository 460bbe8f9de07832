"""Vectors and ranks of providers that have them at an address, or in words, of their own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from inferc.compiler.plan import RemotePoolPlan
from inferc.runtime.mock_provider import MockOptions

from ..support.projects import Project
from ..support.remote import executor_of, gateway_of, mock_provider, serving

EMBED = {
    "model",
    "texts",
    "input_type",
    "embedding_types",
    "truncate",
    "max_tokens",
    "output_dimension",
    "priority",
}
RERANK = {"model", "query", "documents", "top_n", "max_tokens_per_doc", "priority"}
PPLX = {"model", "input", "dimensions", "encoding_format"}
PATHS = {"/v2/embed": EMBED, "/v2/rerank": RERANK, "/v1/embeddings": PPLX}


def plan_of(project: Project, runtime: str, model: str, task: str, endpoint: str = "") -> RemotePoolPlan:
    where = f'endpoint = "{endpoint}", ' if endpoint else ""
    block = f'runtime {runtime} {{ {where}api_key = env("K") }}'
    return project.remote(f'deployment it {{ model = "{model}", task = {task}, {block} }}')


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class Provider:
    """What Cohere and Perplexity document, and nothing else. seen: path and body of each request."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append((request.path, body))
        strange = body.keys() - PATHS.get(request.path, set())
        if request.path not in PATHS or strange:
            return web.json_response({"message": f"unknown: {request.path} {strange}"}, status=422)
        if request.path == "/v2/rerank":
            results = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
            meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 2}}
            return web.json_response({"id": "1", "results": results, "meta": meta})
        if request.path == "/v2/embed":
            size = body.get("output_dimension", 4)
            made = {"float": [[0.5] * size for _ in body["texts"]]}
            meta = {"billed_units": {"input_tokens": 3}}
            return web.json_response({"id": "1", "embeddings": made, "texts": body["texts"], "meta": meta})
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": b64encode(bytes([1, 0, 0x80, 0xFF])).decode(),
            }
            for index, _ in enumerate(body["input"])
        ]
        return web.json_response({"object": "list", "data": data, "usage": {"prompt_tokens": 3}})


@asynccontextmanager
async def front(
    project: Project, monkeypatch: pytest.MonkeyPatch, runtime: str, model: str, task: str, base: str
) -> AsyncIterator[tuple[Provider, Any]]:
    monkeypatch.setenv("K", "key")
    provider, app = Provider(), web.Application()
    app.router.add_post("/{path:.*}", provider.answer)
    async with serving(app) as url:
        plan = plan_of(project, runtime, model, task, url + base)
        async with (
            executor_of(plan) as executor,
            gateway_of(executor) as gateway,
            aiohttp.ClientSession(gateway) as http,
        ):

            async def post(path: str, body: dict[str, Any]) -> tuple[int, Any]:
                async with http.post(path, json={"model": "it", **body}) as answer:
                    return answer.status, await answer.json()

            yield provider, post


def test_who_names_no_endpoint_asks_at_the_right_one(project: Project) -> None:
    where = {
        task: plan_of(project, "cohere", model, task).endpoint
        for task, model in (
            ("chat", "command-a-03-2025"),
            ("embed", "embed-v4.0"),
            ("rerank", "rerank-v4.0-pro"),
        )
    }
    assert where == {
        "chat": "https://api.cohere.ai/compatibility/v1",
        "embed": "https://api.cohere.com/v2",
        "rerank": "https://api.cohere.com/v2",
    }
    assert (
        plan_of(project, "perplexity", "pplx-embed-v1-4b", "embed").endpoint == "https://api.perplexity.ai/v1"
    )


@pytest.mark.parametrize("base", ["", "/v2"])
async def test_cohere_ranks_at_its_own_address(
    project: Project, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    async with front(project, monkeypatch, "cohere", "rerank-v4.0-pro", "rerank", base) as (provider, post):
        asked = {"query": "q", "documents": ["a", "b"], "top_n": 1, "max_tokens_per_doc": 9, "user": "u"}
        status, said = await post("/v2/rerank", asked)
        assert (status, said["results"]) == (200, [{"index": 1, "relevance_score": 0.9}])
        assert said["meta"]["billed_units"] == {"search_units": 2}
        sent = {"model": "rerank-v4.0-pro", "query": "q", "documents": ["a", "b"], "max_tokens_per_doc": 9}
        assert provider.seen == [("/v2/rerank", sent)]
        status, said = await post("/v2/rerank", asked | {"rank_fields": ["x"]})
        assert status == 400
        assert "`rank_fields`" in said["message"]


async def test_cohere_is_told_what_its_own_address_knows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with front(project, monkeypatch, "cohere", "embed-v4.0", "embed", "/v2") as (provider, post):
        status, said = await post("/v1/embeddings", {"input": ["a", "b"], "dimensions": 256, "user": "u"})
        assert (status, len(said["data"][1]["embedding"])) == (200, 256)
        assert said["usage"]["prompt_tokens"] == 3
        own = {"texts": ["a"], "input_type": "search_query", "truncate": "START", "priority": 5}
        assert (await post("/v2/embed", own))[0] == 200
        status, said = await post("/v1/embeddings", {"input": "a", "dimensions": 300})
        assert (status, said["error"]["param"]) == (400, "dimensions")
        assert "256, 512, 1024 or 1536" in said["error"]["message"]
        common = {"model": "embed-v4.0", "embedding_types": ["float"]}
        assert [body for _, body in provider.seen] == [
            {**common, "texts": ["a", "b"], "input_type": "search_document", "output_dimension": 256},
            {**common, **own},
        ]


async def test_cohere_s_way_in_for_openai_s_words_is_asked_in_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "/compatibility/v1"
    async with front(project, monkeypatch, "cohere", "embed-v4.0", "embed", base) as (provider, post):
        await post("/v1/embeddings", {"input": ["a"]})
        assert [path for path, _ in provider.seen] == [f"{base}/embeddings"]


async def test_perplexity_s_bytes_are_vectors(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    async with front(project, monkeypatch, "perplexity", "pplx-embed-v1-4b", "embed", "/v1") as (
        provider,
        post,
    ):
        status, said = await post("/v1/embeddings", {"input": ["a", "b"], "user": "u"})
        assert (status, [each["embedding"] for each in said["data"]]) == (200, [[1, 0, -128, -1]] * 2)
        sent = {"model": "pplx-embed-v1-4b", "input": ["a", "b"], "encoding_format": "base64_int8"}
        assert provider.seen == [("/v1/embeddings", sent)]
        status, said = await post("/v1/embeddings", {"input": "a", "dimensions": 64})
        assert (status, said["error"]["param"]) == (400, "dimensions")


@pytest.mark.parametrize(
    ("runtime", "model", "base", "strict"),
    [("cohere", "embed-v4.0", "/v2", True), ("perplexity", "pplx-embed-v1-4b", "/v1", False)],
)
async def test_the_mock_provider_embeds_as_they_do(
    project: Project, monkeypatch: pytest.MonkeyPatch, runtime: str, model: str, base: str, strict: bool
) -> None:
    monkeypatch.setenv("K", "key")
    async with (
        mock_provider(MockOptions(strict=strict)) as mock,
        executor_of(plan_of(project, runtime, model, "embed", mock.url + base)) as executor,
        gateway_of(executor) as gateway,
        aiohttp.ClientSession(gateway) as http,
        http.post("/v1/embeddings", json={"model": "it", "input": ["a", "b"], "dimensions": 256}) as answer,
    ):
        said = await answer.json()
        assert answer.status == 200, said
        assert [len(each["embedding"]) for each in said["data"]] == [256, 256]


@pytest.mark.parametrize(
    ("runtime", "model", "dimensions"),
    [
        ("cohere", "embed-v4.0", 300),
        ("cohere", "embed-english-v3.0", 256),
        ("perplexity", "pplx-embed-v1-0.6b", 2560),
    ],
)
def test_lengths_that_no_vector_has_are_found_in_the_file(
    project: Project, runtime: str, model: str, dimensions: int
) -> None:
    block = f'runtime {runtime} {{ api_key = env("K") }}'
    asked = f"request {{ defaults {{ dimensions = {dimensions} }} }}"
    found = project.findings(f'deployment it {{ model = "{model}", task = embed, {block}, {asked} }}')
    assert [item.is_error for item in found] == [True]
    assert "vectors" in found[0].message
