"""Answers in one piece that are no chats: what their bytes say, and how many there may be."""

from __future__ import annotations

from collections.abc import Mapping

from ....compiler.plan import RemotePoolPlan, WireFormat
from ...dialects.provider_errors.classify import Classifier
from ...dialects.retrieval.bedrock import counted
from ...dialects.retrieval.vectors import check_length
from ...dialects.server_sent_events import is_stream
from ...requests.answer import Chunk
from ...requests.request import (
    ClassifyRequest,
    EmbedRequest,
    PassedRequest,
    Request,
    RerankRequest,
    TensorRequest,
)
from .provider_requests import ProviderRequests

MAX_ANSWER, MAX_VECTOR = 32 << 20, 256 << 10
"""Bytes of an answer in one piece, and those more for each text that is embedded."""

MAX_PASSED = 128 << 20
"""Bytes of JSON that is handed on, in which there may be images."""


def most_bytes(request: Request) -> int:
    """Bytes that the answer to `request` may have in one piece."""
    if isinstance(request, PassedRequest):
        return MAX_PASSED
    return MAX_ANSWER + (len(request.inputs) * MAX_VECTOR if isinstance(request, EmbedRequest) else 0)


class WholeAnswers:
    """Reads what answers `asked` from the provider of `plan`."""

    def __init__(self, plan: RemotePoolPlan, asked: ProviderRequests) -> None:
        self._is_bedrock = plan.wire is WireFormat.BEDROCK
        self._asked = asked

    def read(
        self, request: Request, body: bytes | memoryview, headers: Mapping[str, str], classifier: Classifier
    ) -> Chunk:
        """The answer that `body` holds, which is bytes where it is no vectors. Raises RequestError."""
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
