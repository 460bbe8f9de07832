"""A pipeline from text to text, asked as a chat model."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ....compiler.plan import TaskKind
from ...dialects.chats import body_for
from ...dialects.field_check import SENT, FieldCheck, Handling
from ...dialects.openai.text_answers import TextAnswers
from ...dialects.openai.text_only import (
    TEXT_FIELDS,
    most_tokens,
    number_in,
    stops_in,
    wants_usage,
    whole_in,
)
from ...dialects.openai_chat import read_request
from ...requests.answer import ChatChunk, Chunk
from ...requests.call import Call
from ...requests.conversation import Turn
from ...requests.errors import BadRequest, Incapable
from ...requests.parts import Text, ToolResult, path
from ...requests.pipeline_call import PipelineCall, TextOptions
from ...requests.request import ChatRequest
from ...requests.trace import Span, Trace
from ...requests.usage import Usage
from ..model import Model, check_task
from .pipeline import Pipeline, Result
from .values.texts import text_of

log = logging.getLogger(__name__)

_PASSED_ON = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "reasoning_effort",
    "verbosity",
    "user",
)
FIELDS: dict[str, Handling] = TEXT_FIELDS | dict.fromkeys(_PASSED_ON, SENT)
"""What becomes of each field of a request; those that are passed on go to the call that gives the answer."""


class PipelineModel(Model):
    """Its parameter is the text of the last message of the user; other messages are not seen.

    How the client wants the answer, in length and sampling, goes to the call that gives it, as far as the
    file does not say it; the log says once where there is no such call.
    """

    task = TaskKind.CHAT

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.name = pipeline.name
        self._running = 0
        [self._parameter] = pipeline.plan.parameters
        self._fields = FieldCheck(FIELDS, f"pipeline `{pipeline.name}`")
        self._told = False

    @property
    def running(self) -> int:
        return self._running

    @property
    def waiting(self) -> int:
        """None ever does: the calls of its steps wait for themselves."""
        return 0

    def is_ready(self) -> bool:
        return self.pipeline.is_ready()

    def free_at(self, now: float) -> float:
        return max((model.free_at(now) for model in self.pipeline.reaches.values()), default=now)

    async def stream(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The result as a chat answer; in a stream, the text of the last call as it comes."""
        request = call.request
        check_task("pipeline", self.name, self.task, request)
        if not isinstance(request, ChatRequest):
            raise BadRequest(
                f"pipeline `{self.name}` answers chats alone: send the request to /v1/chat/completions",
                param="model",
                code="wrong_task",
            )
        body = body_for(request, self._fields.who)
        conversation = read_request(body)
        self._fields.check(body)
        wanted = _wanted(body)
        values = {self._parameter.name: said_in(request.turns or conversation.turns)}
        replies = TextAnswers.to(request)
        trace.deployment = self.name
        trace.attempts = 1
        self._running += 1
        asked = PipelineCall(values, call.deadline, call.priority, call.headers, call.payers, wanted)
        try:
            if not request.stream:
                done = await self.pipeline.run(asked, trace.spans)
                self._tell_untaken(wanted)
                usage = total(done.spans)
                yield ChatChunk(replies.whole(text_of(done.value), "stop", usage), usage)
                return
            begun = False
            result: Result | None = None
            async with aclosing(self.pipeline.stream(asked, trace.spans)) as events:
                async for event in events:
                    if isinstance(event, Result):
                        result = event
                    elif isinstance(event, str):
                        yield ChatChunk(replies.piece(event, first=not begun))
                        begun = True
            assert result is not None
            self._tell_untaken(wanted)
            usage = total(result.spans)
            if not begun:
                yield ChatChunk(replies.piece(text_of(result.value), first=True), more=True)
            yield ChatChunk(replies.end("stop"), usage, more=True)
            if wants_usage(request.body):
                yield ChatChunk(replies.usage(usage))
        finally:
            self._running -= 1

    def _tell_untaken(self, wanted: TextOptions | None) -> None:
        """Say once that nobody could do what a client wants of the answer."""
        if wanted is None or wanted.taken or self._told:
            return
        self._told = True
        names = ", ".join(f"`{name}`" for name in wanted.values)
        log.info(
            "pipeline `%s`: %s is left out of requests: its answer is not the text of one call",
            self.name,
            names,
        )


def total(spans: list[Span]) -> Usage:
    """The tokens of all of `spans`."""
    return Usage.total(span.usage for span in spans)


def said_in(turns: Sequence[Turn]) -> str:
    """The text of the last message of the user. Raises BadRequest, also for what is no text."""
    for turn in reversed(turns):
        if turn.role != "user" or any(isinstance(part, ToolResult) for part in turn.parts):
            continue
        texts: list[str] = []
        for part in turn.parts:
            if not isinstance(part, Text):
                where = path(part.at)
                raise Incapable(f"`{where}` must be text: that is all that the pipeline takes", param=where)
            texts.append(part.text)
        if not texts:
            where = path((*turn.at, "content"))
            raise BadRequest(f"`{where}` must be text", param=where)
        return "".join(texts)
    raise BadRequest("`messages` must hold a message of the user", param="messages")


def _wanted(body: Mapping[str, Any]) -> TextOptions | None:
    """How the client wants the answer; None where it does not say. Raises BadRequest."""
    most, stops = most_tokens(body), stops_in(body)
    for name, low, high in (
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("min_p", 0, 1),
        ("presence_penalty", -2, 2),
        ("frequency_penalty", -2, 2),
    ):
        number_in(body, name, low, high)
    whole_in(body, "top_k")
    wants_usage(body)
    values = {name: body[name] for name in _PASSED_ON if body.get(name) is not None}
    if most is not None:
        values["max_tokens"] = most
    if stops:
        values["stop"] = list(stops)
    return TextOptions(values) if values else None
