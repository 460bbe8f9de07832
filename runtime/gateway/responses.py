"""What the gateway sends back: JSON, and errors in OpenAI's shape."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from ..dialects import anthropic
from ..requests.errors import RateLimited, RequestError
from ..requests.foreign_text import one_line
from ..requests.trace import Trace

log = logging.getLogger(__name__)

DEPLOYMENT_HEADER = "x-inferc-deployment"
REPLICA_HEADER = "x-inferc-replica"
ADAPTED_HEADER = "x-inferc-adapted"

_MOST_PLACES, _MOST_PLACE = 10, 100


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """`value` as a JSON response."""
    return web.Response(
        body=orjson.dumps(value), status=status, headers=headers, content_type="application/json"
    )


def answered_by(trace: Trace, name: str) -> dict[str, str]:
    """Headers that say who answered a request for `name`: the deployment, and the number of its replica."""
    headers = {DEPLOYMENT_HEADER: trace.deployment or name}
    if trace.replica is not None:
        headers[REPLICA_HEADER] = str(trace.replica)
    if trace.adapted:
        headers |= adapted(trace.adapted)
    return headers


def adapted(places: Sequence[str]) -> dict[str, str]:
    """The header that names what of a request was changed, or left out."""
    named = ", ".join(one_line(place, _MOST_PLACE) for place in places[:_MOST_PLACES])
    if len(places) > _MOST_PLACES:
        named += f", and {len(places) - _MOST_PLACES} more"
    return {ADAPTED_HEADER: named.encode("ascii", "backslashreplace").decode("ascii")}


def error_body(error: RequestError) -> dict[str, Any]:
    """`error` in OpenAI's shape."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}


def error_answer(error: RequestError) -> web.Response:
    """`error` as a response, with the time to wait and the provider's request id where they are known."""
    return json_answer(error_body(error), error.status, _error_headers(error))


def inference_error_answer(error: RequestError) -> web.Response:
    """`error` in the shape of the Open Inference Protocol."""
    return json_answer({"error": error.message}, error.status, _error_headers(error))


def messages_error_answer(error: RequestError) -> web.Response:
    """`error` in Anthropic's shape."""
    return json_answer(anthropic.write_error(error), error.status, _error_headers(error))


def _error_headers(error: RequestError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.status == 429 and not error.retryable:
        headers["x-should-retry"] = "false"
    if error.request_id is not None:
        headers["x-request-id"] = error.request_id
    if error.deployment is not None:
        headers[DEPLOYMENT_HEADER] = error.deployment
    return headers


def log_failure(error: RequestError) -> None:
    """One line for what the operator, not the client, has to look at."""
    limited = isinstance(error, RateLimited) and error.upstream_status is not None
    if error.provider is not None and (error.status >= 500 or error.status in (401, 403) or limited):
        log.warning("%s (%s, attempts: %d)", error.message, error.code, error.attempts)


def internal_error() -> RequestError:
    """What a client is told about a defect of ours, which is logged with its traceback."""
    log.exception("a request failed because of a defect in inferc")
    return RequestError("internal error; the log of the server says more")
