from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from inferc.compiler.onnx_model.reader import read_model
from inferc.compiler.plan import Activation, Batching, ClassifySpec, Duration, TaskKind, TaskSpec
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.requests.answer import TensorChunk
from inferc.runtime.requests.errors import BadRequest, InvalidAnswer, StartError
from inferc.runtime.requests.request import ClassifyRequest, TensorRequest
from inferc.runtime.requests.tensor import Tensor

from .plans import MODELS, onnx_plan, running
from .toys import DATATYPES, Value, echo, line, save_model, tensor_plan

BATCHING = Batching(max_size=8, max_delay=Duration(0.002))
ROWS = numpy.arange(8, dtype=numpy.float32).reshape(2, 4)


def fp32(name: str, values: Any) -> Tensor:
    return Tensor(name, "FP32", numpy.asarray(values, numpy.float32))


async def infer(
    replica: OnnxReplica, *inputs: Tensor, outputs: tuple[str, ...] = ()
) -> dict[str, NDArray[Any]]:
    async with aclosing(replica.stream(TensorRequest(inputs, outputs), None)) as chunks:
        [chunk] = [chunk async for chunk in chunks]
    assert isinstance(chunk, TensorChunk)
    return {tensor.name: tensor.values for tensor in chunk.outputs}


async def test_all_outputs_come_under_their_names_or_those_that_are_asked_for(tmp_path: Path) -> None:
    async with running(tensor_plan(line(tmp_path / "m.onnx"))) as replica:
        everything = await infer(replica, fp32("shift", ROWS), fp32("x", ROWS))
        one = await infer(replica, fp32("x", ROWS), fp32("shift", ROWS), outputs=("count",))
    assert list(everything) == ["total", "count"]
    assert everything["total"].tolist() == [[24.0], [88.0]]
    assert {name: values.tolist() for name, values in one.items()} == {"count": [24, 88]}


@pytest.mark.parametrize("datatype", DATATYPES)
async def test_every_datatype_goes_in_and_comes_out(datatype: str, tmp_path: Path) -> None:
    values: NDArray[Any]
    match datatype:
        case "BYTES":
            values = numpy.array([[b"a", "é".encode()], [b"", b"x" * 500]], numpy.object_)
        case "BF16":
            values = numpy.array([[0x3F80, 0x4000], [0xFF80, 0x0001]], numpy.uint16)
        case "BOOL":
            values = numpy.array([[True, False], [False, True]])
        case _:
            values = numpy.array(
                [[1, 2], [3, 100]], {"FP16": "f2", "FP32": "f4", "FP64": "f8"}.get(datatype, datatype.lower())
            )
    async with running(tensor_plan(echo(tmp_path / "m.onnx", datatype))) as replica:
        got = (await infer(replica, Tensor("x", datatype, values)))["y"]
    assert got.dtype == values.dtype
    assert got.tolist() == values.tolist()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([fp32("y", ROWS), fp32("shift", ROWS)], "no input `y`.*inputs are: `x`, `shift`"),
        ([fp32("xx", ROWS), fp32("shift", ROWS)], "no input `xx`, did you mean `x`"),
        ([fp32("x", ROWS)], r"input `shift` is missing: the model takes `x` FP32\[\?, \?\], `shift` FP32"),
        ([fp32("x", ROWS), fp32("x", ROWS)], "input `x` is given twice"),
        (
            [Tensor("x", "FP64", ROWS.astype("f8")), fp32("shift", ROWS)],
            r"`x` is FP64; the model takes FP32",
        ),
        (
            [fp32("x", ROWS[0]), fp32("shift", ROWS)],
            r"`x` has the shape \[4\]; the model takes FP32\[\?, \?\]",
        ),
        (
            [fp32("x", ROWS), fp32("shift", ROWS[:, :3])],
            r"cannot take these inputs, `x` FP32\[2, 4\], `shift` FP32\[2, 3\]: Add: ",
        ),
    ],
)
async def test_inputs_that_do_not_fit_are_refused_with_what_was_expected(
    inputs: list[Tensor], message: str, tmp_path: Path
) -> None:
    async with running(tensor_plan(line(tmp_path / "m.onnx"))) as replica:
        with pytest.raises(BadRequest, match=message) as refused:
            await infer(replica, *inputs)
        assert "\n" not in refused.value.message
        assert (await infer(replica, fp32("x", ROWS), fp32("shift", ROWS)))["count"].tolist() == [24, 88]


