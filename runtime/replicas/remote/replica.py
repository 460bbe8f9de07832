"""One replica of a remote pool: the HTTP connections to a provider, and attempts made on them."""

from __future__ import annotations

import asyncio
import logging
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, Iterable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import aiohttp
from attrs import evolve

from ....compiler.plan import RemotePoolPlan, TaskKind, WireFormat
from ...concurrency.timeouts import Timeouts
from ...dialects import openai_responses
from ...dialects.bedrock.event_stream import BrokenStream, EventStreamParser
from ...dialects.provider_errors.classify import Classifier
from ...dialects.rate_limit_headers import read_upstream
from ...dialects.retrieval import retrieval_of
from ...dialects.retrieval.bedrock import counted
from ...dialects.retrieval.vectors import check_length
from ...dialects.server_sent_events import MAX_EVENT, EventTooLarge, SseParser, is_stream, without_end_mark
from ...requests.answer import ChatChunk, ChatEvents, Chunk, EmbedChunk, PassedChunk
from ...requests.errors import (
    RequestError,
    RequestTimeout,
    ServerError,
    ShuttingDown,
    StartError,
    Unauthorized,
    Unsupported,
)
from ...requests.request import (
    NO_OPTIONS,
    ChatRequest,
    ClassifyRequest,
    CompletionRequest,
    EmbedRequest,
    PassedRequest,
    Request,
    RerankRequest,
    TensorRequest,
)
from ...requests.sink import Sink
from ...requests.trace_context import PARENT, TRACEPARENT
from ...requests.upstream import Upstream
from ...stream_reader import take
from ..elsewhere import Server
from ..replica import HeadersObserver, ReplicaStatus
from .authorizer import Authorization, Authorizer
from .body import Body, Limit, OutOfBounds
from .certificates import Certificates
from .chats import Chats, ChunkReader, Fit, is_long, read_events, without_end
from .extra_body import ExtraBody
from .http_client import Answer, ClientOptions, HttpClient, LeanAnswer, open_client
from .network_errors import told_of
from .passthrough_requests import JSON, Passed
from .passthrough_streams import PassingReader, Read
from .proxy import Proxy, proxy_of
from .relay import Parser, Relay

E = TypeVar("E", bound=RequestError)

_STREAMED = (ChatRequest, CompletionRequest)

log = logging.getLogger(__name__)

MAX_ANSWER, MAX_VECTOR, MAX_STREAM = 32 << 20, 256 << 10, 256 << 20
"""Bytes of an answer in one piece, those more for each text that is embedded, and bytes of a stream."""

MAX_PASSED = 128 << 20
"""Bytes of JSON that is handed on, in which there may be images."""

MAX_ERROR_BODY = 64 << 10
"""Bytes of an error's body that are read; the rest is dropped."""

LARGE = 1 << 20
"""Bytes from where on an answer is parsed in a thread."""

LATENESS, MIN_GRAIN, MAX_GRAIN = 0.02, 0.005, 0.25
"""By how much of a timeout it may be late, and the bounds of that in seconds."""

_OURS = (TaskKind.TENSOR, TaskKind.CLASSIFY)
"""Tasks of models of this plan that run on another machine; no provider has them."""

_TENSORS = (TensorRequest, ClassifyRequest)

_SUCCESSES = (200, 201, 203)
"""Those whose body is the answer: 201 is that of frameworks to each POST, 203 comes by way of proxies."""

_KEEPALIVE = 60.0

