"""The table that colours the playground's editor, whose patterns are JavaScript's."""

from __future__ import annotations

import re
from typing import Any

from .colours import BLANKS, ITEMS, ROLES, Item, Part, Rule, lookahead, members

_WORD = r"\p{L}\p{N}_"
_EDGE = rf"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))"


def codemirror() -> dict[str, Any]:
    """`roles`; `main`: names of what is looked for in a file; `items`: rules and regions by name.

    A pattern has one group for each of its roles; a region stops at its `end`, which may be a mere condition.
    """
    return {
        "roles": ROLES,
        "main": members(("$main",)),
        "items": {name: _item(item) for name, item in ITEMS.items()},
    }


def _item(item: Item) -> dict[str, Any]:
    if isinstance(item, Rule):
        return _sequence(item.parts, item.ahead, "" if item.tight else BLANKS)
    begin = _sequence(item.begin, item.ahead, BLANKS)
    if isinstance(item.end, str):
        end: dict[str, Any] = {"pattern": _translated(lookahead(item.end)), "roles": []}
    else:
        end = _sequence((item.end,), "", "")
    return {**begin, "end": end, "inside": members(item.inside), "filling": item.filling}


def _sequence(parts: tuple[Part, ...], ahead: str, gap: str) -> dict[str, Any]:
    groups = f"({gap})".join(f"({part.pattern})" for part in parts)
    roles = [role for part in parts for role in (part.role, "")][:-1]
    return {"pattern": _translated(groups + lookahead(ahead)), "roles": roles}


def _translated(pattern: str) -> str:
    """For a regular expression with JavaScript's flag `u`: words of all scripts, no needless escapes."""
    pattern = pattern.replace(r"[^\W\d]", r"[\p{L}_]").replace(r"\b", _EDGE)
    pattern = pattern.replace(r"\w", f"[{_WORD}]")
    return re.sub(r"\\([^\w\s\\^$.*+?()\[\]{}|/\-])", r"\1", pattern)
