"""One replica of a remote pool: the HTTP connections to a provider, and attempts made on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path

import aiohttp
from yarl import URL

from ...compiler.plan import RemotePoolPlan, ReplicaPlacement, TaskKind
from ..errors import NetworkError, RequestError, RequestTimeout, ServerError, ShuttingDown, StartError
from ..replica import ChatChunk, ChatRequest, Chunk, EmbedRequest, Request
from ..secret import Secret, read_secret
from .auth import credential_headers
from .classify import Classifier
from .sse import LineTooLong, SseParser
from .wires import Wire, read_events

MAX_ERROR_BODY = 64 << 10
"""Bytes of an error's body that are read; the rest is dropped."""

END_GRACE = 0.25
"""Seconds that a stream may stay open after its end marker, so that its connection can be used again."""

_KEEPALIVE = 60.0


class RemoteReplica:
    """Sends each request once to the provider of `plan`; retrying is the caller's business.

    base_dir: where secret files are looked up.
    """

    def __init__(
        self, plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path, wire: Wire
    ) -> None:
        self._plan = plan
        self._placement = placement
        self._base_dir = base_dir
        self._wire = wire
        self._request_timeout = float(plan.timeouts.request)
        self._read_timeout = float(plan.timeouts.read)
        self._classifier = Classifier(plan, None)
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}

    async def start(self) -> None:
        plan = self._plan
        if plan.task_kind is TaskKind.EMBED and find_spec("numpy") is None:
            raise StartError(f"deployment `{plan.deployment}`: it needs numpy, which is not installed")
        secret = self._secret()
        headers = {"User-Agent": "inferc", "Content-Type": "application/json", "Accept-Encoding": "identity"}
        self._classifier = Classifier(plan, secret)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={**headers, **self._wire.headers, **plan.headers, **self._shown(secret)},
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def stop(self) -> None:
        session, self._session = self._session, None
        if session:
            await session.close()

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        response = await self._send(request, deadline)
        try:
            if response.status != 200:
                raise await self._http_error(response, deadline)
            if isinstance(request, EmbedRequest):
                body = await self._read_all(response, deadline)
                yield self._wire.vectors(body, len(request.texts), self._classifier)
            elif not request.stream:
                yield self._wire.answer(await self._read_all(response, deadline), self._classifier)
            else:
                async with aclosing(self._read_bursts(request, response, deadline)) as bursts:
                    async for chunks in bursts:
                        for chunk in chunks:
                            yield chunk
        except aiohttp.ClientError as error:
            raise self._network_error(error) from None
        finally:
            response.release()  # closes the connection where something is left unread

    async def _send(self, request: Request, deadline: float | None) -> aiohttp.ClientResponse:
        if self._session is None:
            raise ShuttingDown("the executor is stopping", deployment=self._plan.deployment)
        path, body = self._wire.request(request)
        url = self._urls.get(path) or self._urls.setdefault(path, self._url(path))
        try:
            async with asyncio.timeout_at(self._until(self._request_timeout, deadline)):
                return await self._session.post(url, data=body, allow_redirects=False)
        except TimeoutError:
            raise self._timeout("sent no first byte within", self._request_timeout, deadline) from None
        except aiohttp.ClientError as error:
            raise self._network_error(error) from None

    async def _read_bursts(
        self, request: ChatRequest, response: aiohttp.ClientResponse, deadline: float | None
    ) -> AsyncGenerator[list[ChatChunk], None]:
        """The chunks of a streamed answer, those together that arrive together. Raises RequestError."""
        if response.content_type == "application/json":
            self._wire.answer(await self._read_all(response, deadline), self._classifier)
            raise self._fail(ServerError, "answered in one piece where a stream was asked for")
        reader, parser = self._wire.reader(request, self._classifier), SseParser()
        ended = False
        while not ended:
            data = await self._read(response, deadline)
            try:
                events = parser.feed(data) if data else parser.close()
            except LineTooLong:
                raise self._fail(ServerError, "sent a line that is too long") from None
            pieces, error = read_events(reader, events, closing=not data)
            ended = reader.ended
            if not data and not ended and error is None:
                error = self._fail(ServerError, "ended the stream without its end marker")
            more = error is not None or (ended and response.content.at_eof())
            last = len(pieces) - 1
            yield [ChatChunk(data, usage, more or i < last) for i, (data, usage) in enumerate(pieces)]
            if error is not None:
                raise error
        await self._read_end(response)

    async def _read_end(self, response: aiohttp.ClientResponse) -> None:
        """Read what follows the end marker, which is nothing, so that the connection is free again."""
        try:
            async with asyncio.timeout(END_GRACE):
                while not response.content.at_eof():
                    await response.content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return

    async def _read_all(self, response: aiohttp.ClientResponse, deadline: float | None) -> bytes:
        pieces: list[bytes] = []
        while data := await self._read(response, deadline):
            pieces.append(data)
        return b"".join(pieces)

    async def _read(self, response: aiohttp.ClientResponse, deadline: float | None) -> bytes:
        """The next bytes, without waiting where some are here; empty at the end."""
        content = response.content
        if data := content.read_nowait():
            return data
        if content.at_eof():
            return b""
        try:
            async with asyncio.timeout_at(self._until(self._read_timeout, deadline)):
                return await content.readany()
        except TimeoutError:
            raise self._timeout("fell silent for", self._read_timeout, deadline) from None

    async def _http_error(self, response: aiohttp.ClientResponse, deadline: float | None) -> RequestError:
        body = b""
        try:
            while len(body) < MAX_ERROR_BODY and (data := await self._read(response, deadline)):
                body += data
        except (RequestTimeout, aiohttp.ClientError):
            pass  # the status says enough
        return self._classifier.http_error(response.status, response.headers, body)

    def _url(self, path: str) -> URL:
        url = URL(self._plan.endpoint + path)
        return url.update_query(self._plan.query) if self._plan.query else url

    def _until(self, timeout: float, deadline: float | None) -> float:
        until = asyncio.get_running_loop().time() + timeout
        return until if deadline is None else min(until, deadline)

    def _timeout(self, what: str, seconds: float, deadline: float | None) -> RequestError:
        if deadline is not None and asyncio.get_running_loop().time() >= deadline:
            return self._fail(RequestTimeout, "took longer than the deadline")
        return self._fail(RequestTimeout, f"{what} {seconds:g} s")

    def _network_error(self, error: aiohttp.ClientError) -> RequestError:
        match error:
            case aiohttp.ClientConnectorError():
                reason = error.os_error.strerror or error.os_error
                what = f"cannot be reached at {self._plan.endpoint}: {reason}"
            case aiohttp.ServerDisconnectedError():
                what = "closed the connection before it answered"
            case aiohttp.ClientPayloadError():
                what = "broke off in the middle of its answer"
            case _:
                what = f"could not be talked to: {type(error).__name__}"
        return self._fail(NetworkError, what)

    def _fail(self, kind: type[RequestError], what: str) -> RequestError:
        return kind(
            f"{self._classifier.who} {what}", deployment=self._plan.deployment, provider=self._plan.provider
        )

    def _shown(self, secret: Secret | None) -> dict[str, str]:
        return credential_headers(self._plan.auth, secret.reveal()) if secret else {}

    def _secret(self) -> Secret | None:
        keys = self._plan.api_key
        if not keys:
            return None
        ref = keys[0] if len(keys) == 1 else keys[self._placement.replica_index]
        return read_secret(ref, self._base_dir, f"deployment `{self._plan.deployment}`")
