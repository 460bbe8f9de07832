"""An answer in one piece, made and written without what aiohttp's own does beside."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.compression_utils import MAX_SYNC_CHUNK_SIZE
from multidict import CIMultiDict

JSON = "application/json"
_FIELDS = {"_body", "_compressed_body", "_headers", "_reason", "_state", "_status"}
_OF_ZLIB = {"_zlib_executor", "_zlib_executor_size"}
_IS_AS_EXPECTED = vars(web.Response(body=b"")).keys() == _FIELDS | _OF_ZLIB
"""Whether an answer of this aiohttp has these fields, and no others."""


class WholeAnswer(web.Response):
    """JSON, with status 200.

    lines: of the head, beside `headers`; each with its end.
    """

    lines = b""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        if not _IS_AS_EXPECTED:
            super().__init__(body=body, headers=headers, content_type=JSON)
            return
        self._state, self._body = {}, body
        self._status, self._reason = 200, "OK"
        self._headers = CIMultiDict(headers)
        self._headers[hdrs.CONTENT_TYPE] = JSON
        self._zlib_executor_size, self._zlib_executor = MAX_SYNC_CHUNK_SIZE, None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Begin to send it in aiohttp's way, to which the lines are headers as all others."""
        for line in self.lines.decode("ascii").splitlines():
            name, _, value = line.partition(": ")
            self.headers[name] = value
        self.lines = b""
        return await super().prepare(request)
