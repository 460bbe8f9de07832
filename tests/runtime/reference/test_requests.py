"""Each documented field of each provider, alone in a request, on the way that requests go."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from .reference import NAMES, became, fields, judge, read

BEFORE_THE_REST = {"model", "messages", "stream"}
JUDGED = [name for name in NAMES if judge(name) is not None]
CLOSED = [
    name
    for name in JUDGED
    if (strict := judge(name)) and not strict.shapes.get("chat", {"open": True}).get("open")
]
"""Whose strict table knows all fields that there are."""


@pytest.mark.parametrize("name", NAMES)
def test_what_becomes_of_each_field_is_as_the_table_says(name: str) -> None:
    found = {field.name: became(name, field).fate for field in fields(name, "chat")}
    assert found == {field.name: field.fate.split(":")[0] for field in fields(name, "chat")}


@pytest.mark.parametrize("name", JUDGED)
def test_the_provider_takes_what_it_is_sent(name: str) -> None:
    strict = judge(name)
    assert strict is not None
    refused = {}
    for field in fields(name, "chat"):
        sent = became(name, field).sent
        if sent is not None:
            errors = [
                error.message for error in strict.complaints("chat", sent.get("model", field.model), sent)
            ]
            refused.update({field.name: errors} if errors else {})
    assert refused == {}


@pytest.mark.parametrize("name", CLOSED)
def test_the_strict_mock_takes_nothing_that_is_not_documented(name: str) -> None:
    strict = judge(name)
    assert strict is not None
    taken = [
        field.name
        for field in fields(name, "chat")
        if not field.documented and not list(strict.complaints("chat", field.model, field.body))
    ]
    assert taken == []


@pytest.mark.parametrize("name", NAMES)
def test_each_field_of_openais_has_its_word(name: str) -> None:
    chat = read(name)["chat"]
    assert read("openai")["chat"]["takes"].keys() <= chat["takes"].keys() | chat.get("lacks", {}).keys()
    assert chat["takes"].keys().isdisjoint(chat.get("lacks", {}))
    assert chat.get("changed", {}).keys() <= chat["takes"].keys()


def test_the_table_has_all_that_the_package_has() -> None:
    said = read("openai")["chat"]
    if f"openai {version('openai')} " not in said["source"]:
        pytest.skip("the table was read from another version")
    assert said["takes"].keys() == CompletionCreateParamsBase.__annotations__.keys() - BEFORE_THE_REST


@pytest.mark.parametrize("name", NAMES)
def test_tables_say_when_and_where_they_were_read(name: str) -> None:
    said = read(name)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", said["date"])
    assert said["chat"]["source"]
