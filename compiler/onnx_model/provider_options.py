"""The options of ONNX Runtime's execution providers: which exist, what they take, and how they are passed.

They are data, in `provider_options.json`: names and types as in the release that the file names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import field

from ...dsl.record import frozen
from ...dsl.units import Duration, Size

_TABLE = Path(__file__).parent.parent / "provider_options.json"
_SHAPES = r"[^:,\s]+:\d+(?:x\d+)*(?:,[^:,\s]+:\d+(?:x\d+)*)*"
_MOST = 2**31 - 1

PLACED = {
    "device_id": "each replica gets its device from the placement",
    "has_user_compute_stream": "this is for programs that share a stream",
    "user_compute_stream": "this is for programs that share a stream",
}
"""Options that exist and cannot be written in a file, with the reason."""

_EXPECTED = {
    "flag": "`true` or `false`",
    "number": "a whole number, 0 or more",
    "size": "a size, such as `4GiB`",
    "milliseconds": "a duration, such as `100ms`",
    "path": "the path of a file or folder, as text",
    "text": "text",
    "shapes": 'shapes of inputs, such as `"input_ids:1x128,attention_mask:1x128"`',
}


@frozen
class Option:
    """What one option takes. choices: the words it is one of, if it is."""

    type: str
    choices: tuple[str, ...] = field(default=(), converter=tuple)

    @property
    def expected(self) -> str:
        """What the option takes, in the user's words."""
        if self.choices:
            return "one of " + ", ".join(f"`{choice}`" for choice in self.choices)
        return _EXPECTED[self.type]


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_TABLE.read_text("utf-8"))
    return table


def version() -> str:
    """The release of ONNX Runtime that the table was taken from."""
    return str(_table()["onnxruntime"])


@cache
def options_of(provider: str) -> Mapping[str, Option]:
    """The options of an execution provider, by name."""
    return {name: Option(**told) for name, told in _table()[provider].items()}


def fits(option: Option, value: object) -> bool:
    """Whether an option takes `value`."""
    match option.type:
        case "flag":
            return isinstance(value, bool)
        case "number":
            return type(value) is int and 0 <= value <= _MOST
        case "size":
            return isinstance(value, Size)
        case "milliseconds":
            return isinstance(value, Duration) and value >= 0
        case "choice":
            return value in option.choices
        case "shapes":
            return isinstance(value, str) and re.fullmatch(_SHAPES, value) is not None
        case "path" | "text":
            return isinstance(value, str) and value != ""
    raise TypeError(f"no type of options: {option.type}")


def as_text(option: Option, value: Any) -> str:
    """A value that fits, as ONNX Runtime takes it."""
    match option.type:
        case "flag":
            return "1" if value else "0"
        case "size":
            return str(int(value))
        case "milliseconds":
            return str(round(value * 1000))
        case _:
            return str(value)


def profile_shapes(text: str) -> dict[str, tuple[int, ...]]:
    """The shapes in an option of the type `shapes` that fits, by the name of the input."""
    pairs = (each.split(":") for each in text.split(","))
    return {name: tuple(int(size) for size in sizes.split("x")) for name, sizes in pairs}
