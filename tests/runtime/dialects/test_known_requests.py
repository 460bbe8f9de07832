"""Requests of which only the bytes change: their JSON is read once, and means the same each time."""

from __future__ import annotations

from typing import Any

import numpy
import orjson
import pytest

from inferc.runtime.dialects.open_inference import bodies
from inferc.runtime.dialects.open_inference.asked import Asked
from inferc.runtime.dialects.open_inference.bodies import read_request
from inferc.runtime.dialects.open_inference.known_requests import LONGEST, KnownRequests
from inferc.runtime.requests.errors import BadRequest


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> KnownRequests:
    """Nothing is known yet."""
    monkeypatch.setattr(bodies, "_KNOWN", KnownRequests())
    return bodies._KNOWN


def sent(name: str, datatype: str, shape: list[int], size: int) -> dict[str, Any]:
    parameters = {"binary_data_size": size}
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": parameters}


PAIR = {"inputs": [sent("a", "FP32", [2, 1], 8), sent("b", "INT64", [], 8)], "id": None}
VALUES = numpy.array([1.5, -2], "<f4").tobytes() + numpy.array(7, "<i8").tobytes()
OTHERS = numpy.array([9, 8], "<f4").tobytes() + numpy.array(-3, "<i8").tobytes()


def body(asked: dict[str, Any], values: bytes) -> tuple[bytes, str]:
    head = orjson.dumps(asked)
    return head + values, str(len(head))


def told(asked: Asked) -> list[Any]:
    inputs = [
        (each.name, each.datatype, each.values.dtype, each.values.tolist()) for each in asked.request.inputs
    ]
    rest = (asked.request.outputs, asked.id, asked.binary, asked.binary_by_default, asked.priority)
    return [inputs, *rest, asked.timeout, asked.classes]


def is_known(known: KnownRequests, request: tuple[bytes, str]) -> bool:
    return known.read(request[0][: int(request[1])], request[0]) is not None


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"parameters": {"binary_data_output": True}},
        {"outputs": [{"name": "y", "parameters": {"binary_data": True, "classification": 2}}, {"name": "z"}]},
        {"parameters": {"priority": 2, "timeout": 5_000_000}, "outputs": [{"name": "y"}]},
    ],
)
def test_what_is_known_is_read_as_it_was_the_first_time(known: KnownRequests, more: dict[str, Any]) -> None:
    first, second = body(PAIR | more, VALUES), body(PAIR | more, OTHERS)
    anew = told(read_request(*second))
    known._known.clear()
    read_request(*first)
    assert is_known(known, second)
    assert told(read_request(*second)) == anew
    assert anew[0] == [
        ("a", "FP32", numpy.dtype("f4"), [[9.0], [8.0]]),
        ("b", "INT64", numpy.dtype("i8"), -3),
    ]


def test_other_sizes_are_looked_at_again(known: KnownRequests) -> None:
    read_request(*body(PAIR, VALUES))
    for values in (VALUES[:-1], VALUES + b"\0", b""):
        with pytest.raises(BadRequest, match="bytes"):
            read_request(*body(PAIR, values))


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        (PAIR | {"id": "7"}, VALUES),
        ({"inputs": [sent("a", "BOOL", [2], 2)]}, b"\x01\x02"),
        ({"inputs": [sent("a", "BYTES", [1], 5)]}, b"\x01\0\0\0x"),
        ({"inputs": [sent("a", "FP32", [0], 0)]}, b""),
        ({"inputs": [{"name": "a", "datatype": "FP32", "shape": [1], "data": [1]}]}, b""),
        (
            PAIR
            | {"inputs": [{"name": "c", "datatype": "FP32", "shape": [1], "data": [1]}, *PAIR["inputs"]]},
            VALUES,
        ),
        (PAIR | {"more": "x" * LONGEST}, VALUES),
    ],
    ids=["named", "truths", "texts", "nothing", "numbers", "both", "long"],
)
def test_what_changes_with_more_than_its_bytes_is_not_remembered(
    known: KnownRequests, asked: dict[str, Any], values: bytes
) -> None:
    request = body(asked, values)
    assert told(read_request(*request)) == told(read_request(*request))
    assert not is_known(known, request)


def test_clients_of_many_kinds_take_no_more_memory(known: KnownRequests) -> None:
    for number in range(1000):
        read_request(*body({"inputs": [sent(f"x{number}", "UINT8", [1], 1)]}, b"\x01"))
    assert 0 < len(known._known) <= 256
