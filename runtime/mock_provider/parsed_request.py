"""What a chat request asks for, whichever API it came through."""

from __future__ import annotations

from typing import Any

from attrs import field

from ...compiler.plan.record import define

MOST_ANSWERS = 128
"""To one request. Source: OpenAI API reference."""


class MockError(Exception):
    """An answer that is an error; each API writes it in its own shape.

    code: as OpenAI calls it; empty is what goes with the status. wait: seconds, for those who say it in
    the body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "",
        headers: dict[str, str] | None = None,
        wait: float = 0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or DEFAULT_CODES.get(status, "")
        self.headers = headers or {}
        self.wait = wait
        self.body: dict[str, Any] | None = None


DEFAULT_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    404: "model_not_found",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "server_is_overloaded",
}
"""The code that goes with a status where nobody chose another."""


@define
class Asked:
    """One request.

    said: the text of the last message of the user. results: what tools gave, where they spoke last.
    media: what stood beside the text, described. tools: the schema of each. tool_mode: `auto`, `none`,
    `required`, or the name of a tool. words: of all messages together, for the usage. thoughts: earlier ones
    of the model, which came back. wants_encrypted: thoughts that can be sent again.
    """

    model: str = ""
    stream: bool = False
    include_usage: bool = False
    said: str = ""
    system: str = ""
    words: int = 0
    results: list[str] = field(factory=list)
    media: list[str] = field(factory=list)
    tools: dict[str, dict[str, Any]] = field(factory=dict)
    tool_mode: str = "auto"
    one_call: bool = False
    schema: dict[str, Any] | None = None
    n: int = 1
    max_tokens: int | None = None
    stop: list[str] = field(factory=list)
    effort: str = ""
    logprobs: int | None = None
    thoughts: int = 0
    wants_encrypted: bool = False

    def hear(self, text: str) -> None:
        """Take in a message of the user: what came before is no longer the last."""
        self.said = text
        self.words += len(text.split())
        self.results = []
        self.media = []

    def overhear(self, text: str) -> None:
        """Take in a message that is not the user's."""
        self.words += len(text.split())


def wanted(body: dict[str, Any], name: str, kind: type) -> Any:
    """A field that must be there. Raises MockError."""
    if not isinstance(body.get(name), kind):
        raise MockError(400, f"`{name}` is missing or of a wrong type")
    return body[name]


def refuse_too_much(asked: Asked) -> None:
    """Refuse what would fill the memory. Raises MockError."""
    if not (type(asked.n) is int and 1 <= asked.n <= MOST_ANSWERS):
        raise MockError(400, f"`n` must be from 1 to {MOST_ANSWERS}")


def refuse_unknown(body: dict[str, Any], known: frozenset[str], where: str = "") -> None:
    """Refuse fields that the real API does not know. Raises MockError."""
    for name in body:
        if name not in known:
            raise MockError(400, f"{where}{name}: Extra inputs are not permitted")


def describe(kind: str, base64: str) -> str:
    """Bytes in a message, described by their type and number."""
    return f"{kind}, {len(base64) * 3 // 4 - base64.count('=')} bytes"
