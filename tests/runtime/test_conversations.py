"""Conversations that are kept: responses go on from their items, and add to them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest

from inferc.runtime.limits.store import open_store

from .test_kept_responses import ended, front, said


def texts(items: list[Any]) -> list[tuple[str, str]]:
    return [(item.role, item.content[0].text) for item in items]


async def test_responses_go_on_from_a_conversation_and_add_to_it() -> None:
    async with front() as it:
        hello: Any = {"role": "user", "content": "zero"}
        made = await it.api.conversations.create(items=[hello], metadata={"topic": "numbers"})
        create = it.api.responses.create
        first = await create(model="gpt", input="one", conversation=made.id, store=False)
        assert first.conversation is not None
        assert first.conversation.id == made.id
        async with it.api.responses.stream(model="gpt", input="two", conversation={"id": made.id}) as stream:
            await stream.until_done()
        third = await create(model="gpt", input="three", conversation=made.id, background=True)
        await ended(it, third.id)
        assert said(it.seen[2]) == [
            ("user", "zero"),
            ("user", "one"),
            ("assistant", "answer 1"),
            ("user", "two"),
            ("assistant", "answer 2"),
            ("user", "three"),
        ]
        kept = [item async for item in it.api.conversations.items.list(made.id, order="asc", limit=2)]
        assert texts(kept) == [*said(it.seen[2]), ("assistant", "answer 3")]


async def test_an_answer_that_failed_leaves_a_conversation_as_it_was() -> None:
    async with front() as it:
        made = await it.api.conversations.create()
        with pytest.raises(openai.BadRequestError):
            await it.api.responses.create(model="gpt", input="fail", conversation=made.id)
        assert (await it.api.conversations.items.list(made.id)).data == []


async def test_a_conversation_and_its_items_are_shown_changed_and_deleted() -> None:
    async with front() as it:
        api = it.api.conversations
        made = await api.create(metadata={"a": "b"})
        assert (await api.retrieve(made.id)).metadata == {"a": "b"}
        assert (await api.update(made.id, metadata={"c": "d"})).metadata == {"c": "d"}
        call: Any = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
        result: Any = {"type": "function_call_output", "call_id": "c", "output": "4"}
        added = await api.items.create(made.id, items=[call, result])
        ids = [item.id for item in added.data]
        assert ids[0] is not None
        shown = await api.items.retrieve(ids[0], conversation_id=made.id)
        assert shown.type == "function_call"
        assert (await api.items.delete(ids[0], conversation_id=made.id)).id == made.id
        assert [item.id for item in (await api.items.list(made.id)).data] == ids[1:]
        with pytest.raises(openai.NotFoundError):
            await api.items.delete(ids[0], conversation_id=made.id)
        assert (await api.delete(made.id)).deleted
        for asked in (
            api.retrieve(made.id),
            api.items.list(made.id),
            it.api.responses.create(model="gpt", input="x", conversation=made.id),
        ):
            with pytest.raises(openai.NotFoundError, match="there is no conversation"):
                await asked


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/conversations", {"items": [{"role": "nobody", "content": "x"}]}, "items[0].role"),
        ("/conversations", {"items": [{"id": [1], "role": "user", "content": "x"}]}, "items[0].id"),
        ("/conversations", {"items": [{"role": "user", "content": "x"}] * 21}, "items"),
        ("/conversations", {"metadata": {"a": 1}}, "metadata"),
        ("/conversations", {"metadata": {str(each): "" for each in range(17)}}, "metadata"),
        ("/conversations/none", {}, "metadata"),
        ("/conversations/none/items", {}, "items"),
        ("/responses", {"model": "gpt", "input": "x", "conversation": 5}, "conversation"),
        (
            "/responses",
            {"model": "gpt", "input": "x", "conversation": "c", "previous_response_id": "r"},
            "conversation",
        ),
        ("/responses", {"model": "gpt", "input": "x", "prompt": {"id": "p"}}, "prompt"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(path: str, body: Any, param: str) -> None:
    async with front() as it:
        with pytest.raises(openai.BadRequestError) as refused:
            await it.api.post(path, body=body, cast_to=object)
        assert refused.value.param == param


async def test_a_conversation_holds_no_more_than_is_kept() -> None:
    async with front() as it:
        long: Any = {"role": "user", "content": "x" * (3 << 20)}
        made = await it.api.conversations.create(items=[long])
        for ask in (
            it.api.conversations.create(items=[long, long]),
            it.api.conversations.items.create(made.id, items=[long]),
        ):
            with pytest.raises(openai.APIStatusError) as refused:
                await ask
            assert refused.value.status_code == 413


@pytest.mark.parametrize("where", ["memory", "sqlite", "redis"])
async def test_nothing_is_lost_of_what_several_add_at_the_same_time(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    state = {"memory": None, "sqlite": tmp_path}.get(where) or (
        request.getfixturevalue("redis").url if where == "redis" else None
    )
    async with front(state) as it:
        made = await it.api.conversations.create()
        item: Any = {"role": "user", "content": "x"}
        await asyncio.gather(*(it.api.conversations.items.create(made.id, items=[item]) for _ in range(8)))
        assert len((await it.api.conversations.items.list(made.id)).data) == 8


async def test_a_value_changes_only_for_who_knows_it(tmp_path: Path) -> None:
    for where in (None, tmp_path):
        store = open_store(where)
        await store.start()
        await store.values.put("a", "1", 100)
        assert not await store.values.swap("a", "2", "3", 100)
        assert not await store.values.swap("b", "1", "3", 100)
        assert await store.values.swap("a", "1", "3", 100)
        assert await store.values.get("a") == "3"
        await store.stop()
