"""Chats with the model of one plan: requests made fit for it and written, answers read.

A request that needs no adapting, of a client that speaks the provider's own protocol, goes on as it came,
with the name of the model in it; its answer comes back as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import orjson
from attrs import evolve

from ....compiler.plan import ProviderKind, RemotePoolPlan, UnsupportedAction
from ....compiler.plan.dialects import AT_AZURE, AT_OPENAI, AT_OTHERS, IN_RESPONSES
from ....compiler.plan.endpoints import chats
from ...dialects import exact_json
from ...dialects.adapt import (
    AsJsonText,
    Checked,
    HeldAnswer,
    Note,
    OneCall,
    StructuredByTool,
    ToRead,
    Unsuitable,
    adapt,
    is_of_later_call,
    only_in_responses,
)
from ...dialects.adapt.dialects import RESTS
from ...dialects.chats import MANY_PARTS, conversation_of, has_many_parts
from ...dialects.openai_chat.chunk_shapes import ChunkShapes
from ...dialects.openai_chat.plain import plain_message
from ...dialects.provider_errors.classify import Classifier
from ...dialects.reader import DONE, AnswerReader
from ...dialects.registry import PROVIDER_SIDES
from ...dialects.server_sent_events import MAX_EVENT, Event as StreamEvent, EventTooLarge, SseParser
from ...dialects.surrogates import BACKSLASH, SurrogateJoiner, without_halves
from ...requests.answer import ChatChunk, ChatEvents
from ...requests.conversation import Conversation
from ...requests.errors import BadRequest, Incapable, RequestError
from ...requests.events import Event, Failed, Finished, UsageKnown
from ...requests.request import NO_OPTIONS, OPENAI_CHAT, ChatRequest, CompletionRequest
from ...requests.upstream import Upstream
from ...requests.usage import Usage
from .chat_targets import target_of
from .passthrough_answers import OPENAIS, read_whole
from .passthrough_rules import Straight
from .passthrough_streams import PassingReader


class ChunkReader(Protocol):
    """Reads one streamed answer, event by event. joiner: what events go through before they are read."""

    joiner: SurrogateJoiner

    @property
    def whole(self) -> HeldAnswer | None:
        """The complete answer, where it is held to a schema here."""

    @property
    def ended(self) -> bool:
        """Whether the answer is complete: nothing may follow."""

    def read(self, event: StreamEvent) -> Iterable[ChatChunk | ChatEvents]:
        """What `event` says. Raises RequestError."""

    def close(self) -> Iterable[ChatChunk | ChatEvents]:
        """What is left when the connection ends. Raises RequestError where the answer was cut off."""


class Fit(NamedTuple):
    """A request as one provider takes it.

    passes: the bytes of its answer are what the client understands. changes: the places of what was changed,
    in the client's words. by_tool: the function whose call stands
    for the answer. headers: what is said beside it. checked: what the answer is held to here.
    one_call: the first call of a function is all that the client wants.
    """

    path: str
    body: bytes
    passes: bool
    changes: tuple[str, ...] = ()
    by_tool: str | None = None
    headers: Mapping[str, str] = NO_OPTIONS
    checked: tuple[Checked, ...] = ()
    one_call: bool = False


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
        self._straight = Straight(self._can, is_openais=is_openais) if in_openai else None
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
        events = _gathered(reader, body, classifier) if streamed else reader.read_whole(body)
        usage: Usage | None = None
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
            body = request.body
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
        return fitted._replace(checked=checked, one_call=one_call)

    def _native(self, request: ChatRequest) -> dict[str, Any] | None:
        """The body as it came, without what says nothing; None where it has to be written anew."""
        if request.said is not None:
            return None if request.said.native is None else {**request.said.native}
        if not self._is_openais:
            return None
        body = {name: value for name, value in request.body.items() if value not in (None, [], {})}
        if "max_completion_tokens" in body:
            body.pop("max_tokens", None)
        body["messages"] = [*map(plain_message, body["messages"])]
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
        fit: Fit = tuple.__new__(Fit, (path, sent, passes, changes, by_tool, headers, (), False))
        said = request.said
        if said is None or not said.headers or said.dialect != self._dialect:
            return fit
        beside = {**headers, **said.headers}
        for name in self._shown.keys() & beside.keys():  # lists, of which the request's own hides the other
            beside[name] = f"{self._shown[name]},{beside[name]}"
        return fit._replace(headers=beside)


def _gathered(reader: AnswerReader, body: bytes, classifier: Classifier) -> list[Event]:
    """What a stream that came whole says. Raises RequestError."""
    sent = sent_in(body, classifier)
    return [told for event in sent for told in reader.read(event)] + reader.close()


def sent_in(body: bytes, classifier: Classifier) -> list[StreamEvent]:
    """The events of a stream that came whole. Raises RequestError."""
    parser = SseParser()
    try:
        return [*parser.feed(body), *parser.close()]
    except EventTooLarge:
        raise classifier.malformed(f"the stream has an event of more than {MAX_EVENT >> 20} MiB") from None


def is_long(request: ChatRequest) -> bool:
    """Whether `request` is too long to be made fit while others wait."""
    if request.said is not None:
        return sum(len(turn.parts) for turn in request.said.conversation.turns) > MANY_PARTS
    return has_many_parts(request.body["messages"])


def _is_told_to_rest(plan: RemotePoolPlan) -> bool:
    """Whether each request says, in the words of the provider that the file has, that the model shall not
    think."""
    name = plan.capabilities.rests_by
    if name is None or plan.request is None:
        return False
    written = (each.extra_body for each in (plan.request.defaults, plan.request.force) if each is not None)
    return any((body or {}).get(name) == RESTS[name] for body in written)


class EventsReader:
    """Reads a stream into events. The usage is told at its end: what comes before it is a part of it."""

    def __init__(self, reader: AnswerReader, fit: Fit) -> None:
        self.joiner = SurrogateJoiner()
        self._reader = reader
        self._passes = fit.passes
        self._as_text = AsJsonText(fit.by_tool) if fit.by_tool is not None else None
        self._one_call = fit.one_call
        self._held = HeldAnswer(*fit.checked) if fit.checked else None
        self._usage: Usage | None = None
        self._failed = False

    @property
    def ended(self) -> bool:
        return self._reader.ended and not self._failed

    @property
    def whole(self) -> HeldAnswer | None:
        return self._held if self.ended else None

    def read(self, event: StreamEvent) -> Iterator[ChatEvents]:
        native = b""
        if self._passes and event.data == DONE:
            native = self._reader.last
        elif self._passes:
            data = event.data.replace(b"\n", b" ") if b"\n" in event.data else event.data
            native = b"event: %b\ndata: %b\n\n" % (event.name, data) if event.name else b"data: %b\n\n" % data
        return self._chunks(self._reader.read(event), native)

    def close(self) -> Iterator[ChatEvents]:
        is_open = not self._reader.ended
        return self._chunks(self._reader.close(), self._reader.last if self._passes and is_open else b"")

    def _chunks(self, events: list[Event], native: bytes) -> Iterator[ChatEvents]:
        told: list[Event] = []
        failure: RequestError | None = None
        for event in events:
            if isinstance(event, Failed):
                failure = event.error
            elif self._one_call and is_of_later_call(event):
                continue
            elif self._as_text is None:
                told.append(event)
            else:
                told += self._as_text.convert(event)
            if isinstance(event, UsageKnown):
                self._usage = event.usage
        if failure is not None:
            self._failed, native = True, b""  # the client is told of it in our words
        if self._held is not None:
            for event in told:
                self._held.see(event)
        usage = self._usage if self.ended else None
        if told or native or usage is not None:
            yield ChatEvents(tuple(told), usage, native=native)
        if failure is not None:
            raise failure


def without_end(chunks: list[ChatChunk | ChatEvents]) -> list[ChatChunk | ChatEvents]:
    """The last chunks of a stream, as they are where an error comes in place of its end."""
    left: list[ChatChunk | ChatEvents] = []
    for index, chunk in enumerate(chunks, 1):
        if isinstance(chunk, ChatEvents):
            told = tuple(event for event in chunk.events if not isinstance(event, Finished))
            if len(told) < len(chunk.events) or index == len(chunks):
                chunk = chunk._replace(events=() if chunk.native else told, native=b"")
        left.append(chunk._replace(more=True))
    return left


def read_events(
    reader: ChunkReader, events: Iterable[StreamEvent], *, closing: bool
) -> tuple[list[ChatChunk | ChatEvents], RequestError | None]:
    """What `reader` makes of `events`, as far as it gets, and the error that stops it.

    closing: the connection has ended with them.
    """
    pieces: list[ChatChunk | ChatEvents] = []
    joiner = reader.joiner
    try:
        for event in events:
            if BACKSLASH in event.data or joiner.held:
                for whole in joiner.feed(event):
                    pieces += reader.read(whole)
            else:
                pieces += reader.read(event)
            if reader.ended:
                return pieces, None
        if closing:
            for whole in joiner.close():
                pieces += reader.read(whole)
            pieces += reader.close()
    except RequestError as error:
        return pieces, error
    return pieces, None


def wants_usage(request: ChatRequest | CompletionRequest) -> bool:
    """Whether the client asked for the usage of a stream."""
    options = request.body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))
