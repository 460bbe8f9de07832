"""`cascade [small, large] accept it.confidence >= 0.8`: one after the other, until an answer is accepted."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from attrs import evolve

from ....compiler.plan import CascadePlan, FieldNode
from ....compiler.plan.record import frozen
from ...dialects.answer import Answer, Choice
from ...dialects.chats import asking_more
from ...dialects.chunks import streamed_answer, whole_answer
from ...dialects.openai_chat import REASONS
from ...requests.answer import ChatChunk, ChatEvents, Chunk, ClassifyChunk
from ...requests.call import Call
from ...requests.errors import RequestError, StepFailed, forget_frames
from ...requests.events import TextDelta
from ...requests.parts import Text
from ...requests.request import ChatRequest, Request
from ...requests.trace import Trace
from ..counters import NOT_ACCEPTED
from ..first_content import open_answer
from ..model import Model
from ..pipelines.block import Later
from ..pipelines.prepare import prepare_nodes
from ..pipelines.steps import PureSteps
from ..pipelines.workers.workers import Workers
from .failover import Ask, GiveUp, exhausted, fails_over, last_word
from .route import Route

log = logging.getLogger(__name__)

IT = "it"
"""What the condition calls the answer."""


@frozen
class Accept:
    """The answer goes to the client."""


class Escalation:
    """Which member is asked next, and whether an answer is good enough. The last member's always is."""

    def __init__(self, route: str, members: int) -> None:
        self._route = route
        self._members = members
        self._asked = 0
        self._failures: list[RequestError] = []

    @property
    def is_last(self) -> bool:
        """Whether the one that was asked last is the last of all: nobody judges what it says."""
        return self._asked == self._members

    def next(self) -> Ask:
        """The next member."""
        self._asked += 1
        return Ask(self._asked - 1)

    def answered(self, accepted: bool) -> Ask | Accept:
        """The member that was asked last has answered."""
        return Accept() if accepted or self.is_last else self.next()

    def failed(self, error: RequestError, *, is_over: bool) -> Ask | GiveUp:
        """It has failed."""
        if not fails_over(error):
            return GiveUp(last_word(self._route, error, self._failures))
        self._failures.append(error)
        if is_over or self.is_last:
            return GiveUp(exhausted(self._route, self._failures))
        return self.next()


