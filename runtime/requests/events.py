"""What happens while a model answers. A whole answer is the fold of its events.

Every event names its choice, from 0, for requests that want several answers. Calls of tools are numbered
from 0 within their choice. Text and thoughts belong to one part until another kind of event, or `PartEnded`,
comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, final

from ...compiler.plan.record import frozen
from .errors import RequestError
from .parts import NOTHING, Extras, Media, Sealed
from .usage import Usage

Reason = Literal[
    "stop",
    "stop_sequence",
    "length",
    "context_window",
    "tool_calls",
    "content_filter",
    "refusal",
    "pause",
]
"""Why an answer ended.

length: the limit that the request sets. context_window: the model's own. pause: the provider wants to be
asked to go on.
"""


@final
@frozen
class Started:
    """The answer begins. model: as the provider calls it."""

    id: str
    model: str
    extras: Extras = NOTHING


@frozen
class TextDelta:
    """More words. logprobs: of their tokens, in OpenAI's shape."""

    text: str
    choice: int = 0
    logprobs: tuple[Mapping[str, Any], ...] = ()


@frozen
class ThinkingDelta:
    """More of what the model thinks. dialect: of its provider."""

    text: str
    dialect: str
    choice: int = 0


@frozen
class ThinkingSigned:
    """The signature of the thoughts before it, without which `dialect` does not take them back."""

    signature: str
    dialect: str
    choice: int = 0


@frozen
class TextSigned:
    """The signature of the words before it, or of none, which `dialect` wants back with them."""

    signature: str
    dialect: str
    choice: int = 0


@frozen
class ThinkingRedacted:
    """Thoughts that only their provider can read."""

    data: str
    dialect: str
    choice: int = 0


@frozen
class RefusalDelta:
    """More words on why the model does not answer."""

    text: str
    choice: int = 0


@frozen
class ToolCallBegun:
    """The model calls a tool; the arguments follow."""

    call: int
    id: str
    name: str
    choice: int = 0
    extras: Extras = NOTHING


@frozen
class ToolCallDelta:
    """More of the arguments of a call, which are JSON text."""

    call: int
    arguments: str
    choice: int = 0


@frozen
class ToolCallDone:
    """The arguments of a call are complete."""

    call: int
    choice: int = 0


@frozen
class MediaMade:
    """An image or a sound that the model made."""

    media: Media
    choice: int = 0


@frozen
class SealedMade:
    """A part that only its dialect knows, such as what a hosted tool found."""

    part: Sealed
    choice: int = 0


@frozen
class Cited:
    """A source of the text before it. native: as `dialect` tells it; url, title: where it is on the web."""

    dialect: str
    native: Mapping[str, Any]
    url: str | None = None
    title: str | None = None
    choice: int = 0


@frozen
class FieldsMade:
    """Fields that only `dialect` has, beside what is said. of: what they are fields of.

    Of a stream, they may come in pieces.
    """

    dialect: str
    fields: Mapping[str, Any]
    of: Literal["answer", "choice", "message"] = "message"
    choice: int = 0


@frozen
class PartEnded:
    """The text or thought that was going on is complete; what follows is a part of its own."""

    choice: int = 0


@final
@frozen
class UsageKnown:
    """What the answer consumed so far; a later one replaces it, and the first may come before `Started`.

    native: as `dialect` tells it.
    """

    usage: Usage
    dialect: str = ""
    native: Mapping[str, Any] = NOTHING


@frozen
class Finished:
    """Nothing more comes for this choice. stop_sequence: the text that ended it."""

    reason: Reason
    choice: int = 0
    stop_sequence: str | None = None
    extras: Extras = NOTHING


@final
@frozen
class Failed:
    """The answer broke off: nothing more comes at all. began: whether something of it had come."""

    error: RequestError
    began: bool


Event = (
    Started
    | TextDelta
    | ThinkingDelta
    | ThinkingSigned
    | TextSigned
    | ThinkingRedacted
    | RefusalDelta
    | ToolCallBegun
    | ToolCallDelta
    | ToolCallDone
    | MediaMade
    | SealedMade
    | Cited
    | FieldsMade
    | PartEnded
    | UsageKnown
    | Finished
    | Failed
)
