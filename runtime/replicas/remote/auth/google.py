"""Google's OAuth2: access tokens for a service account, or for the application default credentials."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from .....compiler.plan import RemotePoolPlan
from .....compiler.plan.installing import pip_install
from ....requests.errors import NetworkError, RequestError, ServerError, StartError, Unauthorized
from ....requests.foreign_text import one_line
from ....secrets.secret import LiveSecret, Secret, read_document

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

_TOKEN_TIMEOUT = 10.0
_FIELDS = ("client_email", "private_key", "token_uri")


class GoogleTokens:
    """Access tokens for the service account of a file, or for the application default credentials.

    base_dir: where the file is looked up.
    """

    def __init__(self, plan: RemotePoolPlan, base_dir: Path) -> None:
        self._plan = plan
        self._base_dir = base_dir
        self._owner = f"deployment `{plan.deployment}`"
        self._origin = "the application default credentials"
        self._account: LiveSecret | None = None
        self._credentials: Any = None

    async def start(self) -> None:
        if find_spec("google") is None or find_spec("google.auth") is None:
            raise StartError(
                f"{self._owner}: it needs google-auth, which is not installed: {pip_install('vertex')}"
            )
        if self._plan.credentials is not None:
            self._account = await LiveSecret.opened(
                self._plan.credentials, self._base_dir, self._read_account
            )
            self._origin = self._account.secret.origin
        else:
            self._credentials = await asyncio.to_thread(self._find_default)

    def look(self, now: float) -> bool:
        return self._account is not None and self._account.look(now)

    def read_again(self) -> bool:
        return self._account is not None and self._account.read_again()

    async def fetch(self) -> tuple[Secret, float]:
        try:
            token, life = await asyncio.to_thread(_fetch_token, self._credentials)
        except Exception as error:  # google-auth lets errors of every kind through
            raise self._explain(error) from None
        return Secret(token, self._origin), life

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
