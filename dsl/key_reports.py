"""What is said of keys that stand in a file: in texts and names, while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .literals import FOREIGN_ESCAPE, read_text
from .secrets import NAME_ADVICE, SECRET_ADVICE, gives_key, surely_holds_key
from .source import Source, Span
from .tokens import Token


class KeyReports:
    """Looks at tokens. found: where the texts and names begin that hold a key. report: says a mistake."""

    def __init__(self, source: Source, report: Callable[..., Any]) -> None:
        self._source = source
        self._report = report
        self.found: set[int] = set()

    def watched(self, tokens: Iterator[Token]) -> Iterator[Token]:
        """`tokens` again, what is or holds a key among them said."""
        for token in tokens:
            if token.type == "STRING":
                self.watch(token)
            elif token.type == "NAME" and gives_key(token.text):
                self._inline_key(token)
            yield token

    def watch(self, token: Token) -> bool:
        """Say it where a text is or holds a key; whether it does."""
        if gives_key(token.text.strip('"')):
            self._inline_key(token)
        elif "\\" in token.text:
            text = FOREIGN_ESCAPE.sub(lambda found: f"\\u{{{found[1] or found[2]}}}", token.text)
            parts = read_text(text, 0, 0, lambda *_: None).parts
            if gives_key("".join(part for part in parts if isinstance(part, str))):
                self._source.hide(token.start + 1, token.end - 1)
                self._inline_key(token)
        return token.start in self.found

    def _inline_key(self, token: Token) -> None:
        self.found.add(token.start)
        self._report(
            "E0306",
            "this looks like a key, and a file never holds one",
            Span(self._source, token.start, token.end),
            "a secret in plain text",
            help=SECRET_ADVICE if surely_holds_key(token.text) else (*SECRET_ADVICE, NAME_ADVICE),
        )
