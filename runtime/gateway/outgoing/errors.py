"""Errors as the gateway sends and logs them: in the shape of each protocol, with headers beside them."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import orjson
from aiohttp import web

from ...dialects import anthropic, cohere, openai_chat, tei
from ...requests.errors import RateLimited, RequestError
from ..incoming.head import REQUEST_ID_HEADER
from .answers import ATTEMPTS_HEADER, DEPLOYMENT_HEADER, UPSTREAM_ID_HEADER, add_said, json_answer, new_ids

log = logging.getLogger(__name__)
_GOOGLES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def error_answer(error: RequestError, ids: Mapping[str, str] | None = None) -> web.Response:
    """`error` as a response, with the time to wait and what the provider says beside it, where known."""
    return json_answer(openai_chat.write_error(error), error.status, _error_headers(error, ids or new_ids()))


def inference_error_answer(error: RequestError, ids: Mapping[str, str]) -> web.Response:
    """`error` in the shape of the Open Inference Protocol."""
    return json_answer({"error": error.message}, error.status, _error_headers(error, ids))


def cohere_error_answer(error: RequestError, ids: Mapping[str, str]) -> web.Response:
    """`error` in Cohere's shape."""
    return json_answer(cohere.write_error(error), error.status, _error_headers(error, ids))


def tei_error_answer(error: RequestError, ids: Mapping[str, str]) -> web.Response:
    """`error` in the shape of Text Embeddings Inference."""
    return json_answer(tei.write_error(error), error.status, _error_headers(error, ids))


def gemini_error_answer(error: RequestError, ids: Mapping[str, str]) -> web.Response:
    """`error` in Google's shape."""
    said = {"code": error.status, "message": error.message, "status": _GOOGLES.get(error.status, "UNKNOWN")}
    return json_answer({"error": said}, error.status, _error_headers(error, ids))


def messages_error_answer(error: RequestError, ids: Mapping[str, str]) -> web.Response:
    """`error` in Anthropic's shape."""
    body = anthropic.write_error(error) | {"request_id": ids[REQUEST_ID_HEADER]}
    return json_answer(body, error.status, _error_headers(error, ids, as_anthropic=True))


def _error_headers(
    error: RequestError, ids: Mapping[str, str], *, as_anthropic: bool = False
) -> dict[str, str]:
    headers = dict(ids)
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if (error.status == 429 or error.status >= 500) and not error.retryable:  # which clients try again
        headers["x-should-retry"] = "false"
    if error.upstream is not None:
        add_said(headers, error.upstream, as_anthropic)
    if error.request_id is not None:
        headers[UPSTREAM_ID_HEADER] = error.request_id
    if error.deployment is not None:
        headers[DEPLOYMENT_HEADER] = error.deployment
        headers[ATTEMPTS_HEADER] = str(error.attempts)
    return headers


def error_event(error: Exception) -> bytes:
    """What ends a stream of events that has failed, in OpenAI's shape; the log is told."""
    if not isinstance(error, RequestError):
        error = internal_error()
    log_failure(error)
    return b"data: %b\n\n" % orjson.dumps(openai_chat.write_error(error))


def log_failure(error: RequestError) -> None:
    """One line for what the operator, not the client, has to look at."""
    limited = isinstance(error, RateLimited) and error.upstream_status is not None
    if error.is_logged:
        return
    if error.provider is not None and (error.status >= 500 or error.status in (401, 403) or limited):
        kind = {"kind": (error.provider, error.deployment, error.code)}
        log.warning("%s (%s, attempts: %d)", error.message, error.code, error.attempts, extra=kind)


def internal_error() -> RequestError:
    """What a client is told about a defect of ours, which is logged with its traceback."""
    log.exception("a request failed because of a defect in inferc")
    return RequestError("internal error; the log of the server says more")
