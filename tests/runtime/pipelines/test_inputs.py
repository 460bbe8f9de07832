"""Parameters that clients send: read by their types, or refused by their names."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy
import pytest

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
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.serving.pipelines.pipeline import Pipeline
from inferc.runtime.serving.pipelines.values.schema import schema_of, schema_of_parameters

from ...support.flows import pipeline_of
from ...support.pipelines import Graph


def taking(**parameters: Type) -> Pipeline:
    graph = Graph()
    graph.constant("r", 1)
    return pipeline_of(graph.pipeline("r", INT, **parameters))


PAIR = RecordType(name="Pair", fields={"a": INT, "b": OptionalType(inner=ListType(element=TEXT))})


@pytest.mark.parametrize(
    ("type", "sent", "value"),
    [
        (TEXT, "x", "x"),
        (INT, 3, 3),
        (INT, 3.0, 3),
        (FLOAT, 3, 3.0),
        (BOOL, False, False),
        (JSON, {"a": [None]}, {"a": [None]}),
        (ChoiceType(values=("a", "b")), "b", "b"),
        (BYTES, b64encode(b"\0\xff").decode(), b"\0\xff"),
        (IMAGE, "data:image/png;base64,AAEC", b"\0\1\2"),
        (ListType(element=INT), [1, 2], [1, 2]),
        (OptionalType(inner=TEXT), None, None),
        (PAIR, {"a": 1}, {"a": 1, "b": None}),
        (PAIR, {"a": 1, "b": ["x"]}, {"a": 1, "b": ["x"]}),
    ],
)
def test_values_are_read_by_their_types(type: Type, sent: object, value: object) -> None:
    assert taking(x=type).read({"x": sent}) == {"x": value}


@pytest.mark.parametrize(
    ("type", "sent", "param", "message"),
    [
        (TEXT, 3, "x", "`x`: expected text, found int"),
        (TEXT, None, "x", "`x`: expected text, found nothing"),
        (INT, "3", "x", "`x`: expected int, found text of 1 character"),
        (INT, True, "x", "`x`: expected int, found true or false"),
        (INT, 3.5, "x", "`x`: expected int, found float"),
        (FLOAT, "x", "x", "`x`: expected float, found text of 1 character"),
        (BOOL, 1, "x", "`x`: expected true or false, found int"),
        (ChoiceType(values=("a", "b")), "c", "x", '`x`: expected "a" | "b", found text of 1 character'),
        (BYTES, "***", "x", "`x`: expected base64 or a data: URL, found text of 3 characters"),
        (ListType(element=INT), [1, "a"], "x[1]", "`x[1]`: expected int, found text of 1 character"),
        (ListType(element=INT), {"0": 1}, "x", "`x`: expected a list, found object of 1 field"),
        (PAIR, [], "x", "`x`: expected an object, found list of 0"),
        (PAIR, {}, "x.a", "`x.a`: it is missing"),
        (PAIR, {"a": 1, "b": ["x", 2]}, "x.b[1]", "`x.b[1]`: expected text, found int"),
        (PAIR, {"a": 1, "c": 2}, "x.c", "`x.c`: there is no such field"),
        (
            TensorType(dtype=DType.F32, shape=(2,)),
            [1, 2, 3],
            "x",
            "`x`: expected tensor<f32, [2]>, found float32[3]",
        ),
        (
            TensorType(dtype=DType.F32, shape=None),
            [[1], [2, 3]],
            "x",
            "`x`: expected tensor<f32>, found list of 2",
        ),
        (
            TensorType(dtype=DType.U8, shape=(None,)),
            [256],
            "x",
            "`x`: expected tensor<u8, [?]>, found list of 1",
        ),
        (
            TensorType(dtype=DType.I64, shape=(None,)),
            [1.5],
            "x",
            "`x`: expected tensor<i64, [?]>, found list of 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(type: Type, sent: object, param: str, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        taking(x=type).read({"x": sent})
    assert (caught.value.param, caught.value.message) == (param, message)


def test_missing_and_unknown_parameters_are_named() -> None:
    it = taking(x=TEXT, y=OptionalType(inner=INT))
    assert it.read({"x": "a"}) == {"x": "a", "y": None}
    with pytest.raises(BadRequest, match="`x` is missing; it must be text") as caught:
        it.read({"y": 1})
    assert (caught.value.param, caught.value.code) == ("x", "missing_field")
    with pytest.raises(
        BadRequest, match="`z`: there is no such parameter; pipeline `p` takes `x`, `y`"
    ) as caught:
        it.read({"x": "a", "z": 1})
    assert (caught.value.param, caught.value.code) == ("z", "unknown_field")


def test_sizes_of_one_name_are_equal_in_one_request() -> None:
    row = TensorType(dtype=DType.F32, shape=("n",))
    it = taking(a=row, b=row)
    values = it.read({"a": [1, 2], "b": [3, 4]})
    assert values["a"].dtype == numpy.float32
    it.read({"a": [1], "b": [3]})
    with pytest.raises(BadRequest, match=r"`b`: expected tensor<f32, \[n\]> where n = 2, found float32\[3\]"):
        it.read({"a": [1, 2], "b": [1, 2, 3]})


def test_numbers_of_tensors_are_only_rounded() -> None:
    it = taking(x=TensorType(dtype=DType.F16, shape=(None, None)))
    assert it.read({"x": [[0.1, 1]]})["x"].tolist() == [[pytest.approx(0.1, rel=1e-3), 1]]
    with pytest.raises(BadRequest):
        it.read({"x": [[1e9, 1]]})


def test_the_schema_says_what_is_taken() -> None:
    import jsonschema

    parameters = {
        "t": TEXT,
        "c": ChoiceType(values=("a", "b")),
        "p": PAIR,
        "o": OptionalType(inner=INT),
        "m": TensorType(dtype=DType.F32, shape=("n", 2)),
        "j": JSON,
        "b": BYTES,
    }
    it = taking(**parameters)
    schema = schema_of_parameters(it.plan.parameters)
    jsonschema.Draft202012Validator.check_schema(schema)
    good: dict[str, Any] = {
        "t": "x",
        "c": "a",
        "p": {"a": 1, "b": None},
        "m": [[1, 2], [3, 4]],
        "j": [1],
        "b": "AA==",
    }
    jsonschema.validate(good, schema)
    it.read(good)
    for name, wrong in (("c", "z"), ("p", {"a": "1", "b": None}), ("m", [[1], [2]]), ("t", 1), ("z", 1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, name: wrong}, schema)
        with pytest.raises(BadRequest):
            it.read({**good, name: wrong})
    assert schema_of(INT) == {"type": "integer"}
