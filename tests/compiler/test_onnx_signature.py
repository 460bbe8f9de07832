"""What is read of a model without ONNX is what ONNX says of it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy
import onnx
import pytest
from hypothesis import given, strategies as st
from onnx import TensorProto, helper, numpy_helper

from inferc.compiler.onnx_model.onnx_file import check_onnx_file
from inferc.compiler.onnx_model.reader import ExternalFile, ModelError, OnnxModel, read_model
from inferc.compiler.onnx_model.signature import Dimension, DType, Signature, TensorSpec

from ..support import onnx_models as models
from ..support.rows import each_row

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).parent / "golden_diagnostics" / "models"

WORDS = {
    "FLOAT": "f32",
    "DOUBLE": "f64",
    "FLOAT16": "f16",
    "BFLOAT16": "bf16",
    "STRING": "text",
    "BOOL": "bool",
    "COMPLEX64": "c64",
    "COMPLEX128": "c128",
}


def expected(path: Path) -> Signature:
    """The signature of a model by the onnx package."""
    model = onnx.load(path, load_external_data=False)
    weights = list(model.graph.initializer)
    names = {weight.name for weight in weights}
    sizes = [math.prod(weight.dims) for weight in weights]
    widths = [helper.tensor_dtype_to_np_dtype(weight.data_type).itemsize for weight in weights]
    return Signature(
        inputs=tuple(spec(each) for each in model.graph.input if each.name not in names),
        outputs=tuple(spec(each) for each in model.graph.output),
        opsets={each.domain: each.version for each in sorted(model.opset_import, key=lambda o: o.domain)},
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        parameters=sum(sizes),
        parameter_bytes=sum(size * width for size, width in zip(sizes, widths, strict=True)),
        optional=tuple(spec(each) for each in model.graph.input if each.name in names),
        dynamic_nodes=tuple(
            node.name for node in model.graph.node if node.op_type.startswith("DynamicQuantize")
        ),
    )


def ir_version(path: Path) -> int:
    return onnx.load(path, load_external_data=False).ir_version


def spec(value: onnx.ValueInfoProto) -> TensorSpec:
    if not value.type.HasField("tensor_type"):
        return TensorSpec(value.name, None, None)
    tensor = value.type.tensor_type
    name = TensorProto.DataType.Name(tensor.elem_type)
    word = WORDS.get(name) or name.lower().replace("uint", "u").replace("int", "i").replace("float", "f")
    shape = tuple(dimension(each) for each in tensor.shape.dim) if tensor.HasField("shape") else None
    return TensorSpec(value.name, DType(word), shape)


def dimension(each: onnx.TensorShapeProto.Dimension) -> Dimension:
    if each.HasField("dim_value"):
        return each.dim_value if each.dim_value >= 0 else None
    return each.dim_param or None


@each_row("name", ["minilm", "magika"])
def test_a_real_model_has_the_signature_that_onnx_reads(name: str) -> None:
    path = ROOT / "samples" / "models" / f"{name}.onnx"
    assert read_model(path) == OnnxModel(
        expected(path), (), onnx.load(path, load_external_data=False).ir_version
    )


def many_types() -> onnx.ModelProto:
    numbers = [n for n in TensorProto.DataType.values() if n > 0]
    inputs = [(TensorProto.DataType.Name(number), number, ["n", 3]) for number in numbers]
    return models.model(inputs, [("out", TensorProto.FLOAT16, [])])


def shapes() -> onnx.ModelProto:
    made = models.model(
        [
            ("scalar", TensorProto.FLOAT, []),
            ("unknown", TensorProto.FLOAT, None),
            ("nameless", TensorProto.FLOAT, [None, 4]),
            ("formula", TensorProto.INT64, ["past + sequence", 0, 1 << 40]),
            ("negative", TensorProto.INT64, [-1, 3]),
        ],
        [("out", TensorProto.FLOAT, ["größe"])],
    )
    made.graph.output.append(
        helper.make_tensor_sequence_value_info("sequence", TensorProto.FLOAT, ["batch", 2])
    )
    return made


def weights() -> onnx.ModelProto:
    made = models.model(
        [("x", TensorProto.FLOAT, ["n", 4]), ("w", TensorProto.FLOAT, [4, 2])],
        [("y", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(numpy.ones((4, 2), numpy.float32), "w"),
            numpy_helper.from_array(numpy.ones((3, 5), numpy.float16), "half"),
            numpy_helper.from_array(numpy.array(7, numpy.int64), "scalar"),
            helper.make_tensor("listed", TensorProto.FLOAT, [2, 2], [1.0, 2.0, 3.0, 4.0]),
            numpy_helper.from_array(numpy.zeros((0, 8), numpy.int8), "empty"),
        ],
    )
    made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    made.producer_version = "1.2"
    return made


@each_row(
    "build",
    [
        many_types,
        shapes,
        weights,
        models.embedder,
        models.digits,
        models.causal,
        lambda: models.causal(24, TensorProto.FLOAT16),
    ],
)
def test_a_built_model_has_the_signature_that_onnx_reads(
    build: Callable[[], onnx.ModelProto], tmp_path: Path
) -> None:
    path = models.save(build(), tmp_path / "model.onnx")
    assert read_model(path) == OnnxModel(
        expected(path), (), onnx.load(path, load_external_data=False).ir_version
    )


def test_dimensions_of_weights_are_read_packed_and_one_by_one(tmp_path: Path) -> None:
    made = models.model([("x", TensorProto.FLOAT, [1])], [("y", TensorProto.FLOAT, [1])])
    whole = made.SerializeToString()
    unpacked = b"\x08\x03\x08\x05\x10\x01\x42\x01w"  # dims 3, dims 5, data_type FLOAT, name "w"
    packed = b"\x0a\x02\x03\x05\x10\x01\x42\x01v"
    graph = b"".join(b"\x2a" + bytes([len(each)]) + each for each in (unpacked, packed))
    path = tmp_path / "model.onnx"
    path.write_bytes(whole + b"\x3a" + bytes([len(graph)]) + graph)
    assert read_model(path).signature.parameters == onnx_parameters(path) == 30


def test_weights_that_are_constants_are_counted_too(tmp_path: Path) -> None:
    """As Paddle's exporter writes all of them."""
    made = models.model([("x", TensorProto.FLOAT, ["n", 64])], [("y", TensorProto.FLOAT, ["n", 8])])
    for name, shape in (("w", (64, 8)), ("large", (256, 128)), ("axes", (2,))):
        value = numpy_helper.from_array(numpy.zeros(shape, numpy.float32))
        made.graph.node.append(helper.make_node("Constant", [], [name], value=value))
    signature = read_model(models.save(made, tmp_path / "model.onnx")).signature
    count = 64 * 8 + 256 * 128
    assert (signature.parameters, signature.parameter_bytes) == (count, 4 * count)


