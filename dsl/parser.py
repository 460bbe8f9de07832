"""Text → syntax tree. Lark's tables decide; a token that does not fit goes to recovery, and parsing goes on.

`parse` always returns a tree: what could not be read is missing from it, and reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from ..grammar import load_tables
from ..grammar.files import START
from .builder import Builder
from .diagnostics import Diagnostic, Diagnostics
from .record import frozen
from .reports import SyntaxReports, TooManyErrors
from .source import Source
from .syntax import Declaration
from .tokens import Token, tokenize

if TYPE_CHECKING:
    from .recovery import Recovery

DEEPEST = 400
"""How many parser states may be open at once; far more than any file made by hand needs."""


@frozen
class Parsed:
    """A file as read: its declarations, and what was wrong with it."""

    source: Source
    declarations: tuple[Declaration, ...]
    diagnostics: tuple[Diagnostic, ...]
    guesses: tuple[int, ...] = ()
    """Where it had to be guessed what is meant."""
    lost: frozenset[str] = frozenset()
    """Names that are perhaps declared in what could not be read."""


def parse(source: Source, begin: int = 0) -> Parsed:
    """Read `source` as far as it can be read. Never raises for what the text says.

    begin: where the first declaration to be read begins; what is before it is left out.
    """
    found = Diagnostics()
    reports = SyntaxReports(source, found)
    state = _new_state(Builder(reports))
    recovery: Recovery | None = None
    feed, stack = state.feed_token, state.state_stack
    tokens = tokenize(source.text, begin)
    end = Token("$END", "", len(source.text), len(source.text))
    try:
        for token in tokens:
            if token.type == "$END":
                break
            try:
                feed(token)
            except UnexpectedToken:
                recovery = recovery or _recovery(state, reports)
                recovery.recover(token, tokens)
            if len(stack) > DEEPEST:
                recovery = recovery or _recovery(state, reports)
                recovery.too_deep(token, tokens)
        try:
            declarations: list[Any] = feed(end, True)
        except UnexpectedToken:
            declarations = (recovery or _recovery(state, reports)).finish(end)
    except TooManyErrors:
        declarations = (recovery or _recovery(state, reports)).declarations_so_far()
    return Parsed(
        source, tuple(declarations), tuple(found.items), tuple(reports.guesses), frozenset(reports.lost)
    )


def _recovery(state: Any, reports: SyntaxReports) -> Recovery:
    """Recovery is imported at the first mistake: most files have none."""
    from .recovery import Recovery

    return Recovery(state, reports)


def _new_state(builder: Builder) -> Any:
    tables: Any = load_tables()
    callbacks: Any = {rule: getattr(builder, rule.callback) for rule in tables.rules}
    return ParserState(ParseConf(tables, callbacks, START), None)  # type: ignore[arg-type]
