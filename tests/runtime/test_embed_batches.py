"""Embeddings as providers take them: as many at once as the model does, token ids to those who read them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from aiohttp import web

from inferc.compiler.plan import Capabilities, RetryPolicy, TaskKind
from inferc.runtime.dialects.openai.embeddings import read_embed
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.requests.answer import EmbedChunk
from inferc.runtime.requests.errors import BadRequest, ServerError
from inferc.runtime.requests.request import EmbedRequest
from inferc.runtime.serving.batches import batches

from ..support.remote import executor_of, remote_plan, serving
from ..support.rows import each_row
from ..support.wires import wire_plan

NO_RETRY = RetryPolicy(max_retries=0)
LATIN = ((9906, 1917), (11,))


class Counting:
    """Embeds a number as itself, and refuses more of them than `most`."""

    def __init__(self, most: int, failing: int = -1) -> None:
        self.most, self.failing = most, failing
        self.sizes: list[int] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        texts = (await request.json())["input"]
        self.sizes.append(len(texts))
        if len(texts) > self.most or str(self.failing) in texts:
            return web.json_response({"error": {"message": "too many"}}, status=500)
        data = [{"index": i, "embedding": [float(text)]} for i, text in enumerate(texts)]
        return web.json_response({"data": data, "usage": {"prompt_tokens": len(texts)}})


async def embedded(provider: Counting, texts: int, **fields: Any) -> EmbedChunk:
    fields = {"capabilities": Capabilities(most_inputs=10), "retry": NO_RETRY} | fields
    app = web.Application()
    app.router.add_post("/v1/embeddings", provider.answer)
    async with serving(app) as url:
        plan = remote_plan(endpoint=f"{url}/v1", task=TaskKind.EMBED, **fields)
        async with executor_of(plan) as executor:
            request = EmbedRequest(tuple(map(str, range(texts))))
            chunk = await anext(executor.stream("gpt", request))
            assert isinstance(chunk, EmbedChunk)
            return chunk


@pytest.mark.parametrize(
    ("inputs", "sizes"),
    [
        ({"texts": ("word " * 12,) * 4}, [2, 2]),  # 21 tokens each, as they are guessed
        ({"texts": ("word " * 12, "a", "a", "word " * 20)}, [3, 1]),
        ({"texts": ("word " * 100, "a", "a")}, [1, 2]),
        ({"texts": ("字" * 30,) * 3}, [1, 1, 1]),
        ({"token_ids": ((1,) * 20,) * 5}, [2, 2, 1]),
        ({"texts": ("a",) * 12}, [10, 2]),
        ({"texts": ("a",) * 10}, []),
        ({"texts": ("word " * 500,)}, []),
    ],
)
def test_texts_of_one_request_have_no_more_tokens_than_the_model_takes_at_once(
    inputs: dict[str, Any], sizes: list[int]
) -> None:
    request = EmbedRequest(**inputs, dimensions=4)
    parts = batches(request, 10, 50)
    assert [len(part.inputs) for part in parts] == sizes
    assert tuple(each for part in parts for each in part.inputs) == (request.inputs if sizes else ())
    assert {part.dimensions for part in parts} <= {4}


@pytest.mark.parametrize(("texts", "sizes"), [(9, [9]), (10, [10]), (11, [1, 10]), (25, [5, 10, 10])])
async def test_texts_go_out_in_as_many_requests_as_it_takes(texts: int, sizes: list[int]) -> None:
    provider = Counting(10)
    chunk = await embedded(provider, texts)
    assert chunk.vectors.tolist() == [[float(number)] for number in range(texts)]
    assert chunk.usage.prompt_tokens == texts
    assert sorted(provider.sizes) == sizes


async def test_a_deployment_with_one_slot_asks_one_after_the_other() -> None:
    chunk = await embedded(Counting(10), 35, max_concurrent=1)
    assert len(chunk.vectors) == 35


async def test_one_request_that_fails_is_the_outcome_of_all() -> None:
    with pytest.raises(ServerError, match="too many"):
        await embedded(Counting(10, failing=33), 35)


def test_token_ids_go_on_as_they_came() -> None:
    request = read_embed({"model": "e", "input": [list(ids) for ids in LATIN]}).request
    assert request == EmbedRequest(token_ids=LATIN)
    sent = orjson.loads(retrieval_of(wire_plan("openai", task=TaskKind.EMBED)).request(request).body)
    assert sent["input"] == [[9906, 1917], [11]]


def test_one_list_of_token_ids_is_one_input() -> None:
    assert read_embed({"model": "e", "input": [1, 2, 3]}).request.inputs == ((1, 2, 3),)


@pytest.mark.parametrize("wire", ["gemini", "vertex"])
def test_who_reads_no_token_ids_is_not_asked(wire: str) -> None:
    with pytest.raises(BadRequest, match="embeds no token ids") as caught:
        retrieval_of(wire_plan(wire, task=TaskKind.EMBED)).request(EmbedRequest(token_ids=LATIN))
    assert caught.value.param == "input[0]"


@each_row(
    ("value", "param"),
    [
        ([[]], "input[0]"),
        ([[1], "two"], "input[1]"),
        ([1, "two"], "input[1]"),
        ([[1, -2]], "input[0][1]"),
        ([[1, True]], "input[0][1]"),
        ([[1.5]], "input[0][0]"),
    ],
)
def test_token_ids_that_are_none_are_refused_by_their_place(value: object, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_embed({"model": "e", "input": value})
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("can", "message"),
    [
        (Capabilities(greatest_dimensions=0), "cannot be chosen"),
        (Capabilities(greatest_dimensions=512), "have 512 at most"),
        (Capabilities(least_dimensions=600, greatest_dimensions=700), "have 600 at least"),
        (Capabilities(dimensions=(256, 512, 1024)), "have 256, 512 or 1024"),
    ],
)
def test_a_length_that_vectors_cannot_have_is_refused(can: Capabilities, message: str) -> None:
    plan = wire_plan("openai", task=TaskKind.EMBED, capabilities=can)
    with pytest.raises(BadRequest, match=message):
        retrieval_of(plan).request(EmbedRequest(("x",), 513))