def onnx_parameters(path: Path) -> int:
    return sum(math.prod(w.dims) for w in onnx.load(path, load_external_data=False).graph.initializer)


# ---- weights in other files


@each_row(
    ("transform", "made"), [("SOFTMAX", "softmax"), ("LOGISTIC", "sigmoid"), ("NONE", None), (None, None)]
)
@each_row("features", [4, 20_000])
def test_scores_of_a_linear_classifier_are_known_however_large_it_is(
    tmp_path: Path, transform: str | None, made: str | None, features: int
) -> None:
    node = helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "p"],
        domain="ai.onnx.ml",
        coefficients=[0.5] * features,
        classlabels_ints=[0, 1],
        **({"post_transform": transform} if transform else {}),
    )
    built = models.model([("x", TensorProto.FLOAT, ["n", features])], [("p", TensorProto.FLOAT, ["n", 2])])
    built.graph.node.append(node)
    models.save(built, tmp_path / "m.onnx")
    assert read_model(tmp_path / "m.onnx").signature.activations == ({"p": made} if made else {})


def test_weights_that_onnx_saves_beside_the_model_are_found_and_counted(tmp_path: Path) -> None:
    made, path = weights(), tmp_path / "model.onnx"
    onnx.save(
        made,
        path,
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
        convert_attribute=True,
    )
    read = read_model(path)
    assert read.signature == expected(path)
    [file] = read.external
    assert file.location == "model.onnx.data"
    assert file.bytes <= (tmp_path / "model.onnx.data").stat().st_size
    assert file.bytes > 60


