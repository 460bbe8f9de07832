"""From tokens to text, piece by piece, up to a stop string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_INCOMPLETE = "\ufffd"
_LONGEST_CHARACTER = 8
"""Tokens after which text that ends in the middle of a character is taken as it is."""


class Detokenizer:
    """The text of tokens that come one by one; a character made of several tokens comes whole.

    Decoders look at the neighbours of a token: the tokens of the last piece stay, as context.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._known = 0
        self._shown = ""

    def push(self, token: int) -> str:
        """What `token` adds to the text."""
        self._ids.append(token)
        text = self._decode()
        if text.endswith(_INCOMPLETE) and len(self._ids) - self._known < _LONGEST_CHARACTER:
            return ""
        return self._take(text)

    def flush(self) -> str:
        """What has been held back."""
        return self._take(self._decode())

    def _take(self, text: str) -> str:
        new = text[len(self._shown) :]
        self._ids = self._ids[self._known :]
        self._known = len(self._ids)
        self._shown = self._decode()
        return new

    def _decode(self) -> str:
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        return text


class StopFinder:
    """Lets text through up to the first stop string, and holds back what may be the start of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def push(self, text: str) -> str:
        """What may be shown now."""
        text = self._held + text
        at = min((index for stop in self._stops if (index := text.find(stop)) >= 0), default=-1)
        if at >= 0:
            self.found, self._held = True, ""
            return text[:at]
        self._held = self._possible_start(text)
        return text[: len(text) - len(self._held)]

    def flush(self) -> str:
        """What has been held back, when nothing follows."""
        held, self._held = self._held, ""
        return held

    def _possible_start(self, text: str) -> str:
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return text[-length:]
        return ""
