"""Calls of deployments, routes and pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from .....compiler.plan import CallNode, ParameterPlan, TaskKind, ToolPlan
from .....compiler.plan.record import frozen
from ....requests.answer import EmbedChunk, RerankChunk
from ....requests.request import EmbedRequest, RerankRequest
from ...model import Model
from ..activation import Activation
from ..block import Act
from ..externs import Extern, ask_extern
from ..run import Run
from ..step_retries import Tries
from ..text_sink import Sink
from ..workers.workers import Workers
from .asker import Ask, Asker
from .chats import chat
from .tools import Called, functions_of

if TYPE_CHECKING:
    from ..pipeline import Pipeline


@frozen
class Targets:
    """What calls reach, by name. random: where further tries take their jitter from."""

    models: Mapping[str, Model]
    pipelines: Mapping[str, Pipeline]
    externs: Mapping[str, Extern]
    random: Random


def call(node: CallNode, slots: Mapping[str, int], targets: Targets, workers: Workers, is_tail: bool) -> Act:
    """workers: where answers of a type are read when they are long.

    is_tail: its text is that of the pipeline, and goes out as it comes.
    """
    arguments = {name: slots[each] for name, each in node.arguments.items()}
    tries = Tries(0 if node.tools else node.retries, node.timeout, targets.random)
    label = node.name.partition(".")[0]
    if node.task is None:
        return _call_pipeline(targets.pipelines[node.target], label, arguments, tries, node.timeout, is_tail)
    model = targets.models[node.target]
    ask = _ask(node, arguments, targets, workers)
    timeout = node.timeout

    async def act(at: Activation) -> Any:
        run, frame = at.run, at.frame
        sink = at.sink if is_tail else None
        until = run.until(timeout)
        with run.tracing(label, at.place) as trace:
            asker = Asker(model, run, trace, label, at.place, run.wanted if is_tail else None)
            return await tries.of(lambda until: ask(asker, frame, until, sink), until, sink)

    return act


def _call_pipeline(
    pipeline: Pipeline,
    label: str,
    arguments: Mapping[str, int],
    tries: Tries,
    timeout: float | None,
    is_tail: bool,
) -> Act:
    async def act(at: Activation) -> Any:
        run, frame = at.run, at.frame
        sink = at.sink if is_tail else None
        values = {name: frame[slot] for name, slot in arguments.items()}
        path = f"{run.above}{label}{at.place}"

        async def once(until: float | None) -> Any:
            inner = run.below(
                pipeline.name, pipeline.plan.source, pipeline.counters, path, until, is_tail=is_tail
            )
            return await pipeline.value(values, inner, sink)

        with run.timing(label):
            return await tries.of(once, run.until(timeout), sink)

    return act


def _known(targets: Targets, tool: ToolPlan) -> tuple[tuple[ParameterPlan, ...], Called]:
    """What a function that a model may call takes, and how it is called."""
    if tool.is_extern:
        extern = targets.externs[tool.target]
        return extern.plan.parameters, partial(ask_extern, extern)
    pipeline = targets.pipelines[tool.target]

    async def called(run: Run, step: str, place: str, values: Mapping[str, Any], until: float | None) -> Any:
        path = f"{run.above}{step}{place}"
        inner = run.below(pipeline.name, pipeline.plan.source, pipeline.counters, path, until, is_tail=False)
        with run.timing(step):
            return await pipeline.value(values, inner)

    return pipeline.plan.parameters, called


def _ask(node: CallNode, arguments: Mapping[str, int], targets: Targets, workers: Workers) -> Ask:
    match node.task:
        case TaskKind.CHAT | TaskKind.GENERATE if node.tools:
            offered = functions_of(node.tools, node.on_tool_error, partial(_known, targets), workers)
            # each time that the model is asked: what it has called is not called again
            each_round = Tries(node.retries, node.timeout, targets.random)
            return chat(node, arguments, workers, offered, each_round)
        case TaskKind.CHAT | TaskKind.GENERATE:
            return chat(node, arguments, workers)
        case TaskKind.EMBED:
            return _embed(arguments["input"], arguments.get("input_type"))
        case TaskKind.RERANK:
            return _rerank(arguments["query"], arguments["documents"])
        case TaskKind.CLASSIFY | TaskKind.TENSOR:
            from .tensors import classify, infer

            ask = classify if node.task is TaskKind.CLASSIFY else infer
            return ask(node, arguments, targets.models[node.target])
    raise TypeError(f"no such task: {node.task!r}")


def _embed(slot: int, input_type: int | None) -> Ask:
    """A vector for a text, [dimensions]; a matrix for a list of texts, [texts, dimensions].

    Of a model with a vector for each token a matrix, [tokens, dimensions]; a list of matrices.
    """

    async def ask(asker: Asker, frame: list[Any], until: float | None, sink: Sink | None) -> Any:
        given = frame[slot]
        texts = (given,) if isinstance(given, str) else tuple(given)
        if not texts:
            return _nothing(0, 0)
        options = {"input_type": frame[input_type]} if input_type is not None else {}
        chunk = await asker.whole(EmbedRequest(texts, options=options), until)
        assert isinstance(chunk, EmbedChunk)
        found: Any = list(chunk.tokens) or chunk.vectors
        return found[0] if isinstance(given, str) else found

    return ask


def _rerank(query: int, documents: int) -> Ask:
    """A score for each document, [documents]."""

    async def ask(asker: Asker, frame: list[Any], until: float | None, sink: Sink | None) -> Any:
        if not frame[documents]:
            return _nothing(0)
        chunk = await asker.whole(RerankRequest(frame[query], tuple(frame[documents])), until)
        assert isinstance(chunk, RerankChunk)
        return chunk.scores

    return ask


def _nothing(*shape: int) -> Any:
    import numpy

    return numpy.zeros(shape, numpy.float32)
