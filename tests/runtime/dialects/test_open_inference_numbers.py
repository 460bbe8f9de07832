"""A few numbers in one list are read in a way of their own: it gives what all others give."""

from __future__ import annotations

import struct
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies as st

from inferc.runtime.dialects.open_inference.bodies import read_request
from inferc.runtime.requests.errors import BadRequest

INTEGERS = st.sampled_from(
    [0, -1, 127, 128, 255, 256, -129, 65536, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, -(2**63)]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [65519.9, 65520.0, 3.4028236e38, -0.0]
)


def read(datatype: str, shape: list[int], data: Any) -> tuple[str, bytes] | str:
    tensor = {"name": "x", "datatype": datatype, "shape": shape, "data": data}
    try:
        [found] = read_request(orjson.dumps({"inputs": [tensor]}), None).request.inputs
    except BadRequest as error:
        return error.message
    assert list(found.values.shape) == shape
    return found.values.dtype.str, found.values.tobytes()


@given(
    st.sampled_from(["INT8", "UINT8", "INT32", "UINT32", "INT64", "UINT64", "FP16", "BF16", "FP32", "FP64"]),
    st.lists(INTEGERS, min_size=1, max_size=4)
    | st.lists(FLOATS, min_size=1, max_size=4)
    | st.lists(INTEGERS | FLOATS | st.booleans(), min_size=1, max_size=4),
)
def test_one_list_is_read_as_lists_in_a_list_are(datatype: str, data: list[Any]) -> None:
    shape = [1, len(data)]
    assert read(datatype, shape, data) == read(datatype, shape, [data])


@pytest.mark.parametrize("count", [1, 3, 64, 65])
def test_as_many_as_the_shape_means_are_wanted(count: int) -> None:
    values = [number + 0.1 for number in range(count)]
    assert read("FP32", [count], values) == ("<f4", struct.pack(f"<{count}f", *values))
    said = read("FP32", [2, count], values)
    assert said == f"input `x`: its `data` has {count} values, but its `shape` [2, {count}] means {2 * count}"


def test_integers_that_no_machine_type_holds_together_are_refused_in_lists_of_lists_too() -> None:
    said = "input `x`: -1 among its `data` is out of the range of UINT64"
    assert read("UINT64", [1, 2], [[1 << 63, -1]]) == read("UINT64", [2], [1 << 63, -1]) == said
