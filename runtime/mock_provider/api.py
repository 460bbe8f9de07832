"""What each of the APIs has to be able to do: read a request, and write answers and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .answers import Answer
from .limits import Room
from .parsed_request import Asked, MockError


class RequestPath(Protocol):
    """Where a request went, and its headers."""

    @property
    def path(self) -> str: ...
    @property
    def match_info(self) -> Mapping[str, str]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class Api(Protocol):
    """One provider's way to put things."""

    name: str
    stream_type: str

    def key(self, headers: Mapping[str, str]) -> str:
        """The key that a request shows; empty where it shows none."""

    def read(self, request: RequestPath, body: dict[str, Any]) -> Asked:
        """What a chat request asks for. Raises MockError."""

    def whole(self, asked: Asked, answer: Answer) -> dict[str, Any]:
        """A whole answer."""

    def events(self, asked: Asked, answer: Answer) -> list[bytes]:
        """A streamed answer, event by event, its end marker last."""

    def error(self, error: MockError) -> dict[str, Any]:
        """The body of an error."""

    def error_headers(self, error: MockError) -> dict[str, str]:
        """What stands in the headers of an error."""

    def error_event(self, error: MockError) -> bytes:
        """An error inside a stream."""

    def room_headers(self, room: Room) -> dict[str, str]:
        """How much may still be sent."""
