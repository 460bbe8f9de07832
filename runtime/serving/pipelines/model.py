"""A pipeline from text to text, asked as a chat model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from ....compiler.plan import TaskKind
from ...dialects.openai.text_answers import TextAnswers
from ...requests.answer import ChatChunk, Chunk
from ...requests.call import Call
from ...requests.errors import BadRequest
from ...requests.request import ChatRequest
from ...requests.trace import Span, Trace
from ...requests.usage import Usage
from ..model import Model, check_task
from .pipeline import Pipeline, Result
from .texts import text_of

_REFUSED: dict[str, tuple[object, ...]] = {
    "n": (None, 1),
    "tools": (None, []),
    "functions": (None, []),
    "response_format": (None, {"type": "text"}),
    "logprobs": (None, False),
}
"""What a pipeline cannot do for a chat, and the values that do not ask for it."""


class PipelineModel(Model):
    """Its parameter is the text of the last message of the user; other messages are not seen.

    Sampling options of the request are not, either: the pipeline's own calls say how they sample.
    """

    task = TaskKind.CHAT

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.name = pipeline.name
        self._running = 0
        [self._parameter] = pipeline.plan.parameters

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
        assert isinstance(request, ChatRequest)
        values = {self._parameter.name: said_in(request.body)}
        replies = TextAnswers.to(request)
        trace.deployment = self.name
        trace.attempts = 1
        self._running += 1
        try:
            if not request.stream:
                done = await self.pipeline.run(
                    values,
                    call.deadline,
                    priority=call.priority,
                    headers=call.headers,
                    spans=trace.spans,
                    payers=call.payers,
                )
                usage = total(done.spans)
                yield ChatChunk(replies.whole(text_of(done.value), "stop", usage), usage)
                return
            begun = False
            result: Result | None = None
            answer = self.pipeline.stream(
                values,
                call.deadline,
                priority=call.priority,
                headers=call.headers,
                spans=trace.spans,
                payers=call.payers,
            )
            async with aclosing(answer) as events:
                async for event in events:
                    if isinstance(event, Result):
                        result = event
                    elif isinstance(event, str):
                        yield ChatChunk(replies.piece(event, first=not begun))
                        begun = True
            assert result is not None
            usage = total(result.spans)
            if not begun:
                yield ChatChunk(replies.piece(text_of(result.value), first=True), more=True)
            yield ChatChunk(replies.end("stop"), usage, more=True)
            options = request.body.get("stream_options")
            if isinstance(options, dict) and options.get("include_usage"):
                yield ChatChunk(replies.usage(usage))
        finally:
            self._running -= 1


def total(spans: list[Span]) -> Usage:
    """The tokens of all of `spans`."""
    used = [span.usage for span in spans]
    return Usage(
        sum(each.prompt_tokens for each in used),
        sum(each.completion_tokens for each in used),
        sum(each.cached_tokens for each in used),
        sum(each.reasoning_tokens for each in used),
    )


def said_in(body: Mapping[str, Any]) -> str:
    """The text of the last message of the user. Raises BadRequest, also for what a pipeline cannot do."""
    for name, harmless in _REFUSED.items():
        if body.get(name) not in harmless:
            raise BadRequest(f"`{name}` is not supported by pipelines", param=name, code="unsupported_value")
    for index in range(len(body["messages"]) - 1, -1, -1):
        message = body["messages"][index]
        if message["role"] == "user":
            return _text_in(message.get("content"), f"messages[{index}].content")
    raise BadRequest("`messages` must hold a message of the user", param="messages")


def _text_in(content: Any, where: str) -> str:
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for part in content if isinstance(content, list) else [None]:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise BadRequest(f"`{where}` must be text: that is all that the pipeline takes", param=where)
        texts.append(part["text"])
    return "".join(texts)