_WINDOW = {TaskKind.CHAT: 32 << 10}
"""What the system keeps of an answer: text comes slowly, and many streams may wait for their clients."""
_READ_AHEAD = 8 << 10
"""Bytes of a stream that are read before the client takes them."""


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
        self._chats = Chats(plan)
        self._responses = Chats(plan, responses=True) if plan.responses else self._chats
        self._passed = Passed(plan)
        self._retrieval = retrieval_of(plan)
        self._found_as = f"asked by {plan.deployment}"
        self._authorizer = authorizer
        self._observe = observe
        self._server = server
        self._request_timeout = float(plan.timeouts.request)
        self._read_timeout = float(plan.timeouts.read)
        self._total_timeout = float(plan.timeouts.total)
        shortest = min(self._request_timeout, self._read_timeout, self._total_timeout)
        self._timeouts = Timeouts(min(max(shortest * LATENESS, MIN_GRAIN), MAX_GRAIN))
        self._extra = ExtraBody.of(plan)
        self._is_bedrock = plan.wire is WireFormat.BEDROCK
        self._client: HttpClient | None = client
        self._classifier = Classifier(plan, None)
        self._base_dir = base_dir
        self._status = ReplicaStatus(ready=False)
        self._certificates: Certificates | None = None
        self._proxy: Proxy | None = None

    async def start(self) -> None:
        plan = self._plan
        if plan.task_kind in (TaskKind.EMBED, TaskKind.RERANK) and find_spec("numpy") is None:
            raise StartError(f"deployment `{plan.deployment}`: it needs numpy, which is not installed")
        reads_by_it = self._is_bedrock or plan.aws is not None  # streams, whatever the key; or it signs
        if reads_by_it and find_spec("botocore") is None:
            raise StartError(
                f"deployment `{plan.deployment}`: it needs botocore, which is not installed: "
                "pip install 'inferc[bedrock]'"
            )
        await self._authorizer.start()
        if self._server:
            await self._server.start()
        if self._client is not None:
            return
        self._proxy = None if self._server else proxy_of(plan, self._base_dir)
        if plan.tls is not None:
            self._certificates = Certificates(plan.tls, self._base_dir, f"deployment `{plan.deployment}`")
        headers = {"User-Agent": "inferc", "Content-Type": "application/json", "Accept-Encoding": "identity"}
        self._client = open_client(
            ClientOptions(
                headers={**headers, **self._chats.headers, **plan.headers},
                read_ahead=_READ_AHEAD,
                window=_WINDOW.get(plan.task_kind),
                keepalive=_KEEPALIVE,
                proxy=self._proxy,
                ssl=self._certificates.context if self._certificates is not None else None,
                is_plain=True,
                query=plan.query,
                as_written=self._is_bedrock or plan.aws is not None,  # signatures are of each character
            )
        )

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

    def _asks(self, request: ChatRequest) -> Chats:
        """What asks the provider: in the client's own protocol, where the provider has that one, too, or in
        the one in which the model takes the request."""
        said = request.said
        is_response = said is not None and said.dialect == openai_responses.DIALECT
        return self._responses if is_response or self._chats.lacks(request) else self._chats

    def _asked(self, request: ChatRequest) -> tuple[Chats, Fit]:
        """What asks the provider, and how it does; found once. Raises BadRequest."""
        found: tuple[Chats, Fit] | None = request.kept.get(self._found_as)
        if found is None:
            chats = self._asks(request)
            found = request.kept[self._found_as] = chats, chats.fit(request)
        return found

    def fit_at_once(self, request: ChatRequest) -> Fit | None:
        """As `fit`; None where that takes longer than the event loop may be held."""
        if self._found_as not in request.kept and is_long(request):
            return None
        return self._asked(request)[1]

    def fit(self, request: ChatRequest) -> Fit:
        """`request` as the provider takes it. Raises BadRequest."""
        return self._asked(request)[1]

    def left_out(self, request: Request) -> tuple[str, ...]:
        """The names of the fields of `request` of which the provider is told nothing. Raises BadRequest."""
        if isinstance(request, EmbedRequest | RerankRequest):
            return self._retrieval.left_out(request)
        if isinstance(request, CompletionRequest | PassedRequest):
            return self._passed.left_out(request)
        return ()

    def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        return self._stream(request, deadline, None)

    def relay(self, request: Request, deadline: float | None, sink: Sink) -> AsyncGenerator[Chunk, None]:
        return self._stream(request, deadline, sink)

    async def _stream(
        self, request: Request, deadline: float | None, sink: Sink | None
    ) -> AsyncGenerator[Chunk, None]:
        response, classifier, until, upstream = await self._open(request, deadline)
        try:
            kind = response.content_type
            if not isinstance(request, _STREAMED) or not request.stream or kind == JSON:
                if isinstance(request, PassedRequest) and kind != JSON:
                    async for piece in self._pieces(response, classifier, until, upstream):
                        yield piece
                    return
                whole = _with_upstream(await self._whole(request, response, classifier, until), upstream)
                for each in self._as_asked(request, whole):
                    yield each
                return
            if kind == "text/html":
                raise self._fail(ServerError, "answered with a page of HTML where a stream was asked for")
            reader: ChunkReader
            if isinstance(request, ChatRequest):
                chats, fit = self._asked(request)
                reader = chats.reader(request, fit, classifier)
            else:
                reader = self._passed.reader(request, classifier)
            parser: Parser = EventStreamParser() if self._is_bedrock else SseParser()
            body = self._body(response, until, MAX_STREAM)
            data = await body.piece(_READ_AHEAD)
            if data.startswith(b"{") and not self._is_bedrock:  # JSON that is called events
                data += await body.whole()
                whole = await self._whole(request, response, classifier, until, data)
                for each in self._as_asked(request, _with_upstream(whole, upstream)):
                    yield each
                return
            told: Upstream | None = upstream
            relay: Relay | None = None
            if sink is not None and type(response) is LeanAnswer and response.steady is not None:
                relay = Relay(
                    response.steady,
                    body,
                    sink,
                    reader,
                    parser,
                    self._chunks,
                    _READ_AHEAD,
                )
            while True:
                if relay is None or (read := relay.left) is None:
                    read = self._chunks(reader, parser, body, data)
                else:
                    relay.left = None
                chunks, error = read
                if (held := reader.whole) is not None:
                    error = await asyncio.to_thread(self._chats.misfit, held)
                    chunks = chunks if error is None else without_end(chunks)
                if chunks and (len(chunks) > 1 or reader.ended or error is not None):
                    more = error is not None or body.at_end  # what follows waits for nothing
                    chunks = [
                        each._replace(more=more or left > 0)
                        for left, each in zip(reversed(range(len(chunks))), chunks, strict=True)
                    ]
                for each in chunks:
                    yield each if told is None else _with_upstream(each, told)
                    told = None
                if error is not None:
                    raise error
                if reader.ended:
                    break
                try:
                    data = await body.piece(_READ_AHEAD, relay if told is None else None)
                except OutOfBounds as bound:
                    last = self._last_of(reader, parser, body) if bound.limit is Limit.READ else None
                    if last is None:
                        raise
                    for each in last:  # all was said: this is the end
                        yield each if told is None else _with_upstream(each, told)
                    break
            if not body.at_end:
                await body.read_end()
        except OutOfBounds as error:
            raise self._out_of_bounds(error.limit, error.most, deadline) from None
        except aiohttp.ClientError as error:
            raise self._network_error(error) from None
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
            return _with_upstream(await self._whole(request, response, classifier, until), upstream)
        except OutOfBounds as error:
            raise self._out_of_bounds(error.limit, error.most, deadline) from None
        except aiohttp.ClientError as error:
            raise self._network_error(error) from None
        finally:
            response.release()

    async def _whole(
        self,
        request: Request,
        response: Answer,
        classifier: Classifier,
        until: float,
        body: bytes | None = None,
    ) -> Chunk:
        """The answer, all of it in the body. Raises RequestError, OutOfBounds and ClientError.

        body: where it was read.
        """
        if body is not None:
            pass
        elif type(response) is LeanAnswer and response.whole is not None:
            body = response.whole
        elif type(response) is LeanAnswer and response.rest is not None:
            body = await self._body(response, until, _most(request)).rest(response.rest)
        elif (content := response.content).is_eof():  # it came along with its head
            body = take(content)
            if len(body) > MAX_ANSWER and len(body) > _most(request):
                raise OutOfBounds(Limit.SIZE, _most(request))
        else:
            body = await self._body(response, until, _most(request)).whole()
        streamed = False
        if not body.startswith(b"{") or not body.endswith(b"}"):
            body = without_end_mark(body.removeprefix(BOM_UTF8))  # JSON may have such a mark in front of it
            streamed = is_stream(body, response.content_type)
        if not isinstance(request, ChatRequest):
            headers = response.headers
            if len(body) < LARGE:
                return self._parse(request, body, headers, classifier)
            return await asyncio.to_thread(self._parse, request, body, headers, classifier)
        chats, fit = self._asked(request)
        if len(body) < LARGE and not fit.checked:
            return chats.whole(body, fit, classifier, streamed=streamed, wanted=request.stream)
        read = partial(chats.whole, body, fit, classifier, streamed=streamed, wanted=request.stream)
        # what is held to a schema is not for the event loop, either
        return await asyncio.to_thread(read)

    def _parse(
        self, request: Request, body: bytes, headers: Mapping[str, str], classifier: Classifier
    ) -> Chunk:
        """The answer that `body` holds. Raises RequestError."""
        if isinstance(request, EmbedRequest):
            found = self._retrieval.vectors(body, len(request.inputs), classifier)
            found = counted(found, headers) if self._is_bedrock else found
            check_length(found, request.dimensions, classifier)
            return found
        if isinstance(request, RerankRequest):
            return self._retrieval.scores(body, len(request.documents), classifier)
        if isinstance(request, PassedRequest):
            return self._passed.answer(request, body, classifier)
        if isinstance(request, TensorRequest | ClassifyRequest):
            from ...dialects.open_inference.client import read_labels, read_tensors

            if isinstance(request, TensorRequest):
                return read_tensors(body, headers, classifier)
            return read_labels(body, classifier)
        streamed = is_stream(body, headers.get("Content-Type", ""))
        return self._passed.whole(body, classifier, streamed=streamed)

    async def _pieces(
        self, response: Answer, classifier: Classifier, until: float, upstream: Upstream
    ) -> AsyncGenerator[PassedChunk, None]:
        """An answer as it comes, which is no JSON. Raises RequestError, OutOfBounds and ClientError."""
        content_type = response.headers.get("Content-Type", "application/octet-stream")
        pieces = self._passed.pieces(content_type, classifier)
        if response.content_type == "text/html":
            raise self._fail(ServerError, "answered with a page of HTML")
        told: Upstream | None = upstream
        body = self._body(response, until, MAX_STREAM)
        try:
            while data := await body.piece(_READ_AHEAD):
                body.since = None
                yield pieces.piece(data)._replace(upstream=told)
                told = None
            if rest := pieces.end():
                yield PassedChunk(rest, pieces.content_type)
        except EventTooLarge:
            raise self._fail(ServerError, f"sent an event of more than {MAX_EVENT >> 20} MiB") from None
        if told is not None:
            raise self._fail(ServerError, "answered with nothing")

    async def _open(
        self, request: Request, deadline: float | None
    ) -> tuple[Answer, Classifier, float, Upstream]:
        """An answer that begins as a success, until when all of it must be here, and what its headers say.
        Raises RequestError."""
        if type(request) in _TENSORS and self._plan.task not in _OURS:
            raise self._fail(Unsupported, "takes neither tensors nor texts to classify")
        until = self._timeouts.now() + self._total_timeout
        if deadline is not None and deadline < until:
            until = deadline
        renewed = False
        while True:
            response, used = await self._send(request, until, deadline)
            classifier = self._classifier
            if classifier.secret is not used.secret:
                classifier = self._classifier = Classifier(self._plan, used.secret)
            upstream = read_upstream(response.headers, classifier.secret)
            if upstream.headers:
                self._observe(upstream.headers)
            if response.status in _SUCCESSES:
                return response, classifier, until, upstream
            try:
                body = await self._body(response, until, MAX_ERROR_BODY).beginning()
            finally:
                response.release()
            error = classifier.http_error(response.status, response.headers, body)
            if renewed or not isinstance(error, Unauthorized) or not await self._authorizer.refused(used):
                raise error
            renewed = True

    async def _send(
        self, request: Request, until: float, deadline: float | None
    ) -> tuple[Answer, Authorization]:
        if self._client is None:
            raise ShuttingDown("the executor is stopping", deployment=self._plan.deployment)
        content_type, endpoint = None, self._server.endpoint if self._server else self._plan.endpoint
        beside: Mapping[str, str] = NO_OPTIONS
        if isinstance(request, ChatRequest):
            fit = self._asked(request)[1]
            path, body, beside = fit.path, fit.body, fit.headers
        elif isinstance(request, CompletionRequest | PassedRequest):
            path, body, kind = self._passed.request(request)
            content_type = None if kind == JSON else kind
        elif isinstance(request, TensorRequest | ClassifyRequest):
            from ...dialects.open_inference.client import write_request

            path, body, beside, content_type = write_request(request, self._plan.model)
            endpoint = endpoint.removesuffix("/v1")
        else:
            path, body = self._retrieval.request(request)
        if self._extra is not None and content_type is None:
            body = self._extra.added_to(body)
        if self._certificates is not None:
            self._certificates.look(self._timeouts.now())
        try:
            with self._timeouts.within(self._request_timeout, until):
                used = await self._authorizer.authorize()
                headers = {**used.headers, **beside} if beside else used.headers
                if used.sign is not None:
                    headers = {**headers, **used.sign(endpoint + path, body, content_type or JSON)}
                if parent := PARENT.get():
                    headers = {**headers, TRACEPARENT: parent}
                return await self._client.post(endpoint + path, body, headers, content_type), used
        except TimeoutError:
            if self._timeouts.now() >= until:
                raise self._out_of_bounds(Limit.TOTAL, 0, deadline, at_work=False) from None
            raise self._fail(
                RequestTimeout, f"sent no first byte within {self._request_timeout:g} s"
            ) from None
        except aiohttp.ClientError as error:
            raise self._network_error(error) from None

    def _chunks(self, reader: ChunkReader, parser: Parser, body: Body, data: bytes) -> Read:
        """The chunks in `data`, which is empty at the end, and the error that stops the stream."""
        if type(reader) is PassingReader and type(parser) is SseParser:
            read = reader.read_piece(data, parser)
            if read is not None:
                body.since = None
                return read
        try:
            events = parser.feed(data) if data else parser.close()
        except EventTooLarge:
            return [], self._fail(ServerError, f"sent an event of more than {MAX_EVENT >> 20} MiB")
        except BrokenStream:
            return [], self._fail(ServerError, "sent a stream that cannot be read")
        if events or parser.in_event:
            body.since = None
        chunks, error = read_events(reader, events, closing=not data)
        if not data and not reader.ended and error is None:
            error = self._fail(ServerError, "ended the stream without its end marker")
        return chunks, error

    def _last_of(
        self, reader: ChunkReader, parser: Parser, body: Body
    ) -> list[ChatChunk | ChatEvents] | None:
        """What is left to say of a stream that is whole, though it is not closed; None where it is not."""
        chunks, error = self._chunks(reader, parser, body, b"")
        return chunks if error is None and reader.ended and reader.whole is None else None

    def _body(self, response: Answer, until: float, most: int) -> Body:
        return Body(response, self._timeouts, self._read_timeout, until, most)

    def _out_of_bounds(
        self, limit: Limit, most: int, deadline: float | None, *, at_work: bool = True
    ) -> RequestError:
        """at_work: whether the answer had begun."""
        if limit is Limit.SIZE:
            what = f"sent an answer of more than {most >> 20} MiB, which was not read on"
            return self._fail(ServerError, what, retryable=False)
        if limit is Limit.READ:
            what = f"fell silent for {self._read_timeout:g} s"
        elif deadline is not None and self._timeouts.now() >= deadline:
            what = "took longer than the deadline"
        else:
            what = f"took longer than `timeouts {{ total = {self._plan.timeouts.total} }}`"
        error = self._fail(RequestTimeout, what)
        error.at_work = at_work
        return error

    def _network_error(self, error: aiohttp.ClientError) -> RequestError:
        kind, what, retryable = told_of(
            error, self._plan.endpoint, self._proxy, launched=self._server is not None
        )
        return self._fail(kind, what, retryable=retryable)

    def _fail(self, kind: type[E], what: str, *, retryable: bool | None = None) -> E:
        return kind(
            f"{self._classifier.who} {what}",
            deployment=self._plan.deployment,
            provider=self._plan.provider,
            retryable=retryable,
        )


def _with_upstream(chunk: Chunk, upstream: Upstream) -> Chunk:
    """`chunk`, the first one of an answer, with what the provider says beside it."""
    if type(chunk) is ChatChunk:
        data, usage, more, _, says = chunk
        return tuple.__new__(ChatChunk, (data, usage, more, upstream, says))
    if isinstance(chunk, ChatChunk | ChatEvents | PassedChunk):
        return chunk._replace(upstream=upstream)
    if type(chunk) is EmbedChunk:
        return EmbedChunk(chunk.array, chunk.usage, upstream, chunk.is_sparse, chunk.tokens, chunk.packed)
    return evolve(chunk, upstream=upstream)


def _most(request: Request) -> int:
    """Bytes that the answer to `request` may have in one piece."""
    if isinstance(request, PassedRequest):
        return MAX_PASSED
    return MAX_ANSWER + (len(request.inputs) * MAX_VECTOR if isinstance(request, EmbedRequest) else 0)
