"""Start, ask once, print the answer, stop."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from pathlib import Path

from attrs import asdict

from ...compiler.plan import TaskKind
from ...runtime.dialects.chunks import ChunkEvents
from ...runtime.executor import Executor
from ...runtime.requests.answer import ChatChunk, ChatEvents, Chunk, ClassifyChunk, EmbedChunk, RerankChunk
from ...runtime.requests.events import TextDelta
from ...runtime.requests.request import ChatRequest, ClassifyRequest, EmbedRequest, Request, RerankRequest
from ...runtime.requests.trace import Span, Trace
from ..plans import Ready
from .inputs import InputError, Inputs
from .timeline import timeline


async def answer(
    ready: Ready, name: str, inputs: Inputs, *, state: str | Path | None = None, trace: bool
) -> int:
    """Print the answer of `name`; gives the exit status. Raises InputError, StartError, RequestError.

    state: where spend and shared limits are kept; None: in memory.
    """
    executor = Executor(ready.plan, ready.base, state=state, trust_models=False)
    is_pipeline = any(each.pipeline == name for each in ready.plan.pipelines)
    spans: list[Span] = []
    await executor.start()
    began = asyncio.get_running_loop().time()
    try:
        if is_pipeline:
            await _run_pipeline(executor, name, inputs, spans)
        else:
            await _ask(executor, name, inputs, spans)
    finally:
        ended = asyncio.get_running_loop().time()
        await executor.stop()
        if trace:
            sys.stdout.flush()
            print(timeline(spans, began, ended), file=sys.stderr, end="")
    return 0


async def _run_pipeline(executor: Executor, name: str, inputs: Inputs, spans: list[Span]) -> None:
    from ...runtime.requests.pipeline_call import PipelineCall
    from ...runtime.serving.pipelines.pipeline import Result
    from ...runtime.serving.pipelines.values.texts import json_of

    pipeline = executor.pipeline(name)
    call = PipelineCall(pipeline.read(inputs.fields), executor.deadline())
    said = False
    trace = Trace(spans=spans)
    async with aclosing(executor.now.events(pipeline, call, trace)) as events:
        async for event in events:
            if isinstance(event, str):
                said = True
                print(event, end="", flush=True)
            elif isinstance(event, Result):
                print(
                    ""
                    if said
                    else event.value
                    if isinstance(event.value, str)
                    else json_of(event.value).decode()
                )


async def _ask(executor: Executor, name: str, inputs: Inputs, spans: list[Span]) -> None:
    request = _request(name, executor.model(name).task, inputs)
    if isinstance(request, ChatRequest):  # a trace that guesses would be none
        request.body.setdefault("stream_options", {"include_usage": True})
    trace, said = Trace(spans=spans), ChunkEvents()
    async with aclosing(executor.stream(name, request, executor.deadline(), trace)) as chunks:
        async for chunk in chunks:
            _show(chunk, said)
    if isinstance(request, ChatRequest):
        print()
    if trace.adapted:
        print(f"changed or left out for the model: {', '.join(trace.adapted)}", file=sys.stderr)


def _request(name: str, task: TaskKind, inputs: Inputs) -> Request:
    texts = inputs.texts
    match task:
        case TaskKind.CHAT | TaskKind.GENERATE:
            messages = [{"role": "user", "content": text} for text in texts]
            messages = [*inputs.fields.get("messages", ()), *messages]
            return ChatRequest(
                {**inputs.fields, "model": name, "messages": messages, "stream": True}, stream=True
            )
        case TaskKind.EMBED:
            return EmbedRequest(tuple(texts))
        case TaskKind.CLASSIFY:
            return ClassifyRequest(tuple(texts))
        case TaskKind.RERANK if len(texts) > 1:
            return RerankRequest(texts[0], tuple(texts[1:]))
        case TaskKind.RERANK:
            raise InputError(f"`{name}` ranks documents: inferc call FILE {name} QUERY DOCUMENT …")
    raise InputError(
        f"`{name}` takes tensors: send them to /v2/models/{name}/infer, or call it from a pipeline"
    )


def _show(chunk: Chunk, said: ChunkEvents) -> None:
    match chunk:
        case EmbedChunk():
            vectors = chunk.tokens or chunk.vectors
            for vector in vectors:
                print(json.dumps(vector.astype(float).round(6).tolist()))
        case RerankChunk():
            print(json.dumps([round(score, 6) for score in chunk.scores.tolist()]))
        case ClassifyChunk():
            for row in chunk.rows if chunk.spans is None else chunk.spans:
                print(json.dumps([asdict(label) for label in row], ensure_ascii=False))
        case ChatChunk() | ChatEvents():
            texts = (event.text for event in said.of(chunk) if isinstance(event, TextDelta))
            print("".join(texts), end="", flush=True)