async def test_an_output_that_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    async with running(tensor_plan(line(tmp_path / "m.onnx"))) as replica:
        with pytest.raises(BadRequest, match="no output `totals`, did you mean `total`"):
            await infer(replica, fp32("x", ROWS), fp32("shift", ROWS), outputs=("totals",))


async def test_more_rows_than_a_batch_has_are_refused(tmp_path: Path) -> None:
    many = numpy.zeros((9, 2), numpy.float32)
    async with running(tensor_plan(line(tmp_path / "m.onnx"), batching=BATCHING)) as replica:
        with pytest.raises(BadRequest, match=r"`x` has 9 rows; this deployment takes at most 8 at once"):
            await infer(replica, fp32("x", many), fp32("shift", many))
        with pytest.raises(BadRequest, match=r"`shift` has 3 rows and `x` 2: they must have the same"):
            await infer(replica, fp32("x", many[:2]), fp32("shift", many[:3]))


async def test_callers_that_share_runs_get_their_own_rows_and_bad_ones_harm_nobody(
    tmp_path: Path,
) -> None:
    async def ask(replica: OnnxReplica, number: int) -> None:
        width = 2 + number % 3
        rows = numpy.full((1 + number % 2, width), number, numpy.float32)
        if number % 7 == 3:
            with pytest.raises(BadRequest):
                await infer(replica, fp32("x", rows), fp32("shift", numpy.zeros((len(rows), width + 1))))
            return
        got = await infer(replica, fp32("x", rows), fp32("shift", numpy.zeros_like(rows)))
        assert got["total"].tolist() == [[2.0 * number * width]] * len(rows)

    async with running(tensor_plan(line(tmp_path / "m.onnx"), batching=BATCHING)) as replica:
        await asyncio.gather(*(ask(replica, number) for number in range(120)))


