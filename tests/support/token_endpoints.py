"""Providers that exchange identities of workloads for tokens, and answer who shows one.

They refuse what the packages of Anthropic and OpenAI never send; their tokens are `token-1`, `token-2`…
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from attrs import define, field

from .remote import serving

OWN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmVk"
"""The token that the platform gives the workload."""

OPENAI = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token": OWN,
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "identity_provider_id": "idp_1",
    "service_account_id": "sa_1",
}
ANTHROPIC = {
    "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "assertion": OWN,
    "federation_rule_id": "fdrl_1",
    "organization_id": "00000000-0000-0000-0000-000000000000",
    "service_account_id": "svac_1",
}
BETAS = {"oauth-2025-04-20", "oidc-federation-2026-04-01"}


@define
class TokenProvider:
    """Both providers at one address.

    status, body: what its token endpoints say instead of a token. revoked: tokens that are refused.
    own: the token of the workload that it knows. exchanges: what was posted. shown: tokens and betas.
    """

    url: str = ""
    life: float = 3600
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(factory=dict)
    own: str = OWN
    revoked: set[str] = field(factory=set)
    exchanges: list[dict[str, str]] = field(factory=list)
    shown: list[tuple[str, str]] = field(factory=list)

    async def exchange(self, request: web.Request) -> web.Response:
        is_anthropic = request.path == "/v1/oauth/token"
        asked = await request.json()
        self.exchanges.append(asked)
        if self.status != 200 or self.body is not None:
            return web.json_response(self.body, status=self.status, headers=self.headers)
        if request.content_type != "application/json" or "Authorization" in request.headers:
            return web.json_response({"error": "invalid_request"}, status=400)
        if is_anthropic and betas_of(request) != BETAS:
            return web.json_response({"error": "invalid_request"}, status=400)
        wanted = ANTHROPIC | {"assertion": self.own} if is_anthropic else OPENAI | {"subject_token": self.own}
        if asked != wanted:
            said = f"no rule fits {json.dumps(asked)}"
            return web.json_response({"error": "invalid_grant", "error_description": said}, status=400)
        answer = {"access_token": self.token, "token_type": "Bearer", "expires_in": self.life}
        return web.json_response(answer)

    @property
    def token(self) -> str:
        """The last that was given."""
        return f"token-{len(self.exchanges)}"

    async def answer(self, request: web.Request) -> web.Response:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        is_anthropic = request.path == "/v1/messages"
        self.shown.append((shown, ",".join(request.headers.getall("anthropic-beta", ()))))
        unheard = is_anthropic and "oauth-2025-04-20" not in betas_of(request)
        if (
            shown in self.revoked
            or not shown.startswith("token-")
            or unheard
            or "x-api-key" in request.headers
        ):
            error = {"type": "authentication_error", "message": f"{shown} is no token"}
            return web.json_response({"type": "error", "error": error}, status=401)
        if not is_anthropic:
            message = {"role": "assistant", "content": "known"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.json_response(
                {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            )
        return web.json_response(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-5-5",
                "content": [{"type": "text", "text": "known"}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 2, "output_tokens": 1},
            }
        )


def betas_of(request: web.Request) -> set[str]:
    """What the header says, which may stand there once."""
    said = request.headers.getall("anthropic-beta", [])
    assert len(said) < 2
    return {each.strip() for value in said for each in value.split(",")}


@asynccontextmanager
async def token_provider() -> AsyncIterator[TokenProvider]:
    """A running one."""
    it, app = TokenProvider(), web.Application()
    app.router.add_post("/oauth/token", it.exchange)
    app.router.add_post("/v1/oauth/token", it.exchange)
    app.router.add_post("/v1/messages", it.answer)
    app.router.add_post("/v1/chat/completions", it.answer)
    async with serving(app) as it.url:
        yield it
