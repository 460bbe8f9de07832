"""The text of one answer as its tokens come, and why it ends."""

from __future__ import annotations

from collections.abc import Collection

from .....compiler.plan.record import define
from .texts import Detokenizer, StopFinder


@define
class Writing:
    """ends: tokens that end the answer. reason: in OpenAI's words; None while it goes on."""

    detokenizer: Detokenizer
    stops: StopFinder
    ends: Collection[int]
    max_tokens: int
    tokens: int = 0
    reason: str | None = None

    def take(self, token: int) -> str:
        """The text that can be shown once `token` is here."""
        self.tokens += 1
        if token in self.ends:
            self.reason = "stop"
            return self.stops.push(self.detokenizer.flush()) + self.stops.flush()
        text = self.stops.push(self.detokenizer.push(token))
        if self.stops.found:
            self.reason = "stop"
        elif self.tokens == self.max_tokens:
            text += self.stops.push(self.detokenizer.flush())
            self.reason = "stop" if self.stops.found else "length"
            text += self.stops.flush()
        return text

    def end(self) -> str:
        """End the answer here; gives what was held back."""
        self.reason = "stop"
        return self.stops.push(self.detokenizer.flush()) + self.stops.flush()
