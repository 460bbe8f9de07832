"""`fallback [a, b]`: the first member that can answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ..replica import Chunk
from ..served import Asking
from ..trace import Trace
from .route import Route, ask_in_turn


class Fallback(Route):
    """Each member is asked when those before it could not answer."""

    def pick(self, asking: Asking, trace: Trace) -> AsyncGenerator[Chunk, None]:
        return ask_in_turn(self, range(len(self.members)), asking, trace)
