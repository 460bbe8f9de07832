"""How reading goes on after a mistake: first a repair that says what was meant, else skip to the next item.

A repair changes the tokens so that they fit, and nothing is lost. When none applies, the unfinished
part is dropped from the parser's stacks up to the nearest place that takes items, and tokens are
skipped up to the next one that starts an item there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_analysis import Shift

from ..lines import indentation, is_at_margin, starts_line
from ..syntax import Bad, Field, Identifier
from .forms import COMPARES, DECLARED, STEP, STEPS, WITHOUT_ELSE
from .lookahead import what_fits
from .repairs import REPAIRS, Instead, Situation
from .repairs.declarations import meant_declaration
from .reports import SyntaxReports
from .tokens import CLOSER_OF, CLOSERS, DECLARATIONS, Token

_CONTEXTS = {"item": "items", "step": "steps", "declaration": "declarations"}
"""What can be read on its own, and the list that collects it."""

_DECLARED = re.compile(r"[A-Z][a-z]+")
"""The first word in the name of a declaration's class, which is the word that starts it."""

_ITEM_REST = re.compile(
    r"""[ \t]*+(?:=(?!=)|(?:"[^"\n]*+"|\w++)?[ \t]*+(?:\([^()\n]*+\)[ \t]*+)?\{)""",
)
"""What follows the name of a field or block."""

_MOST_AT_END = 8
"""So many mistakes are mended where a file ends: a repair that changes nothing would be made for ever."""


