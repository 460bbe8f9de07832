"""Answers over HTTP that are no chats: JSON, and errors in the words of each provider."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import orjson
from aiohttp import web

from .api import Api
from .faults import RetryForm
from .parsed_request import DEFAULT_CODES, MockError
from .strict import Table
from .strict.tables import REQUEST, filled


def retry_headers(seconds: float, form: RetryForm) -> dict[str, str]:
    """When to come back, in the form that is wanted."""
    now = time.time()
    match form:
        case RetryForm.SECONDS:
            return {"Retry-After": f"{seconds:g}"}
        case RetryForm.MILLISECONDS:
            return {"Retry-After-Ms": f"{seconds * 1000:g}"}
        case RetryForm.DATE:
            dates = {"Date": formatdate(now, usegmt=True)}
            return dates | {"Retry-After": formatdate(now + seconds, usegmt=True)}


def json_response(value: object, headers: dict[str, str] | None = None) -> web.Response:
    """`value` as JSON."""
    return web.Response(body=orjson.dumps(value), headers=headers, content_type="application/json")


def error_response(api: Api, error: MockError, table: Table | None = None, model: str = "") -> web.Response:
    """An error, as the provider whose rules these are writes it, or else as the API does."""
    headers = {**error.headers, **api.error_headers(error)}
    if table is not None:
        headers |= filled(table.said.get("headers", {}), REQUEST)
    return web.Response(
        body=orjson.dumps(error_body(api, error, table, model)),
        status=error.status,
        headers=headers,
        content_type="application/json",
    )


def error_body(api: Api, error: MockError, table: Table | None, model: str = "") -> dict[str, Any]:
    """The body of an error."""
    told = error.body
    if told is None and table is not None and not error.wait:
        chosen = error.code if error.code != DEFAULT_CODES.get(error.status) else ""
        told = table.failure(error.status, error.message, chosen, model)
    return api.error(error) if told is None else told
