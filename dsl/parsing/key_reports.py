"""What is said of keys that stand in a file: in texts and names, while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..late_pattern import late_pattern
from ..secrets.texts import NAME_ADVICE, SECRET_ADVICE, gives_key, is_digest, surely_holds_key
from ..source import Source, Span
from .literals import FOREIGN_ESCAPE, read_text
from .tokens import Token

_BEFORE_VALUES = ("EQUAL", "LPAR", "LSQB", "RETURN")
_WORD = late_pattern(r"[\w.-]++")


class KeyReports:
    """Looks at tokens. found: where the texts and names begin that hold a key. report: says a mistake."""

    def __init__(self, source: Source, report: Callable[..., Any]) -> None:
        self._source = source
        self._report = report
        self.found: set[int] = set()
        self._hidden: list[tuple[int, int]] = []

    def watched(self, tokens: Iterator[Token]) -> Iterator[Token]:
        """`tokens` again, what is or holds a key among them said."""
        before = ""
        end = 0
        for token in tokens:
            if token.start < end:
                continue
            if token.type == "STRING":
                self.watch(token)
            elif token.type == "NAME" and before in _BEFORE_VALUES:
                token = self.bare_key(token) or token
                end = token.end
            elif token.type == "NAME" and gives_key(token.text):
                self.say(token)
            before = token.type
            yield token

    def bare_key(self, token: Token) -> Token | None:
        """A key without quotes, as a text: `sk-…` is no difference of values."""
        found = _WORD.match(self._source.text, token.start)
        if found is None or not gives_key(found[0]):
            return None
        text = Token("STRING", f'"{found[0]}"', found.start(), found.end())
        self.say(text)
        return text

    def watch(self, token: Token) -> bool:
        """Say it where a text is or holds a key; whether it does."""
        if gives_key(token.text.strip('"')):
            if not is_digest(self._source.text, token.start + 1, token.end - 1):
                self.say(token)
        elif "\\" in token.text:
            text = FOREIGN_ESCAPE.sub(lambda found: f"\\u{{{found[1] or found[2]}}}", token.text)
            parts = read_text(text, 0, 0, lambda *_: None).parts
            if gives_key("".join(part for part in parts if isinstance(part, str))):
                self._hide(token.start + 1, token.end - 1)
                self.say(token)
        return token.start in self.found

    def hides(self, offset: int) -> bool:
        """Whether what stands at `offset` was told to be a key."""
        return any(start <= offset < end for start, end in self._hidden)

    def _hide(self, start: int, end: int) -> None:
        self._source.hide(start, end)
        self._hidden.append((start, end))

    def say(self, token: Token) -> None:
        """What `token` is or holds is a key."""
        self.found.add(token.start)
        if not gives_key(token.text.strip('"')):  # told by where it stands
            self._hide(token.start, token.end)
        self._report(
            "E0306",
            "this looks like a key, and a file never holds one",
            Span(self._source, token.start, token.end),
            "a secret in plain text",
            help=SECRET_ADVICE if surely_holds_key(token.text) else (*SECRET_ADVICE, NAME_ADVICE),
        )
