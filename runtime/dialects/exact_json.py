"""JSON whose numbers keep their value: those that 64 bits cannot hold keep their text."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from ...compiler.plan.record import frozen

_AS_ZEROS = bytes.maketrans(b"123456789E", b"000000000e")
_LONG = (b"0" * 16, b"0e000", b"0e+000")
"""What a number looks like, with its digits as zeros, that may not fit; most bodies have none, and take the
fast way."""

_INTEGERS = range(-(2**63), 2**64)


@frozen
class Number:
    """A number that no machine type holds, as its JSON text."""

    text: str


def loads(data: bytes) -> Any:
    """The value in `data`. Raises orjson.JSONDecodeError, which is a ValueError."""
    if not _may_be_long(data):
        return orjson.loads(data)
    try:
        orjson.loads(data)  # it is stricter: UTF-8, surrogates, depth
        return json.loads(data, parse_int=_integer, parse_float=_float)
    except RecursionError:
        raise orjson.JSONDecodeError("nested too deeply", "", 0) from None


def _may_be_long(data: bytes) -> bool:
    """Whether some number in `data` may not fit. Searching for plain bytes takes a sixth of a pattern."""
    digits = data.translate(_AS_ZEROS)
    return _LONG[0] in digits or _LONG[1] in digits or _LONG[2] in digits


def loads_leniently(data: bytes) -> Any:
    """As `loads`, and takes halves of characters. Raises ValueError, and RecursionError."""
    return json.loads(data.decode(), parse_int=_integer, parse_float=_float, parse_constant=_refuse)


def _integer(text: str) -> int | Number:
    return value if len(text) < 21 and (value := int(text)) in _INTEGERS else Number(text)


def _float(text: str) -> float | Number:
    """Seventeen digits are all that a float tells apart."""
    digits = re.sub(r"[eE].*|\D", "", text).strip("0")
    return float(text) if len(digits) <= 17 else Number(text)


def _refuse(name: str) -> None:
    raise ValueError(f"JSON has no `{name}`")


def _fragment(value: object) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.text)
    raise TypeError


def dumps(value: Any) -> bytes:
    """The JSON of `value`. Raises orjson.JSONEncodeError."""
    return orjson.dumps(value, _fragment)