def test_weights_of_constants_and_of_inner_graphs_in_other_files_are_found(tmp_path: Path) -> None:
    def external(location: str) -> onnx.TensorProto:
        [weight] = models.split(location, 40).graph.initializer
        return weight

    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=external("inner.data"))],
        "inner",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [10])],
        [external("weights.data")],
    )
    made = models.embedder()
    made.graph.node.append(helper.make_node("Constant", [], ["a"], value=external("constant.data")))
    made.graph.node.append(helper.make_node("If", ["a"], ["c"], then_branch=inner, else_branch=inner))
    read = read_model(models.save(made, tmp_path / "model.onnx"))
    assert read.external == tuple(
        ExternalFile(name, 40) for name in ("constant.data", "inner.data", "weights.data")
    )


# ---- damaged models


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (b"\x2a\x7f", "longer than the whole"),
        (b"\x5a\x04\x12\x7f\x0a\x00", "longer than the whole"),
        (b"\x5b\x00", "no message of protobuf"),
        (b"\x2a" + b"\xff" * 12, "too long"),
        (b"\x2a\x0a\x08" + b"\xff" * 8 + b"\x7f", "a weight has 1 dimensions"),
        (b"\x2a\x82\x01" + b"\x08\x01" * 65, "a weight has 65 dimensions"),
    ],
)
def test_a_damaged_graph_is_explained(graph: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    length = len(graph)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    path.write_bytes(b"\x08\x0a\x3a" + size + graph + b"\x42\x02\x10\x15")
    assert check_onnx_file(path) is None
    with pytest.raises(ModelError, match=reason):
        read_model(path)


def test_a_name_of_a_megabyte_is_not_read(tmp_path: Path) -> None:
    made = models.model([("x" * (1 << 20), TensorProto.FLOAT, [1])], [])
    with pytest.raises(ModelError, match=r"a name in it has 1,048,576 bytes"):
        read_model(models.save(made, tmp_path / "model.onnx"))


def test_graphs_nested_without_end_are_given_up(tmp_path: Path) -> None:
    inner = b""
    for _ in range(60):  # node { attribute { g { … } } }, with the word that external weights have
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            inner = tag + bytes([len(inner) & 127 | 128, len(inner) >> 7]) + inner
        inner += b"\x0a\x08location"
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x0a\x3a" + bytes([len(inner) & 127 | 128, len(inner) >> 7]) + inner)
    with pytest.raises(ModelError, match="nested too deeply"):
        read_model(path)


BYTES = models.causal(1).SerializeToString()


@given(position=st.integers(0, len(BYTES) - 1), value=st.integers(0, 255), cut=st.integers(0, len(BYTES)))
def test_a_damaged_model_is_read_or_explained(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int, cut: int
) -> None:
    contents = bytearray(BYTES)
    contents[position] = value
    path = tmp_path_factory.getbasetemp() / "damaged-signature.onnx"
    path.write_bytes(contents[: max(cut, len(BYTES) // 2)])
    with contextlib.suppress(ModelError):
        read_model(path)


def test_a_file_that_went_away_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(tmp_path / "model.onnx")


# ---- the corpus of diagnostics


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("minilm", models.embedder),
        ("digits", models.digits),
        ("split", models.split),
        ("newer", models.newer),
        ("quotient", models.quotient),
    ],
)
def test_the_models_of_the_corpus_are_those_that_are_built_here(
    name: str, build: Callable[[], onnx.ModelProto], request: pytest.FixtureRequest
) -> None:
    path = CORPUS / f"{name}.onnx"
    if request.config.getoption("--record"):
        models.save(build(), path)
    assert onnx.load(path, load_external_data=False) == build()
