"""Requests that belong together go to the same member, or replica, as long as that can be."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import evolve

from inferc.compiler.plan import AffinityKind, BalanceKind, CapacityPolicy, KeySource, RouteKey
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.policies.capacity import Admit, Capacity
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import ServerError
from inferc.runtime.requests.request import ChatRequest, CompletionRequest, EmbedRequest
from inferc.runtime.requests.trace import Trace
from inferc.runtime.serving.affinity import OF_REPLICAS, by_preference, key_of

from ..support.members import Speaker, member, route
from ..support.pipelines import balance

CONVERSATION = RouteKey(KeySource.CONVERSATION, "")


def chat(*said: str, **fields: Any) -> Call:
    """Turns of a user and an assistant, below a system prompt."""
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return Call(ChatRequest({"messages": [{"role": "system", "content": "Help."}, *turns], **fields}, False))


def test_all_turns_of_a_conversation_have_one_key() -> None:
    first = key_of(chat("hello"), CONVERSATION)
    assert first is not None
    assert key_of(chat("hello", "hi", "how are you?"), CONVERSATION) == first
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    assert key_of(chat(parts), CONVERSATION) == first  # type: ignore[arg-type]
    assert key_of(chat("bye"), CONVERSATION) != first
    assert key_of(chat("bye", prompt_cache_key="k"), CONVERSATION) == "k"
    assert key_of(Call(CompletionRequest({"prompt": "Once"}, False)), CONVERSATION) == "Once"


def test_what_has_nothing_that_keeps_it_together_has_no_key() -> None:
    for odd in (None, 3, [], [None], [{"role": "user"}], [{"role": "user", "content": [3, {"text": 4}]}]):
        assert key_of(Call(ChatRequest({"messages": odd}, False)), CONVERSATION) is None
    assert key_of(Call(EmbedRequest({"input": "a"}, ("a",))), CONVERSATION) is None
    assert key_of(chat("hello"), OF_REPLICAS[AffinityKind.USER]) is None
    assert key_of(chat("hello", user="ada"), OF_REPLICAS[AffinityKind.USER]) == "ada"


def test_keys_are_spread_evenly_and_only_those_move_that_must() -> None:
    keys = [f"conversation {index}" for index in range(3000)]
    before = [by_preference(key, ["a", "b", "c"])[0] for key in keys]
    assert all(900 < count < 1100 for count in Counter(before).values())
    after = [by_preference(key, ["a", "b", "c", "d"])[0] for key in keys]
    moved = [now for then, now in zip(before, after, strict=True) if then != now]
    assert set(moved) == {3}
    assert 650 < len(moved) < 850


def test_a_conversation_stays_at_its_member_and_moves_on_when_that_fails() -> None:
    async def scenario() -> None:
        speakers = [Speaker(), Speaker()]
        plan = evolve(balance("r", "a", "b", by=BalanceKind.KEY), key=CONVERSATION)
        it = route(plan, member("a", speakers[0]), member("b", speakers[1]))
        calls = [chat("hello"), chat("hello", "hi", "more"), chat("hello", "hi", "more", "yes", "again")]
        for call in calls:
            await it.answer(call, Trace())
        home = by_preference(str(key_of(calls[0], CONVERSATION)), ["a", "b"])[0]
        assert [len(each.started) for each in speakers] == [3 * (home == 0), 3 * (home == 1)]
        speakers[home].errors = [ServerError("gone")] * 9
        await it.answer(calls[0], Trace())
        assert len(speakers[1 - home].started) == 1

    run_virtual(scenario())


def test_a_replica_keeps_its_conversations_while_it_has_room() -> None:
    capacity = Capacity(replicas=2, limit=4, policy=CapacityPolicy())
    assert [capacity.arrive(ticket, prefer=1) for ticket in range(3)] == [
        Admit(0, 1),
        Admit(1, 1),
        Admit(2, 0),
    ]
    capacity.arrive(3)
    capacity.arrive(4, prefer=1)
    assert capacity.release(1, 1.0) == Admit(4, 1), "also when it had to wait"
    ranked = Capacity(2, 4, CapacityPolicy(), rank=lambda replica: float(replica))
    assert ranked.arrive(0, prefer=1) == Admit(0, 0), "one that is left alone is not asked"
