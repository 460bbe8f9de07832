"""What inferc calls of orjson, on Python's own `json`: orjson is Rust, which no browser has.

The same refusals: numbers of more than 64 bits, halves of surrogate pairs, NaN in what is read.
"""

from __future__ import annotations

import json
from enum import Enum
from math import isfinite
from typing import Any

JSONDecodeError = json.JSONDecodeError
JSONEncodeError = TypeError

OPT_APPEND_NEWLINE = 1
OPT_INDENT_2 = 2
OPT_SERIALIZE_NUMPY = 4
OPT_SORT_KEYS = 8

_LARGEST = 2**64


class Fragment:
    """JSON that is written as it is."""

    def __init__(self, contents: bytes | str) -> None:
        self.contents = contents if isinstance(contents, str) else bytes(contents).decode()


def loads(text: Any) -> Any:
    """The value in `text`. Raises JSONDecodeError."""
    try:
        return json.loads(text if isinstance(text, str) else bytes(text), parse_constant=_refused)
    except (UnicodeDecodeError, RecursionError) as error:
        raise JSONDecodeError(str(error), "", 0) from None


def _refused(name: str) -> None:
    raise JSONDecodeError(f"{name} is no JSON", name, 0)


def dumps(value: Any, default: Any = None, option: int = 0) -> bytes:
    """`value` as JSON. Raises JSONEncodeError."""
    fragments: list[str] = []
    plain = _plain(value, default, fragments)
    shape: dict[str, Any] = {"indent": 2} if option & OPT_INDENT_2 else {"separators": (",", ":")}
    text = json.dumps(plain, ensure_ascii=False, sort_keys=bool(option & OPT_SORT_KEYS), **shape)
    for number, contents in enumerate(fragments):
        text = text.replace(json.dumps(_mark(number)), contents, 1)
    try:
        return (text + "\n" if option & OPT_APPEND_NEWLINE else text).encode()
    except UnicodeEncodeError:
        raise JSONEncodeError("str is not valid UTF-8: surrogates not allowed") from None


def _mark(number: int) -> str:
    return f"\0fragment {number}\0"


def _plain(value: Any, default: Any, fragments: list[str]) -> Any:
    """`value` of dicts, lists and plain values alone."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, default, fragments)
    if isinstance(value, int):
        if not -_LARGEST // 2 <= value < _LARGEST:
            raise JSONEncodeError("Integer exceeds 64-bit range")
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise JSONEncodeError("Dict key must be str")
        return {key: _plain(inner, default, fragments) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, default, fragments) for inner in value]
    if isinstance(value, Fragment):
        fragments.append(value.contents)
        return _mark(len(fragments) - 1)
    if default is None:
        raise JSONEncodeError(f"Type is not JSON serializable: {type(value).__name__}")
    return _plain(default(value), default, fragments)
