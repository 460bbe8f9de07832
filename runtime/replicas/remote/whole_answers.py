"""Answers in one piece: how they are read, what their bytes say, and how many there may be."""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from functools import partial

from ....compiler.plan import RemotePoolPlan, WireFormat
from ...dialects.provider_errors.classify import Classifier
from ...dialects.retrieval.bedrock import counted
from ...dialects.retrieval.vectors import check_length
from ...dialects.server_sent_events import is_stream, without_end_mark
from ...http.stream_reader import take
from ...requests.answer import Chunk, with_upstream
from ...requests.request import (
    ChatRequest,
    ClassifyRequest,
    EmbedRequest,
    PassedRequest,
    Request,
    RerankRequest,
    TensorRequest,
)
from ...requests.upstream import Upstream
from .body import Body, Limit, OutOfBounds
from .provider_requests import ProviderRequests
from .transport.http_client import Answer
from .transport.lean_client import LeanAnswer

MAX_ANSWER, MAX_VECTOR = 32 << 20, 256 << 10
"""Bytes of an answer in one piece, and those more for each text that is embedded."""

MAX_PASSED = 128 << 20
"""Bytes of JSON that is handed on, in which there may be images."""


LARGE = 1 << 20
"""Bytes from where on an answer is parsed in a thread."""

_OPENS, _CLOSES = b"{}"


def most_bytes(request: Request) -> int:
    """Bytes that the answer to `request` may have in one piece."""
    if isinstance(request, PassedRequest):
        return MAX_PASSED
    return MAX_ANSWER + (len(request.inputs) * MAX_VECTOR if isinstance(request, EmbedRequest) else 0)


class WholeAnswers:
    """Reads what answers `asked` from the provider of `plan`.

    body: that of an answer, read until then, of so many bytes at most.
    """

    def __init__(
        self, plan: RemotePoolPlan, asked: ProviderRequests, body: Callable[[Answer, float, int], Body]
    ) -> None:
        self._is_bedrock = plan.wire is WireFormat.BEDROCK
        self._asked, self._body = asked, body

    async def whole(
        self,
        request: Request,
        response: Answer,
        classifier: Classifier,
        until: float,
        upstream: Upstream,
        body: bytes | None = None,
    ) -> Chunk:
        """The answer, all of it in the body. Raises RequestError, OutOfBounds and ClientError.

        body: all of it, where it has been read.
        """
        if body is not None:
            pass
        elif type(response) is LeanAnswer and (whole := response.whole) is not None:
            if type(whole) is not bytes:
                if isinstance(request, EmbedRequest) and (whole[0], whole[-1]) == (_OPENS, _CLOSES):
                    return with_upstream(self.read(request, whole, response.headers, classifier), upstream)
                whole = bytes(whole)
            body = whole
        elif type(response) is LeanAnswer and response.rest is not None:
            body = await self._body(response, until, most_bytes(request)).rest(response.rest)
        elif (content := response.content).is_eof():  # it came along with its head
            body = take(content)
            if len(body) > MAX_ANSWER and len(body) > most_bytes(request):
                raise OutOfBounds(Limit.SIZE, most_bytes(request))
        else:
            body = await self._body(response, until, most_bytes(request)).whole()
        streamed = False
        if not body or body[0] != _OPENS or body[-1] != _CLOSES:
            body = without_end_mark(body.removeprefix(BOM_UTF8))  # JSON may have such a mark in front of it
            streamed = is_stream(body, response.content_type)
        if not isinstance(request, ChatRequest):
            if len(body) < LARGE:
                chunk = self.read(request, body, response.headers, classifier)
            else:
                chunk = await asyncio.to_thread(self.read, request, body, response.headers, classifier)
            return with_upstream(chunk, upstream)
        chats, fit = self._asked.asked(request)
        if len(body) < LARGE and not fit.checked:
            return chats.whole(body, fit, classifier, upstream, streamed=streamed, wanted=request.stream)
        read = partial(chats.whole, body, fit, classifier, upstream, streamed=streamed, wanted=request.stream)
        # what is held to a schema is not for the event loop, either
        return await asyncio.to_thread(read)

    def read(
        self, request: Request, body: bytes | memoryview, headers: Mapping[str, str], classifier: Classifier
    ) -> Chunk:
        """What `body` says to what is no chat: bytes, where it is no vectors. Raises RequestError."""
        if isinstance(request, EmbedRequest):
            found = self._asked.retrieval.vectors(body, len(request.inputs), classifier)
            found = counted(found, headers) if self._is_bedrock else found
            check_length(found, request.dimensions, classifier)
            return found
        assert isinstance(body, bytes)
        if isinstance(request, RerankRequest):
            return self._asked.retrieval.scores(body, len(request.documents), classifier)
        if isinstance(request, PassedRequest):
            return self._asked.passed.answer(request, body, classifier)
        if isinstance(request, TensorRequest | ClassifyRequest):
            from ...dialects.open_inference.client import read_labels, read_tensors

            if isinstance(request, TensorRequest):
                return read_tensors(body, headers, classifier)
            return read_labels(body, classifier)
        streamed = is_stream(body, headers.get("Content-Type", ""))
        return self._asked.passed.whole(body, classifier, streamed=streamed)
