"""From a provider's error to ours: by status and by the code in the body, never by message text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import frozen

from ....compiler.plan import RemotePoolPlan
from ...requests.errors import ContentFiltered, RateLimited, RequestError, ServerError, Unauthorized
from ...secret import Secret
from .codes import is_final_limit, meaning, of_status
from .google_details import read_details
from .retry_after import retry_after, should_retry

REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id")
"""Where providers put the id of a request: OpenAI and Azure, Anthropic, Azure's gateway."""

_MAX_DETAIL = 500


@frozen
class Classifier:
    """Makes errors that name provider and deployment, and never show the key."""

    plan: RemotePoolPlan
    secret: Secret | None

    def http_error(self, status: int, headers: Mapping[str, str], body: bytes) -> RequestError:
        """The error behind an HTTP answer that is no success."""
        found = _error_object(body)
        if 300 <= status < 400:
            redirect = {"message": "it redirects elsewhere: set `endpoint` to the final address"}
            return self._error(ServerError, f"answered {status}", redirect, retryable=False)
        request_id = next((headers[name] for name in REQUEST_ID_HEADERS if name in headers), None)
        return self._classified(
            found,
            status,
            f"answered {status}",
            body=body,
            request_id=request_id or _text(found, "request_id"),
            wait=retry_after(headers, found),
            retryable=should_retry(headers),
        )

    def in_band(self, error: Any) -> RequestError:
        """The error behind an `error` inside an answer that began as a success."""
        found = error if isinstance(error, dict) else {"message": error if isinstance(error, str) else ""}
        status = _status(found.get("code")) or _status(found.get("status"))
        unsaid = 400 if found.get("type") == "invalid_request_error" else 502
        return self._classified(found, status or unsaid, "broke off with an error")

    @property
    def who(self) -> str:
        """The subject of a message."""
        return f"{self.plan.provider} (deployment `{self.plan.deployment}`)"

    def _classified(
        self,
        found: dict[str, Any],
        status: int,
        what: str,
        *,
        body: bytes = b"",
        request_id: str | None = None,
        wait: float | None = None,
        retryable: bool | None = None,
    ) -> RequestError:
        kind, code = _kind(found, status)
        details = read_details(found)
        if details.bad_key:
            kind, code = Unauthorized, "invalid_api_key"
        if kind is RateLimited and (details.spent or is_final_limit(code)):
            retryable = False if retryable is None else retryable
            code = "insufficient_quota" if details.spent else code
        if kind is ContentFiltered:
            retryable = False
        return self._error(
            kind,
            what,
            found,
            body=body,
            param=_text(found, "param"),
            request_id=request_id,
            retry_after=wait if wait is not None else details.retry_after,
            code=code,
            retryable=retryable,
            upstream_status=status or None,
        )

    def _error(
        self, kind: type[RequestError], what: str, found: dict[str, Any], *, body: bytes = b"", **known: Any
    ) -> RequestError:
        return kind(
            f"{self.who} {what}: {self._detail(kind, found, body)}",
            deployment=self.plan.deployment,
            provider=self.plan.provider,
            **known,
        )

    def _detail(self, kind: type[RequestError], found: dict[str, Any], body: bytes) -> str:
        if kind is Unauthorized:  # providers quote the key in these
            return (
                f"it does not accept the key from {self.secret.origin}" if self.secret else "it wants a key"
            )
        message = found.get("message")
        detail = message if isinstance(message, str) and message else body.decode("utf-8", "replace")
        if self.secret:
            detail = self.secret.scrub(detail)
        return " ".join(detail.split())[:_MAX_DETAIL] or "no reason given"


def _kind(found: dict[str, Any], status: int) -> tuple[type[RequestError], str | None]:
    """The class and the code for the client; a code that is not known reaches it as it is."""
    code = _text(found, "code")
    for name in (code, _text(found, "status"), _text(found, "type")):
        known = meaning(name) if name else None
        if known is not None:
            return known
    return of_status(status), None if code is None or code.isdecimal() else code


def _error_object(body: bytes) -> dict[str, Any]:
    """OpenAI's `{"error": {…}}`, and the forms of it that other providers send."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(value, list) and len(value) == 1:  # Google, where a stream was asked for
        value = value[0]
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        request_id = value.get("request_id")
        return {**error, "request_id": request_id} if isinstance(request_id, str) else error
    return {"message": error} if isinstance(error, str) else {}


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None


def _status(value: object) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and 400 <= value <= 599 else 0