class Recovery:
    """Repairs the state of one parser."""

    def __init__(self, state: Any, reports: SyntaxReports) -> None:
        self._state = state
        self._reports = reports
        self._table = state.parse_conf.states
        self._ends_in_text = False
        """Whether a text that is never closed holds the rest of the file."""

    # ---- entry points

    def recover(self, token: Token, tokens: Iterator[Token]) -> None:
        """Go on after `token`, which did not fit."""
        following: Token | None = token
        while following is not None:
            following = self._recover_once(following, tokens)
            if following is None or following.type == "$END" or self._accepts(following):
                return

    def finish(self, end: Token) -> list[Any]:
        """Close what is open at the end of the file, and give the declarations."""
        left = _MOST_AT_END
        while (complete := self._complete(end)) is None:
            self._reports.damaged_at(end.start)
            instead = self._repaired(end) if left else None
            left -= 1
            tokens = [token for token in instead.tokens if token is not end] if instead else []
            if instead is None or instead.skip or not all(map(self._accepts, tokens)):
                if not self._close_all(end, "the file ends here"):
                    expected = what_fits(self._state)
                    self._reports.unexpected(end, expected, self._form(end, 0, expected))
                    self._unwind(0)
                return self._complete(end) or self.declarations_so_far()
        return complete

    def _recover_once(self, token: Token, tokens: Iterator[Token]) -> Token | None:
        """Deal with `token`; gives the token to read next, None when that is the next of `tokens`."""
        self._reports.damaged_at(token.start)
        if self._starts_declaration_at_margin(token) and self._open_braces():
            self._resume(token)
            return None
        instead = self._repaired(token)
        if instead is None or instead.skip:
            following = self._skip(token, tokens, report=instead is None)
            is_next = self._starts_declaration_at_margin(token)
            self._reports.guessed_at(token.start - 1 if is_next else token.start)
            return following
        for substitute in instead.tokens:
            if not self._accepts(substitute):
                return substitute
        return next((t for t in tokens if t.start >= instead.until), None) if instead.until else None

    def _repaired(self, token: Token) -> Instead | None:
        self._ends_in_text |= token.type == "OPEN_LONG_TEXT"
        situation = Situation(token, self._state, self._reports)
        repairs = (repair(situation) for repair in REPAIRS)
        return next((instead for instead in repairs if instead is not None), None)

    def too_deep(self, token: Token, tokens: Iterator[Token]) -> None:
        """Leave out what is nested deeper than anything made by hand."""
        self._reports.damaged_at(token.start)
        self._reports.too_deep(self._reports.token_span(token))
        self._unwind(0)
        following = self._skip_to_declaration(tokens)
        if following is not None:
            self.recover(following, tokens)

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

    def _skip(self, token: Token, tokens: Iterator[Token], *, report: bool) -> Token | None:
        """Drop the unfinished item, and everything up to the next one; perhaps with a token to go on with."""
        context = self._context()
        if report:
            self._report(token, context)
        if context == 0:
            self._unwind(0)
            if self._is_declaration_start(token) and self._accepts(token):
                return None
            return self._skip_to_declaration(tokens, depth=int(token.type in CLOSER_OF))
        dropped = self._state.value_stack[context:]
        pending = [v.type for v in dropped if isinstance(v, Token) and v.type in CLOSER_OF]
        home = indentation(self._reports.source.text, dropped[0].start if dropped else token.start)
        self._unwind(context)
        self._skip_to_item(token, tokens, pending, home)
        return None

    def _report(self, token: Token, context: int) -> None:
        if context == 0 and len(self._state.state_stack) <= 2:
            if token.type == "RBRACE":
                self._reports.stray_brace(token)
            else:
                self._reports.unknown_declaration(token, None)
            return
        expected = what_fits(self._state)
        self._reports.unexpected(token, expected, self._form(token, context, expected))

    def _form(self, token: Token, context: int, expected: set[str]) -> str | None:
        """How what is meant here is written, where that can be said."""
        values = self._state.value_stack
        if expected == {"ELSE"}:
            return WITHOUT_ELSE
        if context == 0:
            kind = next((v.type for v in values if isinstance(v, Token) and v.type in DECLARATIONS), None)
            if kind is None:  # behind one that is complete
                last = self.declarations_so_far()[-1]
                kind = _DECLARED.match(type(last).__name__)[0].upper()  # type: ignore[index]
            return COMPARES if kind == "TEST" and token.type == "EQUAL" else DECLARED[kind]
        actions = self._table[self._state.state_stack[context]]
        if "step" not in actions and "steps" not in actions:
            return None
        return STEPS.get(token.type) or (STEP if "RETURN" in expected else None)

    def _skip_to_declaration(self, tokens: Iterator[Token], depth: int = 0) -> Token | None:
        """Skip up to a declaration, or to a word that was meant to start one, which is given back."""
        for token in tokens:
            if token.type in CLOSER_OF:
                depth += 1
            elif token.type in CLOSERS:
                depth = max(0, depth - 1)
            elif token.type in DECLARATIONS:
                is_start = depth == 0 and self._is_declaration_start(token)
                if is_start or self._starts_declaration_at_margin(token):
                    self._resume(token)
                    return None
            elif token.type == "NAME" and depth == 0 and self._is_misspelt_declaration(token):
                return token
        return None

    def _skip_to_item(self, token: Token, tokens: Iterator[Token], pending: list[str], home: int) -> None:
        """Skip inside a body, `token` first, up to an item, the body's end, or the next declaration.

        pending: the brackets of the dropped item that are still open.
        home: the indentation of the dropped item.
        """
        following: Token | None = token
        while following is not None and following.type != "$END":
            if self._starts_declaration_at_margin(following):
                self._resume(following)
                return
            ends_body = following.type == "RBRACE" and "LBRACE" not in pending
            if (ends_body or self._starts_item(following, pending, home)) and self._accepts(following):
                return
            if following.type in CLOSER_OF:
                pending.append(following.type)
            elif following.type in CLOSERS:
                _close(following.type, pending)
            following = next(tokens, None)

    def _resume(self, token: Token) -> None:
        """Feed a token that starts a declaration; what is open is closed first."""
        if not self._accepts(token):
            self._close_all(token, "the next declaration starts here")
            if not self._accepts(token):
                self._unwind(0)
                self._accepts(token)

    def _close_all(self, token: Token, reason: str) -> bool:
        """Report that a `{` is still open, and close all that are; False when none is."""
        open_braces = self._open_braces()
        if open_braces and not self._ends_in_text and open_braces[0].end > open_braces[0].start:
            self._reports.unclosed(open_braces[0].start, token.start, reason)
        context = self._context()
        if context != 0:
            self._unwind(context)
            while self._accepts(Token("RBRACE", "}", token.start, token.start)):
                pass
        return bool(open_braces)

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
            self._lose(values[keep:])
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

    def _lose(self, dropped: list[Any]) -> None:
        """Remember the words at the head of a declaration that is dropped: one of them is its name."""
        if dropped and isinstance(dropped[0], Token):
            self._reports.lose(dropped[0].start)

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

    def _open_braces(self) -> list[Token]:
        """The `{` tokens that are still open, outermost first."""
        return [v for v in self._state.value_stack if isinstance(v, Token) and v.type == "LBRACE"]

    # ---- places

    def _starts_declaration_at_margin(self, token: Token) -> bool:
        return (
            token.type in DECLARATIONS
            and is_at_margin(self._reports.source.text, token.start)
            and not self._is_named(token)
        )

    def _is_declaration_start(self, token: Token) -> bool:
        return (
            token.type in DECLARATIONS
            and starts_line(self._reports.source.text, token.start)
            and not self._is_named(token)
        )

    def _is_misspelt_declaration(self, token: Token) -> bool:
        text = self._reports.source.text
        return (
            token.type == "NAME" and is_at_margin(text, token.start) and meant_declaration(token) is not None
        )

    def _is_named(self, token: Token) -> bool:
        """Whether a reserved word stands where a name must."""
        found = _ITEM_REST.match(self._reports.source.text, token.end)
        return found is not None and found[0].lstrip() == "="

    def _starts_item(self, token: Token, pending: list[str], home: int) -> bool:
        """Whether an item begins with `token`: by its indentation, or by what follows it."""
        text = self._reports.source.text
        if token.type not in ("NAME", "STRING", "RETURN"):
            return False
        is_first = starts_line(text, token.start)
        if is_first and indentation(text, token.start) <= home:
            return True
        if pending or not (is_first or _follows_separator(text, token.start)):
            return False
        return token.type == "RETURN" or _ITEM_REST.match(text, token.end) is not None


def _follows_separator(text: str, offset: int) -> bool:
    while offset > 0 and text[offset - 1] in " \t":
        offset -= 1
    return text[offset - 1 : offset] in (",", "{")


def _close(closer: str, pending: list[str]) -> None:
    """Take the bracket that `closer` closes from `pending`, with those that were left open inside it."""
    for index in range(len(pending) - 1, -1, -1):
        if CLOSER_OF[pending[index]] == closer:
            del pending[index:]
            return
