"""What each request to one provider is sent as: in which protocol, to where, and as which bytes."""

from __future__ import annotations

from collections.abc import Mapping

from ....compiler.plan import RemotePoolPlan
from ...dialects import openai_responses
from ...dialects.retrieval import retrieval_of
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
from .chat_answers import Fit
from .chats import Chats, is_long
from .extra_body import ExtraBody
from .passthrough.requests import JSON, Passed


class ProviderRequests:
    """Writes requests as the provider of `plan` takes them.

    passed: asks for what is handed on as it comes. retrieval: for vectors and scores.
    """

    def __init__(self, plan: RemotePoolPlan) -> None:
        self._model = plan.model
        self._chats = Chats(plan)
        self._responses = Chats(plan, responses=True) if plan.responses else self._chats
        self.passed = Passed(plan)
        self.retrieval = retrieval_of(plan)
        self._extra = ExtraBody.of(plan)
        self._found_as = f"asked by {plan.deployment}"

    @property
    def headers(self) -> Mapping[str, str]:
        """What each request carries beside the credential and the headers of the plan."""
        return self._chats.headers

    def asked(self, request: ChatRequest) -> tuple[Chats, Fit]:
        """What asks the provider, and how it does; found once. Raises BadRequest.

        It is asked in the client's own protocol, where it has that one, too, or in the one in which the
        model takes the request.
        """
        found: tuple[Chats, Fit] | None = request.kept.get(self._found_as)
        if found is None:
            said, chats = request.said, self._chats
            if (said is not None and said.dialect == openai_responses.DIALECT) or chats.lacks(request):
                chats = self._responses
            found = request.kept[self._found_as] = chats, chats.fit(request)
        return found

    def asked_at_once(self, request: ChatRequest) -> Fit | None:
        """How the provider is asked; None where that takes longer to find than the event loop may be held."""
        if self._found_as not in request.kept and is_long(request):
            return None
        return self.asked(request)[1]

    def left_out(self, request: Request) -> tuple[str, ...]:
        """The names of the fields of `request` of which the provider is told nothing. Raises BadRequest."""
        if isinstance(request, EmbedRequest | RerankRequest):
            return self.retrieval.left_out(request)
        if isinstance(request, CompletionRequest | PassedRequest):
            return self.passed.left_out(request)
        return ()

    def write(self, request: Request, endpoint: str) -> tuple[str, bytes, Mapping[str, str], str | None]:
        """The URL below `endpoint`, the body, headers beside those of all requests, and the type of the body
        where that is no JSON. Raises BadRequest.
        """
        content_type: str | None = None
        beside: Mapping[str, str] = NO_OPTIONS
        if isinstance(request, ChatRequest):
            path, body, _, _, _, beside, _, _, _ = self.asked(request)[1]
        elif isinstance(request, CompletionRequest | PassedRequest):
            path, body, kind = self.passed.request(request)
            content_type = None if kind == JSON else kind
        elif isinstance(request, TensorRequest | ClassifyRequest):
            from ...dialects.open_inference.client import write_request

            path, body, beside, content_type = write_request(request, self._model)
            endpoint = endpoint.removesuffix("/v1")
        else:
            path, body = self.retrieval.request(request)
        if self._extra is not None and content_type is None:
            body = self._extra.added_to(body)
        return endpoint + path, body, beside, content_type
