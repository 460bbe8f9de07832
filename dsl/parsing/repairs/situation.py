"""What a repair looks at, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...diagnostics import Edit, Fix
from ...lines import end_before
from ...record import frozen
from ...source import Span
from ...syntax import Identifier, Reference
from ..lookahead import fits
from ..reports import SyntaxReports
from ..tokens import CLOSER_OF, PUNCTUATION, Token

SIGNS = {kind: sign for sign, kind in PUNCTUATION.items() if kind != "OPERATOR"}
"""How the tokens are written that are always written the same."""


@frozen
class Instead:
    """What to read instead of the token that does not fit.

    until: tokens that start before this offset are left out too.
    skip: leave out everything up to the next item.
    """

    tokens: tuple[Token, ...] = ()
    until: int = 0
    skip: bool = False


SKIP = Instead(skip=True)


def use(*tokens: Token, until: int = 0) -> Instead:
    return Instead(tokens, until)


@frozen
class Situation:
    """A token that does not fit, and the parser as it stands."""

    token: Token
    state: Any
    reports: SyntaxReports

    @property
    def values(self) -> list[Any]:
        """What the parser has read and not yet put together."""
        stack: list[Any] = self.state.value_stack
        return stack

    @property
    def text(self) -> str:
        return self.reports.source.text

    @property
    def here(self) -> Span:
        return self.reports.token_span(self.token)

    @property
    def end_before(self) -> int:
        """The end of what stands before the token."""
        return end_before(self.text, self.token.start)

    def last_is(self, *kinds: str) -> bool:
        """Whether the last thing read is a token of one of these kinds."""
        return bool(self.values) and isinstance(self.values[-1], Token) and self.values[-1].type in kinds

    def fits(self, *kinds: str) -> bool:
        return fits(self.state, *kinds)

    def follows(self, *signs: str) -> bool:
        """Whether one of `signs` stands after the token, on its line."""
        return self.text[self.token.end : self.token.end + 200].lstrip(" \t").startswith(signs)

    def same_line(self, start: int, end: int) -> bool:
        return self.text.find("\n", start, end) < 0

    def is_in(self, *kinds: str) -> bool:
        """Whether a word of one of these kinds, such as `PIPELINE`, began what is not complete."""
        return any(isinstance(value, Token) and value.type in kinds for value in self.values)

    def open_brackets(self) -> list[Token]:
        """The brackets that are open here, the innermost first."""
        return [v for v in reversed(self.values) if isinstance(v, Token) and v.type in CLOSER_OF]

    def drop(self, count: int) -> None:
        """Take the last `count` things back from the parser."""
        del self.state.state_stack[-count:], self.state.value_stack[-count:]

    def span(self, start: int, end: int) -> Span:
        return self.reports.span(start, end)

    def error(self, code: str, message: str, span: Span, label: str = "", **details: Any) -> None:
        self.reports.error(code, message, span, label, **details)

    def change(self, title: str, start: int, end: int, replacement: str, *, safe: bool = True) -> list[Fix]:
        return [Fix(title, (Edit(self.span(start, end), replacement),), safe)]


Repair = Callable[[Situation], Instead | None]


def placeholder(offset: int) -> Token:
    """Stands for a value that is not there."""
    return Token("FALSE", "", offset, offset)


def as_name(value: Any) -> Token | None:
    """`value` as the token of a name, when it is one."""
    if isinstance(value, Token):
        return value if value.type == "NAME" else None
    return Token("NAME", value.text, value.start, value.end) if isinstance(value, Identifier) else None


def as_word(value: Any) -> Token | None:
    """The same, also of a reference."""
    if isinstance(value, Reference):
        return Token("NAME", value.name, value.start, value.end)
    return as_name(value)
