"""One replica of a remote pool: the HTTP connections to a provider, and attempts made on them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from pathlib import Path

import aiohttp

from ....compiler.plan import RemotePoolPlan, TaskKind, WireFormat
from ...concurrency.timeouts import Timeouts
from ...dialects.adapt import say_names
from ...dialects.bedrock.event_stream import EventStreamParser
from ...dialects.provider_errors.classify import Classifier
from ...dialects.rate_limit_headers import read_upstream
from ...dialects.server_sent_events import MAX_EVENT, EventTooLarge, SseParser
from ...requests.answer import ChatChunk, Chunk, PassedChunk, with_upstream
from ...requests.errors import (
    RequestTimeout,
    ServerError,
    ShuttingDown,
    Unauthorized,
    Unsupported,
)
from ...requests.request import (
    ChatRequest,
    ClassifyRequest,
    CompletionRequest,
    PassedRequest,
    Request,
    TensorRequest,
)
from ...requests.sink import RelaySink
from ...requests.trace_context import TRACEPARENT, parent_now
from ...requests.upstream import Upstream
from ..elsewhere import Server
from ..replica import HeadersObserver, ReplicaStatus
from .auth.authorizer import Authorization, Authorizer
from .body import Body, Limit, OutOfBounds
from .chat_answers import ChunkReader, Fit, without_end
from .faults import Faults
from .passthrough.requests import JSON
from .provider_requests import ProviderRequests
from .relay import ALL_SENT, Parser, Relay
from .stream_pieces import beginning, read_piece
from .transport.certificates import Certificates
from .transport.http_client import Answer, HttpClient
from .transport.lean_client import LeanAnswer
from .transport.provider_client import READ_AHEAD, check_packages, client_of
from .transport.proxy import proxy_of
from .whole_answers import WholeAnswers, most_bytes

_STREAMED = (ChatRequest, CompletionRequest)

log = logging.getLogger(__name__)

MAX_STREAM = 256 << 20
"""Bytes of a stream."""

MAX_ERROR_BODY = 64 << 10
"""Bytes of an error's body that are read; the rest is dropped."""

LATENESS, MIN_GRAIN, MAX_GRAIN = 0.02, 0.005, 0.25
"""By how much of a timeout it may be late, and the bounds of that in seconds."""

_OURS = (TaskKind.TENSOR, TaskKind.CLASSIFY)
"""Tasks of models of this plan that run on another machine; no provider has them."""

_TENSORS = (TensorRequest, ClassifyRequest)

_OPENINGS = (b"{", b"[")

_SUCCESSES = (200, 201, 203)
"""Those whose body is the answer: 201 is that of frameworks to each POST, 203 comes by way of proxies."""


