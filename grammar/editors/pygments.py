"""The lexer that Pygments finds under the name `infer`: `pygmentize -l infer`, and Sphinx."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
    _TokenType,
)

from .colours import BLANKS, ITEMS, Item, Part, Region, Rule, lookahead, members

KINDS: dict[str, _TokenType] = {
    "comment": Comment.Single,
    "doc": String.Doc,
    "keyword": Keyword,
    "constant": Keyword.Constant,
    "type": Keyword.Type,
    "string": String.Double,
    "escape": String.Escape,
    "interpolation": String.Interpol,
    "template": Comment.Preproc,
    "number": Number,
    "unit": Number.Unit,
    "operator": Operator,
    "punctuation": Punctuation,
    "declaration": Name.Class,
    "field": Name.Attribute,
    "block": Name.Tag,
    "label": Name.Label,
    "function": Name.Function,
    "name": Name,
}
"""The token of each role; every style of Pygments has a colour for each."""


def _sequence(parts: tuple[Part, ...], ahead: str, gap: str) -> tuple[str, Any]:
    """One pattern with a group for each part and each gap, and the tokens of the groups."""
    pattern = f"({gap})".join(f"({part.pattern})" for part in parts)
    kinds = [kind for part in parts for kind in (KINDS[part.role], Whitespace)]
    return pattern + lookahead(ahead), bygroups(*kinds[:-1])  # type: ignore[no-untyped-call]


def _entry(name: str, item: Item) -> tuple[Any, ...]:
    if isinstance(item, Rule):
        return _sequence(item.parts, item.ahead, "" if item.tight else BLANKS)
    return (*_sequence(item.begin, item.ahead, BLANKS), name)


def _state(region: Region) -> list[Any]:
    if isinstance(region.end, str):
        end: Any = (lookahead(region.end), Text, "#pop")
    else:
        end = (region.end.pattern, KINDS[region.end.role], "#pop")
    inside = [_entry(name, ITEMS[name]) for name in members(region.inside)]
    return [end, *inside, *_rest(KINDS[region.filling] if region.filling else None)]


def _rest(filling: _TokenType | None) -> list[Any]:
    if filling is None:
        return [(r"[ \t\f]+|\s", Whitespace), (r".", Error)]
    return [(r"[\w \t]+", filling), (r"[\s\S]", filling)]


class InferLexer(RegexLexer):
    """Tokens of a `.infer` file; joined, they are the text."""

    name = "Infer"
    aliases: ClassVar = ["infer"]
    filenames: ClassVar = ["*.infer"]
    mimetypes: ClassVar = ["text/x-infer"]
    flags = re.MULTILINE
    tokens: ClassVar = {
        "root": [
            (r"\A\uFEFF", Whitespace),
            *(_entry(name, ITEMS[name]) for name in members(("$main",))),
            *_rest(None),
        ],
        **{name: _state(item) for name, item in ITEMS.items() if isinstance(item, Region)},
    }
