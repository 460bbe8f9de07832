"""A token that the platform gives a workload, exchanged for short-lived tokens of the provider.

Sources: RFC 6749 (answers and errors), RFC 7523 and RFC 8693 (the grants); openai 3.57.0, auth/_workload.py;
anthropic 2.14.0, lib/credentials (2026-11-29).
"""

from __future__ import annotations

import asyncio
import math
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from .....compiler.plan import RemotePoolPlan, WorkloadIdentity, no_token_url
from ....concurrency.timeouts import Timeouts
from ....dialects.provider_errors.retry_after import retry_after, should_retry
from ....requests.errors import NetworkError, RequestError, ServerError, StartError, Unauthorized
from ....requests.foreign_text import one_line
from ....secrets.secret import Secret, read_document
from ..transport.certificates import Certificates
from ..transport.http_client import Answer, ClientOptions
from ..transport.lean_client import open_client
from ..transport.network_errors import told_of
from ..transport.proxy import Proxy, proxy_of

TIMEOUT = 30.0
"""Seconds that an exchange may take, as Anthropic's own client gives it."""

_LATENESS = 0.25
"""Seconds by which it may be noticed late that it took longer."""

MAX_TOKEN = 16 << 10
"""Characters of a token, of the workload or of the provider; real ones have fewer than 4,096."""

_MAX_ANSWER = 256 << 10
_LONGEST = 86_400.0
"""Seconds that a token is believed to be good; those of both providers have less than an hour."""

_MAY_PASS = (408, 409, 425, 429)
"""Statuses below 500 that may be another one the next time."""


