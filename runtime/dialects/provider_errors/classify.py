"""From a provider's error to ours: by status and code, and by words that a provider documents.

Nothing of what the provider says gets past here that is long, or not printable, or holds the key.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from ....compiler.plan import RemotePoolPlan
from ....compiler.plan.late_pattern import late_pattern
from ....compiler.plan.record import frozen
from ...requests.errors import (
    BadRequest,
    ContentFiltered,
    Forbidden,
    RateLimited,
    RequestError,
    RequestTooLarge,
    ServerError,
    Unauthorized,
)
from ...requests.foreign_text import one_line
from ...secrets.secret import Secret
from ..provider_times import wait_told
from ..rate_limit_headers import read_upstream
from .codes import ANTHROPIC_DETAILS, by_phrase, is_final_limit, is_spent, meaning, of_status
from .google_details import read_details
from .retry_after import retry_after, should_retry
from .router_metadata import kind_beside, unpacked, with_upstream

log = logging.getLogger(__name__)

_doubts: Counter[str] = Counter()
"""How often each deployment has told what cannot be."""

_MAX_DETAIL = 500
_MAX_PARAM = 128
MAX_TEXT = 4096
"""Characters of a text that are looked at."""

ASKS_USER = "wants another user and password: `proxy_login`, or those in front of the host in HTTPS_PROXY"

_WANTS_CERTIFICATE = b"SSL certificate"
"""In the pages of nginx about certificates of clients: "No required SSL certificate was sent"."""

_NO_MODEL = ("model_not_found", "model_decommissioned")
_NO_FUNCTION = late_pattern(r"Function '[^']+': Not found for account")
"""What NVIDIA says of a model that it has no more. Source: https://github.com/tashfeenahmed/freellmapi/issues/634."""

_MOST_LISTED = 8

_PASSED_ON = frozenset({"message", "param", "code", "status", "type", "request_id"})
_CODE = late_pattern(r"[\w.:/-]{1,64}", re.ASCII)
_LONG_TEXT = "string_above_max_length"
"""What OpenAI says of all texts that are too long, those of a prompt and those of a name alike."""
_OF_PROMPT = late_pattern(
    r"(^|[.\]])(arguments|content|input|instructions|messages|output|prompt|text)(\[\d+\])?$"
)
"""Fields of OpenAI's requests with a text that the model reads. Source: VectorlyApp/bluebox#31."""
_PAGE = late_pattern(rb"\s*<[!a-z?]", re.IGNORECASE)


@frozen
class Classifier:
    """Makes errors that name provider and deployment, and never show the key."""

    plan: RemotePoolPlan
    secret: Secret | None

    def http_error(self, status: int, headers: Mapping[str, str], body: bytes) -> RequestError:
        """The error behind an HTTP answer that is no success."""
        said = _with_type(_error_object(body), headers)
        found = self._safe(said)
        if 300 <= status < 400:
            redirect = {"message": "it redirects elsewhere: set `endpoint` to the final address"}
            return self._error(ServerError, f"answered {status}", redirect, retryable=False)
        if not found and is_page(body):
            page = "a page of HTML, as a proxy on the way or a wrong `endpoint` sends it"
            if _WANTS_CERTIFICATE in body[:MAX_TEXT]:
                page = "it wants a certificate that it trusts: `tls { cert = file(…), key = file(…) }`"
            found = {"message": page}
            if of_status(status) is BadRequest:
                return self._error(
                    ServerError, f"answered {status}", found, retryable=False, upstream_status=status
                )
        if status == 407:
            return self._error(
                ServerError, "answered 407", {"message": f"the proxy on the way {ASKS_USER}"}, retryable=False
            )
        upstream = read_upstream(headers, self.secret)
        error = self._classified(
            found,
            status,
            f"answered {status}",
            body=body,
            request_id=upstream.request_id or _text(found, "request_id"),
            wait=retry_after(headers, found),
            retryable=should_retry(headers),
        )
        error.upstream = upstream
        if (code := self._detailed(said)) is not None:
            error.code = code
        return error

    def in_band(self, error: Any) -> RequestError:
        """The error behind an `error` inside an answer that began as a success."""
        found = self._safe(error if isinstance(error, dict) else {"message": error})
        status = _status(found.get("code")) or _status(found.get("status"))
        unsaid = 400 if found.get("type") == "invalid_request_error" else 502
        return self._classified(found, status or unsaid, "broke off with an error")

    def malformed(self, what: str) -> RequestError:
        """The error behind an answer that is not what the provider promises."""
        plan = self.plan
        return ServerError(f"{self.who}: {what}", deployment=plan.deployment, provider=plan.provider)

    def doubt(self, what: str) -> None:
        """Report something in an answer that cannot be: the first time, the second, the fourth, and so on."""
        _doubts[self.plan.deployment] = times = _doubts[self.plan.deployment] + 1
        if times & (times - 1) == 0:
            log.warning("%s %s (seen %s)", self.who, what, "once" if times == 1 else f"{times} times")

    @property
    def origin(self) -> str:
        """Who answers, by the name of its deployment."""
        return self.plan.deployment

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
        if (told := ANTHROPIC_DETAILS.get(self._detailed(found) or "")) is not None:
            kind, code = told
        if kind is BadRequest or kind is RequestTooLarge:
            kind, code = by_phrase(found.get("message") or "") or (kind, code)
        details = read_details(found)
        if details.bad_key:
            kind, code = Unauthorized, "invalid_api_key"
        spent = details.spent or is_spent(found.get("message") or "", begins=kind is ServerError)
        if spent and kind in (Unauthorized, Forbidden, ServerError):
            kind, code = Forbidden, "insufficient_quota"
        if kind is RateLimited and (spent or is_final_limit(code)):
            retryable = False if retryable is None else retryable
            code = "insufficient_quota" if spent else code
        if kind is BadRequest and (status == 404 or code == "model_not_found") and self._lacks_model(found):
            kind, code, retryable = ServerError, "model_not_found", False
        if status in (404, 405, 410):
            retryable = False
        if wait is None and not details.spent:  # a quota for the day is not there again in a minute
            wait = details.retry_after
        if kind is RateLimited and wait is None and not details.spent:
            wait = wait_told(found.get("message") or "")
        if kind is ContentFiltered:
            retryable = False
            what = f"{what}{_filtered(found)}"
        return self._error(
            kind,
            what,
            found,
            body=body,
            param=_text(found, "param"),
            request_id=request_id,
            retry_after=wait,
            code=code,
            retryable=retryable,
            upstream_status=status or None,
        )

    def _lacks_model(self, found: dict[str, Any]) -> bool:
        """Whether it is the model that is not there, and the file names that, not the client."""
        message = _text(found, "message") or ""
        says = found.get("code") in _NO_MODEL or "model" in message.lower()
        says = says or _NO_FUNCTION.match(message) is not None
        return says and not self.plan.is_wildcard

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
        detail = message if message else body[:MAX_TEXT].decode("utf-8", "replace")
        return one_line(self._without_key(detail), _MAX_DETAIL) or "no reason given"

    def _safe(self, found: dict[str, Any]) -> dict[str, Any]:
        """`found` with the texts that are passed on made safe, and without those that cannot be."""
        found = unpacked(with_upstream(found))
        safe = dict(found)
        for name in found.keys() & _PASSED_ON:
            value = found[name]
            text = self._without_key(value) if isinstance(value, str) else None
            match name:
                case "message":
                    safe[name] = text
                case "param":
                    safe[name] = one_line(text, _MAX_PARAM) if text else None
                case _ if isinstance(value, str) and not meaning(value):
                    safe[name] = value if text == value and _CODE.fullmatch(value) else None
        return safe

    def _detailed(self, found: dict[str, Any]) -> str | None:
        """What Anthropic calls the error where its type does not say enough."""
        details = found.get("details")
        code = details.get("error_code") if isinstance(details, dict) else None
        is_plain = isinstance(code, str) and _CODE.fullmatch(code) and self._without_key(code) == code
        return code if is_plain else None

    def _without_key(self, text: str) -> str:
        text = text[:MAX_TEXT]
        return self.secret.scrub(text) if self.secret else text


