"""Google's OAuth2: access tokens for a service account, or for the application default credentials."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from ....compiler.plan import RemotePoolPlan
from ...requests.errors import NetworkError, RequestError, ServerError, StartError, Unauthorized
from ...requests.foreign_text import one_line
from ...secret import LiveSecret, Secret, read_document
from .authorizer import RENEW_EVERY, Authorization

log = logging.getLogger(__name__)

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

RENEW_EARLY = 300.0
"""Seconds before the end of a token at which the next is asked for; at most a fifth of its life."""

_TOKEN_TIMEOUT = 10.0
_TRY_AGAIN = 10.0
_FIELDS = ("client_email", "private_key", "token_uri")


class GoogleAuthorizer:
    """An access token, renewed before it ends, when the service account's file changes, or when refused.

    base_dir: where the file is looked up.
    """

    def __init__(self, plan: RemotePoolPlan, base_dir: Path) -> None:
        self._plan = plan
        self._base_dir = base_dir
        self._owner = f"deployment `{plan.deployment}`"
        self._origin = "the application default credentials"
        self._account: LiveSecret | None = None
        self._credentials: Any = None
        self._current: Authorization | None = None
        self._renew_at = self._ends_at = self._refusable_at = 0.0
        self._version = 0
        self._renewing: asyncio.Task[RequestError | None] | None = None

    async def start(self) -> None:
        if find_spec("google") is None or find_spec("google.auth") is None:
            raise StartError(
                f"{self._owner}: it needs google-auth, which is not installed: pip install 'inferc[vertex]'"
            )
        if self._plan.credentials is not None:
            self._account = await LiveSecret.opened(
                self._plan.credentials, self._base_dir, self._read_account
            )
            self._origin = self._account.secret.origin
        else:
            self._credentials = await asyncio.to_thread(self._find_default)

    async def stop(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    def version(self) -> int:
        self._follow(asyncio.get_running_loop().time())
        return self._version

    def _follow(self, now: float) -> None:
        """Ask for another token once the service account is another."""
        if self._account is not None and self._account.look(now):
            self._version += 1
            self._renew_at = self._ends_at = 0.0

    async def authorize(self) -> Authorization:
        now = asyncio.get_running_loop().time()
        self._follow(now)
        if self._current is not None and now < self._renew_at:
            return self._current
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
        if self._current is not None and now < self._ends_at:
            return self._current
        error = await asyncio.shield(self._renewing)
        if error is not None:
            raise error
        assert self._current is not None
        return self._current

    async def refused(self, used: Authorization) -> bool:
        if used is not self._current:
            return True
        changed = self._account is not None and self._account.read_again()
        now = asyncio.get_running_loop().time()
        if not changed and now < self._refusable_at:
            return False
        self._refusable_at = now + RENEW_EVERY
        self._renew_at = self._ends_at = 0.0
        return True

    async def _renew(self) -> RequestError | None:
        """Ask for a token; the error that there is instead of one, which is said while the last is good."""
        loop = asyncio.get_running_loop()
        while True:
            credentials = self._credentials
            try:
                token, life = await asyncio.to_thread(_fetch_token, credentials)
            except Exception as raised:
                error = self._explain(raised)
                if loop.time() < self._ends_at:
                    log.warning("%s; the last access token is still good", error)
                    self._renew_at = loop.time() + _TRY_AGAIN
                return error
            if credentials is self._credentials:
                break
        self._ends_at = loop.time() + life
        self._renew_at = self._ends_at - min(RENEW_EARLY, life / 5)
        self._current = Authorization.of(self._plan.auth, Secret(token, self._origin))
        return None

    def _read_account(self) -> Secret:
        """The service account, which is used from now on. Raises StartError, without what it holds."""
        from google.oauth2.service_account import Credentials

        assert self._plan.credentials is not None
        secret = read_document(self._plan.credentials, self._base_dir, self._owner, "service account's key")
        no_account = partial(_no_account, f"{self._owner}: {secret.origin}")
        try:
            info = orjson.loads(secret.reveal())
        except ValueError:
            raise no_account("it holds no JSON") from None
        if not isinstance(info, dict) or info.get("type") != "service_account":
            raise no_account('its `type` is not "service_account"')
        for name in _FIELDS:
            if not isinstance(info.get(name), str) or not info[name]:
                raise no_account(f"it has no `{name}`")
        try:
            self._credentials = Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
        except ValueError:
            raise no_account("its `private_key` is no key") from None
        return secret

    def _find_default(self) -> Any:
        import google.auth
        from google.auth.exceptions import GoogleAuthError

        try:
            credentials, _ = google.auth.default(scopes=SCOPES)
        except GoogleAuthError:
            raise StartError(
                f"{self._owner}: Google's application default credentials are not there: run `gcloud auth "
                'application-default login`, or name a service account: `credentials = file("…")`'
            ) from None
        return credentials

    def _explain(self, raised: Exception) -> RequestError:
        from google.auth.exceptions import RefreshError, TransportError

        kind: type[RequestError] = ServerError
        what = f"failed with {type(raised).__name__}"
        if isinstance(raised, TransportError):
            kind, what = NetworkError, "cannot be reached"
        elif isinstance(raised, RefreshError):
            said = raised.args[1] if len(raised.args) > 1 else None
            code = said.get("error") if isinstance(said, dict) else None
            kind = ServerError if raised.retryable else Unauthorized
            what = "gives no access token" + (f": {one_line(code, 80)}" if isinstance(code, str) else "")
        return kind(
            f"{self._owner}: Google's token server {what} (asked with {self._origin})",
            deployment=self._plan.deployment,
            provider=self._plan.provider,
        )


def _fetch_token(credentials: Any) -> tuple[str, float]:
    """A new access token and for how many seconds it is good. Blocks."""
    import requests
    from google.auth.transport.requests import Request

    with requests.Session() as session:
        credentials.refresh(partial(Request(session), timeout=_TOKEN_TIMEOUT))
    ends = credentials.expiry
    life = (ends.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if ends else 0.0
    return str(credentials.token), max(0.0, life)


def _no_account(where: str, reason: str) -> StartError:
    return StartError(
        f"{where} is no service account: {reason}: put the JSON key there that Google Cloud made for it"
    )
