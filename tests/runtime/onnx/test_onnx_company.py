"""Requests share a run of a model only where that changes no answer: it is tried when the model starts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest
from attrs import evolve
from numpy.typing import NDArray
from onnx import TensorProto, helper

from inferc.compiler.onnx_model.reader import read_model
from inferc.compiler.plan import Batching, Duration, OnnxServingPlan, Pooling
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.loading import loaded_model
from inferc.runtime.replicas.onnx.remembered import Remembered
from inferc.runtime.replicas.onnx.runs import batching_trial
from inferc.runtime.replicas.onnx.runs.batching_trial import is_same

from ...support.rows import each_row
from .plans import embed, embed_spec, onnx_plan, running
from .test_onnx_generate import lm_plan, text_of
from .test_onnx_tensor import fp32, infer
from .toys import (
    Value,
    byte_tokenizer,
    causal_lm,
    dynamically_quantized,
    echo,
    load,
    save_model,
    scorer,
    tensor_plan,
)

BATCHING = Batching(max_size=8, max_delay=Duration(0.02))
node = helper.make_node


def toy(
    path: Path,
    nodes: Sequence[Any],
    shape: Sequence[int | str | None],
    weights: dict[str, NDArray[Any]] | None = None,
    kind: int = TensorProto.FLOAT,
) -> OnnxServingPlan:
    """From `x` to `y`, both of `shape`, with batching."""
    sides: list[Value] = [("x", kind, shape), ("y", TensorProto.FLOAT, shape)]
    model = save_model(path, nodes, sides[:1], sides[1:], weights)
    return evolve(tensor_plan(model, batching=BATCHING), signature=read_model(model).signature)


def running_sum(path: Path, shape: Sequence[int | str | None]) -> OnnxServingPlan:
    return toy(path, [node("CumSum", ["x", "axis"], ["y"])], shape, {"axis": numpy.array(0, numpy.int64)})


def late(path: Path) -> OnnxServingPlan:
    """Each row has the one six places before added to it."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["rows"]),
        node("Unsqueeze", ["rows", "zero_list"], ["end"]),
        node("Pad", ["x", "before"], ["padded"]),
        node("Slice", ["padded", "zero_list", "end"], ["earlier"]),
        node("Add", ["x", "earlier"], ["y"]),
    ]
    weights = {
        "zero": numpy.array(0, numpy.int64),
        "zero_list": numpy.array([0], numpy.int64),
        "before": numpy.array([6, 0, 0, 0], numpy.int64),
    }
    return toy(path, nodes, ["n", 2], weights)


def centred(path: Path) -> OnnxServingPlan:
    """The mean of all rows is taken from each."""
    nodes = [
        node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        node("Sub", ["x", "mean"], ["y"]),
    ]
    return toy(path, nodes, ["batch", 3])


def one_by_one(path: Path) -> OnnxServingPlan:
    """Says that it takes any number of rows, and fails for more than one."""
    nodes = [
        node("Squeeze", ["x", "first"], ["row"]),
        node("Unsqueeze", ["row", "first"], ["again"]),
        node("Add", ["x", "again"], ["y"]),
    ]
    return toy(path, nodes, ["batch", 3], {"first": numpy.array([0], numpy.int64)})


def picky(path: Path) -> OnnxServingPlan:
    """Takes 77 columns, which it does not say."""
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    return toy(path, nodes, ["batch", "columns"], {"w": numpy.eye(77, dtype=numpy.float32)})


def quantized(path: Path) -> OnnxServingPlan:
    plan = tensor_plan(dynamically_quantized(path), batching=BATCHING)
    return evolve(plan, signature=read_model(path).signature)


ALONE = {
    "sums along the time": (lambda path: running_sum(path, ["samples"]), "no batch"),
    "sums along the time, beside a batch": (lambda path: running_sum(path, ["seq", "batch", 4]), "no batch"),
    "looks far back": (late, "no batch"),
    "takes the mean of all rows": (centred, "computes across it"),
    "fails for several rows": (one_by_one, "several rows together make the model fail"),
    "takes no made-up input": (picky, "takes none of the inputs that it was tried with"),
    "quantises while it runs": (quantized, "it quantises all rows of a run with one scale, in `scales`"),
}


