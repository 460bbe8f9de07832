"""Chats with the model of one plan: requests made fit for it and written, answers to them read.

A request that needs no adapting, of a client that speaks the provider's own protocol, goes on as it came,
with the name of the model in it; its answer comes back as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from attrs import evolve

from ....compiler.plan import ProviderKind, RemotePoolPlan, UnsupportedAction
from ....compiler.plan.dialects import AT_AZURE, AT_OPENAI, AT_OTHERS, IN_RESPONSES
from ....compiler.plan.endpoints import chats
from ....compiler.plan.record import new_tuple
from ...dialects import exact_json
from ...dialects.adapt import (
    AsJsonText,
    Checked,
    HeldAnswer,
    Note,
    OneCall,
    Renamed,
    StructuredByTool,
    ToRead,
    Unsuitable,
    adapt,
    is_of_later_call,
    named_back,
    only_in_responses,
)
from ...dialects.adapt.dialects import RESTS
from ...dialects.chats import MANY_PARTS, conversation_of, has_many_parts
from ...dialects.fields import without_empty_marks
from ...dialects.openai_chat.chunk_shapes import ChunkShapes
from ...dialects.openai_chat.flat_tools import nested
from ...dialects.openai_chat.plain import plain_message
from ...dialects.provider_errors.classify import Classifier
from ...dialects.registry import PROVIDER_SIDES
from ...dialects.surrogates import without_halves
from ...requests.answer import ChatChunk, ChatEvents
from ...requests.conversation import Conversation
from ...requests.errors import BadRequest, Incapable, RequestError
from ...requests.events import Failed, UsageKnown
from ...requests.request import NO_OPTIONS, OPENAI_CHAT, ChatRequest
from ...requests.upstream import Upstream
from ...requests.usage import Usage
from .chat_answers import ChunkReader, EventsReader, Fit, gathered, wants_usage
from .chat_targets import target_of
from .passthrough.answers import OPENAIS, read_whole
from .passthrough.rules import is_with_schema, straight_for
from .passthrough.streams import PassingReader


class Chats:
    """Asks the model of `plan`, and reads what it says."""

    def __init__(self, plan: RemotePoolPlan, *, responses: bool = False) -> None:
        """responses: it is asked in OpenAI's responses."""
        self._plan = plan
        self._who = f"{plan.provider} (deployment `{plan.deployment}`)"
        self._target = target_of(plan, responses=responses)
        self._dialect = self._target.dialect
        is_openais = plan.provider in OPENAIS
        self._is_openais = is_openais
        in_openai = self._dialect == OPENAI_CHAT
        at_home = AT_OPENAI if plan.provider is ProviderKind.OPENAI else AT_AZURE
        if responses:
            at_home = IN_RESPONSES
        self._can = plan.capabilities.over(at_home if is_openais else AT_OTHERS)
        if _is_told_to_rest(plan):
            self._can = evolve(self._can, thinks_unasked=False)
        self._never_chats = chats(self._can) is False
        self._straight = straight_for(self._can, is_openais=is_openais) if in_openai else None
        drops = plan.request is not None and plan.request.unsupported is UnsupportedAction.DROP
        self._unsupported: Literal["error", "drop"] = "drop" if drops else "error"
        self._shapes = ChunkShapes()
        self._shown = plan.identity.request_headers if plan.identity is not None else NO_OPTIONS

    @property
    def headers(self) -> Mapping[str, str]:
        """What each request carries beside the credential and the headers of the plan."""
        return self._target.headers

    def lacks(self, request: ChatRequest) -> bool:
        """Whether the model takes `request` in OpenAI's responses alone."""
        can = self._can
        if can.chat_endpoint is not False and can.chat_tools_with_thoughts is not False:
            return False
        if request.said is not None:
            return only_in_responses(request.said.conversation, can)
        effort = request.body.get("reasoning_effort")  # looked up, as reading it all takes long
        thinks = can.thinks_unasked if effort is None else effort != "none"
        return can.chat_endpoint is False or bool(thinks and request.body.get("tools"))

    def whole(
        self,
        body: bytes,
        fit: Fit,
        classifier: Classifier,
        upstream: Upstream | None = None,
        *,
        streamed: bool = False,
        wanted: bool = False,
    ) -> ChatChunk | ChatEvents:
        """A whole answer to a request that was sent as `fit` says. Raises RequestError.

        upstream: what the provider says beside it. streamed: it sent a stream. wanted: the client waits for
        one.
        """
        body = without_halves(body)
        passes = fit.passes and not streamed and not wanted
        if passes and self._dialect == OPENAI_CHAT:
            return read_whole(body, classifier, upstream)
        reader = PROVIDER_SIDES[self._dialect].reader(classifier)
        events = gathered(reader, body, classifier) if streamed else reader.read_whole(body)
        usage: Usage | None = None
        if fit.names:
            events = [named_back(event, fit.names) for event in events]
        for event in events:
            if type(event) is UsageKnown:
                usage = event.usage
            elif type(event) is Failed:
                raise event.error
        if fit.one_call:
            events = [event for event in events if not is_of_later_call(event)]
        if fit.by_tool is not None:
            as_text = AsJsonText(fit.by_tool)
            events = [made for event in events for made in as_text.convert(event)]
        if fit.checked:
            held = HeldAnswer(*fit.checked)
            for event in events:
                held.see(event)
            if (error := self.misfit(held)) is not None:
                error.usage = usage
                raise error
        return ChatEvents(tuple(events), usage, upstream=upstream, native=body if passes else b"")

    def misfit(self, held: HeldAnswer) -> RequestError | None:
        """The error of an answer that does not fit its schema. It may take seconds."""
        try:
            held.check()
        except RequestError as error:
            error.message = f"{self._who}: {error.message}"
            error.deployment, error.provider = self._plan.deployment, self._plan.provider
            return error
        return None

    def reader(self, request: ChatRequest, fit: Fit, classifier: Classifier) -> ChunkReader:
        """What reads the streamed answer to `request`, which was sent as `fit` says."""
        if fit.passes and self._dialect == OPENAI_CHAT:
            hides = self._target.counts and not wants_usage(request)
            return PassingReader(classifier, hide_usage=hides, shapes=self._shapes)
        return EventsReader(PROVIDER_SIDES[self._dialect].reader(classifier), fit)

    def fit(self, request: ChatRequest) -> Fit:
        """The request to send. Raises Incapable, and BadRequest where it is no request at all."""
        if self._never_chats:
            has = ", ".join(f"/v1/{each}" for each in self._can.endpoints or ())
            raise Incapable(
                f"{self._plan.model} of {self._who} does not chat: it answers {has}", param="model"
            )
        if self._straight is not None and request.said is None:
            body = request.given or request.body
            if self._straight.takes(body):
                return self._fitted(request, {**body}, True, (), None)
        asked = conversation_of(request)
        fit = adapt(
            asked,
            self._can,
            client=request.dialect,
            provider=self._dialect,
            unsupported=self._unsupported,
        )
        if isinstance(fit, Unsuitable):
            raise fit.error(self._who)
        same = request.dialect == self._dialect
        if same and fit.conversation is asked and (native := self._native(request)) is not None:
            return self._fitted(request, native, True, fit.notes, None)
        if not fit.notes:
            return self._fitted(request, self._written(fit.conversation, same), same, (), None)
        tool = next((note.tool for note in fit.notes if isinstance(note, StructuredByTool)), None)
        checked = tuple(note for note in fit.notes if isinstance(note, Checked))
        one_call = any(isinstance(note, OneCall) for note in fit.notes)
        is_read = one_call or any(isinstance(note, ToRead) for note in fit.notes)
        passes = same and tool is None and not is_read and (not checked or self._dialect != OPENAI_CHAT)
        fitted = self._fitted(request, self._written(fit.conversation, passes), passes, fit.notes, tool)
        names = {note.sent: note.name for note in fit.notes if isinstance(note, Renamed)}
        return fitted._replace(checked=checked, one_call=one_call, names=names or NO_OPTIONS)

    def _native(self, request: ChatRequest) -> dict[str, Any] | None:
        """The body as it came, without what says nothing; None where it has to be written anew."""
        if request.said is not None:
            return None if request.said.native is None else {**request.said.native}
        if not self._is_openais or is_with_schema(request.body.get("response_format")):
            return None
        body = {name: value for name, value in request.body.items() if value not in (None, [], {})}
        if "max_completion_tokens" in body:
            body.pop("max_tokens", None)
        body["messages"] = [*map(plain_message, body["messages"])]
        if "tools" in body:
            body["tools"] = [without_empty_marks(nested(tool)) for tool in body["tools"]]
        if "tool_choice" in body:
            body["tool_choice"] = nested(body["tool_choice"])
        return body

    def _written(self, conversation: Conversation, passes: bool) -> dict[str, Any]:
        """Raises Incapable for what the provider's protocol has no word for."""
        try:
            return self._target.write(conversation, passes=passes)
        except BadRequest as error:
            raise Incapable(f"{self._who}: {error.message}", param=error.param) from None

    def _fitted(
        self,
        request: ChatRequest,
        body: dict[str, Any],
        passes: bool,
        notes: tuple[Note, ...],
        by_tool: str | None,
    ) -> Fit:
        path = self._target.address(request, body)
        headers = self._target.beside(body)
        try:
            sent = exact_json.dumps(body)
        except orjson.JSONEncodeError as error:
            raise BadRequest(f"the request cannot be sent on: {error}") from None
        changes = tuple(dict.fromkeys(note.where for note in notes)) if notes else ()
        fit = new_tuple(Fit, (path, sent, passes, changes, by_tool, headers, (), False, NO_OPTIONS))
        said = request.said
        if said is None or not said.headers or said.dialect != self._dialect:
            return fit
        beside = {**headers, **said.headers}
        for name in self._shown.keys() & beside.keys():  # lists, of which the request's own hides the other
            beside[name] = f"{self._shown[name]},{beside[name]}"
        return fit._replace(headers=beside)


def is_long(request: ChatRequest) -> bool:
    """Whether `request` is too long to be made fit while others wait."""
    if request.said is not None:
        return sum(len(turn.parts) for turn in request.said.conversation.turns) > MANY_PARTS
    return has_many_parts((request.given or request.body)["messages"])


def _is_told_to_rest(plan: RemotePoolPlan) -> bool:
    """Whether each request says, in the words of the provider that the file has, that the model shall not
    think."""
    name = plan.capabilities.rests_by
    if name is None or plan.request is None:
        return False
    written = (each.extra_body for each in (plan.request.defaults, plan.request.force) if each is not None)
    return any((body or {}).get(name) == RESTS[name] for body in written)
