"""POST requests of bytes, on connections that are kept: what a client of HTTP is, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from ssl import SSLContext
from typing import Any, Protocol

import aiohttp
from attrs import field
from multidict import CIMultiDictProxy
from yarl import URL

from .....compiler.plan.record import frozen
from ....concurrency.timeouts import Timeouts
from .proxy import Proxy
from .whole_chunks import WholeChunks

NO_TIMEOUT = aiohttp.ClientTimeout(total=None)

Limit = tuple[Timeouts, float]
"""Until when the head of an answer must be here, in the time of the loop, and who looks after that."""


class Answer(Protocol):
    """The head of an answer, and its body as it comes."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> CIMultiDictProxy[str]: ...
    @property
    def content(self) -> aiohttp.StreamReader | WholeChunks: ...
    @property
    def content_type(self) -> str: ...
    @property
    def content_length(self) -> int | None: ...

    def release(self) -> Any:
        """Give the connection back; it is closed where anything is unread, or unsent. Safe to repeat."""


class HttpClient(Protocol):
    """Sends requests, on connections that it keeps. Redirects are not followed; cookies are not kept."""

    async def post(
        self,
        address: str,
        body: bytes,
        headers: Mapping[str, str],
        limit: Limit,
        content_type: str | None = None,
    ) -> Answer:
        """The answer, when its head is here. The caller releases it. Raises ClientError, and TimeoutError
        where it is not here in time.

        address: a URL; there are few. headers: beside those of all requests; they do not change later.
        content_type: of the body, where it is another one than usual; there are few.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""


@frozen
class ClientOptions:
    """headers: sent with each request. keepalive: seconds that a connection waits for its next request.

    query: added to each address. as_written: addresses are sent character for character.
    read_ahead: bytes of an answer that are read before they are asked for. window: bytes of it that the
    system keeps before that; None: as it likes. is_plain: whether JSON may come as `whole` or `rest` of an
    answer, and a stream as `WholeChunks`, where they need no parser; they may where `window` is said.
    proxy: where all requests go through. ssl: what is trusted and shown; None: as the system has it.
    """

    headers: Mapping[str, str]
    read_ahead: int
    window: int | None
    keepalive: float
    proxy: Proxy | None = None
    ssl: SSLContext | None = None
    is_plain: bool = False
    query: Mapping[str, str] = field(factory=dict)
    as_written: bool = False

    def url(self, address: str) -> URL:
        """`address`, with the query."""
        url = URL(address, encoded=self.as_written)
        return url.update_query(self.query) if self.query else url