class RemoteReplica:
    """Sends each request once to the provider of `plan`; retrying is the caller's business.

    Only where the provider refuses the credential, it is renewed and shown once more.
    server: where the requests go instead of the plan's endpoint; it lives as long as the replica.
    client: what sends them, in a simulation.
    """

    def __init__(
        self,
        plan: RemotePoolPlan,
        authorizer: Authorizer,
        observe: HeadersObserver,
        server: Server | None = None,
        client: HttpClient | None = None,
        base_dir: Path = Path(),
    ) -> None:
        self._plan = plan
        self._requests = ProviderRequests(plan)
        self._passed = self._requests.passed
        self._answers = WholeAnswers(plan, self._requests, self._body)
        self._authorizer = authorizer
        self._observe = observe
        self._server = server
        self._request_timeout = float(plan.timeouts.request)
        self._read_timeout = float(plan.timeouts.read)
        self._total_timeout = float(plan.timeouts.total)
        shortest = min(self._request_timeout, self._read_timeout, self._total_timeout)
        self._timeouts = Timeouts(min(max(shortest * LATENESS, MIN_GRAIN), MAX_GRAIN))
        self._is_bedrock = plan.wire is WireFormat.BEDROCK
        self._client: HttpClient | None = client
        self._classifier = Classifier(plan, None)
        self._faults = Faults(plan, self._classifier.who, self._timeouts, launched=server is not None)
        self._read = partial(read_piece, self._faults)
        self._base_dir = base_dir
        self._status = ReplicaStatus(ready=False)
        self._certificates: Certificates | None = None

    async def start(self) -> None:
        plan = self._plan
        check_packages(plan)
        await self._authorizer.start()
        if self._server:
            await self._server.start()
        if self._client is not None:
            return
        proxy = self._faults.proxy = None if self._server else proxy_of(plan, self._base_dir)
        if plan.tls is not None:
            self._certificates = Certificates(plan.tls, self._base_dir, f"deployment `{plan.deployment}`")
        self._client = client_of(plan, self._requests.headers, proxy, self._certificates)

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client:
            await client.close()
        self._timeouts.close()
        await self._authorizer.stop()
        if self._server:
            await self._server.stop()

    def status(self) -> ReplicaStatus:
        if self._client is None:
            return ReplicaStatus(ready=False)
        ready, credential = self._server is None or self._server.ready, self._authorizer.version()
        status = self._status  # asked for with each request, and nearly always the same
        if status.ready != ready or status.credential != credential:
            status = self._status = ReplicaStatus(ready, credential=credential)
        return status

    def fit_at_once(self, request: ChatRequest) -> Fit | None:
        """As `fit`; None where that takes longer than the event loop may be held."""
        return self._requests.asked_at_once(request)

    def fit(self, request: ChatRequest) -> Fit:
        """`request` as the provider takes it. Raises BadRequest."""
        return self._requests.asked(request)[1]

    def left_out(self, request: Request) -> tuple[str, ...]:
        """The names of the fields of `request` of which the provider is told nothing. Raises BadRequest."""
        return self._requests.left_out(request)

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        return self.relay(request, deadline, None)

    async def relay(
        self, request: Request, deadline: float | None, sink: RelaySink | None
    ) -> AsyncGenerator[Chunk, None]:
        response, classifier, until, upstream = await self._open(request, deadline)
        try:
            kind = response.content_type
            if not isinstance(request, _STREAMED) or not request.stream or kind == JSON:
                if isinstance(request, PassedRequest) and kind != JSON:
                    async for piece in self._pieces(response, classifier, until, upstream):
                        yield piece
                    return
                whole = await self._answers.whole(request, response, classifier, until, upstream)
                for each in self._as_asked(request, whole):
                    yield each
                return
            if kind == "text/html":
                raise self._faults.of(
                    ServerError, "answered with a page of HTML where a stream was asked for"
                )
            reader: ChunkReader
            if isinstance(request, ChatRequest):
                chats, fit = self._requests.asked(request)
                reader = chats.reader(request, fit, classifier)
            else:
                reader = self._passed.reader(request, classifier)
            parser: Parser = EventStreamParser() if self._is_bedrock else SseParser()
            body = self._body(response, until, MAX_STREAM)
            begin, is_whole = await body.piece(READ_AHEAD), False
            if begin[:1] in _OPENINGS:
                begin, is_whole = await beginning(body, begin, READ_AHEAD)
            if is_whole and not self._is_bedrock:
                body.keep_to(most_bytes(request))
                json = begin + await body.whole()
                whole = await self._answers.whole(request, response, classifier, until, upstream, json)
                for each in self._as_asked(request, whole):
                    yield each
                return
            data: bytes | None = begin
            silence: OutOfBounds | None = None
            told: Upstream | None = upstream
            relay: Relay | None = None
            if sink is not None and type(response) is LeanAnswer and response.steady is not None:
                relay = Relay(
                    response.steady,
                    body,
                    sink,
                    reader,
                    parser,
                    self._read,
                    READ_AHEAD,
                )
            while not reader.ended:
                if data is None:
                    try:
                        data = await body.piece(READ_AHEAD, relay if told is None else None)
                    except OutOfBounds as bound:
                        if bound.limit is not Limit.READ:
                            raise
                        silence, data = bound, b""  # where all is said, this is the end
                if relay is None or (read := relay.left) is None:
                    read = self._read(reader, parser, body, data)
                elif read is ALL_SENT:
                    break
                else:
                    relay.left = None
                chunks, error = read
                data = None
                if silence is not None and (error is not None or not reader.ended):
                    raise silence
                if (held := reader.whole) is not None:
                    error = await asyncio.to_thread(chats.misfit, held)
                    chunks = chunks if error is None else without_end(chunks)
                if chunks and (len(chunks) > 1 or reader.ended or error is not None):
                    more = error is not None or body.at_end  # what follows waits for nothing
                    chunks = [
                        each._replace(more=more or left > 0)
                        for left, each in zip(reversed(range(len(chunks))), chunks, strict=True)
                    ]
                for each in chunks:
                    yield each if told is None else with_upstream(each, told)
                    told = None
                if error is not None:
                    raise error
            if not body.at_end:
                await body.read_end()
        except OutOfBounds as error:
            raise self._faults.out_of_bounds(error, deadline) from None
        except aiohttp.ClientError as error:
            raise self._faults.of_network(error) from None
        finally:
            response.release()  # closes the connection where something is left unread

    def _as_asked(self, request: Request, whole: Chunk) -> Iterable[Chunk]:
        """A whole answer in the chunks in which its client waits for it."""
        if isinstance(request, CompletionRequest) and isinstance(whole, ChatChunk) and request.stream:
            return self._passed.in_chunks(request, whole)
        return (whole,)

    async def answer(self, request: Request, deadline: float | None) -> Chunk:
        response, classifier, until, upstream = await self._open(request, deadline)
        try:
            return await self._answers.whole(request, response, classifier, until, upstream)
        except OutOfBounds as error:
            raise self._faults.out_of_bounds(error, deadline) from None
        except aiohttp.ClientError as error:
            raise self._faults.of_network(error) from None
        finally:
            response.release()

    async def _pieces(
        self, response: Answer, classifier: Classifier, until: float, upstream: Upstream
    ) -> AsyncGenerator[PassedChunk, None]:
        """An answer as it comes, which is no JSON. Raises RequestError, OutOfBounds and ClientError."""
        content_type = response.headers.get("Content-Type", "application/octet-stream")
        pieces = self._passed.pieces(content_type, classifier)
        if response.content_type == "text/html":
            raise self._faults.of(ServerError, "answered with a page of HTML")
        told: Upstream | None = upstream
        body = self._body(response, until, MAX_STREAM)
        try:
            while data := await body.piece(READ_AHEAD):
                body.since = None
                yield pieces.piece(data)._replace(upstream=told)
                told = None
            if rest := pieces.end():
                yield PassedChunk(rest, pieces.content_type)
        except EventTooLarge:
            raise self._faults.of(ServerError, f"sent an event of more than {MAX_EVENT >> 20} MiB") from None
        if told is not None:
            raise self._faults.of(ServerError, "answered with nothing")

    async def _open(
        self, request: Request, deadline: float | None
    ) -> tuple[Answer, Classifier, float, Upstream]:
        """An answer that begins as a success, until when all of it must be here, and what its headers say.
        Raises RequestError."""
        client, timeouts = self._client, self._timeouts
        if type(request) in _TENSORS and self._plan.task not in _OURS:
            raise self._faults.of(Unsupported, "takes neither tensors nor texts to classify")
        if client is None:
            raise ShuttingDown("the executor is stopping", deployment=self._plan.deployment)
        now = timeouts.now()
        until = now + self._total_timeout
        if deadline is not None and deadline < until:
            until = deadline
        endpoint = self._server.endpoint if self._server else self._plan.endpoint
        address, body, beside, content_type = self._requests.write(request, endpoint)
        if self._certificates is not None:
            self._certificates.look(now)
        renewed = False
        while True:
            try:
                first_by = now + self._request_timeout
                if first_by > until:
                    first_by = until
                used = self._authorizer.authorize()
                if not isinstance(used, Authorization):
                    with timeouts.until(first_by):
                        used = await used
                headers = {**used.headers, **beside} if beside else used.headers
                if used.sign is not None:
                    headers = {**headers, **used.sign(address, body, content_type or JSON)}
                if parent := parent_now():
                    headers = {**headers, TRACEPARENT: parent}
                response = await client.post(address, body, headers, (timeouts, first_by), content_type)
            except TimeoutError:
                if timeouts.now() >= until:
                    raise self._faults.too_late(deadline) from None
                what = f"sent no first byte within {self._request_timeout:g} s"
                raise self._faults.of(RequestTimeout, what) from None
            except aiohttp.ClientError as error:
                raise self._faults.of_network(error) from None
            classifier = self._classifier
            if classifier.secret is not used.secret:
                classifier = self._classifier = Classifier(self._plan, used.secret)
            upstream = read_upstream(response.headers, classifier.secret)
            if upstream.headers:
                self._observe(upstream.headers)
            if response.status in _SUCCESSES:
                return response, classifier, until, upstream
            try:
                told = await self._body(response, until, MAX_ERROR_BODY).beginning()
            finally:
                response.release()
            failure = classifier.http_error(response.status, response.headers, told)
            if isinstance(request, ChatRequest):
                say_names(failure, self._requests.asked(request)[1].names)
            if renewed or not isinstance(failure, Unauthorized) or not await self._authorizer.refused(used):
                raise failure
            renewed, now = True, timeouts.now()

    def _body(self, response: Answer, until: float, most: int) -> Body:
        return Body(response, self._timeouts, self._read_timeout, until, most)