class ExchangedTokens:
    """Tokens of the provider for what the platform says of this workload, which is read anew each time.

    base_dir: where secret files are looked up.
    """

    def __init__(self, plan: RemotePoolPlan, identity: WorkloadIdentity, base_dir: Path) -> None:
        self._plan = plan
        self._identity = identity
        self._base_dir = base_dir
        self._owner = f"deployment `{plan.deployment}`"
        self._where = f"{plan.provider}'s token endpoint"
        self._proxy: Proxy | None = None
        self._certificates: Certificates | None = None

    async def start(self) -> None:
        if problem := no_token_url(self._identity.endpoint):
            raise StartError(f"{self._owner}: its token endpoint cannot be used: {problem[0]}; {problem[2]}")
        await self._own_token()
        self._proxy = proxy_of(self._plan, self._base_dir, self._identity.endpoint)
        if self._plan.tls is not None:
            self._certificates = Certificates(self._plan.tls, self._base_dir, self._owner)

    def look(self, now: float) -> bool:
        return False  # another token of a platform says the same of the same workload

    def read_again(self) -> bool:
        return False

    async def fetch(self) -> tuple[Secret, float]:
        """Exchange the workload's token. Raises RequestError."""
        try:
            own = await self._own_token()
        except StartError as error:
            raise ServerError(
                str(error), deployment=self._plan.deployment, provider=self._plan.provider
            ) from None
        body = orjson.dumps({**self._identity.body, self._identity.token_field: own.reveal()})
        try:
            async with asyncio.timeout(TIMEOUT):
                status, headers, data = await self._post(body)
        except TimeoutError:
            raise self._fail(NetworkError, f"gave no answer within {TIMEOUT:g} s") from None
        except aiohttp.ClientError as error:
            kind, what, retryable = told_of(error, self._identity.endpoint, self._proxy, launched=False)
            raise self._fail(kind, what, retryable=retryable) from None
        except OSError as error:
            what = f"could not be talked to: {type(error).__name__}"
            raise self._fail(NetworkError, what) from None
        if status != 200:
            raise self._refusal(status, headers, data, own)
        return self._token_in(data, own)

    async def _own_token(self) -> Secret:
        """The workload's own token, as it is now. Raises StartError."""
        ref = self._identity.token
        read = partial(read_document, ref, self._base_dir, self._owner, "workload's token")
        own = await asyncio.to_thread(read) if ref.source.is_fetched else read()
        value = own.reveal()
        if len(value) > MAX_TOKEN or not (value.isascii() and value.isprintable()):
            raise StartError(
                f"{self._owner}: {own.origin} holds {len(value)} characters that are no token: put the "
                "workload's token there, and nothing else"
            )
        return own

    async def _post(self, body: bytes) -> tuple[int, Any, bytes]:
        """Status, headers and body of the answer. Raises ClientError."""
        if self._certificates is not None:
            self._certificates.look(asyncio.get_running_loop().time())
        timeouts = Timeouts(_LATENESS)
        client = open_client(
            ClientOptions(
                headers={
                    "User-Agent": "inferc",
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
                read_ahead=_MAX_ANSWER,
                window=None,
                keepalive=0.0,
                proxy=self._proxy,
                ssl=self._certificates.context if self._certificates is not None else None,
            )
        )
        try:
            until = timeouts.now() + TIMEOUT
            answer = await client.post(
                self._identity.endpoint, body, self._identity.headers, (timeouts, until)
            )
            try:
                return answer.status, answer.headers, await self._body(answer)
            finally:
                answer.release()
        finally:
            timeouts.close()
            await client.close()

    async def _body(self, answer: Answer) -> bytes:
        pieces = bytearray()
        content = answer.content
        assert isinstance(content, aiohttp.StreamReader)  # as nothing goes past aiohttp's parser here
        while piece := await content.read(_MAX_ANSWER):
            pieces += piece
            if len(pieces) > _MAX_ANSWER:
                raise self._fail(ServerError, f"sent more than {_MAX_ANSWER >> 10} KiB", retryable=False)
        return bytes(pieces)

    def _refusal(self, status: int, headers: Any, data: bytes, own: Secret) -> RequestError:
        may_pass = should_retry(headers)
        if may_pass is None:
            may_pass = status >= 500 or status in _MAY_PASS
        code, said = _said(data)
        what = f"gave no access token: {code or 'it answered'} (status {status}"
        what += f"; asked with {own.origin})" + (f": {said}" if said else "")
        kind: type[RequestError] = ServerError if may_pass or status < 400 else Unauthorized
        wait = retry_after(headers, {}) if may_pass else None
        return self._fail(kind, own.scrub(what), retryable=may_pass, retry_after=wait)

    def _token_in(self, data: bytes, own: Secret) -> tuple[Secret, float]:
        """The token in a successful answer, and its life in seconds. Raises ServerError."""
        answer = _object(data)
        token, life = answer.get("access_token"), answer.get("expires_in")
        kind = answer.get("token_type", "Bearer")
        if not isinstance(token, str) or not (0 < len(token) <= MAX_TOKEN and token.isascii()):
            problem = "no `access_token`"
        elif not token.isprintable() or " " in token:
            problem = "an `access_token` that no header can carry"
        elif not isinstance(kind, str) or kind.lower() != "bearer":
            problem = "an access token that is none to show as `Bearer`"
        elif isinstance(life, bool) or not isinstance(life, int | float) or not (0 < life < math.inf):
            problem = "no `expires_in` in seconds"
        else:
            return Secret(token, f"an exchange of {own.origin}"), min(float(life), _LONGEST)
        raise self._fail(ServerError, f"sent {problem}")

    def _fail(self, kind: type[RequestError], what: str, **known: Any) -> RequestError:
        return kind(
            f"{self._owner}: {self._where} {what}",
            deployment=self._plan.deployment,
            provider=self._plan.provider,
            **known,
        )


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(data: bytes) -> tuple[str, str]:
    """The code of an error and what is said about it, each in one line, and empty where there is none."""
    answer = _object(data)
    error: Any = answer.get("error")
    said: Any = answer.get("error_description")
    if isinstance(error, dict):  # Anthropic's and OpenAI's own form
        error, said = error.get("code") or error.get("type"), error.get("message")
    return (
        one_line(error, 80) if isinstance(error, str) else "",
        one_line(said, 300) if isinstance(said, str) else "",
    )
