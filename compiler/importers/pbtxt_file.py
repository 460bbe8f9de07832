"""Protocol buffers in their text format, with places: what Triton's `config.pbtxt` is written in.

The text does not say which fields are lists and which are maps; the reader is told their names.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Collection
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from ...dsl.record import frozen
from .foreign import TOO_LONG, Counter, ImportFailed, Node, Scalar, below, check_digits

_GRAMMAR = r"""
message: (field _sep?)*
field: (NAME | EXTENSION) ":" value | (NAME | EXTENSION) ":"? (braces | list)
?value: scalar
braces: LBRACE message "}" | LANGLE message ">"
list: LSQB [element (_comma element)*] "]"
?element: scalar | braces
?scalar: STRING+ -> string | NUMBER -> number | SIGNED -> word | NAME -> word
_sep: "," | ";"
_comma: ","
LBRACE: "{"
LANGLE: "<"
LSQB: "["
NAME: /[A-Za-z_][A-Za-z0-9_]*/
EXTENSION: /\[[A-Za-z_][A-Za-z0-9_.\/]*\]/
SIGNED.1: /-\s*[A-Za-z]+/
STRING: /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/
NUMBER.2: /-?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?)/
%ignore /[ \t\r\n\f\v]+/
%ignore /#[^\n]*/
"""


@frozen
class _Message:
    line: int
    fields: list[tuple[str, Any]]


@frozen
class _Value:
    line: int
    value: Scalar


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="message", parser="lalr", transformer=_Fields(), maybe_placeholders=False)


def read_pbtxt(text: str, lists: Collection[str], maps: Collection[str]) -> Node:
    """A message. lists, maps: fields that are such. Raises ImportFailed."""
    try:
        made: Any = _parser().parse(text)
    except UnexpectedInput as error:
        line = error.line if error.line > 0 else None
        raise ImportFailed(
            "this is no configuration of Triton: something else is expected here", line
        ) from None
    return _Placing(lists, maps).message(made, "", 1, 0)


@v_args(inline=True)
class _Fields(Transformer[Token, Any]):
    def message(self, *fields: Any) -> _Message:
        return _Message(1, [each for each in fields if isinstance(each, tuple)])

    def field(self, name: Token, value: Any) -> tuple[str, Any]:
        return str(name), value

    def braces(self, brace: Token, inner: _Message) -> _Message:
        return _Message(brace.line or 1, inner.fields)

    def list(self, bracket: Token, *items: Any) -> list[Any]:
        return list(items)

    def string(self, *tokens: Token) -> _Value:
        try:
            joined = "".join(_unescaped(str(token)) for token in tokens)
        except (ValueError, SyntaxError):
            raise ImportFailed("a text with an escape that is none", tokens[0].line) from None
        return _Value(tokens[0].line or 1, joined)

    def number(self, token: Token) -> _Value:
        written = re.sub(r"\s", "", str(token))
        try:
            if "x" in written.lower():
                value = int(written, 16)
                check_digits(value, token.line or 1)
                return _Value(token.line or 1, value)
            number = written.rstrip("fF")
            is_whole = number.lstrip("-").isdigit()
            return _Value(token.line or 1, int(number) if is_whole else float(number))
        except ValueError:
            raise ImportFailed(TOO_LONG, token.line) from None

    def word(self, token: Token) -> _Value:
        word = str(token)
        value: Scalar = {
            "true": True,
            "True": True,
            "t": True,
            "false": False,
            "False": False,
            "f": False,
        }.get(word, word)
        return _Value(token.line or 1, value)


_WORDS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}


def _unescaped(quoted: str) -> str:
    value = literal_eval(f"b{quoted}" if quoted.isascii() else quoted)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class _Placing:
    """Gives the fields of messages their paths."""

    def __init__(self, lists: Collection[str], maps: Collection[str]) -> None:
        self._lists = lists
        self._maps = maps
        self._counter = Counter()

    def message(self, made: _Message, path: str, line: int, depth: int) -> Node:
        self._counter.add(line, depth)
        given: dict[str, list[Any]] = {}
        for name, value in made.fields:
            given.setdefault(name, []).extend(value if isinstance(value, list) else [value])
        entries: dict[str, Node] = {}
        for name, values in given.items():
            here = below(path, name)
            if name in self._maps and all(_is_pair(each) for each in values):
                entries[name] = self._map(values, here, line, depth + 1)
            elif name in self._lists or len(values) != 1:
                items = [self._value(each, below(here, i), line, depth + 1) for i, each in enumerate(values)]
                entries[name] = Node(here, items[0].line if items else line, items)
            else:
                entries[name] = self._value(values[0], here, line, depth + 1)
        return Node(path, made.line if path else line, entries)

    def _map(self, pairs: list[_Message], path: str, line: int, depth: int) -> Node:
        entries: dict[str, Node] = {}
        for pair in pairs:
            fields = dict(pair.fields)
            key = fields.get("key")
            name = str(key.value) if isinstance(key, _Value) else ""
            entries[name] = self._value(
                fields.get("value", _Value(pair.line, "")), below(path, name), pair.line, depth
            )
        return Node(path, pairs[0].line if pairs else line, entries)

    def _value(self, made: Any, path: str, line: int, depth: int) -> Node:
        if isinstance(made, _Message):
            return self.message(made, path, made.line, depth)
        self._counter.add(line, depth)
        return Node(path, made.line, made.value)


def _is_pair(made: Any) -> bool:
    return isinstance(made, _Message) and {name for name, _ in made.fields} <= {"key", "value"}
