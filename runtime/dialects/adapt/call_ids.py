"""Ids of tool calls, as a provider takes them: in its characters, and each only once in a conversation.

A new id follows from what the call is, not from where it stands, so that a conversation that goes on keeps
its ids, and the provider its cache.
"""

from __future__ import annotations

import re
from collections import deque

from attrs import evolve

from ...requests.parts import ToolCall, ToolResult
from ..ids import hashed_id

SHORT = 9
"""Letters and digits of an id where the usual ones are not taken: as Mistral wants them."""

MOST_TRIES = 100
"""Ids that are tried before one is sent that the provider may refuse."""


class CallIds:
    """Goes over the calls and results of one conversation, in their order.

    pattern: what an id must match as a whole; None: anything. unique: no id may stand there twice.
    """

    def __init__(self, pattern: str | None, *, unique: bool) -> None:
        self._pattern = None if pattern is None else re.compile(pattern)
        self._unique = unique
        self._taken: set[str] = set()
        self._seen: dict[tuple[str, str, str], int] = {}
        self._waiting: dict[str, deque[str]] = {}
        self._answered: dict[str, str] = {}

    def call(self, call: ToolCall) -> ToolCall:
        """`call` with an id that the provider takes; itself where its own is one."""
        same = (call.id, call.name, call.arguments)
        id, nth = call.id, self._seen.get(same, 0)
        self._seen[same] = nth + 1
        if not self._is_free(id):
            id = self._made(*same, str(nth))
            for again in range(MOST_TRIES):
                if self._is_free(id):
                    break
                id = self._made(id, str(again))  # a client that repeats an id of ours
        self._taken.add(id)
        self._waiting.setdefault(call.id, deque()).append(id)
        return call if id == call.id else evolve(call, id=id)

    def result(self, result: ToolResult) -> ToolResult:
        """`result` with the id of its call: of calls with the same id, the first that has no result yet."""
        waiting = self._waiting.get(result.id)
        if waiting:
            self._answered[result.id] = waiting.popleft()
        id = self._answered.get(result.id, result.id)
        return result if id == result.id else evolve(result, id=id)

    def _made(self, *what: str) -> str:
        """An id that follows from `what`: short where the provider takes no long ones."""
        id = hashed_id(*what)
        return id if self._pattern is None or self._pattern.fullmatch(id) else id[-SHORT:]

    def _is_free(self, id: str) -> bool:
        if self._unique and id in self._taken:
            return False
        return self._pattern is None or self._pattern.fullmatch(id) is not None
