"""Who may ask: the bearer token that clients show."""

from __future__ import annotations

import hmac

from aiohttp import web

from ..requests.errors import Unauthorized
from ..secret import Secret


def expected_header(token: Secret | None) -> bytes | None:
    """The header `Authorization` that lets a client in; None where everyone may ask."""
    return f"Bearer {token.reveal()}".encode() if token else None


def authorize(request: web.Request, expected: bytes) -> None:
    """Let the request pass if it shows `expected`. Raises Unauthorized."""
    sent = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(sent, expected):
        what = "this token is not accepted" if sent else "a token is needed"
        raise Unauthorized(f"{what}: send the header `Authorization: Bearer …`", code="invalid_api_key")
