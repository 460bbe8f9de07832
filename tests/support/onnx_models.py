"""ONNX models of a few hundred bytes, with the signatures that tests need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper

Shape = Sequence[int | str | None] | None
Value = tuple[str, int, Shape]
"""A name, ONNX's number of a type, and a shape."""

TOKENS: Shape = ["batch", "sequence"]


def model(
    inputs: Sequence[Value], outputs: Sequence[Value], weights: Sequence[onnx.TensorProto] = ()
) -> onnx.ModelProto:
    """A model with this signature. It cannot be run: nothing computes its outputs."""
    graph = helper.make_graph(
        [],
        "graph",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        list(weights),
    )
    return helper.make_model(
        graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)], producer_name="inferc-tests"
    )


def embedder() -> onnx.ModelProto:
    """Like MiniLM: three token inputs, one vector per token."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    tokens: list[Value] = [(name, TensorProto.INT64, TOKENS) for name in names]
    return model(tokens, [("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", 384])])


def finder() -> onnx.ModelProto:
    """It says of each token whether an answer begins or ends with it."""
    made = pair_scorer()
    sides = [(name, TensorProto.FLOAT, TOKENS) for name in ("start_logits", "end_logits")]
    made.graph.ClearField("output")
    made.graph.output.extend(helper.make_tensor_value_info(*side) for side in sides)
    return made


def pair_scorer(classes: int = 1) -> onnx.ModelProto:
    """A cross-encoder, or a classifier of texts."""
    tokens: list[Value] = [(n, TensorProto.INT64, TOKENS) for n in ("input_ids", "attention_mask")]
    return model(tokens, [("logits", TensorProto.FLOAT, ["batch", classes])])


def digits() -> onnx.ModelProto:
    """A classifier of images, exported for one image at a time."""
    image: Value = ("image", TensorProto.FLOAT, [1, 1, 28, 28])
    return model([image], [("scores", TensorProto.FLOAT, [1, 10])])


def rows() -> onnx.ModelProto:
    """Any number of rows in, as many out."""
    shape: Shape = ["batch", 4]
    return model([("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, shape)])


def causal(layers: int = 2, dtype: int = TensorProto.FLOAT, position_ids: bool = True) -> onnx.ModelProto:
    """A language model in the layout of Optimum, with its past."""
    ids: list[Value] = [
        ("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"]),
        ("attention_mask", TensorProto.INT64, ["batch_size", "past_sequence_length + sequence_length"]),
    ]
    if position_ids:
        ids.append(("position_ids", TensorProto.INT64, ["batch_size", "sequence_length"]))
    kinds = [f"{layer}.{part}" for layer in range(layers) for part in ("key", "value")]
    past: list[Value] = [
        (f"past_key_values.{kind}", dtype, ["batch_size", 4, "past_sequence_length", 16]) for kind in kinds
    ]
    present: list[Value] = [
        (f"present.{kind}", dtype, ["batch_size", 4, "past_sequence_length + sequence_length", 16])
        for kind in kinds
    ]
    logits: Value = ("logits", dtype, ["batch_size", "sequence_length", 96])
    return model([*ids, *past], [logits, *present])


def split(location: str = "split.onnx.data", length: int = 64) -> onnx.ModelProto:
    """Like `embedder`, with a weight in another file."""
    weight = onnx.TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[length // 4])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        weight.external_data.add(key=key, value=value)
    made = embedder()
    made.graph.initializer.append(weight)
    return made


def newer() -> onnx.ModelProto:
    """Written by an `onnx` that no runtime knows."""
    made = digits()
    made.ir_version = 99
    made.opset_import[0].version = 99
    return made


def quotient() -> onnx.ModelProto:
    """Divides integers that are sent by each other."""
    names = ("parts", "all", "quotient")
    sides: list[Value] = [(name, TensorProto.INT64, ["n"]) for name in names]
    made = model(sides[:2], sides[2:])
    made.graph.node.append(helper.make_node("Div", ["parts", "all"], ["quotient"]))
    return made


def save(made: onnx.ModelProto, path: Path) -> Path:
    """Write `made` as it is, external data left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.SerializeToString(deterministic=True))
    return path
