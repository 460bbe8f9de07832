"""JSON with places; comments and a last comma, as in `.jsonc`, do no harm."""

from __future__ import annotations

from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from .foreign import TOO_LONG, Counter, ImportFailed, Node, below

_GRAMMAR = r"""
?start: value
?value: object | array | STRING -> string | NUMBER -> number
      | "true" -> true | "false" -> false | "null" -> null
object: LBRACE [pair ("," pair)* [","]] "}"
array: LSQB [value ("," value)* [","]] "]"
pair: STRING ":" value
LBRACE: "{"
LSQB: "["
STRING: /"(?:[^"\\\x00-\x1f]|\\(?:["\\\/bfnrt]|u[0-9a-fA-F]{4}))*"/
NUMBER: /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/
%ignore /[ \t\r\n]+/
%ignore /\/\/[^\r\n]*/
%ignore /\/\*(?:[^*]|\*(?!\/))*\*\//
"""


def read_json(text: str) -> Node:
    """The value of a JSON file. Raises ImportFailed."""
    try:
        made: Any = _parser().parse(text)
    except UnexpectedInput as error:
        line = error.line if error.line > 0 else None
        raise ImportFailed("this is no JSON: something else is expected here", line) from None
    return _placed(made, "", Counter(), 0)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Values(), maybe_placeholders=False)


_Made = tuple[int, Any]
"""A line, and a scalar, a list or a dict of the same."""


@v_args(inline=True)
class _Values(Transformer[Token, _Made]):
    def string(self, token: Token) -> _Made:
        return _line(token), _string(token)

    def number(self, token: Token) -> _Made:
        is_whole = not {".", "e", "E"} & set(token)
        try:
            return _line(token), int(token) if is_whole else float(token)
        except ValueError:
            raise ImportFailed(TOO_LONG, _line(token)) from None

    def true(self) -> _Made:
        return 0, True

    def false(self) -> _Made:
        return 0, False

    def null(self) -> _Made:
        return 0, None

    def pair(self, key: Token, value: _Made) -> tuple[str, _Made]:
        line, inner = value
        return _string(key), (line or _line(key), inner)

    def object(self, brace: Token, *pairs: tuple[str, _Made]) -> _Made:
        made: dict[str, _Made] = {}
        for key, value in pairs:
            if key in made:
                raise ImportFailed(f"`{key}` stands twice in one object", value[0], "remove one of them")
            made[key] = value
        return _line(brace), made

    def array(self, bracket: Token, *items: _Made) -> _Made:
        return _line(bracket), list(items)


def _line(token: Token) -> int:
    return token.line or 1


def _string(token: Token) -> str:
    import json

    return str(json.loads(str(token))).encode("utf-8", "replace").decode("utf-8")


def _placed(made: _Made, path: str, counter: Counter, depth: int, above: int = 1) -> Node:
    line, value = made
    line = line or above
    counter.add(line, depth)
    if isinstance(value, dict):
        inner = {k: _placed(v, below(path, k), counter, depth + 1, line) for k, v in value.items()}
        return Node(path, line, inner)
    if isinstance(value, list):
        items = [_placed(v, below(path, i), counter, depth + 1, line) for i, v in enumerate(value)]
        return Node(path, line, items)
    return Node(path, line, value)
