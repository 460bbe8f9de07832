"""Requests without rows, weights that may be given, operators that ONNX Runtime does not have, odd sizes."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy
import onnx
import onnxruntime
import pytest
from attrs import evolve
from onnx import TensorProto, helper

from inferc.compiler.checks.onnx_models import NEWEST_IR, NEWEST_OPSET, RUNTIME
from inferc.compiler.plan import Batching
from inferc.runtime.dialects.open_inference.bodies import read_request
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.runs.tensors import WrongRank, check_output
from inferc.runtime.replicas.onnx.runs.trial_rows import made_up_rows
from inferc.runtime.requests.answer import TensorChunk
from inferc.runtime.requests.errors import InvalidAnswer, RequestError, StartError
from inferc.runtime.requests.request import TensorRequest
from inferc.runtime.requests.tensor import Tensor, TensorInfo

from ...support.flows import value_of
from ...support.projects import Project
from ...support.remote import running as serving
from .plans import running
from .test_onnx_tensor import infer
from .toys import echo, line, load, save_model, scorer, tensor_plan

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
    operators = pytest.importorskip("onnxruntime_extensions", reason="it has no wheel for this Python")
    library = Path(operators.get_library_path())
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


async def test_one_value_of_bfloat16_has_no_sizes(tmp_path: Path) -> None:
    node = helper.make_node("Cast", ["x"], ["y"], to=F32)
    model = save_model(tmp_path / "m.onnx", [node], [("x", TensorProto.BFLOAT16, [])], [("y", F32, [])])
    asked = b'{"inputs":[{"name":"x","datatype":"BF16","shape":[],"data":[1.5]}]}'
    async with running(tensor_plan(model)) as replica:
        chunk = await replica.answer(read_request(asked, None).request, None)
    assert isinstance(chunk, TensorChunk)
    assert chunk.outputs[0].values.shape == ()
    assert chunk.outputs[0].values.item() == 1.5


async def test_one_truth_value_sent_as_a_byte_has_no_sizes(tmp_path: Path) -> None:
    sides = [(name, TensorProto.BOOL, []) for name in ("x", "y")]
    model = save_model(tmp_path / "m.onnx", [helper.make_node("Not", ["x"], ["y"])], sides[:1], sides[1:])
    head = b'{"inputs":[{"name":"x","datatype":"BOOL","shape":[],"parameters":{"binary_data_size":1}}]}'
    async with running(tensor_plan(model)) as replica:
        chunk = await replica.answer(read_request(head + b"\x01", str(len(head))).request, None)
    assert isinstance(chunk, TensorChunk)
    assert (chunk.outputs[0].values.shape, chunk.outputs[0].values.item()) == ((), False)


async def test_a_pipeline_gives_bfloat16_to_a_model_and_takes_it(tmp_path: Path) -> None:
    """1 + 1/512 lies between two numbers of bfloat16: the even one is 1."""
    node = helper.make_node("Transpose", ["x"], ["y"])
    sides = [(name, TensorProto.BFLOAT16, ["n", "n"]) for name in ("x", "y")]
    save_model(tmp_path / "m.onnx", [node], sides[:1], sides[1:])
    text = (
        'deployment m { model = "m.onnx" }\n'
        'deployment n { model = "m.onnx" }\n'
        "route r = fallback [m, n]\n"
        "pipeline p(x: tensor<bf16, [2, 2]>) -> list<list<list<float>>> { return [m(x), r(x)] }\n"
    )
    async with serving(Project(tmp_path).plan(text), tmp_path) as executor:
        found = await value_of(executor.pipelines["p"], x=[[1 + 1 / 512, 2], [3, 4]])
    assert found == [[[1, 3], [2, 4]]] * 2


def test_texts_beside_bfloat16_are_refused_when_compiled(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", [name], [name * 2]) for name in "xt"]
    sides = [
        [("x" * times, TensorProto.BFLOAT16, []), ("t" * times, TensorProto.STRING, [])] for times in (1, 2)
    ]
    save_model(tmp_path / "m.onnx", nodes, *sides)
    [found] = Project(tmp_path).findings('deployment m { model = "m.onnx" }')
    assert (found.code, found.message) == (
        "E0504",
        "this model cannot do the task `tensor`: ONNX Runtime takes no texts where others of a model's "
        "values are bf16",
    )


async def test_a_model_whose_inputs_fit_no_memory_starts_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = tensor_plan(echo(tmp_path / "m.onnx", "FP32", [1 << 40, 1 << 20]))
    async with running(plan):
        pass
    assert caplog.messages == [
        "no request for it can be answered: deployment `toy`: the memory has no place for its inputs, "
        "`x` FP32[1099511627776, 1048576]"
    ]


async def test_a_warm_up_that_fits_no_memory_stops_the_start(tmp_path: Path) -> None:
    plan = tensor_plan(echo(tmp_path / "m.onnx", "FP32"), warm_up=({"x": (1 << 60, 2)},))
    with pytest.raises(StartError, match=r"cannot run the `warm_up` of x \[1152921504606846976, 2\]: "):
        async with running(plan):
            pass


def test_rows_that_are_tried_take_little_memory() -> None:
    """Five sizes that are open are 128 at most for a model that takes no other; 32 such rows are 4 TiB."""
    open_sizes = TensorInfo("x", "UINT8", (None,) * 6)
    tried = [len(rows) * rows[0][0].size for rows in made_up_rows([open_sizes], (), 32)]
    assert max(tried) < 1 << 26
    assert tried[:2] == [32 * 8**5] * 2


@pytest.mark.parametrize(
    ("said", "made_up"),
    [
        ((None, None, None, None), (1, 3, 224, 224)),
        ((None, None, None, 3), (1, 224, 224, 3)),
        ((None, None), (1, 4096)),
    ],
)
def test_pictures_and_sounds_are_tried_in_usual_sizes(
    said: tuple[int | None, ...], made_up: tuple[int, ...]
) -> None:
    rows = made_up_rows([TensorInfo("x", "FP32", said)], (), 2)
    assert made_up in [row[0][0].shape for row in rows]


def test_nothing_is_said_against_a_model_whose_loop_was_not_run_once() -> None:
    said = TensorInfo("s", "FP32", (None, 2))
    with pytest.raises(InvalidAnswer) as found:
        check_output(numpy.zeros(0, numpy.float32), said, "m")
    assert type(found.value) is InvalidAnswer
    with pytest.raises(WrongRank):
        check_output(numpy.zeros(2, numpy.float32), said, "m")


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"ir_version": 99}, "Unsupported model IR version: 99, .*: export it for an older version of ONNX"),
        ({"opset": 99}, "Opset 99 is .*: export it for an older version of ONNX"),
        (
            {"domain": "ai.onnx.contrib"},
            "ai.onnx.contrib:Relu.*: name the library of .*`onnxruntime-extensions`",
        ),
        ({"domain": "ai.onnx.preview"}, "Relu.*: ONNX Runtime does not have that operator yet"),
        ({"locale": "xx_XX"}, "locale with name:xx_XX.* \u2026: install that locale"),
        ({"domain": "my.ops"}, "my.ops:Relu.* is not a registered .*: name the library .*: `custom_ops`"),
    ],
)
async def test_what_to_do_about_a_model_that_cannot_be_loaded(
    tmp_path: Path, changes: dict[str, Any], advice: str
) -> None:
    domain = changes.get("domain", "")
    locale = changes.get("locale")
    kind = TensorProto.STRING if locale else F32
    sides = [helper.make_tensor_value_info(name, kind, ["n"]) for name in ("x", "y")]
    node = helper.make_node("Relu", ["x"], ["y"], domain=domain)
    if locale:
        node = helper.make_node("StringNormalizer", ["x"], ["y"], locale=locale, case_change_action="LOWER")
    graph = helper.make_graph([node], "g", sides[:1], sides[1:])
    opsets = [helper.make_opsetid("", changes.get("opset", 17)), helper.make_opsetid(domain or "my.ops", 1)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=changes.get("ir_version", 9))
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(StartError, match=advice):
        async with running(tensor_plan(tmp_path / "m.onnx")):
            pass


async def test_who_asks_for_more_than_memory_holds_leaves_nothing_behind(tmp_path: Path) -> None:
    nodes = [helper.make_node("Range", ["start", "count", "step"], ["y"])]
    weights = {"start": numpy.array(0), "step": numpy.array(1)}
    sides = [("count", TensorProto.INT64, []), ("y", TensorProto.INT64, ["n"])]
    model = save_model(tmp_path / "m.onnx", nodes, sides[:1], sides[1:], weights)

    def address_space() -> int:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

    async def counted(replica: OnnxReplica, count: int) -> None:
        await infer(replica, Tensor("count", "INT64", numpy.array(count)))

    async with running(tensor_plan(model)) as replica:
        before = address_space()
        with pytest.raises(RequestError, match="Failed to allocate memory"):
            await counted(replica, 10**14)
        await counted(replica, 0)
        await counted(replica, 3)
        assert address_space() < before + (2 << 30)


async def test_what_to_do_about_sizes_among_the_weights_beside_a_model_is_told(tmp_path: Path) -> None:
    path = line(tmp_path / "m.onnx")
    onnx.save(load(path), str(path), save_as_external_data=True, location="w.data", size_threshold=0)
    with pytest.raises(StartError, match="save it again with small weights in the model itself"):
        async with running(tensor_plan(path)):
            pass


async def test_what_to_do_about_weights_behind_a_link_is_told(tmp_path: Path) -> None:
    if not onnxruntime.__version__.startswith(f"{RUNTIME}."):
        pytest.skip("older ones follow links")
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "m.onnx"
    onnx.save(load(scorer(path, 2)), str(path), save_as_external_data=True, location="w.data")
    (tmp_path / "model" / "w.data").rename(tmp_path / "w.data")
    (tmp_path / "model" / "w.data").symlink_to(tmp_path / "w.data")
    with pytest.raises(StartError, match="no link to its weights may lead out of the folder of the model"):
        async with running(tensor_plan(path)):
            pass


@pytest.mark.parametrize(
    ("ir_version", "opset"), [(NEWEST_IR, NEWEST_OPSET), (NEWEST_IR + 1, 17), (9, NEWEST_OPSET + 1)]
)
async def test_what_is_told_of_a_new_model_is_what_the_runtime_does(
    tmp_path: Path, ir_version: int, opset: int
) -> None:
    if not onnxruntime.__version__.startswith(f"{RUNTIME}."):
        pytest.skip(f"what is known is of ONNX Runtime {RUNTIME}")
    sides = [helper.make_tensor_value_info(name, F32, ["n"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", sides[:1], sides[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    told = Project(tmp_path).codes('deployment m { model = "m.onnx" }')
    loads = True
    try:
        async with running(tensor_plan(tmp_path / "m.onnx")):
            pass
    except StartError:
        loads = False
    assert told == ([] if loads else ["W0521"])
