"""What routes count: how requests ended, who answered, and why another member was asked."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import pytest

from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import BadRequest, RequestError, ServerDown, ServerError
from inferc.runtime.requests.trace import Trace
from inferc.runtime.serving.routes.route import Route

from ...support.fakes import CHAT
from ...support.members import Speaker, hear, member, route
from ...support.pipelines import Graph, balance, cascade, fallback, hedge, split


def failing(kind: type[RequestError] = ServerError) -> Speaker:
    return Speaker(broken=kind("no"))


def heard(it: Route, *, stream: bool = True) -> Route:
    """`it`, after one request that was answered or refused."""

    async def scenario() -> None:
        with suppress(RequestError):
            await hear(it, stream=stream)

    run_virtual(scenario())
    return it


@pytest.mark.parametrize("stream", [True, False])
def test_who_answered_and_who_did_not_are_counted(stream: bool) -> None:
    members = (member("a", failing()), member("b", failing(ServerDown)), member("c"), member("d"))
    counters = heard(route(fallback("r", "a", "b", "c", "d"), *members), stream=stream).counters
    assert counters.outcomes == {"ok": 1}
    assert counters.answers == {"a": 0, "b": 0, "c": 1, "d": 0}
    assert counters.moves == {("a", "server_error"): 1, ("b", "server_down"): 1}
    assert counters.durations.seconds == 3


def test_a_request_that_nobody_could_answer_moved_on_but_from_the_last_member() -> None:
    members = (member("a", failing()), member("b", failing(ServerDown)))
    counters = heard(route(fallback("r", "a", "b"), *members)).counters
    assert counters.outcomes == {"server_down": 1}
    assert counters.answers.total() == 0
    assert counters.moves == {("a", "server_error"): 1}


def test_a_refusal_moves_nowhere() -> None:
    counters = heard(route(balance("r", "a", "b"), member("a", failing(BadRequest)), member("b"))).counters
    assert (dict(counters.outcomes), dict(counters.moves)) == ({"bad_request": 1}, {})


def test_a_member_that_breaks_off_has_begun_to_answer() -> None:
    counters = heard(route(fallback("r", "a", "b"), member("a", Speaker(fail_at=1)), member("b"))).counters
    assert (dict(counters.outcomes), dict(counters.moves)) == ({"internal": 1}, {})
    assert counters.answers == {"a": 1, "b": 0}


def test_a_split_counts_who_answered_and_never_moves() -> None:
    counters = heard(route(split("r", {"a": 1.0, "b": 0.0}), member("a"), member("b"))).counters
    assert (counters.answers, dict(counters.moves)) == ({"a": 1, "b": 0}, {})
    counters = heard(route(split("r", {"a": 1.0, "b": 0.0}), member("a", failing()), member("b"))).counters
    assert (dict(counters.outcomes), counters.answers.total(), dict(counters.moves)) == (
        {"server_error": 1},
        0,
        {},
    )


@pytest.mark.parametrize("stream", [True, False])
def test_a_hedge_says_whether_the_first_was_slow_or_failed(stream: bool) -> None:
    def hedged(*first: Speaker) -> Route:
        members = [member(name, speaker) for name, speaker in zip("abc", (*first, Speaker()), strict=False)]
        return route(hedge("r", *(each.name for each in members), after=5), *members)

    counters = heard(hedged(Speaker(delay=60)), stream=stream).counters
    assert (counters.answers, counters.moves) == ({"a": 0, "b": 1}, {("a", "slow"): 1})
    counters = heard(hedged(failing()), stream=stream).counters
    assert (counters.answers, counters.moves) == ({"a": 0, "b": 1}, {("a", "server_error"): 1})
    counters = heard(
        hedged(Speaker(delay=7, broken=ServerDown("no")), Speaker(delay=60)), stream=stream
    ).counters
    assert counters.answers == {"a": 0, "b": 0, "c": 1}
    assert counters.moves == {("a", "slow"): 1, ("a", "server_down"): 1}
    counters = heard(hedged(Speaker()), stream=stream).counters
    assert (counters.answers, dict(counters.moves)) == ({"a": 1, "b": 0}, {})


@pytest.mark.parametrize("stream", [True, False])
def test_a_cascade_says_which_answers_were_not_accepted(stream: bool) -> None:
    graph = Graph()
    enough = graph.operator("ok", ">=", graph.field("c", "it", "confidence"), graph.constant("x", 0.5))
    plan = cascade("r", "a", "b", "c", condition=graph, accept=enough)
    unsure, sure = Speaker(logprob=-5.0), Speaker(logprob=-0.1)
    counters = heard(
        route(plan, member("a", unsure), member("b", failing()), member("c")), stream=stream
    ).counters
    assert (counters.outcomes, counters.answers) == ({"ok": 1}, {"a": 0, "b": 0, "c": 1})
    assert counters.moves == {("a", "not_accepted"): 1, ("b", "server_error"): 1}
    counters = heard(route(plan, member("a", sure), member("b"), member("c")), stream=stream).counters
    assert (counters.answers, dict(counters.moves)) == ({"a": 1, "b": 0, "c": 0}, {})


def test_a_route_in_a_route_counts_on_its_own() -> None:
    inner = route(fallback("r.1", "a", "b"), member("a", failing()), member("b", failing(ServerDown)))
    outer = heard(route(fallback("r", "r.1", "c"), inner, member("c")))
    assert inner.counters.outcomes == {"server_down": 1}
    assert outer.counters.moves == {("r.1", "server_down"): 1}
    assert outer.counters.answers == {"r.1": 0, "c": 1}


def test_a_client_that_leaves_is_counted_as_cancelled() -> None:
    async def scenario() -> None:
        it = route(fallback("r", "a"), member("a", Speaker(gap=10)))
        async with aclosing(it.stream(Call(CHAT), Trace())) as chunks:
            await anext(chunks)
        task = asyncio.create_task(it.answer(Call(CHAT), Trace()))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert it.counters.outcomes == {"cancelled": 2}

    run_virtual(scenario())
