"""The arguments of one streamed tool call, from pieces that need not each say something new.

Some servers tell all arguments again in the end, and some with each piece all that came so far; some begin
with an empty object, which stands for what is to come.
Sources: of arguments that come again, https://github.com/anomalyco/opencode/pull/17339,
https://github.com/decolua/9router/pull/2869, https://github.com/NousResearch/hermes-agent/pull/35718,
https://github.com/elizaOS/eliza/pull/16973; of an empty object in front,
https://github.com/BerriAI/litellm/issues/4537, https://github.com/envoyproxy/ai-gateway/pull/1466,
https://github.com/openai/openai-agents-js/pull/712, https://github.com/ogx-ai/ogx/pull/5462; of calls without
arguments that are told as no text at all, https://github.com/Kilo-Org/cloud/pull/4753.
"""

from __future__ import annotations

import orjson

from .json_end import JsonEnd

_BEFORE_VALUE = (":", "[", ",")
"""Behind these an object within the arguments may begin with the same words as they do."""
_EMPTY = "{}"


class ArgumentPieces:
    """What comes of them is JSON wherever the pieces can be put together to it."""

    __slots__ = ("_end", "_grows", "_is_held", "_said", "_size", "_unseen")

    def __init__(self) -> None:
        self._end: JsonEnd | None = None
        self._unseen: list[str] = []
        self._said: list[str] = []
        self._size = 0
        self._grows = False
        """Whether each piece tells what came before, too."""
        self._is_held = False
        """Whether an empty object came, and nothing else."""

    def add(self, arguments: str) -> str:
        """What `arguments` say that was not said before."""
        if not self._size:
            arguments = without_placeholder(_EMPTY + arguments if self._is_held else arguments)
            self._is_held = arguments == _EMPTY
            if self._is_held:
                return ""
        elif self._grows or arguments.startswith("{"):
            arguments = self._new_in(arguments)
        if arguments:
            self._unseen.append(arguments)
            self._said.append(arguments)
            self._size += len(arguments)
        return arguments

    def rest(self, told: str = "") -> str:
        """What is left to say when nothing more comes. told: the arguments, as they are told in the end."""
        if self._size:
            return ""
        said = self.add(told) or _EMPTY
        self._size = len(said)
        return said

    @property
    def is_begun(self) -> bool:
        """Whether anything has come."""
        return self._is_held or self._size > 0

    def is_whole(self) -> bool:
        """Whether the arguments are complete, as far as that can be told."""
        if self._is_held:
            return True
        if self._end is None:
            self._end = JsonEnd()
        for piece in self._unseen:
            self._end.feed(piece)
        self._unseen.clear()
        return self._end.is_whole

    def _new_in(self, arguments: str) -> str:
        """The same of a piece that may begin from the start."""
        if self._grows or len(arguments) >= self._size:
            said = "".join(self._said)
            self._said = [said]
            if arguments.startswith(said) and (self._grows or not said.rstrip().endswith(_BEFORE_VALUE)):
                self._grows = True
                return arguments[self._size :]
            if self._grows and said.startswith(arguments):
                return ""
        if self.is_whole() and _is_same("".join(self._said), arguments):
            return ""
        return arguments


def without_placeholder(arguments: str) -> str:
    """`arguments` without an empty object in front of them."""
    if not arguments.startswith(_EMPTY):
        return arguments
    rest = arguments[len(_EMPTY) :].lstrip()
    return rest if rest.startswith("{") else arguments


def _is_same(one: str, other: str) -> bool:
    """Whether both are JSON and mean the same."""
    try:
        return bool(orjson.loads(one) == orjson.loads(other))
    except orjson.JSONDecodeError:
        return False
