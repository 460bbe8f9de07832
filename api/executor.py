"""A plan that runs inside this process, without a server, and is asked from `async` code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import orjson
from attrs import asdict

from ..compiler.plan.reach import nodes_of
from ..runtime.dialects.chunks import ChunkEvents
from ..runtime.dialects.openai.requests import chat_request
from ..runtime.executor import Executor as RuntimeExecutor
from ..runtime.gateway.outgoing.chat_writer import ChatWriter
from ..runtime.requests.answer import ClassifyChunk, EmbedChunk, RerankChunk
from ..runtime.requests.errors import StartError, Unsupported
from ..runtime.requests.events import TextDelta
from ..runtime.requests.pipeline_call import PipelineCall
from ..runtime.requests.request import ClassifyRequest, EmbedRequest, RerankRequest
from ..runtime.serving.pipelines.values.texts import json_of
from .answer import Answer
from .checking import Source
from .plans import Plan, inside, plan_of

if TYPE_CHECKING:
    from typing import Self

Messages = str | Sequence[Mapping[str, Any]]
"""What is said to a model: a text, or messages as OpenAI's API has them."""


class Executor:
    """Everything that a plan describes, running: models in memory, connections, and all policies.

        async with inferc.Executor("hello.infer") as executor:
            answer = await executor.chat("gpt", "Good morning!")

    source: a plan, or the file of one, as `load` takes it. state: where spend and shared limits are kept: a
    folder, or a `redis://` URL; None: in memory. All methods raise RequestError for what cannot be answered.
    """

    def __init__(self, source: Source | Plan, *, state: Source | None = None) -> None:
        self.plan = plan_of(source)
        """What is served."""
        self._state = state
        self._running: RuntimeExecutor | None = None

    async def __aenter__(self) -> Self:
        """Start everything. Raises StartError with all problems."""
        if self._running is not None:
            raise RuntimeError("this executor runs already: use one for each `async with`")
        running = executor_of(self.plan, self._state)
        try:
            await running.start()
        except BaseException:
            await running.stop()
            raise
        self._running = running
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        running, self._running = self._executor, None
        await running.stop()

    async def chat(self, model: str, messages: Messages, /, **parameters: Any) -> Answer:
        """The answer of `model`, a deployment, a route, or a pipeline that chats.

        parameters: those of OpenAI's chat completions, such as `temperature` and `tools`.
        """
        name, request = chat_request(_body(model, messages, parameters) | {"stream": False})
        chunk = await self._executor.answer(name, request, self._executor.deadline())
        return Answer(orjson.loads(ChatWriter(request).whole(chunk)))

    async def stream(self, model: str, messages: Messages, /, **parameters: Any) -> AsyncIterator[str]:
        """The same in pieces of text, as they come; `contextlib.aclosing` around it cancels the request."""
        name, request = chat_request(_body(model, messages, parameters) | {"stream": True})
        said = ChunkEvents()
        answer = self._executor.stream(name, request, self._executor.deadline())
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                for event in said.of(chunk):
                    if isinstance(event, TextDelta) and event.text:
                        yield event.text

    async def embed(self, model: str, texts: Sequence[str], /) -> list[list[float]]:
        """A vector for each text."""
        if not texts:
            return []
        request = EmbedRequest(_texts(texts))
        chunk = await self._executor.answer(model, request, self._executor.deadline())
        assert isinstance(chunk, EmbedChunk)
        if chunk.tokens:
            raise Unsupported(f"`{model}` gives a vector for each token: use it in a pipeline")
        vectors: list[list[float]] = chunk.vectors.tolist()
        return vectors

    async def classify(self, model: str, texts: Sequence[str], /) -> list[list[dict[str, Any]]]:
        """For each text its labels with their scores, the best first; or the parts of it that have one."""
        if not texts:
            return []
        request = ClassifyRequest(_texts(texts))
        chunk = await self._executor.answer(model, request, self._executor.deadline())
        assert isinstance(chunk, ClassifyChunk)
        return [[asdict(label) for label in row] for row in (chunk.spans or chunk.rows)]

    async def rerank(self, model: str, query: str, documents: Sequence[str], /) -> list[float]:
        """A score for each document: how much it says about `query`."""
        if not documents:
            return []
        request = RerankRequest(query, _texts(documents))
        chunk = await self._executor.answer(model, request, self._executor.deadline())
        assert isinstance(chunk, RerankChunk)
        return [float(score) for score in chunk.scores]

    async def run(self, pipeline: str, /, **inputs: Any) -> Any:
        """What a pipeline gives, as values of JSON; bytes and images, on both ways, are text in base64."""
        running = self._executor
        called = running.pipeline(pipeline)
        result = await running.now.run(called, PipelineCall(called.read(inputs), running.deadline()))
        return orjson.loads(json_of(result.value))

    @property
    def _executor(self) -> RuntimeExecutor:
        if self._running is None:
            raise RuntimeError("this executor does not run: `async with` starts it")
        return self._running


def executor_of(plan: Plan, state: Source | None) -> RuntimeExecutor:
    """What runs the plan, not started yet. Raises StartError."""
    if len(nodes := nodes_of(inside(plan))) > 1:
        raise StartError(
            f"the plan places models on {len(nodes)} machines ({', '.join(nodes)}), and this is one: without "
            "the `cluster` block, all of them start here"
        )
    kept = state if isinstance(state, str) and "://" in state else Path(state) if state is not None else None
    return RuntimeExecutor(inside(plan), plan.base, state=kept, trust_models=False)


def _body(model: str, messages: Messages, parameters: Mapping[str, Any]) -> dict[str, Any]:
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
    return {**parameters, "model": model, "messages": said}


def _texts(texts: Sequence[str]) -> tuple[str, ...]:
    if isinstance(texts, str):
        raise TypeError("one text is given where a list of texts is wanted: write `[text]`")
    return tuple(texts)
