"""Responses that are kept: gone on from, shown, deleted, worked on in the background; by one key alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import web
from attrs import evolve, field, frozen

from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.executor import Executor
from inferc.runtime.gateway.kept import background
from inferc.runtime.gateway.kept.event_log import EventLog
from inferc.runtime.limits.store import Store, StoreError, open_store
from inferc.runtime.limits.store.memory import MAX_VALUES
from inferc.runtime.requests.errors import BadRequest

from ..support.openai_client import openai_client
from ..support.remote import eventually, gateway_of, plan_of, remote_plan, serving


@frozen
class Front:
    """seen: the bodies that the model got. gate: answers wait until it is open."""

    url: str
    api: openai.AsyncOpenAI
    seen: list[dict[str, Any]]
    gate: asyncio.Event = field(factory=asyncio.Event)


@asynccontextmanager
async def front(state: str | Path | None = None, name: str = "") -> AsyncIterator[Front]:
    seen: list[dict[str, Any]] = []
    gate = asyncio.Event()
    gate.set()

    async def answer(request: web.Request) -> web.Response:
        seen.append(body := await request.json())
        await gate.wait()
        said = f"answer {len(seen)}"
        if body["messages"][-1]["content"] == "fail":
            return web.json_response({"error": {"message": "no"}}, status=400)
        if body.get("stream"):
            piece = {"index": 0, "delta": {"content": said}, "finish_reason": "stop"}
            text = f"data: {json.dumps({'id': 'x', 'choices': [piece]})}\n\ndata: [DONE]\n\n"
            return web.Response(text=text, content_type="text/event-stream")
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "x", "choices": [choice]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with serving(app) as url:
        plan = plan_of(remote_plan("gpt", f"{url}/v1"))
        executor = Executor(
            plan if not name else evolve(plan, state=evolve(plan.state, name=name)), Path.cwd(), state=state
        )
        await executor.start()
        try:
            async with gateway_of(executor) as gateway, openai_client(gateway) as api:
                yield Front(gateway, api, seen, gate)
        finally:
            await executor.stop()


async def ended(it: Front, id: str) -> Any:
    """The response, when it is worked on no longer."""
    for _ in range(500):
        shown = await it.api.responses.retrieve(id)
        if shown.status not in ("queued", "in_progress"):
            return shown
    raise AssertionError("it goes on and on")


def said(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in body["messages"]]


async def test_a_response_goes_on_from_an_earlier_one() -> None:
    async with front() as it:
        create = it.api.responses.create
        first = await create(model="gpt", input="one", instructions="Be kind.")
        second = await create(model="gpt", input="two", previous_response_id=first.id)
        async with it.api.responses.stream(
            model="gpt", input="three", previous_response_id=second.id
        ) as stream:
            third = await stream.get_final_response()
        assert third.previous_response_id == second.id
        assert said(it.seen[2]) == [
            ("user", "one"),
            ("assistant", "answer 1"),
            ("user", "two"),
            ("assistant", "answer 2"),
            ("user", "three"),
        ]
        fourth = await create(model="gpt", input="four", previous_response_id=third.id)
        assert said(it.seen[3])[-2:] == [("assistant", "answer 3"), ("user", "four")]
        assert len({first.id, second.id, third.id, fourth.id}) == 4
        assert fourth.model_extra is not None
        assert fourth.model_extra["store"] is True


async def test_a_response_is_shown_and_deleted() -> None:
    async with front() as it:
        made = await it.api.responses.create(model="gpt", input="one")
        shown = await it.api.responses.retrieve(made.id)
        assert shown.output_text == "answer 1"
        items = await it.api.responses.input_items.list(made.id)
        assert [item.role for item in items.data] == ["user"]  # type: ignore[union-attr]
        await it.api.responses.delete(made.id)
        for ask in (it.api.responses.retrieve, it.api.responses.delete, it.api.responses.cancel):
            with pytest.raises(openai.NotFoundError):
                await ask(made.id)
        with pytest.raises(openai.BadRequestError) as gone:
            await it.api.responses.create(model="gpt", input="x", previous_response_id=made.id)
        assert gone.value.code == "previous_response_not_found"


async def test_what_is_not_to_be_stored_is_not() -> None:
    async with front() as it:
        made = await it.api.responses.create(model="gpt", input="one", store=False)
        with pytest.raises(openai.NotFoundError):
            await it.api.responses.retrieve(made.id)


async def test_a_response_in_the_background_is_there_when_it_is_done() -> None:
    async with front() as it:
        it.gate.clear()
        made = await it.api.responses.create(model="gpt", input="one", background=True)
        assert made.status == "queued"
        await eventually(lambda: len(it.seen) == 1)
        assert (await it.api.responses.retrieve(made.id)).status == "in_progress"
        with pytest.raises(openai.BadRequestError, match="in_progress"):
            await it.api.responses.create(model="gpt", input="two", previous_response_id=made.id)
        it.gate.set()
        done = await ended(it, made.id)
        assert (done.status, done.output_text) == ("completed", "answer 1")
        failed = await it.api.responses.create(model="gpt", input="fail", background=True)
        shown = await ended(it, failed.id)
        assert shown.status == "failed"
        assert shown.error is not None


async def test_a_response_in_the_background_can_be_cancelled() -> None:
    async with front() as it:
        it.gate.clear()
        made = await it.api.responses.create(model="gpt", input="one", background=True)
        await eventually(lambda: len(it.seen) == 1)
        assert (await it.api.responses.cancel(made.id)).status == "cancelled"
        it.gate.set()
        assert (await it.api.responses.retrieve(made.id)).status == "cancelled"
        whole = await it.api.responses.create(model="gpt", input="two")
        with pytest.raises(openai.BadRequestError, match="in the background"):
            await it.api.responses.cancel(whole.id)
        with pytest.raises(openai.BadRequestError, match="`background`"):
            await it.api.responses.create(model="gpt", input="x", background=True, store=False)


async def test_a_stream_in_the_background_goes_on_for_who_lost_it() -> None:
    async with front() as it:
        it.gate.clear()
        stream = await it.api.responses.create(model="gpt", input="one", background=True, stream=True)
        begun = [await anext(stream), await anext(stream)]
        assert [event.type for event in begun] == ["response.created", "response.queued"]
        await stream.close()
        id = begun[0].response.id  # type: ignore[union-attr]

        async def rest(after: int) -> list[Any]:
            events = await it.api.responses.retrieve(id, stream=True, starting_after=after)
            return [event async for event in events]

        waiting = asyncio.create_task(rest(1))
        await eventually(lambda: len(it.seen) == 1)
        it.gate.set()
        seen = await waiting
        assert [event.sequence_number for event in seen] == list(range(2, 2 + len(seen)))
        assert seen[-1].type == "response.completed"
        assert seen[-1].response.output_text == "answer 1"
        assert await rest(-1 + len(seen)) == seen[-2:]
        assert [event.sequence_number for event in await rest(0)] == list(range(1, 2 + len(seen)))
        assert (await it.api.responses.retrieve(id)).status == "completed"
        for odd in (f"{id}\nevents", f"{id}/", "ü", "x" * 101):
            with pytest.raises(openai.NotFoundError):
                await it.api.responses.retrieve(odd)


async def test_a_stream_is_followed_from_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "LOOK_AGAIN", 0.01)
    async with front(tmp_path) as it, front(tmp_path) as other:
        it.gate.clear()
        stream = await it.api.responses.create(model="gpt", input="one", background=True, stream=True)
        first = await anext(stream)
        again = await other.api.responses.retrieve(first.response.id, stream=True)  # type: ignore[union-attr]
        it.gate.set()
        assert [event async for event in again] == [first, *[event async for event in stream]]


async def test_who_follows_a_stream_is_told_when_it_fails_or_is_cancelled() -> None:
    async with front() as it:
        stream = await it.api.responses.create(model="gpt", input="fail", background=True, stream=True)
        assert [event.type async for event in stream][-1] == "response.failed"
        it.gate.clear()
        stream = await it.api.responses.create(model="gpt", input="one", background=True, stream=True)
        first = await anext(stream)
        await it.api.responses.cancel(first.response.id)  # type: ignore[union-attr]
        last = [event async for event in stream][-1]
        assert (last.type, last.code) == ("error", "response_cancelled")  # type: ignore[union-attr]


async def test_what_was_not_streamed_in_the_background_is_not_streamed_again() -> None:
    async with front() as it:
        made = await it.api.responses.create(model="gpt", input="one")
        with pytest.raises(openai.BadRequestError, match="`background` and `stream`"):
            await it.api.responses.retrieve(made.id, stream=True)
        for wrong in ({"stream": "yes"}, {"stream": "true", "starting_after": "x"}, {"starting_after": "1"}):
            with pytest.raises(openai.BadRequestError, match=r"must be|needs"):
                await it.api.responses.retrieve(made.id, extra_query=wrong)


async def test_the_events_of_a_long_answer_go_the_first_first() -> None:
    log = EventLog()
    for number in range(40):
        log.add(b"data: %d %b\n\n" % (number, b"x" * (1 << 19)))
    log.end()
    assert log.packed() is None
    with pytest.raises(BadRequest, match="are not kept any more"):
        await anext(log.follow(0))
    assert b"".join([each async for each in log.follow(39)]).startswith(b"data: 39 ")


async def test_a_response_that_was_worked_on_when_the_server_stopped_has_failed(tmp_path: Path) -> None:
    async with front(tmp_path) as it:
        it.gate.clear()
        made = await it.api.responses.create(model="gpt", input="one", background=True)
        await eventually(lambda: len(it.seen) == 1)
    async with front(tmp_path) as it:
        shown = await it.api.responses.retrieve(made.id)
        assert shown.status == "failed"
        assert shown.error is not None
        assert "the server stopped" in shown.error.message


async def test_tokens_are_counted_with_all_that_came_before() -> None:
    async with front() as it:
        count = it.api.responses.input_tokens.count
        first = await it.api.responses.create(model="gpt", input="word " * 100)
        alone = await count(model="gpt", input="x")
        after = await count(model="gpt", input="x", previous_response_id=first.id)
        assert after.input_tokens > alone.input_tokens + 100


@pytest.mark.parametrize("where", ["sqlite", "redis"])
async def test_what_is_kept_outlives_the_process_and_belongs_to_its_project(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    state = tmp_path if where == "sqlite" else request.getfixturevalue("redis").url
    async with front(state) as it:
        made = await it.api.responses.create(model="gpt", input="one")
    async with front(state) as it:
        await it.api.responses.create(model="gpt", input="two", previous_response_id=made.id)
        assert said(it.seen[0]) == [("user", "one"), ("assistant", "answer 1"), ("user", "two")]
        await it.api.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await it.api.responses.retrieve(made.id)
        streamed = await it.api.responses.create(model="gpt", input="one", background=True, stream=True)
        seen = [event async for event in streamed]
    async with front(state) as it:
        id = seen[0].response.id  # type: ignore[union-attr]
        again = await it.api.responses.retrieve(id, stream=True, starting_after=0)
        assert [event async for event in again] == seen[1:]
        made = await it.api.responses.create(model="gpt", input="one")
    async with front(state, name="another") as it:
        with pytest.raises(openai.NotFoundError):
            await it.api.responses.retrieve(made.id)


def test_values_of_a_process_go_when_their_time_is_over_or_there_is_no_room() -> None:
    async def scenario() -> None:
        values = open_store(None).values
        await values.put("a", "1", 10)
        await values.put("b", "2", 20)
        await asyncio.sleep(15)
        assert [await values.get(name) for name in "abc"] == [None, "2", None]
        assert [await values.delete(name) for name in "ab"] == [False, True]
        for name in "abc":
            await values.put(name, "x" * (MAX_VALUES // 2), 10)
        assert [await values.get(name) is not None for name in "abc"] == [False, True, True]

    run_virtual(scenario())


async def test_values_in_a_file_are_kept_for_their_time(tmp_path: Path) -> None:
    store: Store = open_store(tmp_path)
    await store.start()
    values = store.values
    await values.put("a", "1", 100)
    await values.put("a", "2", 100)
    await values.put("b", "3", -1)
    assert [await values.get(name) for name in "ab"] == ["2", None]
    assert [await values.delete(name) for name in "aab"] == [True, False, False]
    await store.stop()
    with pytest.raises(StoreError):
        await values.get("a")
