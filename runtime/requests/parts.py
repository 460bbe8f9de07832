"""What turns are made of: words, media, calls of tools and their results, thoughts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from attrs import field

from ...compiler.plan.record import frozen

Place = tuple[str | int, ...]
"""Where a value stands in the client's request: `("messages", 3, "content", 1)`."""

Extras = Mapping[str, dict[str, Any]]
"""What only one dialect knows, under that dialect's name."""

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""No extras, no metadata."""


def path(at: Place) -> str:
    """`at` as errors name it: `messages[3].content[1]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")


def own(extras: Extras, dialect: str) -> dict[str, Any]:
    """What is sealed for `dialect`; not to be changed."""
    return extras.get(dialect) or {}


def _place() -> Any:
    return field(default=(), eq=False, repr=False)


@frozen
class CacheMark:
    """The prompt up to here shall be cached.

    ttl: for how long, such as `1h`; None: as the provider has it.
    """

    ttl: str | None = None
    field: Literal["cache_control", "prompt_cache_breakpoint"] = "cache_control"


@frozen
class Text:
    """Words."""

    text: str
    cache: CacheMark | None = None
    extras: Extras = NOTHING
    at: Place = _place()


@frozen
class Media:
    """An image, a sound, a video or a document: `data` in base64, `text` as it is, or the `url` where it is.

    type: the media type; None where a URL does not tell.
    """

    kind: Literal["image", "audio", "video", "document"]
    type: str | None = None
    data: str = field(default="", repr=False)
    url: str = ""
    text: str = ""
    name: str | None = None
    cache: CacheMark | None = None
    extras: Extras = NOTHING
    at: Place = _place()


@frozen
class ToolCall:
    """A call that the model made. arguments: JSON text, as it came."""

    id: str
    name: str
    arguments: str
    cache: CacheMark | None = None
    extras: Extras = NOTHING
    at: Place = _place()


@frozen
class ToolResult:
    """What the call `id` gave."""

    id: str
    parts: tuple[Part, ...] = ()
    is_error: bool | None = None
    cache: CacheMark | None = None
    extras: Extras = NOTHING
    at: Place = _place()


@frozen
class Thinking:
    """What the model thought. dialect: of the provider whose `signature` this is, who alone takes it back."""

    text: str
    signature: str | None = None
    dialect: str = ""
    extras: Extras = NOTHING
    at: Place = _place()


@frozen
class RedactedThinking:
    """Thoughts that only their provider can read."""

    data: str
    dialect: str
    extras: Extras = NOTHING
    at: Place = _place()


@frozen
class Refusal:
    """Why the model does not answer."""

    text: str
    cache: CacheMark | None = None
    extras: Extras = NOTHING
    at: Place = _place()


@frozen
class Sealed:
    """A part that only `dialect` knows, as it came: a hosted tool's call, a file that was uploaded there."""

    dialect: str
    value: Mapping[str, Any]
    at: Place = _place()


Part = Text | Media | ToolCall | ToolResult | Thinking | RedactedThinking | Refusal | Sealed
