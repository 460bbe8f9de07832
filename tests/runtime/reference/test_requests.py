"""Each documented field of each provider, alone in a request, on the way that requests go."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from attrs import evolve
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from inferc.runtime.dialects.exact_json import loads
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import Incapable
from inferc.runtime.requests.request import ChatRequest

from ...support.rows import each_row
from .reference import MESSAGES, NAMES, Json, became, fields, judge, plan, read

BEFORE_THE_REST = {"model", "messages", "stream"}
JUDGED = [name for name in NAMES if judge(name) is not None]
EMBED = [name for name in NAMES if "embed" in read(name)]
CLOSED = [
    name
    for name in JUDGED
    if (strict := judge(name)) and not strict.shapes.get("chat", {"open": True}).get("open")
]
"""Whose strict table knows all fields that there are."""


@each_row("name", NAMES)
def test_what_becomes_of_each_field_is_as_the_table_says(name: str) -> None:
    found = {field.name: became(name, field).fate for field in fields(name, "chat")}
    assert found == {field.name: field.fate.split(":")[0] for field in fields(name, "chat")}


@each_row("name", JUDGED)
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


@each_row("name", CLOSED)
def test_the_strict_mock_takes_nothing_that_is_not_documented(name: str) -> None:
    strict = judge(name)
    assert strict is not None
    taken = [
        field.name
        for field in fields(name, "chat")
        if not field.documented and not list(strict.complaints("chat", field.model, field.body))
    ]
    assert taken == []


@each_row("name", [name for name in CLOSED if fields(name, "chat")])
def test_no_provider_has_to_refuse_what_another_one_has(name: str) -> None:
    strict = judge(name)
    assert strict is not None
    own = {field.name for field in fields(name, "chat")}
    model = read(name)["chat"]["model"]
    refused = {}
    for field in (field for other in NAMES for field in fields(other, "chat") if field.name not in own):
        sent = became(name, evolve(field, model=model)).sent
        errors = [] if sent is None else [e.message for e in strict.complaints("chat", model, sent)]
        refused.update({field.name: errors} if errors else {})
    assert refused == {}


@each_row("tier", ["auto", "default", "flex", "scale", "priority", "fast"])
@each_row("name", JUDGED)
def test_no_provider_is_asked_for_a_tier_of_openais_that_it_does_not_have(name: str, tier: str) -> None:
    strict = judge(name)
    assert strict is not None
    found = {field.name: field for field in fields(name, "chat")}["service_tier"]
    sent = became(name, evolve(found, value=tier)).sent
    assert sent is not None
    assert [error.message for error in strict.complaints("chat", found.model, sent)] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("deepseek", {"thinking": {"type": "disabled"}}),
        ("together", {"reasoning": {"enabled": False}}),
        ("cerebras", {"reasoning_effort": "none"}),
    ],
)
def test_a_provider_is_told_not_to_think_in_its_own_words(name: str, said: Json) -> None:
    wish = {field.name: field for field in fields(name, "chat")}["reasoning_effort"]
    sent = became(name, evolve(wish, value="none")).sent
    assert sent is not None
    assert {key: sent[key] for key in sent if key in ("thinking", "reasoning", "reasoning_effort")} == said
    strict = judge(name)
    assert strict is None or list(strict.complaints("chat", wish.model, sent)) == []


AT_REST = 'request { defaults { extra_body { thinking { "type" = "disabled" } } } }'


@pytest.mark.parametrize(
    ("said", "more", "told"),
    [
        ({}, "", ("temperature",)),
        ({"reasoning_effort": "low"}, "", ("temperature",)),
        ({"reasoning_effort": "none"}, "", ()),
        ({"thinking": {"type": "disabled"}}, "", ()),
        ({}, AT_REST, ()),
    ],
)
def test_what_deepseek_does_not_heed_while_it_thinks_is_told(
    said: Json, more: str, told: tuple[str, ...]
) -> None:
    body = {"model": "it", "messages": MESSAGES, "temperature": 0, **said}
    fit = Chats(plan("deepseek", "deepseek-flash", beside=more)).fit(ChatRequest(body, False))
    assert fit.changes == told
    assert ("temperature" in loads(fit.body)) is (not told)


@pytest.mark.parametrize("url", ["https://example.com/a.png", "data:image/png;base64,iVBORw0KGgo="])
def test_deepseek_sees_pictures_since_it_can(url: str) -> None:
    said = {"type": "image_url", "image_url": {"url": url}}
    body = {"model": "it", "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, said]}]}
    fit = Chats(plan("deepseek", "deepseek-flash")).fit(ChatRequest(body, False))
    assert loads(fit.body)["messages"] == body["messages"]
    strict = judge("deepseek")
    assert strict is not None
    assert list(strict.complaints("chat", "deepseek-flash", loads(fit.body))) == []
    old = {**body, "model": "deepseek-chat"}
    assert ["image_url" in e.message for e in strict.complaints("chat", "deepseek-chat", old)] == [True]
    with pytest.raises(Incapable, match="image_url"):
        Chats(plan("deepseek", "deepseek-chat")).fit(ChatRequest(body, False))


@each_row("name", EMBED)
def test_what_becomes_of_each_field_of_an_embedding_is_as_the_table_says(name: str) -> None:
    asked = list(fields(name, "embed"))
    found = {field.name: became(name, field) for field in asked}
    assert {key: each.fate for key, each in found.items()} == {
        field.name: field.fate.split(":")[0] for field in asked
    }
    strict = judge(name)
    sent = [each.sent for each in found.values() if each.sent is not None]
    model = read(name)["embed"]["model"]
    assert [e.message for body in sent if strict for e in strict.complaints("embed", model, body)] == []
    assert {"dimensions", "encoding_format", "user"} <= found.keys()


@each_row("name", NAMES)
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


@each_row("name", NAMES)
def test_tables_say_when_and_where_they_were_read(name: str) -> None:
    said = read(name)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", said["date"])
    assert said["chat"]["source"]


@pytest.mark.parametrize(
    ("name", "field", "value"), [("fireworks", "reasoning_effort", 2), ("together", "logprobs", 3)]
)
def test_values_of_a_providers_own_reach_it_also_where_the_request_is_written_anew(
    name: str, field: str, value: int
) -> None:
    found = {each.name: each for each in fields(name, "chat")}[field]
    sent = became(name, evolve(found, value=value, others={"n": 1, "safety_identifier": "user-1"})).sent
    assert sent is not None
    assert sent[field] == value
    assert "safety_identifier" not in sent
