"""Requests without rows, weights that may be given, and operators that ONNX Runtime does not have."""

from __future__ import annotations

from pathlib import Path

import numpy
import onnxruntime_extensions
import pytest
from attrs import evolve
from onnx import TensorProto, helper

from inferc.compiler.plan import Batching
from inferc.runtime.requests.answer import TensorChunk
from inferc.runtime.requests.request import TensorRequest
from inferc.runtime.requests.tensor import Tensor

from ...support.flows import value_of
from ...support.projects import Project
from ...support.remote import running as serving
from .plans import running
from .toys import echo, save_model, tensor_plan

F32 = TensorProto.FLOAT


def rows(count: int) -> TensorRequest:
    return TensorRequest((Tensor("x", "FP32", numpy.zeros((count, 2), numpy.float32)),))


@pytest.mark.parametrize("batching", [None, Batching(max_size=4)])
async def test_no_rows_are_answered_with_no_rows(tmp_path: Path, batching: Batching | None) -> None:
    plan = evolve(tensor_plan(echo(tmp_path / "m.onnx", "FP32")), batching=batching)
    async with running(plan) as replica:
        chunk = await replica.answer(rows(0), None)
    assert isinstance(chunk, TensorChunk)
    assert chunk.outputs[0].values.shape == (0, 2)


async def test_a_model_that_takes_no_empty_batch_gives_none_as_its_file_says(tmp_path: Path) -> None:
    """ReduceMax of nothing is an error; its file says what the output would be."""
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["largest"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "largest"], ["y"]),
    ]
    sides = [(name, F32, ["n", 2]) for name in ("x", "y")]
    model = save_model(tmp_path / "m.onnx", nodes, sides[:1], sides[1:])
    async with running(tensor_plan(model)) as replica:
        chunk = await replica.answer(rows(0), None)
    assert isinstance(chunk, TensorChunk)
    assert chunk.outputs[0].values.shape == (0, 2)


async def test_a_pipeline_may_give_a_weight_that_is_an_input_too(tmp_path: Path) -> None:
    save_model(
        tmp_path / "m.onnx",
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        [("x", F32, ["n"]), ("factor", F32, [1])],
        [("y", F32, ["n"])],
        {"factor": numpy.array([2], numpy.float32)},
    )
    project = Project(tmp_path)
    text = (
        'deployment m { model = "m.onnx" }\n'
        "pipeline p(x: tensor<f32, [2]>) -> list<list<float>> { return [m(x), m(x = x, factor = [3.0])] }\n"
    )
    async with serving(project.plan(text), tmp_path) as executor:
        assert await value_of(executor.pipelines["p"], x=[1, 2]) == [[2, 4], [3, 6]]
    assert project.codes(text.replace("factor", "facto")) == ["E0311"]


async def test_a_model_with_operators_of_a_library_that_the_file_names(tmp_path: Path) -> None:
    library = Path(onnxruntime_extensions.get_library_path())
    (tmp_path / "ops.so").symlink_to(library)
    node = helper.make_node("StringUpper", ["x"], ["y"], domain="ai.onnx.contrib")
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.STRING, ["n"])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.contrib", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    project = Project(tmp_path)
    text = (
        'deployment m { model = "m.onnx", runtime ort { custom_ops = ["ops.so"] } }\n'
        "pipeline p(words: list<text>) -> list<text> { return m(words) }\n"
    )
    async with serving(project.plan(text), tmp_path) as executor:
        assert await value_of(executor.pipelines["p"], words=["a", "bc"]) == ["A", "BC"]
    assert project.codes(text.replace("ops.so", "no.so")) == ["E0501"]
