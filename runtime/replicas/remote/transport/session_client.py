"""POST requests that a session of aiohttp sends: through a proxy, or where aiohttp is not as expected."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import aiohttp
from yarl import URL

from .connector import (
    MAX_HEADER,
    MAX_HEADERS,
    PatientConnector,
)
from .http_client import NO_TIMEOUT, Answer, ClientOptions, Limit

_LARGE = 1 << 20
"""Bytes of a body from where on aiohttp wants it as a file."""


class SessionClient:
    """All of it done by aiohttp."""

    def __init__(self, options: ClientOptions) -> None:
        self._proxy = options.proxy
        self._options = options
        self._urls: dict[str, URL] = {}
        self._session = aiohttp.ClientSession(
            connector=PatientConnector(
                window=options.window, limit=0, keepalive_timeout=options.keepalive, ssl=options.ssl or True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=options.headers,
            timeout=NO_TIMEOUT,
            read_bufsize=options.read_ahead,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            max_headers=MAX_HEADERS,
        )

    async def post(
        self,
        address: str,
        body: bytes,
        headers: Mapping[str, str],
        limit: Limit,
        content_type: str | None = None,
    ) -> Answer:
        """The answer, when its head is here."""
        url = self._urls.get(address)
        if url is None:
            url = self._urls[address] = self._options.url(address)
        if content_type is not None:
            headers = {**headers, "Content-Type": content_type}
        data = body if len(body) < _LARGE else BytesIO(body)
        through: dict[str, Any] = {}
        if (proxy := self._proxy) is not None:
            through = {"proxy": proxy.url, "proxy_headers": proxy.headers}
            if url.scheme == "http":  # the proxy reads the request itself
                headers = {**headers, **proxy.headers}
        timeouts, until = limit
        with timeouts.until(until):
            return await self._session.post(url, data=data, headers=headers, allow_redirects=False, **through)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