async def test_outputs_without_a_row_for_each_row_are_not_shared_out(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    path = save_model(
        tmp_path / "m.onnx",
        [helper.make_node("NonZero", ["x"], ["where"]), helper.make_node("Transpose", ["where"], ["y"])],
        [("x", TensorProto.FLOAT, ["N", 2])],
        [("y", TensorProto.INT64, ["M", 2])],
    )
    async with running(tensor_plan(path, batching=BATCHING)) as replica:
        both = [[1.0, 1.0]]
        answers = await asyncio.gather(*(infer(replica, fp32("x", both)) for _ in range(30)))
    assert all(answer["y"].tolist() == [[0, 0], [0, 1]] for answer in answers)


async def test_a_model_that_fixes_its_batch_runs_each_request_alone(tmp_path: Path) -> None:
    plan = tensor_plan(echo(tmp_path / "m.onnx", "FP32", (1, 2)), batching=BATCHING)
    async with running(plan) as replica:
        answers = await asyncio.gather(*(infer(replica, fp32("x", [[n, n]])) for n in range(20)))
        with pytest.raises(BadRequest, match=r"`x` has the shape \[2, 2\]; the model takes FP32\[1, 2\]"):
            await infer(replica, fp32("x", [[1, 2], [3, 4]]))
    assert [answer["y"].tolist() for answer in answers] == [[[n, n]] for n in range(20)]


async def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    async with running(tensor_plan(echo(tmp_path / "m.onnx", "BYTES"))) as replica:
        with pytest.raises(BadRequest, match="`x` holds bytes that are no UTF-8"):
            await infer(replica, Tensor("x", "BYTES", numpy.array([[b"\xff", b""]], numpy.object_)))


async def test_a_real_classifier_answers_as_plain_onnx_runtime_does() -> None:
    import onnxruntime

    values = numpy.random.default_rng(1).integers(0, 256, (3, 2048), numpy.int32)
    session = onnxruntime.InferenceSession(MODELS / "magika.onnx", providers=["CPUExecutionProvider"])
    [expected] = session.run(None, {"bytes": values})
    async with running(tensor_plan(MODELS / "magika.onnx")) as replica:
        assert replica.status().inputs[0].shape == (None, 2048)
        got = await infer(replica, Tensor("bytes", "INT32", values))
    numpy.testing.assert_allclose(got["target_label"], expected, atol=1e-6)


async def test_a_model_that_says_no_shape_takes_any(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    any_shape: Any = ("x", DATATYPES["FP32"], None), ("y", DATATYPES["FP32"], None)
    model = save_model(tmp_path / "m.onnx", [node], any_shape[:1], any_shape[1:])
    plan = tensor_plan(model, signature=read_model(model).signature)
    async with running(plan) as replica:
        for shape in ((), (3,), (2, 0, 2)):
            assert (await infer(replica, fp32("x", numpy.zeros(shape))))["y"].shape == shape
        with pytest.raises(BadRequest, match=r"input `x` is INT32; the model takes FP32$"):
            await infer(replica, Tensor("x", "INT32", numpy.zeros(2, numpy.int32)))


async def test_a_model_without_inputs_answers(tmp_path: Path) -> None:
    value = numpy_helper.from_array(numpy.arange(3, dtype=numpy.float32))
    node = helper.make_node("Constant", [], ["y"], value=value)
    model = save_model(tmp_path / "m.onnx", [node], [], [("y", DATATYPES["FP32"], [3])])
    async with running(tensor_plan(model)) as replica:
        assert (await infer(replica))["y"].tolist() == [0.0, 1.0, 2.0]


async def test_a_warm_up_that_the_model_cannot_run_stops_the_start(tmp_path: Path) -> None:
    fits = {"x": (3, 4), "shift": (3, 4)}
    async with running(tensor_plan(line(tmp_path / "m.onnx"), warm_up=(fits,))) as replica:
        assert replica.status().ready
    plan = tensor_plan(tmp_path / "m.onnx", warm_up=(fits, {"x": (3, 4), "shift": (3, 5)}))
    with pytest.raises(StartError, match=r"cannot run the `warm_up` of x \[3, 4\], shift \[3, 5\]"):
        async with running(plan):
            pass


def gained(path: Path) -> Path:
    """Gives `y`, which is `x` times `gain`: 2, unless a request says otherwise."""
    return save_model(
        path,
        [helper.make_node("Mul", ["x", "gain"], ["y"])],
        [("x", DATATYPES["FP32"], ["N", 2]), ("gain", DATATYPES["FP32"], [1])],
        [("y", DATATYPES["FP32"], ["N", 2])],
        {"gain": numpy.array([2], numpy.float32)},
    )


@pytest.mark.parametrize("batching", [None, BATCHING])
async def test_an_input_with_a_value_of_its_own_may_be_given_another_one(
    batching: Batching | None, tmp_path: Path
) -> None:
    x = numpy.ones((1, 2), numpy.float32)
    async with running(tensor_plan(gained(tmp_path / "m.onnx"), batching=batching)) as replica:
        usual, other, third = await asyncio.gather(
            infer(replica, fp32("x", x)),
            infer(replica, fp32("gain", [5]), fp32("x", x)),
            infer(replica, fp32("x", x), fp32("gain", [7])),
        )
        with pytest.raises(BadRequest, match=r"input `gain` has the shape \[2\]; the model takes FP32\[1\]"):
            await infer(replica, fp32("x", x), fp32("gain", [1, 2]))
        with pytest.raises(BadRequest, match="input `x` is missing"):
            await infer(replica, fp32("gain", [5]))
    assert [each["y"].tolist() for each in (usual, other, third)] == [[[2, 2]], [[5, 5]], [[7, 7]]]


def reshaped(path: Path) -> Path:
    """Says that it gives [N, 3], and gives [N, 1, 3], by a shape that it computes."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["rows"]),
        helper.make_node("Greater", ["keep", "rows"], ["which"]),
        helper.make_node("Compress", ["sizes", "which"], ["new_shape"]),
        helper.make_node("Reshape", ["x", "new_shape"], ["y"]),
    ]
    weights = {
        "zero": numpy.array(0, numpy.int64),
        "keep": numpy.array([99, 99, 99], numpy.int64),
        "sizes": numpy.array([-1, 1, 3], numpy.int64),
    }
    sides: list[Value] = [(name, DATATYPES["FP32"], ["N", 3]) for name in ("x", "y")]
    return save_model(path, nodes, sides[:1], sides[1:], weights)


@pytest.mark.parametrize(
    "task", [TaskSpec(kind=TaskKind.TENSOR), ClassifySpec(activation=Activation.SIGMOID)]
)
async def test_an_output_of_another_rank_than_the_file_says_is_an_error_that_says_both(
    task: TaskSpec, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x = fp32("x", numpy.ones((2, 3), numpy.float32))
    request = (
        ClassifyRequest(inputs=(x,)) if isinstance(task, ClassifySpec) else TensorRequest((x,), outputs=())
    )
    async with running(onnx_plan(model=reshaped(tmp_path / "m.onnx"), task=task)) as replica:
        [warning] = replica.status().warnings
        with pytest.raises(InvalidAnswer) as caught:
            await replica.answer(request, None)
    assert (
        "the model gives `y` with the shape [2, 1, 3], and its file says FP32[?, 3]" in caught.value.message
    )
    assert "no request for it can be answered: " in warning
    assert [record.message for record in caplog.records] == [warning]
