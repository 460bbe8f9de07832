"""Values as the language writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...dsl.parsing.tokens import KEYWORDS
from ...dsl.secrets.texts import MASK, holds_key, masked
from ...dsl.units import Duration, Money, Percent, Size

_NAME = re.compile(r"[^\W\d]\w*")
LOGIN = re.compile(r"(?<=://)[^\s/@:]*+:[^\s/@]++(?=@)")
"""A user and a password in an address."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


class Code(str):
    """An expression of the language: it stands in the file as it is."""

    __slots__ = ()


def env(variable: str, default: str | None = None) -> Code:
    """`env("NAME")`, or `env("NAME", "default")`."""
    return Code(f"env({text(variable)})" if default is None else f"env({text(variable)}, {text(default)})")


def text(value: str) -> str:
    """A text in quotes."""
    return '"' + "".join(map(_char, value)).replace("${", "\\${") + '"'


def _char(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\u{{{ord(char):X}}}"


def name(value: str) -> str:
    """A name: an identifier, or a text in quotes; a key or password where a name stands is not repeated."""
    value = LOGIN.sub(MASK, masked(value))
    return value if _NAME.fullmatch(value) and value not in KEYWORDS else text(value)


def literal(value: object) -> str:
    """A value as a file writes it; mappings become blocks without their name."""
    match value:
        case Code():
            return str(value)
        case bool():
            return "true" if value else "false"
        case Duration() | Money() | Percent() | Size() | int():
            return str(value)
        case float():
            return f"{value:f}".rstrip("0").rstrip(".") if abs(value) < 1 else str(value)
        case str():
            return text(value)
        case list() | tuple():
            return "[" + ", ".join(map(literal, value)) + "]"
        case Mapping():
            return block(value)
        case _:
            raise TypeError(f"no value of the language: {value!r}")


def block(value: Mapping[str, object]) -> str:
    """`{ a = 1, b { c = 2 } }`."""
    inner = [
        f"{name(key)} {block(item)}" if isinstance(item, Mapping) else f"{name(key)} = {literal(item)}"
        for key, item in value.items()
    ]
    return "{ " + ", ".join(inner) + " }" if inner else "{ }"


def plain(value: str) -> str:
    """A foreign text in a comment: on one line, and without what looks like a key or a password."""
    shown = LOGIN.sub(MASK, masked(value) if holds_key(value) else value)
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)


__all__ = ["LOGIN", "MASK", "Code", "block", "env", "literal", "name", "plain", "text"]
