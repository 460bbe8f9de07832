"""Who may call: the bearer token that clients show."""

from __future__ import annotations

import asyncio
import hmac

from aiohttp import web

from ..requests.errors import Unauthorized
from ..secret import LiveSecret, Secret


class BearerToken:
    """The token that lets a client in; one from a file follows that file."""

    def __init__(self, token: Secret | LiveSecret) -> None:
        self._token = token

    def authorize(self, request: web.Request) -> None:
        """Let the request pass if it shows the token. Raises Unauthorized."""
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        shown = shown.strip() if scheme.lower() == "bearer" else ""
        shown = shown or request.headers.get("x-api-key", "")  # as Anthropic's clients show it
        if not hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), self._expected()):
            what = "this token is not accepted" if shown else "a token is needed"
            raise Unauthorized(f"{what}: send the header `Authorization: Bearer …`", code="invalid_api_key")

    def _expected(self) -> bytes:
        token = self._token
        if isinstance(token, LiveSecret):
            token.look(asyncio.get_running_loop().time())
            token = token.secret
        return token.reveal().encode()
