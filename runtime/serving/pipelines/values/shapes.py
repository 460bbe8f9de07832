"""Values without their contents: what a message may say of them."""

from __future__ import annotations

from typing import Any


def shape_of(value: Any) -> str:
    """Such as `text of 120 characters`, `f32[3, 384]`; never what is in it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return f"text of {_counted(len(value), 'character')}"
        case bytes():
            return _counted(len(value), "byte")
        case list():
            return f"list of {len(value)}"
        case dict():
            return f"object of {_counted(len(value), 'field')}"
        case _:
            return f"{value.dtype}[{', '.join(map(str, value.shape))}]"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
