"""Nodes that decide whether the blocks in them run, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ....compiler.plan import AttemptNode, IfNode, MapNode, MatchNode
from ...concurrency.tasks import end_tasks
from ...requests.errors import RequestError, StepFailed, forget_frames
from .activation import Activation
from .block import Act, Block

_TURN = 0.005
"""Seconds after which a list that needs no waiting lets others have the loop."""


def match_value(node: MatchNode, slots: Mapping[str, int], blocks: Mapping[str, Block], is_tail: bool) -> Act:
    """The first arm that fits runs."""
    subject = slots[node.subject]
    arms: dict[object, Block] = {}
    otherwise: Block | None = None
    for arm in node.arms:
        if arm.values and otherwise is None:
            for value in arm.values:
                arms.setdefault(_key(value), blocks[arm.block])
        elif otherwise is None:
            otherwise = blocks[arm.block]

    async def act(around: Activation) -> Any:
        block = arms.get(_key(around.frame[subject]), otherwise)
        if block is None:
            raise StepFailed("no arm of the match fits the value")
        return await _inner(block, around, is_tail)

    return act


def choose(node: IfNode, slots: Mapping[str, int], blocks: Mapping[str, Block], is_tail: bool) -> Act:
    """One of two blocks runs."""
    condition = slots[node.condition]
    then, otherwise = blocks[node.then], blocks[node.otherwise]

    async def act(around: Activation) -> Any:
        return await _inner(then if around.frame[condition] else otherwise, around, is_tail)

    return act


def attempt(node: AttemptNode, blocks: Mapping[str, Block], is_tail: bool) -> Act:
    """The second block runs when the first one fails, or has no value.

    Not when the request has no time left, nor when a part of the first one's text has gone out.
    """
    first, otherwise = blocks[node.first], blocks[node.otherwise]

    async def act(around: Activation) -> Any:
        try:
            value = await _inner(first, around, is_tail)
        except RequestError as error:
            if around.run.is_over() or (is_tail and around.sink is not None and around.sink.sent):
                raise
            forget_frames(error)
            value = None
        return await _inner(otherwise, around, is_tail) if value is None else value

    return act


def map_list(node: MapNode, slots: Mapping[str, int], blocks: Mapping[str, Block]) -> Act:
    """The block runs for each value of a list, at most `limit` at once; the results keep the order."""
    over, limit = slots[node.over], node.limit
    each = blocks[node.each]
    variable = each.inputs[node.variable]

    async def act(around: Activation) -> list[Any]:
        values = around.frame[over]
        loop = asyncio.get_running_loop()
        results: list[Any] = [None] * len(values)
        left = iter(enumerate(values))

        async def work() -> None:
            began = loop.time()
            for index, value in left:
                if loop.time() - began > _TURN:
                    await asyncio.sleep(0)
                    began = loop.time()
                inner = Activation(each, around.run, place=f"{around.place}[{index}]")
                results[index] = await inner.result([(variable, value)], around)

        workers = [asyncio.create_task(work()) for _ in range(min(limit, len(values)))]
        try:
            if workers:
                done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
                for worker in done:
                    worker.result()
        finally:
            await end_tasks(workers)
        return results

    return act


async def _inner(block: Block, around: Activation, is_tail: bool) -> Any:
    sink = around.sink if is_tail else None
    return await Activation(block, around.run, sink, around.place).result((), around)


def _key(value: object) -> object:
    return isinstance(value, bool), value
