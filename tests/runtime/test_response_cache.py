"""Equal requests are answered again: exactly, for as long as was said, and never for another key."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from inferc.compiler.plan import Cache, Duration, Size
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.answer import ChatChunk, EmbedChunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.packed_vectors import PackedVectors
from inferc.runtime.requests.request import ChatRequest, EmbedRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.deployment import Deployment
from inferc.runtime.serving.model import first_chunk
from inferc.runtime.serving.response_cache import ResponseCache

from ..support.members import Speaker, hear, member
from ..support.openai_client import openai_client
from ..support.projects import Project
from ..support.remote import gateway_of, mock_provider, running

SETTLED = {"temperature": 0}


def cached(speaker: Speaker, **fields: Any) -> Deployment:
    return member("a", speaker, cache=Cache(Duration(60), **fields))


def test_equal_requests_are_answered_again_until_the_answer_is_old() -> None:
    async def scenario() -> None:
        it = cached(speaker := Speaker(delay=1, gap=1))
        loop = asyncio.get_running_loop()
        first = await hear(it, body=SETTLED)
        began = loop.time()
        trace = Trace()
        assert await hear(it, body=SETTLED, trace=trace) == first
        assert (loop.time(), trace.cached, trace.deployment) == (began, True, "a")
        await hear(it, body=SETTLED | {"seed": 1})
        await hear(it, body=SETTLED, stream=False)
        assert len(speaker.started) == 3
        await asyncio.sleep(60)
        await hear(it, body=SETTLED)
        assert len(speaker.started) == 4

    run_virtual(scenario())


def test_what_is_drawn_by_chance_is_asked_anew_unless_said_otherwise() -> None:
    async def scenario() -> None:
        for sampled, asked in ((False, 6), (True, 3)):
            it = cached(speaker := Speaker(), sampled=sampled)
            for body in ({}, {"temperature": 0.1}, {"temperature": 0, "n": 2}) * 2:
                await hear(it, body=body)
            assert len(speaker.started) == asked

    run_virtual(scenario())


def test_keys_do_not_share_unless_said() -> None:
    async def scenario() -> None:
        for shared, asked in ((False, 3), (True, 1)):
            it = cached(speaker := Speaker(), shared=shared)
            request = ChatRequest({"messages": [], **SETTLED}, False)
            for payers in ((), ("key a",), ("key b",), ("key a", "route r"), ()):
                await first_chunk(it.stream(Call(request, payers=payers), Trace()))
            assert len(speaker.started) == asked

    run_virtual(scenario())


def test_a_client_may_want_a_new_answer() -> None:
    async def scenario() -> None:
        it = cached(speaker := Speaker())
        for header, asked in ((None, 1), ("no-cache", 2), ("no-store", 3), (None, 3)):
            headers = {} if header is None else {"cache-control": header}
            await hear(it, body=SETTLED, headers=headers)
            assert len(speaker.started) == asked

    run_virtual(scenario())


def test_answers_that_break_off_are_not_kept() -> None:
    async def scenario() -> None:
        it = cached(speaker := Speaker(gap=1))
        answer = it.stream(Call(ChatRequest({"messages": [], **SETTLED}, True)), Trace())
        assert isinstance(await anext(answer), ChatChunk)
        await answer.aclose()
        assert it.cache is not None
        assert len(it.cache) == 0
        assert speaker.running == 0

    run_virtual(scenario())


def test_what_was_not_asked_for_longest_makes_room() -> None:
    async def scenario() -> None:
        it = cached(speaker := Speaker(), max_size=Size(20_000))
        for seed in range(50):
            await hear(it, body=SETTLED | {"seed": seed})
            await hear(it, body=SETTLED | {"seed": 0})
            assert it.cache is not None
            assert it.cache.size <= 20_000
        assert len(speaker.started) == 50

    run_virtual(scenario())


async def test_clients_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "any")
    text = """
    deployment a {
      model = "gpt-4o"
      runtime openai { api_key = env("KEY"), endpoint = "URL" }
      request { force { temperature = 0 } }
      cache { ttl = 1h }
    }
    deployment e {
      model = "text-embedding-3-small"
      runtime openai { api_key = env("KEY"), endpoint = "URL" }
      task embed { }
      cache { ttl = 1h }
    }
    """
    async with mock_provider() as mock:
        plan = Project(tmp_path).plan(text.replace("URL", mock.endpoint))
        async with (
            running(plan) as executor,
            gateway_of(executor) as url,
            openai_client(url) as client,
        ):
            for stream in (False, True):
                told = []
                for _ in range(2):
                    answer = await client.chat.completions.with_raw_response.create(
                        model="a", messages=[{"role": "user", "content": "hello"}], stream=stream
                    )
                    told.append(answer.headers.get("x-inferc-cache"))
                    if stream:
                        _ = [chunk async for chunk in answer.parse()]
                assert told == [None, "hit"]
            vectors = [(await client.embeddings.create(model="e", input="hello")).data for _ in range(2)]
            assert vectors[0] == vectors[1]
            assert mock.stats.requests == 3


def test_vectors_are_kept_without_the_memory_that_they_were_read_into() -> None:
    read = bytearray(b'"AACAPwAAAEA=","AABAQAAAgEA="' + bytes(1 << 18))
    view = memoryview(read)
    chunk = EmbedChunk(None, Usage(2), packed=PackedVectors((view[1:13], view[16:28]), view[1:28]))
    vectors = chunk.vectors.tolist()
    cache = ResponseCache("e", Cache(ttl=Duration(60), max_size=Size(1 << 16)))
    cache.keep(b"key", [chunk], (), 0.0)
    del chunk, view
    read[:] = bytes(8)  # which would have another length, were anybody looking there
    found = cache.find(b"key", Call(EmbedRequest(("a", "b"))), 0.0)
    assert found is not None
    assert isinstance(found.chunks[0], EmbedChunk)
    assert found.chunks[0].vectors.tolist() == vectors == [[1.0, 2.0], [3.0, 4.0]]