class Cascade(Route):
    """All members but the last answer in full before anything goes to the client; what they cost counts."""

    def __init__(self, plan: CascadePlan, members: Sequence[Model], workers: Workers) -> None:
        """workers: where what may take long of the condition is computed."""
        super().__init__(plan, members)
        self._condition = prepare_nodes(plan.condition, plan.accept, [IT], PureSteps(workers))
        self._needs_logprobs = any(
            isinstance(node, FieldNode) and node.of == IT and node.field == "confidence"
            for node in plan.condition
        )
        self._warned = False

    async def pick(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        loop = asyncio.get_running_loop()
        escalation = Escalation(self.name, len(self.members))
        decision: Ask | Accept | GiveUp = escalation.next()
        chunks: list[Chunk] = []
        while isinstance(decision, Ask):
            asked, branch = decision.index, trace.branch()
            member, reason = self.members[asked], NOT_ACCEPTED
            now = loop.time()
            later = min((each.free_at(now) for each in self.members[asked + 1 :]), default=math.inf)
            its_call = evolve(call, wait_until=min(call.wait_until, later))
            try:
                if escalation.is_last:
                    opened = await open_answer(member.stream(its_call, branch))
                    self.answers(asked)
                    trace.follow(branch)
                    async with aclosing(opened.chunks()) as answer:
                        async for chunk in answer:
                            yield chunk
                    return
                chunks = await self._whole(member, its_call, branch)
                decision = escalation.answered(await self._accepts(chunks))
            except RequestError as error:
                reason = type(error).code
                decision = escalation.failed(error, is_over=call.is_over(loop.time()))
                forget_frames(error)  # this one among them, which keeps the error
            if isinstance(decision, Ask):
                self.moves(asked, reason)
        if isinstance(decision, GiveUp):
            raise decision.error
        trace.follow(branch)
        self.answers(asked)
        for chunk in chunks:
            yield _as_asked(chunk, call.request)

    async def _whole(self, member: Model, call: Call, trace: Trace) -> list[Chunk]:
        """The whole answer, with all that the condition needs to know; nothing of it goes to the client.

        Raises RequestError.
        """
        request = call.request
        if isinstance(request, ChatRequest):
            request = asking_more(request, logprobs=self._needs_logprobs, usage=request.stream)
        async with aclosing(member.stream(evolve(call, request=request, sink=None), trace)) as answer:
            return [chunk async for chunk in answer]

    async def _accepts(self, chunks: Sequence[Chunk]) -> bool:
        """Whether the condition holds for the answer; for several rows, for each of them."""
        frame = self._condition.template.copy()
        try:
            for it in self._answers(chunks):
                if not await self._holds(frame.copy(), it):
                    return False
            return True
        except StepFailed as error:
            log.warning("route `%s`: the condition cannot be computed: %s", self.name, error)
            return False

    async def _holds(self, frame: list[Any], it: dict[str, Any]) -> bool:
        frame[self._condition.inputs[IT]] = it
        for step in self._condition.steps:
            assert step.compute is not None
            value = step.compute(frame)
            frame[step.slot] = await value if isinstance(value, Later) else value
        return bool(frame[self._condition.output])

    def _answers(self, chunks: Sequence[Chunk]) -> list[dict[str, Any]]:
        first = chunks[0] if chunks else None
        if isinstance(first, ClassifyChunk):
            return [
                {"label": best.label, "confidence": best.score}
                for best in (row[0] for row in first.rows if row)
            ]
        answer = whole_answer(chunks[0]) if len(chunks) == 1 else streamed_answer(chunks)
        said = _said(answer)
        if self._needs_logprobs and said["confidence"] is None:
            if not self._warned:
                self._warned = True
                log.warning(
                    "route `%s`: an answer came without log probabilities, and is taken for not confident",
                    self.name,
                )
            said["confidence"] = 0.0
        return [said]


def _said(answer: Answer) -> dict[str, Any]:
    """The answer as the condition sees it."""
    choice = answer.choices[0] if answer.choices else Choice(0, (), "stop")
    logprobs = [each["logprob"] for each in choice.logprobs]
    return {
        "text": "".join(part.text for part in choice.parts if isinstance(part, Text)),
        "finish_reason": REASONS[choice.reason],
        "tokens": answer.usage.completion_tokens,
        "confidence": math.exp(sum(logprobs) / len(logprobs)) if logprobs else None,
    }


def _as_asked(chunk: Chunk, request: Request) -> Chunk:
    """`chunk` without what only the condition wanted to know."""
    if not isinstance(request, ChatRequest):
        return chunk
    if isinstance(chunk, ChatEvents):
        return chunk if _wants_logprobs(request) else _without_logprobs(chunk)
    if not isinstance(chunk, ChatChunk) or not chunk.data:
        return chunk
    body = orjson.loads(chunk.data)
    choices = body.get("choices") or []
    if not choices and not _wants_usage(request):
        return chunk._replace(data=b"")
    if _wants_logprobs(request) or not any(choice.get("logprobs") for choice in choices):
        return chunk
    for choice in choices:
        choice["logprobs"] = None
    return chunk._replace(data=orjson.dumps(body))


def _without_logprobs(chunk: ChatEvents) -> ChatEvents:
    if not any(isinstance(event, TextDelta) and event.logprobs for event in chunk.events):
        return chunk
    events = (evolve(event, logprobs=()) if isinstance(event, TextDelta) else event for event in chunk.events)
    return chunk._replace(events=tuple(events), native=b"")


def _wants_logprobs(request: ChatRequest) -> bool:
    if request.said is not None:
        return bool(request.said.conversation.sampling.logprobs)
    return bool(request.body.get("logprobs"))


def _wants_usage(request: ChatRequest) -> bool:
    if request.said is not None:
        return True
    options = request.body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))
