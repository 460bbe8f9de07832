"""Text → syntax tree. Lark's tables decide; a token that does not fit goes to recovery, and parsing goes on.

`parse` always returns a tree: what could not be read is missing from it, and reported.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from attrs import field
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from ..grammar import load_tables
from ..grammar.files import START
from .builder import Builder
from .diagnostics import Diagnostic, Diagnostics
from .record import frozen
from .reports import SyntaxReports, TooManyErrors
from .secrets import may_give_keys
from .source import Source
from .syntax import Declaration, Node
from .tokens import Token, tokenize

if TYPE_CHECKING:
    from .recovery import Recovery

DEEPEST = 400
"""How many parser states may be open at once; far more than any file made by hand needs."""

_IN_DECLARATION = 3
"""How many are open after the first word of a declaration, when those before it are complete."""


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
    sound_from: int = 0
    """Behind the last mistake: what begins here or later was read as it stands."""
    nodes: dict[int, tuple[Node, ...]] = field(factory=dict, eq=False, repr=False)
    """All nodes of declarations that moved before, by the id of the declaration."""


def parse(source: Source) -> Parsed:
    """Read `source` as far as it can be read. Never raises for what the text says."""
    parsed, _ = parse_part(source, 0, ())
    return parsed


def parse_part(source: Source, begin: int, known: Collection[int]) -> tuple[Parsed, int | None]:
    """What stands in `source` from `begin` on, up to the first of the `known` declarations that is reached;
    with it where that begins, None where all was read.

    begin: where a declaration begins. known: where those begin that need not be read, nor what follows them.
    """
    found = Diagnostics()
    reports = SyntaxReports(source, found)
    state = _new_state(Builder(reports))
    recovery: Recovery | None = None
    feed, stack = state.feed_token, state.state_stack
    tokens = tokenize(source.text, begin)
    if may_give_keys(source.text):
        tokens = reports.watched(tokens)
    end = Token("$END", "", len(source.text), len(source.text))
    reached: int | None = None
    mistaken = False
    try:
        for token in tokens:
            if mistaken:
                reports.sound_from, mistaken = token.start, False
            if token.type == "$END":
                break
            try:
                feed(token)
            except UnexpectedToken:
                recovery, mistaken = recovery or _recovery(state, reports), True
                recovery.recover(token, tokens)
            depth = len(stack)
            if depth == _IN_DECLARATION and token.start in known and state.value_stack[-1] is token:
                reached = token.start
                break
            if depth > DEEPEST:
                recovery, mistaken = recovery or _recovery(state, reports), True
                recovery.too_deep(token, tokens)
        try:
            declarations: list[Any] = state.value_stack[0] if reached is not None else feed(end, True)
        except UnexpectedToken:
            declarations = (recovery or _recovery(state, reports)).finish(end)
            reports.sound_from = end.start + 1
    except TooManyErrors:
        declarations = (recovery or _recovery(state, reports)).declarations_so_far()
        reports.sound_from = end.start + 1
    parsed = Parsed(
        source,
        tuple(declarations),
        tuple(found.items),
        tuple(reports.guesses),
        frozenset(reports.lost),
        reports.sound_from,
    )
    return parsed, reached


def _recovery(state: Any, reports: SyntaxReports) -> Recovery:
    """Recovery is imported at the first mistake: most files have none."""
    from .recovery import Recovery

    return Recovery(state, reports)


def _new_state(builder: Builder) -> Any:
    tables: Any = load_tables()
    callbacks: Any = {rule: getattr(builder, rule.callback) for rule in tables.rules}
    return ParserState(ParseConf(tables, callbacks, START), None)  # type: ignore[arg-type]
