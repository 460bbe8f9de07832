"""Small models, made for the test that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import onnx
from attrs import evolve
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inferc.compiler.onnx_model.work import is_settled
from inferc.compiler.plan import OnnxServingPlan, Pooling, TaskKind, TaskSpec

from .plans import embed_spec, onnx_plan

DATATYPES: dict[str, int] = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "BF16": TensorProto.BFLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}
Value = tuple[str, int, Sequence[int | str | None]]


def save_model(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    weights: dict[str, NDArray[Any]] | None = None,
) -> Path:
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def echo(path: Path, datatype: str, shape: Sequence[int | str | None] = ("N", 2)) -> Path:
    """Gives `y`, which is `x`."""
    kind = DATATYPES[datatype]
    return save_model(
        path, [helper.make_node("Identity", ["x"], ["y"])], [("x", kind, shape)], [("y", kind, shape)]
    )


def crashing(path: Path) -> Path:
    """Ends the process that loads it: ONNX Runtime computes -2^31 / -1, and no 32-bit number is that big."""
    nodes = [
        helper.make_node("Div", ["least", "minus_one"], ["much"]),
        helper.make_node("Add", ["x", "much"], ["y"]),
    ]
    weights = {"least": numpy.array([-(2**31)], numpy.int32), "minus_one": numpy.array([-1], numpy.int32)}
    sides: list[Value] = [(name, TensorProto.INT32, ["N", 2]) for name in ("x", "y")]
    return save_model(path, nodes, sides[:1], sides[1:], weights)


ENDLESS = 2**62
"""Turns of a loop: as good as no end."""


def _loop(turns: str, start: str, result: str) -> list[Any]:
    """Nodes that give `start` as `result` after `turns` (one integer) turns of doing nothing."""
    shape: list[Any] = []
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, shape),
            helper.make_tensor_value_info("go", TensorProto.BOOL, shape),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, shape),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, None),
        ],
    )
    return [helper.make_node("Loop", [turns, "", start], [result], body=body)]


def looping(path: Path, turns: int) -> Path:
    """Gives `y`, which is `x`, FP32 [N, 2], after so many turns of a loop."""
    sides: list[Value] = [(name, TensorProto.FLOAT, ["N", 2]) for name in ("x", "y")]
    nodes = _loop("turns", "x", "y")
    return save_model(path, nodes, sides[:1], sides[1:], {"turns": numpy.array(turns, numpy.int64)})


def endless_for(path: Path, model: Path, number: str, value: int, output: str) -> Path:
    """`model`, which never gets done where its input `number`, of integers, holds `value` anywhere.

    output: the one that is waited for, of FP32.
    """
    made = load(model)
    for node in made.graph.node:
        node.output[:] = ["before_" + name if name == output else name for name in node.output]
    made.graph.node.extend(
        [
            helper.make_node("Equal", [number, "endless_value"], ["is_endless"]),
            helper.make_node("Cast", ["is_endless"], ["is_endless_number"], to=TensorProto.INT64),
            helper.make_node("ReduceMax", ["is_endless_number"], ["any_endless"], keepdims=0),
            helper.make_node("Mul", ["any_endless", "endless_turns"], ["turns"]),
            *_loop("turns", "before_" + output, output),
        ]
    )
    made.graph.initializer.extend(
        [
            numpy_helper.from_array(numpy.array(value, numpy.int64), "endless_value"),
            numpy_helper.from_array(numpy.array(ENDLESS, numpy.int64), "endless_turns"),
        ]
    )
    path.write_bytes(made.SerializeToString())
    return path


def line(path: Path, slope: float = 2.0) -> Path:
    """Gives `total` [N, 1], `slope` times the sum of `x` and `shift`, both FP32 [N, any]; and `count` [N]."""
    nodes = [
        helper.make_node("Add", ["x", "shift"], ["both"]),
        helper.make_node("Mul", ["both", "slope"], ["scaled"]),
        helper.make_node("ReduceSum", ["scaled", "axis"], ["total"], keepdims=1),
        helper.make_node("Cast", ["total"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["whole", "axis"], ["count"]),
    ]
    weights = {"slope": numpy.array(slope, numpy.float32), "axis": numpy.array([1], numpy.int64)}
    return save_model(
        path,
        nodes,
        [("x", TensorProto.FLOAT, ["N", None]), ("shift", TensorProto.FLOAT, ["N", None])],
        [("total", TensorProto.FLOAT, ["N", 1]), ("count", TensorProto.INT64, ["N"])],
        weights,
    )


def scorer(path: Path, classes: int, *, vocabulary: int = 40_000, batch: int | str = "batch") -> Path:
    """A model that reads tokens and gives `logits` [batch, classes]: each token adds what it is worth.

    batch: rows of each run, or a name where any number will do.
    """
    generator = numpy.random.default_rng(7)
    worth = generator.normal(0, 0.5, (vocabulary, classes)).astype(numpy.float32)
    nodes = [
        helper.make_node("Gather", ["worth", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["real"]),
        helper.make_node("Mul", ["each", "real"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens"], ["logits"], keepdims=0),
    ]
    axes = {"last": numpy.array([2], numpy.int64), "tokens": numpy.array([1], numpy.int64)}
    return save_model(
        path,
        nodes,
        [(name, TensorProto.INT64, [batch, "sequence"]) for name in ("input_ids", "attention_mask")],
        [("logits", TensorProto.FLOAT, [batch, classes])],
        {"worth": worth, **axes},
    )


def dynamically_quantized(path: Path) -> Path:
    """From `x` [batch, 8] to `y`, with int8 weights, and a scale for `x` that the node `scales` finds."""
    random = numpy.random.default_rng(5)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"], name="scales"),
        helper.make_node("MatMulInteger", ["q", "w", "zero", "nought"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "scale"], ["y"]),
    ]
    weights: dict[str, NDArray[Any]] = {
        "w": random.integers(-127, 127, (8, 8)).astype(numpy.int8),
        "nought": numpy.array(0, numpy.int8),
    }
    sides: list[Value] = [(name, TensorProto.FLOAT, ["batch", 8]) for name in ("x", "y")]
    return save_model(path, nodes, sides[:1], sides[1:], weights)


def tensor_plan(model: Path, name: str = "toy", **changes: Any) -> OnnxServingPlan:
    task = TaskSpec(kind=TaskKind.TENSOR)
    plan = onnx_plan(model=model, task=task, settled_work=is_settled(model), **changes)
    return evolve(plan, deployment=name)


def small_plan(folder: Path, **changes: Any) -> OnnxServingPlan:
    """An embedding deployment of a model that loads in a moment: three numbers for each text."""
    task = embed_spec(pooling=Pooling.NONE, normalize=False)
    return onnx_plan(model=scorer(folder / "small.onnx", 3), task=task, **changes)


def load(path: Path) -> onnx.ModelProto:
    return onnx.load(str(path))


def causal_lm(
    path: Path,
    *,
    fp16: bool = False,
    layers: int = 2,
    vocabulary: int = 320,
    heads: int = 2,
    size: int = 16,
    can_pad: bool = False,
    places: int = 64,
) -> Path:
    """A transformer in Optimum's layout, with random weights and a cache of keys and values.

    Positions are learned, `places` of them, and taken from `position_ids`. So is what comes later than what,
    unless `can_pad`: then texts may begin after padding.
    """
    width = heads * size
    kind = TensorProto.FLOAT16 if fp16 else TensorProto.FLOAT
    dtype = numpy.float16 if fp16 else numpy.float32
    generator = numpy.random.default_rng(11)

    def random(*shape: int) -> NDArray[Any]:
        return generator.normal(0, 3.4 * width**-0.5, shape).astype(dtype)

    weights: dict[str, NDArray[Any]] = {
        "words": random(vocabulary, width),
        "places": random(places, width),
        "out": random(width, vocabulary),
        "split": numpy.array([0, 0, heads, size], numpy.int64),
        "join": numpy.array([0, 0, width], numpy.int64),
        "root": numpy.array(size**-0.5, dtype),
        "hidden": numpy.array(-1e4, dtype),
        "zero": numpy.array(0, numpy.int64),
        "one": numpy.array(1, numpy.int64),
        "scale": numpy.ones(width, dtype),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["words", "input_ids"], ["word"]),
        node("Gather", ["places", "position_ids"], ["place"]),
        node("Add", ["word", "place"], ["x0"]),
        # Position j is hidden from position i when j > i, or where the mask says that it is none.
        node("Shape", ["attention_mask"], ["mask_shape"]),
        node("Gather", ["mask_shape", "one"], ["length"]),
        node("Range", ["zero", "length", "one"], ["every"]),
        *(
            [
                node("Shape", ["input_ids"], ["ids_shape"]),
                node("Gather", ["ids_shape", "one"], ["new"]),
                node("Sub", ["length", "new"], ["first"]),
                node("Range", ["first", "length", "one"], ["places_in_row"]),
                node("Unsqueeze", ["places_in_row", "around"], ["rows"]),
            ]
            if can_pad
            else [node("Unsqueeze", ["position_ids", "around"], ["rows"])]
        ),
        node("Greater", ["every", "rows"], ["later"]),
        node("Cast", ["attention_mask"], ["real"], to=TensorProto.BOOL),
        node("Not", ["real"], ["padding"]),
        node("Unsqueeze", ["padding", "one_list"], ["padding_rows"]),
        node("Or", ["later", "padding_rows"], ["unseen"]),
        node("Cast", ["unseen"], ["unseen_number"], to=kind),
        node("Mul", ["unseen_number", "hidden"], ["penalty"]),
        node("Unsqueeze", ["penalty", "one_list"], ["penalties"]),
    ]
    weights |= {
        "around": numpy.array([0, 2] if can_pad else [2], numpy.int64),
        "one_list": numpy.array([1], numpy.int64),
    }
    inputs: list[Value] = [
        ("input_ids", TensorProto.INT64, ["batch", "sequence"]),
        ("attention_mask", TensorProto.INT64, ["batch", "total"]),
        ("position_ids", TensorProto.INT64, ["batch", "sequence"]),
    ]
    outputs: list[Value] = [("logits", kind, ["batch", "sequence", vocabulary])]
    for layer in range(layers):
        p = f"l{layer}_"
        for name in "qkvo":
            weights[p + name] = random(width, width)
        nodes.append(node("LayerNormalization", [f"x{layer}", "scale"], [p + "norm"], axis=-1))
        for name in "qkv":
            nodes += [
                node("MatMul", [p + "norm", p + name], [p + name + "_flat"]),
                node("Reshape", [p + name + "_flat", "split"], [p + name + "_split"]),
                node("Transpose", [p + name + "_split"], [p + name + "_new"], perm=[0, 2, 1, 3]),
            ]
        for name, word in (("k", "key"), ("v", "value")):
            past, present = f"past_key_values.{layer}.{word}", f"present.{layer}.{word}"
            nodes.append(node("Concat", [past, p + name + "_new"], [present], axis=2))
            inputs.append((past, kind, ["batch", heads, "past", size]))
            outputs.append((present, kind, ["batch", heads, "total", size]))
        nodes += [
            node("Transpose", [f"present.{layer}.key"], [p + "kt"], perm=[0, 1, 3, 2]),
            node("MatMul", [p + "q_new", p + "kt"], [p + "match"]),
            node("Mul", [p + "match", "root"], [p + "scaled"]),
            node("Add", [p + "scaled", "penalties"], [p + "masked"]),
            node("Softmax", [p + "masked"], [p + "shares"], axis=-1),
            node("MatMul", [p + "shares", f"present.{layer}.value"], [p + "mixed"]),
            node("Transpose", [p + "mixed"], [p + "back"], perm=[0, 2, 1, 3]),
            node("Reshape", [p + "back", "join"], [p + "joined"]),
            node("MatMul", [p + "joined", p + "o"], [p + "added"]),
            node("Add", [f"x{layer}", p + "added"], [f"x{layer + 1}"]),
        ]
    nodes.append(node("MatMul", [f"x{layers}", "out"], ["logits"]))
    return save_model(path, nodes, inputs, outputs, weights)


def saying(path: Path, model: Path, text: str, vocabulary: int = 320) -> Path:
    """`model`, which says `text`, whatever is asked; and where only JSON fits, that as short as it can be.

    For `byte_tokenizer`. No letter of `text` may be there twice, nor end the prompt.
    """
    from tokenizers import pre_tokenizers

    ids = {letter: index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    likes = numpy.zeros((vocabulary, vocabulary), numpy.float32)
    for liked, letters in {-1: "ĠĊčĉ", 1: "0123456789", 2: "[{:,", 3: '"]}', 4: text[0]}.items():
        likes[:, [ids[letter] for letter in letters]] = liked * 1_000
    for letter, after in zip(text, [*(ids[each] for each in text[1:]), 257], strict=True):
        likes[ids[letter], after] = 9_000
    likes[ids[text[-1]], ids['"']] = 8_000
    made = load(model)
    for node in made.graph.node:
        node.output[:] = ["logits_before" if name == "logits" else name for name in node.output]
    made.graph.node.extend(
        [
            helper.make_node("Gather", ["likes", "input_ids"], ["liked"]),
            helper.make_node("Add", ["logits_before", "liked"], ["logits"]),
        ]
    )
    made.graph.initializer.append(numpy_helper.from_array(likes, "likes"))
    path.write_bytes(made.SerializeToString())
    return path


def with_segments(path: Path, model: Path) -> Path:
    """`model`, which also adds `token_type_ids` to its tokens."""
    made = load(model)
    shape = ["batch", "sequence"]
    made.graph.input.append(helper.make_tensor_value_info("token_type_ids", TensorProto.INT64, shape))
    made.graph.node[0].input[1] = "sum_of_ids"
    made.graph.node.insert(0, helper.make_node("Add", ["input_ids", "token_type_ids"], ["sum_of_ids"]))
    path.write_bytes(made.SerializeToString())
    return path


def byte_tokenizer(path: Path) -> Path:
    """One token per byte, 256 of them, and `<s>` before each text, and `</s>`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made: Any = Tokenizer(models.BPE({letter: index for index, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken("<s>", special=True), AddedToken("</s>", special=True)])
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 256)])
    made.save(str(path))
    return path


