"""Models that run on another machine answer as they do here: the gateway asks them over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest
from attrs import evolve

from inferc.compiler.plan import ClassifySpec, OnnxServingPlan, Plan, RerankSpec
from inferc.compiler.plan.split import split
from inferc.runtime.executor import Executor
from inferc.runtime.requests.answer import ClassifyChunk, EmbedChunk, TensorChunk
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import (
    ClassifyRequest,
    EmbedRequest,
    Request,
    RerankRequest,
    TensorRequest,
)
from inferc.runtime.requests.tensor import Tensor

from ...support.remote import gateway_of, plan_of, running
from .plans import MODELS, file_ref, onnx_plan
from .toys import line, scorer, small_plan, tensor_plan

TOKENIZER = file_ref(MODELS / "tokenizer.json")
TEXTS = ("hello", "a longer one")


def plans(folder: Path) -> list[OnnxServingPlan]:
    one, three = scorer(folder / "one.onnx", 1), scorer(folder / "three.onnx", 3)
    return [
        small_plan(folder),
        evolve(onnx_plan(model=one, task=RerankSpec(tokenizer=TOKENIZER)), deployment="ranker"),
        evolve(
            onnx_plan(model=three, task=ClassifySpec(tokenizer=TOKENIZER, labels=("a", "b", "c"))),
            deployment="classes",
        ),
        tensor_plan(line(folder / "line.onnx"), "line/with a slash"),
    ]


@asynccontextmanager
async def elsewhere(plan: Plan) -> AsyncIterator[Executor]:
    """The gateway's part of `plan`, with each other part served at an address of its own."""
    async with AsyncExitStack() as stack:
        addresses = {}
        for part in split(plan, lambda name: "http://127.0.0.1:1")[1]:
            executor = await stack.enter_async_context(running(part.plan))
            addresses[part.name] = await stack.enter_async_context(gateway_of(executor))
        yield await stack.enter_async_context(running(split(plan, addresses.__getitem__)[0]))


def tensors(rows: int = 2) -> tuple[Tensor, ...]:
    values = numpy.arange(rows * 3, dtype=numpy.float32).reshape(rows, 3)
    values[0, 0] = numpy.inf  # which JSON has no word for
    return (Tensor("x", "FP32", values), Tensor("shift", "FP32", values))


REQUESTS: list[tuple[str, Request]] = [
    ("embedder", EmbedRequest(TEXTS)),
    ("ranker", RerankRequest("hello", TEXTS)),
    ("classes", ClassifyRequest(TEXTS)),
    ("classes", ClassifyRequest(TEXTS, top_k=2)),
    ("line/with a slash", TensorRequest(tensors())),
    ("line/with a slash", TensorRequest(tensors(), ("count",))),
]


async def test_every_task_is_answered_as_by_a_model_beside_the_gateway(tmp_path: Path) -> None:
    plan = plan_of(*plans(tmp_path))
    async with running(plan) as here, elsewhere(plan) as there:
        for name, request in REQUESTS:
            assert same(await here.answer(name, request), await there.answer(name, request)), name


async def test_what_a_model_refuses_is_the_clients_mistake_there_too(tmp_path: Path) -> None:
    plan = plan_of(*plans(tmp_path))
    x, shift = tensors()
    async with elsewhere(plan) as there:
        with pytest.raises(BadRequest, match="shift"):
            await there.answer("line/with a slash", TensorRequest((x,)))
        with pytest.raises(BadRequest):
            await there.answer("line/with a slash", TensorRequest((x, evolve(shift, datatype="INT64"))))


def same(one: Any, other: Any) -> bool:
    """Whether two answers are equal, but for what says who answered."""
    if isinstance(one, TensorChunk):
        pairs = zip(one.outputs, other.outputs, strict=True)
        return all(a.name == b.name and numpy.array_equal(a.values, b.values) for a, b in pairs)
    if isinstance(one, ClassifyChunk):
        return shown(one) == shown(other) and one.usage == other.usage
    field = "vectors" if isinstance(one, EmbedChunk) else "scores"
    close = numpy.allclose(getattr(one, field), getattr(other, field), atol=1e-6)
    return close and one.usage.prompt_tokens == other.usage.prompt_tokens


def shown(chunk: ClassifyChunk) -> list[tuple[str, int, float]]:
    return [(each.label, each.index, round(each.score, 6)) for row in chunk.rows for each in row]
