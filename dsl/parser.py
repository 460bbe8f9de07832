"""Text → syntax tree. Lark's tables decide; a token that does not fit goes to recovery, and parsing goes on.

`parse` always returns a tree: what could not be read is missing from it, and reported.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import frozen
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import Reduce
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from ..grammar import load_grammar
from .builder import Builder
from .diagnostics import Diagnostic, Diagnostics
from .recovery import Recovery
from .reports import SyntaxReports, TooManyErrors
from .source import Source
from .syntax import Declaration
from .tokens import Token, tokenize

DEEPEST = 400
"""How many parser states may be open at once; far more than any file made by hand needs."""


@frozen
class Parsed:
    """A file as read: its declarations, and what was wrong with it."""

    source: Source
    declarations: tuple[Declaration, ...]
    diagnostics: tuple[Diagnostic, ...]


def parse(source: Source) -> Parsed:
    """Read `source` as far as it can be read. Never raises for what the text says."""
    found = Diagnostics()
    reports = SyntaxReports(source, found)
    state = _new_state(Builder(reports))
    recovery = Recovery(state, reports)
    feed, stack = state.feed_token, state.state_stack
    tokens = tokenize(source.text)
    end = Token("$END", "", len(source.text), len(source.text))
    try:
        for token in tokens:
            if token.type == "$END":
                break
            try:
                feed(token)
            except UnexpectedToken:
                recovery.recover(token, tokens)
            if len(stack) > DEEPEST:
                recovery.too_deep(token, tokens)
        declarations = recovery.finish(end)
    except TooManyErrors:
        declarations = recovery.declarations_so_far()
    return Parsed(source, tuple(declarations), tuple(found.items))


def _new_state(builder: Builder) -> Any:
    machine, rules = _machine()
    callbacks: Any = {rule: getattr(builder, rule.callback) for rule in rules}
    return ParserState(ParseConf(machine, callbacks, "start"), None)  # type: ignore[arg-type]


class _Rule:
    """What the parser needs of a Lark rule; compared by identity, which Lark's own are not."""

    __slots__ = ("callback", "expansion", "origin")

    def __init__(self, rule: Any) -> None:
        self.expansion = rule.expansion
        self.origin = rule.origin
        self.callback: str = rule.alias or rule.origin.name


@cache
def _machine() -> tuple[Any, list[_Rule]]:
    """Lark's parse table, its rules replaced by lighter ones."""
    table = load_grammar().parser.parser._parse_table
    light: dict[Any, _Rule] = {}
    for actions in table.states.values():
        for token, (action, target) in actions.items():
            if action is Reduce:
                rule = light.get(target) or light.setdefault(target, _Rule(target))
                actions[token] = (action, rule)
    return table, list(light.values())
