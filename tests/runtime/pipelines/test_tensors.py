"""What a pipeline says of tensors, from the file to the answer, next to what numpy says of the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings, strategies as st
from onnx import TensorProto, helper

from inferc.compiler.compile import Checked
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.errors import StepFailed
from inferc.runtime.serving.pipelines.builtins.numeric import cast, split, stack, transpose, unstack, zeros
from inferc.runtime.serving.pipelines.elementwise import elementwise

from ...support.flows import pipeline_of, value_of
from ...support.projects import Project
from ...support.remote import running
from ..onnx.toys import save_model

X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
AS_NUMPY = numpy.array(X, numpy.float32)


def checked(project: Project, expression: str, result: str = "json") -> Checked:
    signature = "x: tensor<f32, [2, 3]>, i: int, words: list<text>, data: json, s: text"
    text = 'type Odd = { "a.b": int, "461": float }\ntype Pair = tensor<f32, [2]>\n'
    return project.check(f"{text}pipeline p({signature}) -> {result} {{ return {expression} }}\n")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


VALUES: dict[str, Any] = {
    "x * 2.0 - 1": AS_NUMPY * 2 - 1,
    "1 / x": 1 / AS_NUMPY,
    "-x": -AS_NUMPY,
    "x + x[0]": AS_NUMPY + AS_NUMPY[0],
    "x > 2.0 && !(x == 5.0)": (AS_NUMPY > 2) & ~(AS_NUMPY == 5),
    "cast(x, \"i64\") / 2": AS_NUMPY / 2,
    "cast(x * 0.5, \"u8\")": (AS_NUMPY * 0.5).astype(numpy.uint8),
    "x[1]": AS_NUMPY[1],
    "x[i, -1]": 6.0,
    "x[:, 1:]": AS_NUMPY[:, 1:],
    "x[:, [2, 0]]": AS_NUMPY[:, [2, 0]],
    "x[x[:, 0] > 2.0]": AS_NUMPY[1:],
    "transpose(x)": AS_NUMPY.T,
    "transpose(reshape(x, [1, 2, 3]), [2, 0, 1])": AS_NUMPY[None].transpose(2, 0, 1),
    "concat(x, x, axis = 1)": numpy.concatenate([AS_NUMPY, AS_NUMPY], 1),
    "concat(x, zeros([1, 3]))": numpy.concatenate([AS_NUMPY, numpy.zeros((1, 3))]),
    "stack([x[0], x[1], x[0]])": AS_NUMPY[[0, 1, 0]],
    "stack(split(x, 3, axis = 1))": numpy.stack(numpy.split(AS_NUMPY, 3, 1)),
    "tensor([[1, 2], [3, 4]])": [[1, 2], [3, 4]],
    "[sum(x), mean(x), max(x), min(x)]": [21.0, 3.5, 6.0, 1.0],
    "sum(max(x, axis = 1))": 9.0,
    "mean(x, axis = 0)": AS_NUMPY.mean(axis=0),
    "sum([1, 2, 3])": 6,
    "max(cast(x, \"i32\"), axis = -1)": [3, 6],
    "tensor([1, 2], \"f16\") * 1.5": [1.5, 3.0],
    "[row[0] + 1.0 for row in x]": [2.0, 5.0],
    "[each * 2.0 for each in x[0]]": [2.0, 4.0, 6.0],
    "reshape([1.0, 2.0], [2, 1])": [[1.0], [2.0]],
    "normalize([[3.0, 4.0], [0.0, 2.0]])": [[0.6, 0.8], [0, 1]],
    "json(x)": X,
    "json_path(json(x), \"$[1][0]\") else 0": 4.0,
    "words[1]": "b",
    "words[1:]": ["b", "cd"],
    "words[-1][0:1]": "c",
    "s[0]": "t",
    "Odd(\"a.b\" = 7, \"461\" = 1.5).\"461\"": 1.5,
    "Odd(\"a.b\" = 7, \"461\" = 1.5)[\"a.b\"]": 7,
    "data as Pair": [9.0, 8.0],
}  # fmt: skip
GIVEN = {"x": X, "i": 1, "words": ["a", "b", "cd"], "data": [9, 8], "s": "text"}


@pytest.mark.parametrize("expression", VALUES)
def test_an_expression_gives_what_numpy_gives(project: Project, expression: str) -> None:
    found = checked(project, f"json({expression})")
    assert [each.message for each in found.diagnostics] == []
    plan = project.plan(found.program.graph.pipelines[0].scope.module.source.text)
    value = run_virtual(value_of(pipeline_of(plan.pipelines[0]), **GIVEN))
    wanted = VALUES[expression]
    if isinstance(wanted, str | int) or (isinstance(wanted, list) and isinstance(wanted[0], str)):
        assert value == wanted
    else:
        numpy.testing.assert_allclose(value, wanted, rtol=1e-6)


MISTAKES = {
    "x + tensor([1.0, 2.0])": "`+` does not take tensor<f32, [2, 3]> and tensor<f32, [2]>",
    "x + cast(x, \"i64\")": "`+` does not take tensor<f32, [2, 3]> and tensor<i64, [2, 3]>",
    "x && x": "`&&` takes true or false on both sides",
    "x + s": "`+` adds numbers",
    "x[2]": "there is no place 2 on an axis of 2",
    "x[0, 0, 0]": "has 2 axes, not 3",
    "x[s]": "a place in a tensor is an int, or one list of ints",
    "x[0:s]": "a slice goes from an int to an int",
    "words[s]": "a place is an int",
    "words[0, 1]": "has one axis, not 2",
    "data[0]": "`[…]` takes a part of",
    "i[0]": "`[…]` takes a part of",
    "Odd(\"a.c\" = 1, \"461\" = 1.0)": "`Odd` takes nothing named `a.c`",
    "transpose(x, [0, 0])": "`axes` names each of 0 to 1 once",
    "split(x, 2, axis = 1)": "3 is not 2 parts of one size",
    "sum(x, axis = 2)": "there is no axis 2",
    "max(words)": "`max` takes numbers",
    "stack([1, 2])": "`stack` takes a list of tensors",
    "concat(x, tensor([[1.0]]))": "`concat` takes tensors that differ in their first size only",
    "concat(words, words, axis = 1)": "only tensors have an `axis`",
    "cast(x, \"f33\")": "`dtype` of `cast` is",
    "cast(words, \"f32\")": "`cast` takes numbers",
    "zeros([-1])": "sizes of 0 and more",
    "tensor([\"a\", \"b\"], \"f32\")": "`tensor` takes a number, or lists",
}  # fmt: skip


@pytest.mark.parametrize("expression", MISTAKES)
def test_what_does_not_fit_is_said_before_anything_runs(project: Project, expression: str) -> None:
    said = [each.message for each in checked(project, f"json({expression})").diagnostics if each.is_error]
    assert len(said) == 1
    assert MISTAKES[expression] in said[0]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("words[i + 8]", "there is no place 9 in a list of 3"),
        ("x[i + 8]", "has no such place"),
        ("x[:i] + x[:, 0:i + 1]", "sizes that are equal or 1"),
        ('cast(x * 1000.0, "u8")', "has numbers that are no u8"),
        ("zeros([i * 100000, 100000])", "`zeros` makes up to"),
    ],
)
def test_what_shows_only_when_it_runs_is_an_error_of_its_step(
    project: Project, expression: str, said: str
) -> None:
    text = checked(project, f"json({expression})").program.graph.pipelines[0].scope.module.source.text
    pipeline = pipeline_of(project.plan(text).pipelines[0])
    with pytest.raises(StepFailed, match=said):
        run_virtual(value_of(pipeline, **GIVEN))


def test_a_tensor_of_texts_is_a_list_of_them_and_back(project: Project) -> None:
    text = (
        "pipeline p(x: tensor<text, [n]>) -> { same: tensor<text>, all: list<text>, is_a: json } {\n"
        '  return Out(same = x[1:], all = x, is_a = json(x == "a"))\n}\n'
        "type Out = { same: tensor<text>, all: list<text>, is_a: json }\n"
    )
    pipeline = pipeline_of(project.plan(text).pipelines[0])
    value = run_virtual(value_of(pipeline, x=["a", "b"]))
    assert (list(value["same"]), value["all"], value["is_a"]) == (["b"], ["a", "b"], [True, False])


async def test_lists_numbers_and_odd_names_reach_a_model_and_come_back(project: Project) -> None:
    """Its inputs are `input.1`, `k` without sizes and texts; its outputs `461`, a number, and texts."""
    floats = TensorProto.FLOAT
    save_model(
        project.folder / "m.onnx",
        [
            helper.make_node("Mul", ["input.1", "k"], ["461"]),
            helper.make_node("ReduceSum", ["461"], ["x:sum"], keepdims=0),
            helper.make_node("Identity", ["texts"], ["same"]),
        ],
        [("input.1", floats, ["n"]), ("k", floats, []), ("texts", TensorProto.STRING, ["m"])],
        [("461", floats, ["n"]), ("x:sum", floats, []), ("same", TensorProto.STRING, ["m"])],
    )
    plan = project.plan(
        'deployment m { model = "m.onnx" }\n'
        'type All = { scaled: list<float>, total: float, texts: list<text>, "odd name": json }\n'
        "pipeline p(words: list<text>) -> All {\n"
        '  r = m("input.1" = [1, 2.5], k = 2, texts = words)\n'
        '  return All(scaled = r."461", total = r."x:sum", texts = r.same, "odd name" = r["461"])\n'
        "}\n"
    )
    async with running(plan, project.folder) as executor:
        pipeline = executor.pipelines["p"]
        value = await value_of(pipeline, words=["a", "é"])
    assert value == {"scaled": [2.0, 5.0], "total": 7.0, "texts": ["a", "é"], "odd name": [2.0, 5.0]}


NUMBERS = st.integers(-3, 3)
SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)


@settings(max_examples=60)
@given(SHAPES, SHAPES, st.sampled_from("+-*/"), st.sampled_from(["<", "=="]))
def test_shapes_are_stretched_as_numpy_does_it(
    left: tuple[int, ...], right: tuple[int, ...], operator: str, comparison: str
) -> None:
    a, b = (
        numpy.arange(numpy.prod(shape, dtype=int), dtype=numpy.float32).reshape(shape)
        for shape in (left, right)
    )
    for sign in (operator, comparison):
        try:
            with numpy.errstate(all="ignore"):
                wanted = eval(f"a {sign} b", {"a": a, "b": b})
        except ValueError:
            with pytest.raises(StepFailed):
                elementwise(sign, a, b)
        else:
            numpy.testing.assert_array_equal(elementwise(sign, a, b), wanted)


def test_what_would_take_too_much_is_refused() -> None:
    long = numpy.zeros((100_000, 1), numpy.float32)
    for attempt in (
        lambda: elementwise("+", long, long.T),
        lambda: zeros([1 << 40]),
        lambda: unstack(numpy.zeros((300_000, 2), numpy.bool_)),
        lambda: split(long, 0),
        lambda: split(long, 3),
        lambda: stack([]),
        lambda: stack([long, long.T]),
        lambda: transpose(long, [0, 3]),
        lambda: cast(numpy.array([numpy.nan], numpy.float32), "i32"),
        lambda: elementwise("+", numpy.zeros(2, numpy.uint8), 300),
    ):
        with pytest.raises(StepFailed):
            attempt()
