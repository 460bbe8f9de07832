"""Answers, held to the schema that their provider was not told in full."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from inferc.runtime.dialects.adapt import Checked, HeldAnswer, enforcement
from inferc.runtime.requests import events as e
from inferc.runtime.requests.errors import BadRequest, InvalidAnswer, RequestError

from ...support.rows import each_row

TAGS = {"type": "array", "uniqueItems": True, "items": {"type": "string", "pattern": "^[a-z]+$"}}
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0}, "tags": TAGS},
    "patternProperties": {"^x-": {"maxLength": 3}},
    "required": ["age"],
    "additionalProperties": False,
}


def held(
    answer: str,
    schema: dict[str, Any],
    *,
    ended: e.Reason = "stop",
    refused: bool = False,
    closed: bool = False,
) -> None:
    holding = HeldAnswer(Checked("response_format", "", schema, closed))
    for piece in (answer[:2], answer[2:]):
        holding.see(e.TextDelta(piece))
    if refused:
        holding.see(e.RefusalDelta("no"))
    holding.see(e.Finished(ended))
    holding.check()


@pytest.mark.parametrize(
    "answer", ['{"age":0}', '{"age":1,"tags":["a","b"]}', '{"age":1e2,"x-a":"abc"}', ' {"age" : 3}\n']
)
def test_an_answer_that_fits_is_given(answer: str) -> None:
    held(answer, PERSON)


@each_row(
    ("answer", "said"),
    [
        ('{"age":-1}', "at `$.age`: `minimum` is 0"),
        ('{"age":1.5}', '`type` is "integer"'),
        ("{}", "'age' is a required property"),
        ('{"age":1,"b":2}', "at `$.b`: `additionalProperties` is false"),
        ('{"age":1,"x-a":"abcd"}', "`maxLength` is 3"),
        ('{"age":1,"tags":["a","B"]}', "at `$.tags[1]`: `pattern`"),
        ('{"age":1,"tags":["a","a"]}', "at `$.tags`: `uniqueItems`"),
        ('{"age":NaN}', "no JSON"),
        ("", "no JSON"),
        ('{"age":1', "no JSON"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_where(answer: str, said: str) -> None:
    with pytest.raises(InvalidAnswer, match="does not fit the schema") as raised:
        held(answer, PERSON)
    assert said in raised.value.message


def test_one_of_several_schemas_may_fit_and_no_two() -> None:
    either = {"oneOf": [{"type": "integer"}, {"minimum": 5}]}
    held("3", either)
    with pytest.raises(InvalidAnswer, match="`oneOf`"):
        held("7", either)


@pytest.mark.parametrize(
    "other", [{"ended": "length"}, {"ended": "content_filter"}, {"ended": "tool_calls"}, {"refused": True}]
)
def test_what_the_model_did_not_end_itself_is_not_held(other: dict[str, Any]) -> None:
    held('{"age":', PERSON, **other)


def test_that_objects_are_closed_is_left_to_a_provider_that_promises_it() -> None:
    closed = {"properties": {"a": {"minimum": 1}}, "required": ["a"], "additionalProperties": False}
    held('{"a":1,"b":2}', closed, closed=True)
    with pytest.raises(InvalidAnswer, match="additionalProperties"):
        held('{"a":1,"b":2}', closed)
    either = {"oneOf": [closed, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}]}
    held('{"a":1,"b":2}', either, closed=True)  # where it tells the schemas apart, it counts


def test_each_of_several_answers_is_held() -> None:
    holding = HeldAnswer(Checked("response_format", "", PERSON))
    for choice, text in enumerate(('{"age":1}', '{"age":-1}')):
        holding.see(e.TextDelta(text, choice))
        holding.see(e.Finished("stop", choice))
    with pytest.raises(InvalidAnswer, match="minimum"):
        holding.check()


def test_a_pattern_takes_no_more_time_for_an_answer_that_was_made_for_it() -> None:
    with pytest.raises(InvalidAnswer, match="`pattern`"):
        held(orjson.dumps("a" * 100_000 + "!").decode(), {"pattern": "^(a+)+$"})


def test_nothing_is_held_to_a_pattern_that_would_need_more_than_linear_time() -> None:
    held('{"a":1}', {"patternProperties": {"(?=a)": {"type": "string"}}, "properties": {"a": {"minimum": 1}}})
    held('{"a":"b"}', {"patternProperties": {"(?=a)": {}}, "additionalProperties": False})


def doubling(depth: int) -> dict[str, Any]:
    """A schema of a few lines that asks for the same thing 2 ** depth times."""
    parts: dict[str, Any] = {f"p{i}": {"allOf": [{"$ref": f"#/$defs/p{i + 1}"}] * 2} for i in range(depth)}
    return {"$defs": {**parts, f"p{depth}": {"type": "integer"}}, "$ref": "#/$defs/p0"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (doubling(40), "takes more than"),
        ({"$ref": "#"}, "nested too deeply"),
        ({"$ref": "https://example.com/other.json"}, "Unresolvable"),
        ({"$ref": "#/$defs/none"}, "does not exist"),
        ({"$schema": 5}, "not valid"),
        ({"type": "strin"}, "Unknown type"),
        ({"minimum": "x"}, "not valid"),
        ({"multipleOf": 0}, "not valid"),
    ],
)
def test_a_schema_that_nothing_can_be_held_to_is_the_clients_fault(
    schema: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = said == "takes more than"
    monkeypatch.setattr(enforcement, "MOST_SECONDS", 0.05 if endless else 600.0)
    with pytest.raises(BadRequest, match="cannot be held to `response_format`") as raised:
        held("1", schema)
    assert said in raised.value.message
    assert "\n" not in raised.value.message


def test_an_answer_without_bottom_is_no_traceback() -> None:
    with pytest.raises(RequestError, match="nested too deeply"):
        held("[" * 900 + "]" * 900, {"items": {"$ref": "#"}})


def test_an_older_draft_knows_nothing_beside_a_reference() -> None:
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"b": {"type": "integer"}}}
    schema: dict[str, Any] = {"properties": {"a": {"$ref": "#/definitions/b", "minimum": 3}}}
    held('{"a":1}', old | schema)
    with pytest.raises(InvalidAnswer, match="minimum"):
        held('{"a":1}', schema | {"definitions": old["definitions"]})


def called(arguments: str, *, ended: e.Reason = "tool_calls", name: str = "book") -> None:
    checked = Checked("tools[0].function.parameters", "", PERSON, closed=True, tool="book")
    holding = HeldAnswer(checked)
    for event in (
        e.TextDelta("no JSON at all"),
        e.ToolCallBegun(0, "1", name),
        e.ToolCallDelta(0, arguments[:3]),
        e.ToolCallDelta(0, arguments[3:]),
        e.ToolCallDone(0),
        e.Finished(ended),
    ):
        holding.see(event)
    holding.check()


def test_a_call_is_held_to_the_schema_of_its_function_and_the_words_beside_it_are_not() -> None:
    called('{"age":1}')
    called('{"age":-1}', name="another")
    called('{"age":-1}', ended="length")  # cut off
    for arguments in ('{"age":-1}', '{"age":'):
        with pytest.raises(InvalidAnswer, match="the call of `book`"):
            called(arguments)
