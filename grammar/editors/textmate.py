"""The TextMate grammar, for VS Code and whatever else reads `.tmLanguage.json`."""

from __future__ import annotations

import json
from typing import Any

from .colours import BLANKS, GROUPS, ITEMS, Item, Part, Region, Rule, lookahead, members

SCOPES = {
    "comment": "comment.line.number-sign.infer",
    "doc": "comment.line.documentation.infer",
    "keyword": "keyword.control.infer",
    "constant": "constant.language.infer",
    "type": "entity.name.type.infer",
    "string": "string.quoted.double.infer",
    "escape": "constant.character.escape.infer",
    "interpolation": "constant.other.placeholder.infer",
    "template": "variable.other.template.infer",
    "number": "constant.numeric.infer",
    "unit": "keyword.other.unit.infer",
    "operator": "keyword.operator.infer",
    "punctuation": "punctuation.infer",
    "declaration": "entity.name.function.infer",
    "field": "variable.other.property.infer",
    "block": "entity.name.tag.infer",
    "label": "variable.other.enummember.infer",
    "function": "support.function.infer",
}
"""The scope of each role; themes know the first two or three words of each."""

HEADER = "Made by scripts/build_grammars.py from grammar/editors/colours.py: change that."


def textmate() -> str:
    """The text of `infer.tmLanguage.json`."""
    repository = {name: _item(item) for name, item in ITEMS.items()}
    whole = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "comment": HEADER,
        "name": "Infer",
        "scopeName": "source.infer",
        "fileTypes": ["infer"],
        "patterns": _includes(("$main",)),
        "repository": repository | {_key(group): {"patterns": _all(group)} for group in GROUPS},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _item(item: Item) -> dict[str, Any]:
    if isinstance(item, Rule):
        pattern, captures = _sequence(item.parts, item.ahead, "" if item.tight else BLANKS)
        return {"match": pattern, "captures": captures}
    begin, captures = _sequence(item.begin, item.ahead, BLANKS)
    return {"begin": begin, "beginCaptures": captures, **_end(item), "patterns": _includes(item.inside)} | (
        {"contentName": SCOPES[item.filling]} if item.filling else {}
    )


def _end(region: Region) -> dict[str, Any]:
    if isinstance(region.end, str):
        return {"end": lookahead(region.end)}
    pattern, captures = _sequence((region.end,), "", BLANKS)
    return {"end": pattern, "endCaptures": captures}


def _sequence(parts: tuple[Part, ...], ahead: str, gap: str) -> tuple[str, dict[str, Any]]:
    """One pattern with a group for each part, and the scope of each group."""
    pattern = gap.join(f"({part.pattern})" for part in parts)
    captures = {
        str(number): {"name": SCOPES[part.role]}
        for number, part in enumerate(parts, 1)
        if part.role in SCOPES
    }
    return pattern + lookahead(ahead), captures


def _includes(names: tuple[str, ...]) -> list[dict[str, str]]:
    if set(names) & GROUPS.keys() and len(names) == 1:
        return [{"include": f"#{_key(names[0])}"}]
    return [{"include": f"#{name}"} for name in members(names)]


def _all(group: str) -> list[dict[str, str]]:
    return [{"include": f"#{name}"} for name in members((group,))]


def _key(group: str) -> str:
    return f"group_{group.removeprefix(chr(36))}"
