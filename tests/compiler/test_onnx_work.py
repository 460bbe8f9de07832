"""Whether shapes alone settle how long a model runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
from onnx import TensorProto, helper

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.onnx_model.work import is_settled
from inferc.compiler.plan import OnnxServingPlan

from ..runtime.onnx.toys import line, looping, save_model
from ..support.rows import each_row


def node(operator: str, *inputs: str, gives: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [gives], **attributes)


SENT = {
    "a column becomes a row": [node("Reshape", "x", "sent", gives="z"), node("Add", "x", "z")],
    "so, by a computed shape": [
        node("Add", "sent", "constant", gives="size"),
        node("Unsqueeze", "x", "size", gives="z"),
        node("Add", "x", "z"),
    ],
    "few rows or many": [node("Slice", "x", "constant", "sent", gives="z"), node("MatMul", "z", "x")],
    "grown": [node("Expand", "x", "sent")],
    "the best of few or many": [helper.make_node("TopK", ["x", "sent"], ["y", "places"])],
    "counted": [node("ConstantOfShape", "sent", gives="z"), node("Add", "x", "z")],
    "found": [node("NonZero", "x", gives="z"), node("Cast", "z", to=1)],
    "steps of a sequence": [helper.make_node("LSTM", ["x", "w", "w", "", "sent"], ["y"], hidden_size=2)],
    "what a newer version has": [node("OfLater", "x", "sent")],
}
SETTLED = {
    "a shape of the model's own": [node("Reshape", "x", "constant")],
    "one made of the shapes of inputs": [
        node("Shape", "x", gives="size"),
        node("Gather", "size", "constant", gives="first"),
        node("Concat", "first", "constant", gives="whole", axis=0),
        node("ConstantOfShape", "whole", gives="z"),
        node("Expand", "z", "size"),
    ],
    "places in a table": [node("Gather", "w", "sent")],
}


def of_nodes(path: Path, nodes: list[onnx.NodeProto], *, optional: bool = False) -> Path:
    """A model of `x` and `sent`. optional: a client may send the constant, too."""
    inputs: list[Any] = [("x", TensorProto.FLOAT, ["N", 1]), ("sent", TensorProto.INT64, [1])]
    inputs += [("constant", TensorProto.INT64, [1])] if optional else []
    weights = {"constant": numpy.array([1]), "w": numpy.ones((3, 8), numpy.float32)}
    outputs: list[Any] = [("y", TensorProto.FLOAT, None)]
    return save_model(path, nodes, inputs, outputs, weights)


@each_row("name", SENT)
def test_work_depends_on_values_where_one_that_is_sent_says_how_much(tmp_path: Path, name: str) -> None:
    assert not is_settled(of_nodes(tmp_path / "m.onnx", SENT[name]))


@pytest.mark.parametrize("name", SETTLED)
def test_work_is_settled_where_sizes_follow_from_constants_and_shapes(tmp_path: Path, name: str) -> None:
    assert is_settled(of_nodes(tmp_path / "m.onnx", SETTLED[name]))


def test_a_constant_that_a_client_may_send_is_none(tmp_path: Path) -> None:
    nodes = SETTLED["a shape of the model's own"]
    assert not is_settled(of_nodes(tmp_path / "m.onnx", nodes, optional=True))


def test_loops_functions_and_files_that_cannot_be_read_depend_on_values(tmp_path: Path) -> None:
    assert not is_settled(looping(tmp_path / "l.onnx", 3))
    assert not is_settled(line(tmp_path / "m.ort"))
    whole = line(tmp_path / "m.onnx")
    assert is_settled(whole)
    model = onnx.load(whole)
    inside = [node("Reshape", "x", "size")]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "Shaped", ["x", "size"], ["y"], inside, opsets))
    (tmp_path / "f.onnx").write_bytes(model.SerializeToString())
    assert not is_settled(tmp_path / "f.onnx")
    (tmp_path / "b.onnx").write_bytes(b"\xff")
    assert not is_settled(tmp_path / "b.onnx")


def test_a_plan_says_so_of_a_model(tmp_path: Path) -> None:
    line(tmp_path / "line.onnx")
    looping(tmp_path / "loop.onnx", 3)
    (tmp_path / "a.infer").write_text(
        "".join(f'deployment {name} {{ model = "{name}.onnx" }}\n' for name in ("line", "loop"))
    )
    checked = check_file("a.infer", tmp_path / "a.infer")
    plans = compile_checked(checked, tmp_path).deployments
    found = {each.deployment: each.settled_work for each in plans if isinstance(each, OnnxServingPlan)}
    assert found == {"line": True, "loop": False}