async def answers(replica: OnnxReplica, rows: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """What each gets when all are asked for at the same time."""
    found = await asyncio.gather(*(infer(replica, fp32("x", row)) for row in rows))
    return [each["y"] for each in found]


@pytest.mark.parametrize("name", ALONE)
async def test_where_rows_change_each_other_each_request_runs_alone_and_a_warning_says_why(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make, why = ALONE[name]
    plan = make(tmp_path / "m.onnx")
    async with running(plan) as replica:
        status = replica.status()
        [warning] = status.warnings
        assert warning.startswith("deployment `toy`: its requests run one by one, whatever `batching` says: ")
        assert why in warning
        assert warning in caplog.messages
        [x] = status.inputs
        assert x.shape is not None
        sizes = [1, *(77 if size is None else size for size in x.shape[1:])]
        random = numpy.random.default_rng(3)
        rows = [random.normal(0, 10.0 ** (index % 4 - 2), sizes) for index in range(24)]
        together = await answers(replica, rows)
        alone = [(await answers(replica, [row]))[0] for row in rows]
    assert all(numpy.array_equal(one, other) for one, other in zip(alone, together, strict=True))
    assert set(status.run_sizes) == {1}


async def test_a_model_that_draws_random_numbers_is_told_as_such(tmp_path: Path) -> None:
    weights: dict[str, NDArray[Any]] = {
        "ratio": numpy.array(0.5, numpy.float32),
        "training": numpy.array(True),
    }
    nodes = [node("Dropout", ["x", "ratio", "training"], ["y"])]
    async with running(toy(tmp_path / "m.onnx", nodes, ["batch", 64], weights)) as replica:
        [warning] = replica.status().warnings
        assert "the same row gets another result each time: the model draws random numbers" in warning


SHARED = {
    "rows": ("FP32", ["batch", 3]),
    "rows of unknown size": ("FP32", ["n", None, "m"]),
    "single numbers": ("FP32", ["n"]),
    "halves": ("FP16", ["batch", 2]),
    "brains": ("BF16", ["batch", 2]),
    "whole numbers": ("INT64", ["batch", 4]),
    "bytes": ("UINT8", ["batch", 4]),
    "truths": ("BOOL", ["batch", 4]),
    "texts": ("BYTES", ["batch", 2]),
    "single texts, such as names of classes": ("BYTES", ["n"]),
}


@pytest.mark.parametrize("name", SHARED)
async def test_where_rows_stay_apart_requests_share_runs_whatever_they_hold(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    datatype, shape = SHARED[name]
    model = echo(tmp_path / "m.onnx", datatype, shape)
    async with running(tensor_plan(model, batching=BATCHING)) as replica:
        assert replica.status().warnings == ()
        if datatype == "FP32":
            sizes = [1, *(2 if size is None or isinstance(size, str) else size for size in shape[1:])]
            await asyncio.gather(
                *(infer(replica, fp32("x", numpy.full(sizes, index))) for index in range(24))
            )
            assert max(replica.status().run_sizes) > 1
    assert caplog.records == []


async def test_tokens_and_masks_are_made_up_so_that_a_model_takes_them(tmp_path: Path) -> None:
    model = scorer(tmp_path / "m.onnx", 3, vocabulary=3)
    async with running(tensor_plan(model, batching=BATCHING)) as replica:
        assert replica.status().warnings == ()


async def test_shapes_of_the_warm_up_are_tried_first(tmp_path: Path) -> None:
    plan = evolve(picky(tmp_path / "m.onnx"), warm_up=({"x": (4, 77)},))
    async with running(plan) as replica:
        assert replica.status().warnings == ()


async def test_what_was_seen_to_stay_apart_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for other settings it is, where it warned, where there was no time for all rows, and on a GPU."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plan = tensor_plan(echo(tmp_path / "m.onnx", "FP32", ["batch", 2]), batching=BATCHING)
    same, quick = batching_trial.is_same, batching_trial._QUICK

    async def warns(plan: OnnxServingPlan, agrees: bool, seconds: float = quick) -> bool:
        """In a process of its own, where results agree or not."""
        monkeypatch.setattr(batching_trial, "_alike", Remembered("shared_runs"))
        monkeypatch.setattr(batching_trial, "is_same", same if agrees else lambda *_: False)
        monkeypatch.setattr(batching_trial, "_QUICK", seconds)
        async with running(plan) as replica:
            return bool(replica.status().warnings)

    assert await warns(plan, agrees=False)
    assert not await warns(plan, agrees=True, seconds=0)
    assert await warns(plan, agrees=False)
    assert not await warns(plan, agrees=True)
    assert not await warns(plan, agrees=False)
    assert await warns(evolve(plan, batching=evolve(BATCHING, max_size=3)), agrees=False)
    assert await warns(evolve(plan, warm_up=({"x": (1, 2)},)), agrees=False)
    session = evolve(plan.session, memory_pattern=not plan.session.memory_pattern)
    assert await warns(evolve(plan, session=session), agrees=False)
    here = "inferc.runtime.replicas.onnx.cache_key._processor"
    for name in (here, "onnxruntime.get_build_info"):
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(name, lambda: "another")
            assert await warns(plan, agrees=False)
    with monkeypatch.context() as later:
        later.setattr("onnxruntime.__version__", "9.9.9")
        assert await warns(plan, agrees=False)
    other = tensor_plan(echo(tmp_path / "other.onnx", "FP32", ["batch", 3]), batching=BATCHING)
    monkeypatch.setattr(loaded_model, "device_of", lambda *_: ("cuda", 0))
    assert not await warns(other, agrees=True)
    assert await warns(plan, agrees=False)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert await warns(other, agrees=False)
    assert not await warns(plan, agrees=False)


async def test_without_batching_nothing_is_tried(tmp_path: Path) -> None:
    plan = evolve(centred(tmp_path / "m.onnx"), batching=None)
    async with running(plan) as replica:
        assert replica.status().warnings == ()


# ---- texts


def mixing(path: Path) -> Path:
    """A scorer of texts that takes the mean of all texts from each."""
    made = load(scorer(path, 3))
    [last] = [each for each in made.graph.node if each.output == ["logits"]]
    last.output[:] = ["before"]
    made.graph.node.extend(
        [
            node("ReduceMean", ["before"], ["mean"], axes=[0], keepdims=1),
            node("Sub", ["before", "mean"], ["logits"]),
        ]
    )
    path.write_bytes(made.SerializeToString())
    return path


def unmasked(path: Path) -> Path:
    """A scorer of texts that counts padding, too."""
    made = load(scorer(path, 3))
    for each in made.graph.node:
        each.input[:] = ["each" if name == "kept" else name for name in each.input]
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.parametrize("make", [mixing, unmasked])
@pytest.mark.parametrize("batching", [None, BATCHING])
async def test_texts_that_change_each_other_run_one_by_one(
    make: Any, batching: Batching | None, tmp_path: Path
) -> None:
    task = embed_spec(pooling=Pooling.NONE, normalize=False)
    plan = onnx_plan(model=make(tmp_path / "m.onnx"), task=task, batching=batching)
    texts = ["a", "a longer text of some words", "two words"] * 3
    async with running(plan) as replica:
        [warning] = replica.status().warnings
        assert "its texts run one by one" in warning
        together = (await embed(replica, *texts)).vectors
        for text, vector in zip(texts, together, strict=True):
            assert numpy.array_equal((await embed(replica, text)).vectors[0], vector)


async def test_texts_that_are_written_take_turns_where_they_change_each_other(tmp_path: Path) -> None:
    made = load(causal_lm(tmp_path / "m.onnx", can_pad=True))
    [last] = [each for each in made.graph.node if each.output == ["logits"]]
    last.output[:] = ["before"]
    made.graph.node.extend(
        [
            node("ReduceMean", ["before"], ["mean"], axes=[0], keepdims=1),
            node("Sub", ["before", "mean"], ["less"]),
            node("Add", ["less", "before"], ["logits"]),
        ]
    )
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    byte_tokenizer(tmp_path / "tokenizer.json")
    plan = evolve(lm_plan(tmp_path, "m.onnx"), batching=BATCHING)
    prompts = ["one", "two", "sea", "sky"]
    async with running(plan) as replica:
        [warning] = replica.status().warnings
        assert "its texts take turns" in warning
        alone = [await text_of(replica, prompt) for prompt in prompts]
        assert await asyncio.gather(*(text_of(replica, prompt) for prompt in prompts)) == alone
    assert set(replica.status().run_sizes) <= {1}


# ---- what is the same


@each_row(
    ("one", "other", "same"),
    [
        ([1.0, 2.0], [1.0, 2.0005], True),
        ([1.0, 2.0], [1.0, 2.01], False),
        ([numpy.nan, numpy.inf], [numpy.nan, numpy.inf], True),
        ([numpy.nan], [1.0], False),
        ([numpy.inf], [-numpy.inf], False),
        ([0.0, 0.0], [0.0, 1e-30], False),
        ([[1.0]], [1.0], False),
    ],
)
def test_numbers_are_the_same_but_for_rounding(one: Any, other: Any, same: bool) -> None:
    assert is_same(numpy.array(one, numpy.float32), numpy.array(other, numpy.float32)) is same


def test_rounding_is_as_coarse_as_the_numbers_and_the_device() -> None:
    one, other = numpy.array([1.0, 2.0]), numpy.array([1.0, 2.02])
    assert not is_same(one.astype(numpy.float32), other.astype(numpy.float32))
    assert is_same(one.astype(numpy.float16), other.astype(numpy.float16))
    assert is_same(one.astype(numpy.float32), other.astype(numpy.float32), "cuda")
    assert not is_same(numpy.array([1, 2]), numpy.array([1, 3]))
