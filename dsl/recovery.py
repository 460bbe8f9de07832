"""How reading goes on after a mistake: first a repair that says what was meant, else skip to the next item.

A repair changes the tokens so that they fit, and nothing is lost. When none applies, the unfinished
part is dropped from the parser's stacks up to the nearest place that takes items, and tokens are
skipped up to the next one that starts an item there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import Shift

from .diagnostics import Edit, Fix
from .repairs import REPAIRS, Situation
from .reports import SyntaxReports
from .syntax import Bad, Field, Identifier
from .tokens import DECLARATIONS, Token

MOST_ERRORS = 1000
"""Reading stops at this many mistakes: the file is no `.infer` file."""

_OPENERS = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}
_CLOSERS = frozenset(_OPENERS.values())
_CONTEXTS = {"item": "items", "step": "steps", "declaration": "declarations"}
"""What can be read on its own, and the list that collects it."""


class TooManyErrors(Exception):
    """The file is given up."""


class Recovery:
    """Repairs the state of one parser."""

    def __init__(self, state: Any, reports: SyntaxReports) -> None:
        self._state = state
        self._reports = reports
        self._table = state.parse_conf.states

    # ---- entry points

    def recover(self, token: Token, error: UnexpectedToken, tokens: Iterator[Token]) -> None:
        """Go on after `token`, which did not fit."""
        if len(self._reports.found.items) >= MOST_ERRORS:
            self._give_up(token)
        self._reports.damaged_at(token.start)
        if token.type in DECLARATIONS and self._column(token) == 1 and self._open_braces():
            self._resume(token)
            return
        situation = Situation(token, error.expected, self._state, self._reports)
        for repair in REPAIRS:
            replacement = repair(situation)
            if replacement is not None:
                for index, substitute in enumerate(replacement):
                    if not self._accepts(substitute):
                        self._skip(substitute, tokens, report=index == 0)
                        return
                return
        self._skip(token, tokens, report=True)

    def finish(self, end: Token) -> list[Any]:
        """Close what is open at the end of the file, and give the declarations."""
        complete = self._complete(end)
        if complete is not None:
            return complete
        self._reports.damaged_at(end.start)
        if not self._close_all(end, "the file ends here"):
            self._reports.unexpected(end, self._expected())
        return self._complete(end) or self.declarations_so_far()

    def too_deep(self, token: Token, tokens: Iterator[Token]) -> None:
        """Leave out what is nested deeper than anything made by hand."""
        self._reports.damaged_at(token.start)
        self._reports.found.error(
            "E0107",
            "this is nested too deeply",
            self._reports.token_span(token),
            help="split it into several declarations",
        )
        self._unwind(0)
        self._skip_to_declaration(tokens)

    def declarations_so_far(self) -> list[Any]:
        """The declarations that are complete."""
        values = self._state.value_stack
        return values[0] if values and isinstance(values[0], list) else []

    def _complete(self, end: Token) -> list[Any] | None:
        """The declarations, when nothing is open."""
        try:
            declarations: list[Any] = self._state.feed_token(end, True)
        except UnexpectedToken:
            return None
        return declarations

    # ---- skipping

    def _skip(self, token: Token, tokens: Iterator[Token], *, report: bool) -> None:
        """Drop the unfinished item, and everything up to the next one."""
        context = self._context()
        if report:
            self._report(token, context)
        if context == 0:
            self._unwind(0)
            if self._is_declaration_start(token) and self._accepts(token):
                return
            self._skip_to_declaration(tokens, depth=1 if token.type in _OPENERS else 0)
            return
        self._unwind(context)
        self._skip_to_item(token, tokens)

    def _report(self, token: Token, context: int) -> None:
        if context == 0 and len(self._state.state_stack) <= 2:
            if token.type == "RBRACE":
                self._stray_brace(token)
                return
            self._reports.unknown_declaration(token, None)
            return
        self._reports.unexpected(token, self._expected())

    def _stray_brace(self, token: Token) -> None:
        here = self._reports.token_span(token)
        self._reports.found.error(
            "E0104",
            "this `}` closes nothing",
            here,
            "no `{` is open here",
            help="remove it, or look above for a `}` too many",
            fixes=[Fix("remove it", (Edit(here, ""),), safe=False)],
        )

    def _skip_to_declaration(self, tokens: Iterator[Token], depth: int = 0) -> None:
        for token in tokens:
            if token.type in _OPENERS:
                depth += 1
            elif token.type in _CLOSERS:
                depth = max(0, depth - 1)
            starts = token.type in DECLARATIONS and self._column(token) == 1
            if starts or (depth == 0 and self._is_declaration_start(token)):
                self._resume(token)
                return

    def _skip_to_item(self, token: Token, tokens: Iterator[Token]) -> None:
        """Skip inside a body, `token` first, up to an item, the body's end, or the next declaration."""
        depth = 0
        while True:
            if token.type == "$END":
                return
            if token.type in DECLARATIONS and self._column(token) == 1:
                self._resume(token)
                return
            if depth == 0 and (token.type == "RBRACE" or self._starts_item(token)) and self._accepts(token):
                return
            if token.type in _OPENERS:
                depth += 1
            elif token.type in _CLOSERS:
                depth = max(0, depth - 1)
            following = next(tokens, None)
            if following is None:
                return
            token = following

    def _resume(self, token: Token) -> None:
        """Feed a token that starts a declaration, closing first what is open."""
        if not self._accepts(token):
            self._close_all(token, "the next declaration starts here")
            if not self._accepts(token):
                self._unwind(0)
                self._accepts(token)

    def _close_all(self, token: Token, reason: str) -> bool:
        """Report that a `{` is still open, and close all that are; False when none is."""
        open_braces = self._open_braces()
        if open_braces:
            self._reports.unclosed(open_braces[0].start, token.start, reason)
        context = self._context()
        if context != 0:
            self._unwind(context)
            while self._accepts(Token("RBRACE", "}", token.start, token.start)):
                pass
        return bool(open_braces)

    def _give_up(self, token: Token) -> None:
        self._reports.found.error(
            "E0110",
            f"more than {MOST_ERRORS} mistakes: the rest of this file was not read",
            self._reports.token_span(token),
            help="is this a `.infer` file?",
        )
        raise TooManyErrors

    # ---- the parser's stacks

    def _context(self) -> int:
        """The index in the state stack of the nearest place that takes items."""
        self._reduce_complete()
        states = self._state.state_stack
        for index in range(len(states) - 1, 0, -1):
            actions = self._table[states[index]]
            if "item" in actions or "items" in actions or "step" in actions or "steps" in actions:
                return index
        return 0

    def _reduce_complete(self) -> None:
        """Finish what is complete at the top of the stacks, so that it is not taken for unfinished."""
        states, values = self._state.state_stack, self._state.value_stack
        while True:
            actions = self._table[states[-1]]
            if any(action is Shift for action, _ in actions.values()):
                return
            rules = {rule for _, rule in actions.values()}
            if len(rules) != 1:
                return
            [rule] = rules
            size = len(rule.expansion)
            if rule.origin.name not in self._table[states[-1 - size]]:
                return
            children = values[len(values) - size :]
            del states[len(states) - size :], values[len(values) - size :]
            values.append(self._state.parse_conf.callbacks[rule](children))
            states.append(self._table[states[-1]][rule.origin.name][1])

    def _unwind(self, context: int) -> None:
        """Drop what is unfinished above `context`, keeping the name of a field whose value is missing."""
        states, values = self._state.state_stack, self._state.value_stack
        if context == 0:
            keep = 1 if len(states) > 1 and "declaration" in self._table[states[1]] else 0
            del states[keep + 1 :], values[keep:]
            if keep == 0:
                self._push_empty("declarations")
            return
        dropped = values[context:]
        del states[context + 1 :], values[context:]
        for item, items in _CONTEXTS.items():
            if items in self._table[states[-1]] and item not in self._table[states[-1]]:
                self._push_empty(items)
        self._keep_name(dropped)

    def _push_empty(self, items: str) -> None:
        _, state = self._table[self._state.state_stack[-1]][items]
        self._state.state_stack.append(state)
        self._state.value_stack.append([])

    def _keep_name(self, dropped: list[Any]) -> None:
        """A field whose value could not be read is still there: it is not missing."""
        values = self._state.value_stack
        if not dropped or not values or not isinstance(values[-1], list):
            return
        name = dropped[0]
        if isinstance(name, Token) and name.type == "NAME":
            name = Identifier(name.start, name.end, name.text)
        if isinstance(name, Identifier) and "item" in self._table[self._state.state_stack[-1]]:
            values[-1].append(Field(name.start, name.end, name, Bad(name.end, name.end)))

    def _accepts(self, token: Token) -> bool:
        """Feed `token` if it fits; what could be reduced before it stays reduced."""
        try:
            self._state.feed_token(token)
        except UnexpectedToken:
            return False
        return True

    def _expected(self) -> set[str]:
        return {name for name in self._table[self._state.state_stack[-1]] if name.isupper()}

    def _open_braces(self) -> list[Token]:
        """The `{` tokens that are still open, outermost first."""
        return [v for v in self._state.value_stack if isinstance(v, Token) and v.type == "LBRACE"]

    # ---- places

    def _column(self, token: Token) -> int:
        text = self._reports.source.text
        return token.start - text.rfind("\n", 0, token.start)

    def _is_first_on_line(self, token: Token) -> bool:
        text = self._reports.source.text
        return not text[text.rfind("\n", 0, token.start) + 1 : token.start].strip(" \t\ufeff")

    def _is_declaration_start(self, token: Token) -> bool:
        return token.type in DECLARATIONS and self._is_first_on_line(token)

    def _starts_item(self, token: Token) -> bool:
        if token.type not in ("NAME", "STRING", "RETURN"):
            return False
        text = self._reports.source.text
        return self._is_first_on_line(token) or text[: token.start].rstrip(" \t").endswith((",", "{"))
