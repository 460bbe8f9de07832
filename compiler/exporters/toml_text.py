"""Plain values as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(
    tables: Mapping[str, Mapping[str, Any]], lists: Mapping[str, Sequence[Mapping[str, Any]]]
) -> str:
    """`[name]` for each table and `[[name]]` for each item of a list; what lies deeper is on one line."""
    blocks = [f"[{name}]\n{_entries(table)}" for name, table in tables.items()]
    blocks += [f"[[{name}]]\n{_entries(item)}" for name, items in lists.items() for item in items]
    return "\n".join(blocks)


def _entries(table: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in table.items())


def _key(key: str) -> str:
    return key if _PLAIN.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(key))} = {_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _text(str(value))


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
