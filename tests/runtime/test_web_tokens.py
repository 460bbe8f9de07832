"""Tokens that others sign: whose they are, what they may ask, and those that are not accepted."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from attrs import evolve, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from inferc.compiler.plan import Jwt, KeyPlan
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.auth.callers import Keys, Shown
from inferc.runtime.gateway.auth.web_tokens import WebTokens
from inferc.runtime.requests.errors import Forbidden, StartError, Unauthorized

from ..support.pipelines import plan_with
from ..support.remote import mock_provider, remote_plan, serving

PLAN = Jwt("https://login.example.com", "inferc", "", "team")


@frozen
class Issuer:
    """Signs tokens, and says with which keys."""

    keys: dict[str, Any] = field(factory=lambda: {"one": ec.generate_private_key(ec.SECP256R1())})

    def app(self) -> web.Application:
        async def answer(request: web.Request) -> web.Response:
            made = [
                {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": name}
                for name, key in self.keys.items()
            ]
            return web.json_response({"keys": made})

        app = web.Application()
        app.router.add_get("/jwks", answer)
        return app

    def sign(self, kid: str = "one", key: Any = None, algorithm: str = "ES256", **claims: Any) -> str:
        now = time.time()
        whole = {
            "iss": PLAN.issuer,
            "aud": PLAN.audience,
            "exp": now + 600,
            "team": "a",
            "sub": "ada",
            **claims,
        }
        whole = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(
            whole, self.keys[kid] if key is None else key, algorithm=algorithm, headers={"kid": kid}
        )


@asynccontextmanager
async def tokens(issuer: Issuer) -> AsyncIterator[WebTokens]:
    async with serving(issuer.app()) as url:
        made = WebTokens(evolve(PLAN, jwks=f"{url}/jwks"), {"a", "b"})
        await made.load()
        yield made


async def test_a_token_has_what_the_key_has_that_it_names() -> None:
    issuer = Issuer()
    async with tokens(issuer) as found:
        keys = Keys([KeyPlan("a", ()), KeyPlan("b", ())], Path.cwd(), found)
        held = keys.find(Shown(issuer.sign(team="b")))
        assert held is not None
        assert (held.name, held.person) == ("b", "ada")
        assert keys.find(Shown("no token")) is None
        assert keys.find(Shown("a.b.c")) is None


@pytest.mark.parametrize(
    ("claims", "error", "says"),
    [
        ({"exp": 1.0}, Unauthorized, "expired"),
        ({"exp": None}, Unauthorized, "exp"),
        ({"iss": "https://other"}, Unauthorized, "issuer"),
        ({"aud": "other"}, Unauthorized, "[Aa]udience"),
        ({"team": "c"}, Forbidden, "`team` of this token names no key"),
        ({"team": ["a"]}, Forbidden, "names no key"),
        ({"team": None}, Forbidden, "names no key"),
        ({"key": ec.generate_private_key(ec.SECP256R1())}, Unauthorized, "[Ss]ignature"),
        ({"key": "secret" * 10, "algorithm": "HS256"}, Unauthorized, "lgorithm"),
        ({"key": "", "algorithm": "none"}, Unauthorized, "lgorithm"),
        ({"key": rsa.generate_private_key(65537, 2048), "algorithm": "RS256"}, Unauthorized, "not accepted"),
    ],
)
async def test_a_token_that_is_not_right_is_refused(claims: dict[str, Any], error: Any, says: str) -> None:
    issuer = Issuer()
    async with tokens(issuer) as found:
        with pytest.raises(error, match=says):
            found.find(issuer.sign(**claims))


async def test_a_token_that_was_right_is_refused_once_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    token = issuer.sign()
    async with tokens(issuer) as found:
        assert found.find(token) is not None
        later = time.time() + 700
        monkeypatch.setattr(time, "time", lambda: later)
        with pytest.raises(Unauthorized, match="expired"):
            found.find(token)


async def test_an_issuer_may_exchange_its_keys() -> None:
    issuer = Issuer()
    async with tokens(issuer) as found:
        issuer.keys["two"] = ec.generate_private_key(ec.SECP256R1())
        token = issuer.sign("two")
        with pytest.raises(Unauthorized, match="a key that is not known"):
            found.find(token)
        await found.refresh()
        assert found.find(token) is not None
        del issuer.keys["two"]


async def test_an_issuer_that_does_not_answer_is_a_problem_at_the_start_and_none_later() -> None:
    issuer = Issuer()
    async with tokens(issuer) as found:
        token = issuer.sign()
    with pytest.raises(StartError, match=r"the keys at .* cannot be read"):
        await found.load()
    found._wanted = True
    await found.refresh()
    assert found.find(token) is not None


async def test_a_client_asks_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    async with tokens(issuer) as found, mock_provider() as mock:
        names = [KeyPlan("a", (), models=("gpt",)), KeyPlan("b", (), models=("other",))]
        gpt = remote_plan("gpt", mock.endpoint, headers={"Authorization": "Bearer k"})
        executor = Executor(plan_with(gpt, keys=tuple(names)), Path.cwd())
        await executor.start()
        app = build_app(executor, keys=Keys(names, Path.cwd(), found))
        async with serving(app) as url, aiohttp.ClientSession() as http:
            chat = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
            for team, status in (("a", 200), ("b", 403), ("c", 403)):
                headers = {"Authorization": f"Bearer {issuer.sign(team=team)}"}
                async with http.post(f"{url}/v1/chat/completions", json=chat, headers=headers) as answer:
                    assert answer.status == status
        await executor.stop()
