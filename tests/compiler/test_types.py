"""Which values go where, what two values have in common, and how types are written."""

from __future__ import annotations

from inferc.compiler.compile import check_file
from inferc.compiler.plan import (
    BOOL,
    BYTES,
    FLOAT,
    IMAGE,
    INT,
    JSON,
    TEXT,
    ChoiceType,
    DType,
    ListType,
    OptionalType,
    RecordType,
    TensorType,
    Type,
)
from inferc.compiler.typing.fit import Binding, Sizes, common, fits
from inferc.compiler.typing.partial import NOTHING, UNKNOWN, show_type

from ..support.projects import Project
from ..support.rows import each_row


def choice(*values: str) -> Type:
    return ChoiceType(values=values)


def many(element: Type) -> Type:
    return ListType(element=element)


def maybe(inner: Type) -> Type:
    return OptionalType(inner=inner)


def record(**fields: Type) -> Type:
    return RecordType(fields=fields)


def tensor(*shape: int | str | None, dtype: DType = DType.F32) -> TensorType:
    return TensorType(dtype=dtype, shape=shape)


ANY = TensorType(dtype=DType.F32, shape=None)
AB, ABC = choice("a", "b"), choice("a", "b", "c")
EVERYTHING = (
    *(TEXT, INT, FLOAT, BOOL, BYTES, IMAGE, JSON, AB, ABC, ANY, tensor(3), tensor("n", 4)),
    *(many(INT), many(TEXT), maybe(INT), maybe(AB), record(a=INT), record(a=FLOAT, b=maybe(TEXT))),
)

FITS = [
    (INT, FLOAT),
    (AB, TEXT),
    (AB, ABC),
    (AB, choice("b", "a")),
    (TEXT, maybe(TEXT)),
    (AB, maybe(TEXT)),
    (maybe(INT), maybe(FLOAT)),
    (many(INT), many(FLOAT)),
    (many(NOTHING), many(BYTES)),
    (record(a=INT, b=TEXT), record(a=FLOAT)),
    (record(a=INT), record(a=INT, b=maybe(TEXT))),
    (record(a=record(b=AB)), record(a=record(b=TEXT))),
    *((each, JSON) for each in (TEXT, INT, FLOAT, BOOL, AB, many(TEXT), maybe(INT), record(a=many(FLOAT)))),
    (tensor(3, 4), ANY),
    (ANY, tensor(3, 4)),
    (tensor(3, 4), tensor("n", 4)),
    (tensor(None, 4), tensor(3, 4)),
    (tensor("batch", 384), tensor(8, 384)),
    (tensor(2, 2), tensor("n", "n")),
    (many(tensor(3)), many(tensor("n"))),
]
DIFFERS = [
    (FLOAT, INT),
    (TEXT, AB),
    (ABC, AB),
    (TEXT, INT),
    (BOOL, INT),
    (INT, BOOL),
    (BYTES, IMAGE),
    (IMAGE, BYTES),
    (maybe(TEXT), TEXT),
    (TEXT, many(TEXT)),
    (many(TEXT), TEXT),
    (many(FLOAT), many(INT)),
    (record(a=INT), record(b=INT)),
    (record(a=TEXT), record(a=INT)),
    (record(), record(a=INT)),
    *((JSON, each) for each in (TEXT, INT, many(JSON), record(a=JSON), AB)),
    *((each, JSON) for each in (BYTES, IMAGE, ANY, many(BYTES), record(a=tensor(3)), maybe(IMAGE))),
    (tensor(3), tensor(4)),
    (tensor(3), tensor(3, 1)),
    (tensor(3), tensor(3, dtype=DType.I64)),
    (tensor(2, 3), tensor("n", "n")),
    (many(FLOAT), tensor(None)),
]


def agree(actual: Type, expected: Type) -> bool:
    return fits(actual, expected, Binding(Sizes()))


@each_row(("actual", "expected"), FITS, ids=str)
def test_a_value_goes_where_its_type_is_asked_for(actual: Type, expected: Type) -> None:
    assert agree(actual, expected)


@each_row(("actual", "expected"), DIFFERS, ids=str)
def test_nothing_else_is_converted_by_itself(actual: Type, expected: Type) -> None:
    assert not agree(actual, expected)


@each_row("each", EVERYTHING, ids=str)
def test_every_type_fits_itself_what_may_be_missing_and_what_is_not_known(each: Type) -> None:
    assert agree(each, each)
    assert agree(each, maybe(each))
    assert agree(each, UNKNOWN)
    assert agree(UNKNOWN, each)
    assert common(each, each) == each


@each_row("left", EVERYTHING, ids=str)
def test_both_of_two_values_fit_the_type_they_have_in_common(left: Type) -> None:
    for right in EVERYTHING:
        both = common(left, right)
        assert (both is None) == (common(right, left) is None)
        if both is not None:
            assert agree(left, both)
            assert agree(right, both)


