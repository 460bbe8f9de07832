"""Text → syntax tree. Lark's tables decide; a token that does not fit goes to recovery, and parsing goes on.

`parse` always returns a tree: what could not be read is missing from it, and reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from attrs import field
from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import Shift
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from ...grammar import load_tables
from ...grammar.files import START
from ..diagnostics import Diagnostic, Diagnostics
from ..record import frozen
from ..source import Source
from ..syntax import Declaration, Node
from .builder import Builder
from .reports import SyntaxReports, TooManyErrors
from .tokens import Token, tokenize

if TYPE_CHECKING:
    from .recovery import Recovery

DEEPEST = 400
"""How many parser states may be open at once; far more than any file made by hand needs."""

_IN_DECLARATION = 3
"""How many are open after the first word of a declaration, when those before it are complete."""


@frozen(slots=False)
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

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each declaration begins."""
        return tuple(node.start for node in self.declarations)

    @cached_property
    def by_kind(self) -> Mapping[type, Sequence[Any]]:
        """The declarations of each kind, in order."""
        kinds: dict[type, list[Any]] = {}
        for node in self.declarations:
            kinds.setdefault(type(node), []).append(node)
        return kinds


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
    tokens = tokenize(source.text, begin)
    if source.may_give_keys:
        tokens = reports.keys.watched(tokens)
    end = Token("$END", "", len(source.text), len(source.text))
    reached: int | None = None
    states, values = state.state_stack, state.value_stack
    token: Token | None = next(tokens)
    try:
        while token is not None and (token := _read(state, token, tokens, known)) is not None:
            if not values or values[-1] is not token:
                recovery = recovery or _recovery(state, reports)
                recovery.recover(token, tokens)
            depth = len(states)
            if depth == _IN_DECLARATION and token.start in known and values[-1] is token:
                reached = token.start
                break
            if depth > DEEPEST:
                recovery = recovery or _recovery(state, reports)
                recovery.too_deep(token, tokens)
            token = next(tokens, None)
            if token is not None:
                reports.sound_from = token.start
        try:
            declarations: list[Any] = values[0] if reached is not None else state.feed_token(end, True)
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


def _read(state: Any, token: Token, tokens: Iterator[Token], known: Collection[int]) -> Token | None:
    """Let the parser take `token` and those that follow, as Lark's `feed_token` does with each.

    Gives the first one that does not fit, with which it is nested too deep, or that begins one of the
    `known`; None at the end.
    """
    rows, build = state.parse_conf.states, state.parse_conf.callbacks
    states, values = state.state_stack, state.value_stack
    top = states[-1]
    for each in chain((token,), tokens):
        kind = each.type
        if kind == "$END":
            return None
        while True:
            try:
                action, target = rows[top][kind]
            except KeyError:
                return each
            if action is Shift:
                top = target
                states.append(top)
                values.append(each)
                break
            cut = target.cut
            if cut == -1:
                if not target.is_plain:
                    values[-1] = build[target]([values[-1]])
                states[-1] = top = rows[states[-2]][target.symbol][1]
            elif cut:
                values[cut:] = (build[target](values[cut:]),)
                top = rows[states[cut - 1]][target.symbol][1]
                states[cut:] = (top,)
            else:
                values.append(build[target]([]))
                top = rows[top][target.symbol][1]
                states.append(top)
        if len(states) > DEEPEST or (known and each.start in known and len(states) == _IN_DECLARATION):
            return each
    return None


def _recovery(state: Any, reports: SyntaxReports) -> Recovery:
    """Recovery is imported at the first mistake: most files have none."""
    from .recovery import Recovery

    return Recovery(state, reports)


def _new_state(builder: Builder) -> Any:
    tables: Any = load_tables()
    callbacks: Any = {rule: getattr(builder, rule.callback) for rule in tables.rules}
    return ParserState(ParseConf(tables, callbacks, START), None)  # type: ignore[arg-type]
