"""A service account made up for a test, and the token server that knows it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from aiohttp import web
from attrs import define, field
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from .remote import serving

AUDIENCE = "https://oauth2.googleapis.com/token"
"""For whom google-auth signs, wherever it sends the grant."""


@cache
def private_key() -> str:
    """An RSA key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@cache
def _public_key() -> bytes:
    key = serialization.load_pem_private_key(private_key().encode(), None)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@define
class TokenServer:
    """Gives out `token-1`, `token-2`… for grants that are signed right.

    status, error: what it says instead.
    """

    url: str = ""
    life: int = 3600
    status: int = 200
    error: str = ""
    grants: list[dict[str, Any]] = field(factory=list)

    def account(self, name: str = "tests", **fields: str) -> str:
        """The key file of a service account whose tokens come from here."""
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "shop-42",
                "private_key_id": "1",
                "private_key": private_key(),
                "client_email": f"{name}@shop-42.iam.gserviceaccount.com",
                "token_uri": f"{self.url}/token",
            }
            | fields,
            indent=2,
        )

    async def answer(self, request: web.Request) -> web.Response:
        asked = await request.post()
        assert asked["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        grant = dict(jwt.decode(str(asked["assertion"]), certs=_public_key(), audience=AUDIENCE))
        self.grants.append(grant)
        if self.status != 200:
            return web.json_response({"error": self.error}, status=self.status)
        token = f"token-{len(self.grants)}"
        return web.json_response({"access_token": token, "expires_in": self.life, "token_type": "Bearer"})


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """A running token server."""
    server, app = TokenServer(), web.Application()
    app.router.add_post("/token", server.answer)
    async with serving(app) as server.url:
        yield server
