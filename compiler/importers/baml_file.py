"""BAML with places: its clients and retry policies whole, and all else by its name."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from ...dsl.record import frozen
from .foreign import Counter, ImportFailed, Node, Scalar, below

_GRAMMAR = r"""
file: declaration*
declaration: WORD GENERIC? WORD block
block: BRACE entry* "}"
entry: key value ","?
?key: WORD | STRING
?value: block | list | WORD -> word | STRING -> string | RAW -> raw
list: BRACKET [value (","? value)* ","?] "]"
BRACE: "{"
BRACKET: "["
GENERIC: /<\s*\w+\s*>/
WORD: /(?!\/\/)[^\s{}\[\]<>,"#]+/
STRING: /"(?:[^"\\]|\\.)*"/
RAW: /(#+)"[\s\S]*?"\1/
%ignore /\s+/
COMMENT.2: /\/\/[^\n]*/ | /\{\/\/[\s\S]*?\/\/\}/
%ignore COMMENT
"""

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_TOKEN = re.compile(
    r"""(#+)"[\s\S]*?"\1|"(?:[^"\\]|\\.)*"|//[^\n]*|\{//[\s\S]*?//\}|[{}]|[^\S\n]+|\w+|\n|."""
)
_HEAD = re.compile(r"(?m)^[ \t]*(client|retry_policy)\b")
_OTHER = re.compile(r"(?m)^[ \t]*(function|class|enum|test|generator|template_string|type|tests?)\s+(\w+)")


@frozen
class _Made:
    line: int
    value: Any


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="file", parser="lalr", transformer=_Values(), maybe_placeholders=False)


def read_baml(text: str) -> Node:
    """Clients as `client.NAME`, policies as `retry_policy.NAME`, and others by kind and name."""
    kept, others = _apart(text)
    try:
        made: Any = _parser().parse(kept)
    except UnexpectedInput as error:
        line = error.line if error.line > 0 else None
        raise ImportFailed("this is no BAML: something else is expected here", line) from None
    counter = Counter()
    sections: dict[str, dict[str, Node]] = {}
    for kind, name, block in made:
        section = sections.setdefault(kind, {})
        if name in section:
            raise ImportFailed(f"`{name}` is declared twice", block.line)
        section[name] = _placed(block, below(kind, name), counter, 0)
    for kind, name, line in others:
        sections.setdefault(kind, {})[name] = Node(below(kind, name), line, "")
    return Node("", 1, {kind: Node(kind, 1, dict(section)) for kind, section in sections.items()})


def _apart(text: str) -> tuple[str, list[tuple[str, str, int]]]:
    """The text with all but clients and policies made blank, and what was left out."""
    out: list[str] = []
    others: list[tuple[str, str, int]] = []
    depth, line, keeps = 0, 1, True
    for token in _TOKEN.finditer(text):
        part = token[0]
        if depth == 0 and (out == [] or out[-1].endswith("\n") or not "".join(out[-1:]).strip()):
            rest = text[token.start() :]
            if _HEAD.match(rest):
                keeps = True
            elif other := _OTHER.match(rest):
                keeps = False
                others.append((other[1], other[2], line))
        out.append(part if keeps or part == "\n" else re.sub(r"[^\n]", " ", part))
        depth += (part == "{") - (part == "}")
        line += part.count("\n")
    return "".join(out), others


@v_args(inline=True)
class _Values(Transformer[Token, Any]):
    def file(self, *declarations: Any) -> list[Any]:
        return list(declarations)

    def declaration(self, *parts: Any) -> tuple[str, str, _Made]:
        return str(parts[0]), str(parts[-2]), parts[-1]

    def block(self, brace: Token, *entries: tuple[str, _Made]) -> _Made:
        return _Made(brace.line or 1, dict(entries))

    def entry(self, key: Token, value: _Made) -> tuple[str, _Made]:
        return _unquoted(key) if key.type == "STRING" else str(key), value

    def list(self, bracket: Token, *items: _Made) -> _Made:
        return _Made(bracket.line or 1, list(items))

    def word(self, token: Token) -> _Made:
        written = str(token)
        value: Scalar = written
        if written in ("true", "false"):
            value = written == "true"
        elif _NUMBER.fullmatch(written) and len(written) < 100:
            value = float(written) if set(written) & set(".eE") else int(written)
        return _Made(token.line or 1, value)

    def string(self, token: Token) -> _Made:
        return _Made(token.line or 1, _unquoted(token))

    def raw(self, token: Token) -> _Made:
        return _Made(token.line or 1, str(token).strip("#")[1:-1])


def _unquoted(token: Token) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), str(token)[1:-1])


def _placed(made: _Made, path: str, counter: Counter, depth: int) -> Node:
    counter.add(made.line, depth)
    if isinstance(made.value, dict):
        inner = {key: _placed(each, below(path, key), counter, depth + 1) for key, each in made.value.items()}
        return Node(path, made.line, inner)
    if isinstance(made.value, list):
        items = [_placed(each, below(path, i), counter, depth + 1) for i, each in enumerate(made.value)]
        return Node(path, made.line, items)
    return Node(path, made.line, made.value)