def _filtered(found: dict[str, Any]) -> str:
    """Which filters refused a prompt. Source: Azure OpenAI, content filtering, `innererror`."""
    inner = found.get("innererror")
    result = inner.get("content_filter_result") if isinstance(inner, dict) else None
    if not isinstance(result, dict):
        return ""
    names = [
        name
        for name, said in result.items()
        if _CODE.fullmatch(name) and isinstance(said, dict) and said.get("filtered") is True
    ]
    return f" (filtered: {', '.join(names[:10])})" if names else ""


def is_page(body: bytes) -> bool:
    """Whether `body` is HTML or XML."""
    return _PAGE.match(body) is not None


def _kind(found: dict[str, Any], status: int) -> tuple[type[RequestError], str | None]:
    """The class and the code for the client; a code that is not known reaches it as it is."""
    code, param = _text(found, "code"), _text(found, "param")
    if code == _LONG_TEXT and param and not _OF_PROMPT.search(param):
        return BadRequest, code
    for name in (code, _text(found, "status"), _text(found, "type")):
        known = meaning(name) if name else None
        if known is not None:
            return known
    if (beside := kind_beside(found)) is not None:
        return beside
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
        if not isinstance(error.get("message"), str) and (problem := _problem(error)):
            error = {**error, "message": problem}
        request_id = value.get("request_id")
        return {**error, "request_id": request_id} if isinstance(request_id, str) else error
    return {"message": error} if isinstance(error, str) else {}


def _problem(said: dict[str, Any]) -> str:
    """What a problem of RFC 9457 says, as NVIDIA writes it, or what pydantic lists, as FastAPI sends it."""
    detail = said.get("detail")
    if isinstance(detail, list):
        listed = [each for each in detail if isinstance(each, dict) and isinstance(each.get("msg"), str)]
        return "; ".join(f"{_place(each.get('loc'))}{each['msg']}" for each in listed[:_MOST_LISTED])
    if isinstance(detail, str) and detail:
        return detail
    errors = said.get("errors")
    others: Any = errors[0] if isinstance(errors, list) and errors else said.get("message")
    if isinstance(others, dict):
        others = next((each for each in others.values() if isinstance(each, str)), None)
    if isinstance(others, str) and others:
        return others
    return _text(said, "msg") or _text(said, "error_msg") or _text(said, "title") or ""


def _place(loc: object) -> str:
    named = loc[1:] if isinstance(loc, list) and loc[:1] == ["body"] else loc
    return f"{'.'.join(map(str, named[:_MOST_LISTED]))}: " if isinstance(named, list) and named else ""


def _with_type(found: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """The error, with what Amazon says of it beside: its kind in a header, its message in capitals at
    times."""
    told = headers.get("x-amzn-errortype")
    if not told:
        return found
    message = found.get("message") or found.get("Message")
    return {**found, "type": told.partition(":")[0].rpartition("#")[2], "message": message}


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None


def _status(value: object) -> int:
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and 400 <= value <= 599 else 0