@each_row(
    ("left", "right", "both"),
    [
        (INT, FLOAT, FLOAT),
        (choice("a"), choice("b"), AB),
        (AB, TEXT, TEXT),
        (TEXT, maybe(AB), maybe(TEXT)),
        (many(NOTHING), many(INT), many(INT)),
        (record(a=INT), record(a=FLOAT), record(a=FLOAT)),
        (tensor(3, 4), tensor(5, 4), tensor(None, 4)),
        (tensor(3), tensor(3, 4), ANY),
        (INT, JSON, JSON),
        (TEXT, INT, None),
        (BYTES, JSON, None),
        (record(a=INT), record(b=INT), None),
        (tensor(3), tensor(3, dtype=DType.I64), None),
    ],
    ids=str,
)
def test_what_two_values_have_in_common(left: Type, right: Type, both: Type | None) -> None:
    assert common(left, right) == both


# ---- sizes


def test_a_name_of_what_is_called_is_one_size_in_each_call() -> None:
    sizes = Sizes()
    first = Binding(sizes)
    assert fits(tensor(3, 4), tensor("n", 4), first)
    assert not fits(tensor(5, 4), tensor("n", 4), first)
    assert fits(tensor(5, 4), tensor("n", 4), Binding(sizes))
    assert first.given(many(tensor("n", "m"))) == many(tensor(3, "m"))


def test_a_name_of_the_pipeline_is_one_size_throughout() -> None:
    sizes = Sizes({"n"})
    assert fits(tensor("n"), tensor(384), Binding(sizes))
    assert fits(tensor("n"), tensor(384), Binding(sizes))
    assert not fits(tensor("n"), tensor(512), Binding(sizes))
    assert fits(tensor("batch"), tensor(512), Binding(sizes))


def test_a_name_that_the_pipeline_has_too_is_another_size_in_what_is_called() -> None:
    assert Binding(Sizes({"n"})).given(tensor("n", "m")) == tensor(None, "m")


# ---- as they are written


@each_row(
    "written",
    [
        *("text", "int", "float", "bool", "bytes", "image", "json", '"a" | "b"', "list<list<int>>", "text?"),
        *("tensor<f32>", "tensor<i64, [batch, 384]>", "{ a: int, b: { c: text? } }", 'list<"a" | "b">'),
        "tensor<u8, []>",
    ],
)
def test_a_type_is_shown_as_it_is_written(written: str, project: Project) -> None:
    plan = project.plan(f"type T = {written}\n{_uses('T')}")
    assert show_type(plan.pipelines[0].result) in (written, "T")
    result = plan.pipelines[0].result
    assert (result.spelled_out() if isinstance(result, RecordType) else str(result)) == written


def _uses(name: str) -> str:
    return f"pipeline p(x: {name}) -> {name} {{ return x }}\n"


def test_a_type_of_another_file_is_the_same_type(project: Project) -> None:
    project.write("types.infer", 'type Label = "a" | "b"\ntype Verdict = { label: Label }\n')
    text = (
        'import "types.infer" as shared\nimport { Label } from "types.infer"\n'
        "pipeline p(x: shared.Verdict) -> Label { return x.label }\n"
    )
    [pipeline] = project.plan(text).pipelines
    assert str(pipeline.parameters[0].type) == "Verdict"
    assert pipeline.result == AB


@each_row(
    ("text", "codes"),
    [
        ("type T = Missing\n" + _uses("T"), ["E0201"]),
        ("type T = { a: Missing }\npipeline p(x: T) -> text { return x.a + x.a.b }\n", ["E0201"]),
        ("pipeline p(x: Missing) -> list<Missing> { return [x.y, 3 + x, x as Missing] }\n", ["E0201"]),
        ("type T = list<T>\n" + _uses("T"), ["E0208"]),
        ("type A = { b: B? }\ntype B = { a: A? }\n" + _uses("A"), ["E0208"]),
        ('import "no.infer" as no\n' + _uses("no.T"), ["E0206"]),
        ("type T = { a: int, a: text }\n" + _uses("T"), ["E0203"]),
    ],
)
def test_a_mistake_in_a_type_is_said_once(text: str, codes: list[str], project: Project) -> None:
    assert project.codes(text) == codes


def test_a_type_that_is_used_everywhere_is_looked_at_once() -> None:
    text = "type T = Missing\n" + "".join(_uses("T").replace(" p(", f" p{n}(") for n in range(20))
    assert len(check_file("m.infer", None, text=text).diagnostics) == 1


@each_row(
    "text",
    [
        'let x = "a"\ntype A = "${x}" | "b"\n',
        'let x = "a"\ntype A = { "f${x}": text }\n',
        'let x = "a"\npipeline p(q: text) -> "c" | "d${x}" { return "c" }\n',
    ],
)
def test_names_and_types_hold_no_values(project: Project, text: str) -> None:
    assert "E0112" in project.codes(text)
    assert "E0112" not in project.codes(text.replace("${", "\\${"))