def merged_decoder(path: Path, model: Path) -> Path:
    """`model` as Optimum merges decoders: without `use_cache_branch` it sees no past, whatever is given.

    `num_logits_to_keep` says how many of the last logits it gives.
    """
    made = load(model)
    graph = made.graph
    graph.input.append(helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1]))
    graph.input.append(helper.make_tensor_value_info("num_logits_to_keep", TensorProto.INT64, []))
    for node in list(graph.node):
        if node.op_type == "Concat" and node.input[0].startswith("past_key_values"):
            kept = node.input[0] + "_kept"
            new, node.input[0] = node.input[0], kept
            graph.node.insert(0, helper.make_node("Slice", [new, "from", "seen", "along", "by"], [kept]))
        if node.output[0] == "logits":
            node.output[0] = "all_logits"
    numbers = {"from": 0, "along": 2, "by": 1, "rows_axis": 1, "end": 2**31, "long": 2**31}
    for name, value in numbers.items():
        graph.initializer.append(numpy_helper.from_array(numpy.array([value], numpy.int64), name))
    graph.node.insert(0, helper.make_node("Mul", ["switch", "long"], ["seen"]))
    graph.node.insert(0, helper.make_node("Cast", ["use_cache_branch"], ["switch"], to=TensorProto.INT64))
    graph.node.extend(
        [
            helper.make_node("Neg", ["num_logits_to_keep"], ["back"]),
            helper.make_node("Reshape", ["back", "by"], ["first_kept"]),
            helper.make_node("Slice", ["all_logits", "first_kept", "end", "rows_axis", "by"], ["logits"]),
        ]
    )
    path.write_bytes(made.SerializeToString())
    return path


