"""Large answers are written in pieces of a bounded size, and are the same JSON."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy
import pytest

from inferc.runtime.dialects import json_pieces as pieces_of
from inferc.runtime.dialects.json_pieces import json_pieces
from inferc.runtime.dialects.open_inference.asked import Asked
from inferc.runtime.dialects.open_inference.bodies import write_answer
from inferc.runtime.gateway.outgoing.answers import in_turns
from inferc.runtime.requests.request import TensorRequest
from inferc.runtime.requests.tensor import Tensor

from ...support.rows import each_row

MOST, LEAST = pieces_of.MOST // 8, pieces_of._LEAST // 8
"""The sizes of pieces here, where smaller ones say the same."""

LARGEST = 32 * MOST
"""Bytes of a piece: a number in JSON has fewer than 32."""

WIDE = numpy.arange(3 * MOST + 1, dtype=numpy.float32)
MANY = numpy.ones((4 * MOST // 8, 8), dtype=numpy.float64) / 3


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces_of, "MOST", MOST)
    monkeypatch.setattr(pieces_of, "_LEAST", LEAST)


@pytest.mark.usefixtures("small")
@each_row(
    ("value", "pieces"),
    [
        ({"a": [1, {"b": None}], "c": numpy.zeros((2, 0)), "d": iter(())}, 1),
        ({"name": "x", "data": WIDE}, 2),
        ([{"embedding": row} for row in MANY], 3),
        ({"vectors": MANY, "more": 1}, 5),
        ({"long rows": numpy.stack([WIDE, WIDE])}, 4),
        ({"pairs": [list(range(5))] * MOST}, 2),
        (["word" * 40] * MOST, 3),
        (list(range(2 * MOST)), 2),
    ],
)
def test_large_values_come_in_pieces_of_a_bounded_size(value: Any, pieces: int) -> None:
    written = [*json_pieces(value)]
    assert len(written) >= pieces
    assert max(map(len, written)) <= LARGEST
    assert json.loads(b"".join(written)) == json.loads(json.dumps(value, default=_plain))


@pytest.mark.usefixtures("small")
def test_lists_are_made_as_they_are_written() -> None:
    made: list[int] = []

    def rows() -> Any:
        for index in range(20):
            made.append(index)
            yield {"index": index, "vector": WIDE[:MOST]}

    written = json_pieces({"data": rows()})
    first = next(written)
    assert len(made) < 10
    assert len(json.loads(first + b"".join(written))["data"]) == 20


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, numpy.ndarray) else [*value]


async def test_others_have_their_turn_between_the_pieces_of_an_answer() -> None:
    turns, most = 0, pieces_of.MOST

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    outputs = (
        Tensor("y", "FP32", numpy.full((8, most), 1 / 3, dtype=numpy.float32)),
        Tensor("t", "BYTES", numpy.array([b"a"] * most)),
    )
    answer = write_answer(Asked(TensorRequest(()), None, {}, False), "m", outputs)
    body = json.loads(b"".join(await in_turns(answer.described)))
    seen, _ = turns, task.cancel()
    assert [len(each["data"]) for each in body["outputs"]] == [8 * most, most]
    assert seen >= 7
