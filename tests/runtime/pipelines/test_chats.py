"""Calls of chat models from pipelines: what is sent, and what is made of the answer."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from inferc.compiler.plan import (
    FLOAT,
    IMAGE,
    INT,
    JSON,
    TEXT,
    ChoiceType,
    ListType,
    OptionalType,
    RecordType,
    TaskKind,
    Type,
)
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import BadRequest, ContentFiltered, InvalidAnswer, StepFailed

from ...support.flows import pipeline_of, value_of
from ...support.members import Speaker
from ...support.pipelines import Graph

VERDICT = RecordType(
    name="Verdict",
    fields={
        "label": ChoiceType(values=("refund", "other")),
        "confidence": FLOAT,
        "reason": OptionalType(inner=TEXT),
    },
)
PNG = b"\x89PNG\r\n\x1a\n and more"


def asking(answer: Type | None = None, task: TaskKind = TaskKind.CHAT, **options: Any) -> Graph:
    graph = Graph()
    graph.call("a", "gpt", task=task, message="message", options={"answer": answer, **options})
    return graph


async def _value(says: str | list[str], graph: Graph, result: Type = VERDICT) -> tuple[Any, Speaker]:
    answers = [says] if isinstance(says, str) else list(says)
    gpt = Speaker(says=lambda body: answers.pop(0))
    return await value_of(pipeline_of(graph.pipeline("a", result), gpt=gpt)), gpt


def test_the_options_of_a_call_are_sent() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call(
            "a", "gpt", message="message", system="system", options={"max_tokens": 9, "temperature": 0.5}
        )
        gpt = Speaker(("ok",))
        it = pipeline_of(graph.pipeline("a", message=TEXT, system=TEXT), gpt=gpt)
        assert await value_of(it, message="hi", system="be brief") == "ok"
        assert gpt.seen == [
            {
                "model": "gpt",
                "max_tokens": 9,
                "temperature": 0.5,
                "messages": [
                    {"role": "system", "content": "be brief"},
                    {"role": "user", "content": "hi"},
                ],
                "stream": False,
            }
        ]

    run_virtual(scenario())


def test_images_stand_beside_the_message() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", message="message", images="pictures")
        gpt = Speaker(("ok",))
        it = pipeline_of(graph.pipeline("a", message=TEXT, pictures=ListType(element=IMAGE)), gpt=gpt)
        encoded = b64encode(PNG).decode()
        await value_of(it, message="what is this?", pictures=[encoded, f"data:image/png;base64,{encoded}"])
        url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}
        [message] = gpt.seen[0]["messages"]
        assert message["content"] == [{"type": "text", "text": "what is this?"}, url, url]

    run_virtual(scenario())


def test_whole_conversations_are_sent_as_they_are() -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.call("a", "gpt", messages="talk")
        gpt = Speaker(("ok",))
        it = pipeline_of(graph.pipeline("a", talk=JSON), gpt=gpt)
        talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
        await value_of(it, talk=talk)
        assert gpt.seen[0]["messages"] == talk
        for wrong in ("hi", [], [{"content": "x"}], [1]):
            with pytest.raises(StepFailed, match="`messages"):
                await value_of(it, talk=wrong)

    run_virtual(scenario())


def test_a_record_is_asked_for_with_its_schema_and_read() -> None:
    async def scenario() -> None:
        value, gpt = await _value('{"label": "refund", "confidence": 1, "extra": 2}', asking(VERDICT))
        assert value == {"label": "refund", "confidence": 1.0, "reason": None}
        assert gpt.seen[0]["response_format"] == {
            "type": "json_schema",
            "json_schema": {
                "name": "Verdict",
                "strict": True,
                "schema": {
                    "type": "object",
                    "properties": {
                        "label": {"type": "string", "enum": ["refund", "other"]},
                        "confidence": {"type": "number"},
                        "reason": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    },
                    "required": ["label", "confidence", "reason"],
                    "additionalProperties": False,
                },
            },
        }

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("type", "says", "value"),
    [
        (INT, '{"value": 3}', 3),
        (INT, '{"value": 3.0}', 3),
        (ListType(element=TEXT), '{"value": ["a"]}', ["a"]),
        (ChoiceType(values=("a", "b")), '{"value": "b"}', "b"),
        (OptionalType(inner=TEXT), '{"value": null}', None),
        (JSON, '{"value": {"x": [1]}}', {"x": [1]}),
        (
            VERDICT,
            '```json\n{"label": "other", "confidence": 0.5}\n```',
            {"label": "other", "confidence": 0.5, "reason": None},
        ),
    ],
)
def test_what_is_no_record_stands_in_one(type: Type, says: str, value: object) -> None:
    async def scenario() -> None:
        found, gpt = await _value(says, asking(type), type)
        assert found == value
        schema = gpt.seen[0]["response_format"]["json_schema"]
        assert schema["schema"]["type"] == "object"
        assert schema.get("strict", False) == (type is not JSON)

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("Sure!", "it is no JSON: line 1, column 1"),
        ("", "it is empty"),
        ('{"confidence": 1}', "`label`: it is missing"),
        (
            '{"label": "hug", "confidence": 1}',
            '`label`: expected "refund" | "other", found text of 3 characters',
        ),
        (
            '{"label": "other", "confidence": "high"}',
            "`confidence`: expected float, found text of 4 characters",
        ),
        ('{"label": "other", "confidence": true}', "`confidence`: expected float, found true or false"),
        ("[1]", "expected an object, found list of 1"),
        (
            '{"label": 1, "confidence": null}',
            "`label`: expected .*; `confidence`: expected float, found nothing",
        ),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error_without_its_contents(says: str, message: str) -> None:
    async def scenario() -> None:
        with pytest.raises(InvalidAnswer, match=message.replace("|", r"\|")) as caught:
            await _value(says, asking(VERDICT))
        assert caught.value.status == 502
        assert "hug" not in caught.value.message.replace("huge", "")

    run_virtual(scenario())


def test_an_answer_is_sent_back_once_with_what_is_wrong() -> None:
    async def scenario() -> None:
        wrong, right = '{"label": "hug", "confidence": 1}', '{"label": "other", "confidence": 1}'
        value, gpt = await _value([wrong, right], asking(VERDICT, repair=True))
        assert value["label"] == "other"
        first, second = gpt.seen
        assert second["messages"][:1] == first["messages"]
        assert second["messages"][1] == {"role": "assistant", "content": wrong}
        assert "`label`: expected" in second["messages"][2]["content"]
        assert second["response_format"] == first["response_format"]

        with pytest.raises(InvalidAnswer):
            await _value([wrong, wrong, right], asking(VERDICT, repair=True))

    run_virtual(scenario())


def test_an_answer_that_was_cut_off_says_what_it_needs() -> None:
    async def scenario() -> None:
        gpt = Speaker(says=lambda body: '{"label": "oth', finish="length")
        with pytest.raises(InvalidAnswer, match="it needs more `max_tokens`"):
            await value_of(pipeline_of(asking(VERDICT).pipeline("a", VERDICT), gpt=gpt))

    run_virtual(scenario())


def test_an_answer_that_does_not_fit_may_be_asked_for_again() -> None:
    async def scenario() -> None:
        value, gpt = await _value(["no", '{"value": 3}'], asking(INT, retries=1), INT)
        assert (value, len(gpt.seen)) == (3, 2)

    run_virtual(scenario())


def test_a_local_model_is_told_in_words_too_what_to_answer() -> None:
    """In words alone, where it cannot be kept to a format."""

    async def scenario() -> None:
        value, gpt = await _value('{"value": 3}', asking(INT, TaskKind.GENERATE), INT)
        assert value == 3
        assert gpt.seen[0]["response_format"]["type"] == "json_schema"
        unable = BadRequest("no form", param="response_format", code="unsupported")
        gpt = Speaker(says=lambda body: '{"value": 3}', errors=[unable])
        pipeline = pipeline_of(asking(INT, TaskKind.GENERATE).pipeline("a", INT), gpt=gpt)
        assert [await value_of(pipeline), await value_of(pipeline)] == [3, 3]
        assert ["response_format" in body for body in gpt.seen] == [True, False, False]
        system = gpt.seen[1]["messages"][0]
        assert system["role"] == "system"
        assert json.loads(system["content"].partition("schema: ")[2])["required"] == ["value"]

    run_virtual(scenario())


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"content": None, "refusal": "I must not"}, "finish_reason": "stop"},
        {"message": {"content": ""}, "finish_reason": "content_filter"},
    ],
)
def test_a_refusal_is_no_answer(choice: dict[str, Any]) -> None:
    class Refusing(Speaker):
        async def stream(self, request: Any, deadline: Any) -> Any:
            yield ChatChunk(json.dumps({"choices": [choice]}).encode())

    async def scenario() -> None:
        with pytest.raises(ContentFiltered, match="the model refuses to answer"):
            await value_of(pipeline_of(asking().pipeline("a"), gpt=Refusing()))

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("says", "to", "value"),
    [
        (
            '{"label": "refund", "confidence": 0.5, "reason": "r"}',
            VERDICT,
            {"label": "refund", "confidence": 0.5, "reason": "r"},
        ),
        (" refund\n", ChoiceType(values=("refund", "other")), "refund"),
        ("12", INT, 12),
        ("[1, 2]", ListType(element=FLOAT), [1.0, 2.0]),
        ('{"a": 1}', JSON, {"a": 1}),
    ],
)
def test_a_text_is_read_as_a_type(says: str, to: Type, value: object) -> None:
    async def scenario() -> None:
        graph = Graph()
        graph.convert("a", "message", to)
        assert await value_of(pipeline_of(graph.pipeline("a", to)), message=says) == value
        with pytest.raises(StepFailed, match=r"step `a` .*the value is no "):
            await value_of(pipeline_of(graph.pipeline("a", to)), message="{no")

    run_virtual(scenario())
