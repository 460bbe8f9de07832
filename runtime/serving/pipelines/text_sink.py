"""Where the text of a pipeline's last call goes while it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Sink:
    """sent: whether text has gone out, which no other answer can replace then."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self.sent = False

    async def put(self, text: str) -> None:
        """More text; waits until there is room for it."""
        if text:
            self.sent = True
            await self._send(text)
