"""JSON Web Tokens: who calls is said by somebody else, who signs it."""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from ....compiler.plan import Jwt
from ....compiler.plan.installing import pip_install
from ...concurrency.tasks import repeated
from ...requests.errors import Forbidden, StartError, Unauthorized

if TYPE_CHECKING:
    from jwt import PyJWK

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those with a key of their own to check with: nobody who checks can sign."""

REFRESH = 300.0
"""Seconds after which the keys of the issuer are read again."""
SOONEST = 30.0
"""Seconds after which they are, at the soonest, because a token names one that is not known."""
LEEWAY = 30.0
"""Seconds by which clocks may differ."""
KEPT = 4096
"""Tokens that are known to be right: checking a signature takes a while."""
LARGEST = 1 << 20
LONGEST_PERSON = 128
TIMEOUT = 10.0


class WebTokens:
    """Tokens of one issuer. names: of the keys that they may name."""

    def __init__(self, plan: Jwt, names: Container[str]) -> None:
        self._plan = plan
        self._names = names
        self._keys: Mapping[str | None, PyJWK] = {}
        self._known: OrderedDict[str, tuple[str, float, str]] = OrderedDict()
        self._wanted = False
        self._read_at = 0.0

    async def load(self) -> None:
        """Read the keys of the issuer. Raises StartError."""
        try:
            import jwt
        except ImportError:
            raise StartError(f"gateway: `jwt` needs PyJWT: {pip_install('jwt')}") from None
        try:
            text = await asyncio.to_thread(_fetch, self._plan.jwks)
            keys = jwt.PyJWKSet.from_json(text).keys
        except (OSError, ValueError, jwt.PyJWTError) as error:
            reason = getattr(error, "reason", None) or error
            raise StartError(f"gateway: the keys at {self._plan.jwks} cannot be read: {reason}") from None
        self._keys = {key.key_id: key for key in keys}
        self._known.clear()
        self._read_at = asyncio.get_running_loop().time()

    def find(self, token: str) -> tuple[str, float, str] | None:
        """The key that `token` names, until when it is right, and for whom; None where it is none of these.

        Raises Unauthorized, Forbidden.
        """
        known = self._known.get(token)
        if known is None:
            known = self._check(token)
            if known is None:
                return None
            self._known[token] = known
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        if time.time() >= known[1]:
            raise Unauthorized("this token has expired", code="expired_token")
        return known

    async def refresh(self) -> None:
        """Read the keys of the issuer again, if it is time to, or a token names one that is not known."""
        now = asyncio.get_running_loop().time()
        if not self._wanted and now < self._read_at + REFRESH:
            return
        self._wanted, self._read_at = False, now
        try:
            await self.load()
        except StartError as error:
            log.warning("%s; those from before stay in use", error)

    def _check(self, token: str) -> tuple[str, float, str] | None:
        import jwt

        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return None
        key = self._keys.get(head.get("kid"))
        if key is None:
            self._wanted = True
            raise Unauthorized("this token is signed with a key that is not known", code="invalid_token")
        plan, algorithm = self._plan, head.get("alg")
        if algorithm not in ALGORITHMS:
            raise Unauthorized("this token is not accepted: its algorithm is not", code="invalid_token")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=plan.issuer,
                audience=plan.audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthorized(f"this token is not accepted: {error}", code="invalid_token") from None
        name = claims.get(plan.claim)
        if not isinstance(name, str) or name not in self._names:
            raise Forbidden(f"the claim `{plan.claim}` of this token names no key", code="no_key")
        person = claims.get("sub")
        return name, float(claims["exp"]) + LEEWAY, person[:LONGEST_PERSON] if isinstance(person, str) else ""


def following(current: Callable[[], WebTokens | None]) -> AbstractAsyncContextManager[None]:
    """While the block runs, keep the keys of the issuer of the `current` tokens fresh."""

    async def look() -> None:
        tokens = current()
        if tokens is not None:
            await tokens.refresh()

    return repeated(look, SOONEST, "keys of the issuer of tokens")


def _fetch(url: str) -> str:
    """What is there. Blocks. Raises OSError, ValueError."""
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        data: bytes = answer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("it is too large")
    return data.decode()
