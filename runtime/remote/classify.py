"""From a provider's error to ours: by status and by the code in the body, never by message text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import frozen

from ...compiler.plan import RemotePoolPlan
from ..errors import (
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    Forbidden,
    RateLimited,
    RequestError,
    RequestTimeout,
    ServerError,
    Unauthorized,
    Unsupported,
)
from ..secret import Secret
from .retry_after import retry_after, should_retry

BY_CODE: dict[str, type[RequestError]] = {
    "context_length_exceeded": ContextLengthExceeded,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "invalid_api_key": Unauthorized,
    "rate_limit_exceeded": RateLimited,
    "slow_down": RateLimited,
    "insufficient_quota": RateLimited,
    "credit_balance_exhausted": RateLimited,
    "server_error": ServerError,
    "server_is_overloaded": ServerError,
}
"""Codes that say more than the status does."""

BY_STATUS: dict[int, type[RequestError]] = {
    401: Unauthorized,
    402: Forbidden,
    403: Forbidden,
    408: RequestTimeout,
    409: ServerError,
    425: ServerError,
    429: RateLimited,
    501: Unsupported,
    504: RequestTimeout,
}

_RETRYABLE_429 = frozenset({"rate_limit_exceeded", "slow_down"})
_FINAL_429 = frozenset({"insufficient_quota", "credit_balance_exhausted"})
_MAX_DETAIL = 500


@frozen
class Classifier:
    """Makes errors that name provider and deployment, and never show the key."""

    plan: RemotePoolPlan
    secret: Secret | None

    def http_error(self, status: int, headers: Mapping[str, str], body: bytes) -> RequestError:
        """The error behind an HTTP answer that is no success."""
        found = _error_object(body)
        code = _code(found)
        kind = (
            BY_CODE.get(code or "") or BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequest)
        )
        retryable = should_retry(headers)
        if retryable is None and kind is RateLimited and _is_final(code):
            retryable = False
        if 300 <= status < 400:
            kind, found = (
                ServerError,
                {"message": "it redirects elsewhere: set `endpoint` to the final address"},
            )
            retryable = False
        return kind(
            f"{self.who} answered {status}: {self._detail(kind, found, body)}",
            deployment=self.plan.deployment,
            provider=self.plan.provider,
            param=_text(found, "param"),
            request_id=headers.get("x-request-id"),
            retry_after=retry_after(headers),
            code=code,
            retryable=retryable,
        )

    def in_band(self, error: Any) -> RequestError:
        """The error behind an `error` inside an answer that began as a success."""
        found = error if isinstance(error, dict) else {"message": error if isinstance(error, str) else ""}
        code = _code(found)
        status = found.get("status", found.get("code"))
        kind = BY_CODE.get(code or "") or BY_STATUS.get(_status(status)) or ServerError
        return kind(
            f"{self.who} broke off with an error: {self._detail(kind, found, b'')}",
            deployment=self.plan.deployment,
            provider=self.plan.provider,
            code=code,
            retryable=False if kind is RateLimited and _is_final(code) else None,
        )

    @property
    def who(self) -> str:
        """The subject of a message."""
        return f"{self.plan.provider} (deployment `{self.plan.deployment}`)"

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


def _error_object(body: bytes) -> dict[str, Any]:
    """OpenAI's `{"error": {…}}`, and the forms of it that servers with the same wire format send."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else {}


def _code(found: dict[str, Any]) -> str | None:
    """The code, or where there is none the type, which is as exact with some servers."""
    code = _text(found, "code")
    if code is None and (kind := _text(found, "type")) in BY_CODE:
        return kind
    return None if code is not None and code.isdecimal() else code


def _is_final(code: str | None) -> bool:
    if code is None or code in _RETRYABLE_429:
        return False
    return code in _FINAL_429 or code.endswith("_limit_exceeded")


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None


def _status(value: object) -> int:
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) else 0