def encoder_decoder(folder: Path, model: Path, *, heads: int = 2, size: int = 16) -> None:
    """`encoder_model.onnx` and `decoder_model_merged.onnx`, as Optimum exports T5.

    The decoder is `model`, which adds to each token the mean of what the encoder gave. That is an entry of
    its past, which it takes from there once `use_cache_branch` is true; what it gives for it is then empty.
    """
    words = numpy.random.default_rng(5).normal(0, 8, (320, heads * size)).astype(numpy.float32)
    save_model(
        folder / "encoder_model.onnx",
        [
            helper.make_node("Gather", ["words", "input_ids"], ["each"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["real"]),
            helper.make_node("Mul", ["each", "real"], ["last_hidden_state"]),
        ],
        [(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask")],
        [("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", heads * size])],
        {"words": words, "last": numpy.array([2], numpy.int64)},
    )
    made = load(merged_decoder(folder / "decoder_model_merged.onnx", model))
    graph, node = made.graph, helper.make_node
    past, present = "past_key_values.0.encoder.key", "present.0.encoder.key"
    kept: Sequence[int | str | None] = ["batch", heads, "encoded", size]
    width = heads * size
    graph.input.extend(
        [
            helper.make_tensor_value_info(
                "encoder_hidden_states", TensorProto.FLOAT, ["batch", "tokens", width]
            ),
            helper.make_tensor_value_info(past, TensorProto.FLOAT, kept),
        ]
    )
    graph.output.append(helper.make_tensor_value_info(present, TensorProto.FLOAT, kept))
    numbers = {"one_less": [1], "mean_shape": [0, 1, width]}
    for name, values in numbers.items():
        graph.initializer.append(numpy_helper.from_array(numpy.array(values, numpy.int64), name))
    for at, first in enumerate(graph.node):
        if first.output[0] == "x0":
            first.output[0] = "x0_alone"
            place = at
            break
    for new in reversed(
        [
            node("Sub", ["one_less", "switch"], ["unswitched"]),
            node("Mul", ["unswitched", "long"], ["unseen_end"]),
            node("Reshape", ["encoder_hidden_states", "split"], ["encoded_split"]),
            node("Transpose", ["encoded_split"], ["encoded_heads"], perm=[0, 2, 1, 3]),
            node("Slice", ["encoded_heads", "from", "unseen_end", "along", "by"], [present]),
            node("Slice", [past, "from", "seen", "along", "by"], ["encoder_past"]),
            node("Concat", ["encoder_past", present], ["encoder_all"], axis=2),
            node("ReduceMean", ["encoder_all"], ["encoder_mean"], axes=[2], keepdims=0),
            node("Reshape", ["encoder_mean", "mean_shape"], ["encoder_row"]),
            node("Add", ["x0_alone", "encoder_row"], ["x0"]),
        ]
    ):
        graph.node.insert(place + 1, new)
    (folder / "decoder_model_merged.onnx").write_bytes(made.SerializeToString())
