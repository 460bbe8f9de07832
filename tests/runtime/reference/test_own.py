"""Each field that Anthropic, Google and AWS publish, alone in a request: the strict mock knows it, and a
client of Anthropic's loses none without a word, whoever answers.

What goes without a word because nothing is missing stands in `tables/anthropic.json`, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from inferc.compiler.plan import UNKNOWN
from inferc.runtime.dialects.adapt import Adapted, adapt
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.dialects.registry import CLIENT_SIDES, PROVIDER_SIDES
from inferc.runtime.mock_provider.anthropic_api import AnthropicApi
from inferc.runtime.mock_provider.api import Api
from inferc.runtime.mock_provider.bedrock_api import BedrockApi
from inferc.runtime.mock_provider.gemini_api import GeminiApi
from inferc.runtime.mock_provider.strict import table

from ...support.official_types import check_bedrock
from ...support.strict import of_all_models
from ...support.wires import known
from .published import Published, Said, is_within
from .reference import read

Json = dict[str, Any]

OTHERS = [name for name in PROVIDER_SIDES if name != "anthropic"]
BETAS = ",".join(table("anthropic").said["known betas"])
CLAUDE = "claude-opus-4-8"
OLDER = "claude-haiku-4-5"
OF_OLDER = re.compile(r"temperature|top_|thinking<enabled>")
"""Fields that newer models do not take."""

ASKED = [{"role": "user", "content": "Hello."}]
CALLING = {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "x", "input": {}}]}
ANSWERED = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x"}]}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
PARTS = [{"role": "user", "parts": [{"text": "Hello."}]}]
TURN = [{"role": "user", "content": [{"text": "Hello."}]}]


OF_OTHERS: dict[str, tuple[Api, str, Json]] = {
    "gemini": (GeminiApi(), "/v1beta/models/m:generateContent", {"contents": PARTS}),
    "vertex": (GeminiApi(), "/v1/projects/p/publishers/google/models/m:generateContent", {"contents": PARTS}),
    "bedrock": (BedrockApi(), "/model/m/converse", {"messages": TURN}),
}


def of_anthropics(body: Json) -> Json:
    """`body` with all that stands where it may, calls with results and results with calls."""
    messages = body["messages"]
    if messages != ASKED:
        [message] = messages
        blocks = message.get("content")
        kinds = {block["type"] for block in blocks} if isinstance(blocks, list) else set()
        before, after = (ASKED, ASKED) if message["role"] == "assistant" else ([], [])
        if message["role"] == "system":
            before = ASKED
            if not message.get("output_config"):
                message = {"content": "Be brief.", **message}
        elif "tool_result" in kinds:
            message, before, after = {**message, "role": "user"}, [*ASKED, CALLING], []
        elif "tool_use" in kinds:
            message, before, after = {**message, "role": "assistant"}, ASKED, [ANSWERED]
        body = {**body, "messages": [*before, message, *after]}
    if "tool_choice" in body:
        body = {**body, "tools": [{"name": "x", "input_schema": CLOSED}]}
    tools = [
        {**tool, "input_schema": {**CLOSED, **tool["input_schema"]}} if "input_schema" in tool else tool
        for tool in body.get("tools", ())
    ]
    if body.get("output_config", {}).get("format"):
        schema = {"type": "json_schema", "schema": CLOSED}
        body = {**body, "output_config": {**body["output_config"], "format": schema}}
    if body.get("thinking", {}).get("type") == "enabled":
        body = {**body, "max_tokens": 4096}
    return {**body, "tools": tools} if tools else body


@cache
def anthropics() -> tuple[Said, ...]:
    base = {"model": CLAUDE, "max_tokens": 4096, "messages": ASKED}
    return tuple(Published(table("anthropic").shapes, base, of_anthropics).requests())


def plain(body: Json) -> Json:
    """`body` without what says nothing, and with lists where a single text stands for one."""
    made: Json = loads(dumps(body))
    for name in ("metadata", "output_config"):
        if made.get(name) == {}:
            del made[name]
    for tool in made.get("tools", ()):
        if tool.get("type") == "custom":
            del tool["type"]
    if isinstance(made.get("system"), str):
        made["system"] = [{"type": "text", "text": made["system"]}]
    for message in made["messages"]:
        if isinstance(message.get("content"), str):
            message["content"] = [{"type": "text", "text": message["content"]}]
        for block in message.get("content", ()):
            if isinstance(block.get("content"), str) and block["type"] == "tool_result":
                block["content"] = [{"type": "text", "text": block["content"]}]
    return made


def written(body: Json, provider: str, model: str) -> tuple[Json | None, list[str]]:
    """What a provider is sent for a client of Anthropic's, None where it is refused; and what is told."""
    conversation = CLIENT_SIDES["anthropic"].read_request(loads(dumps(body)))
    can = known(model) if model else UNKNOWN
    found = adapt(conversation, can, client="anthropic", provider=provider)
    if not isinstance(found, Adapted):
        return None, []
    sent = PROVIDER_SIDES[provider].write_request(found.conversation)
    return loads(dumps(sent)), [note.where for note in found.notes]


def complaints(provider: str, body: Json, betas: str = "") -> Iterator[str]:
    for error in of_all_models(provider).complaints("chat", "", body, betas):
        yield error.message


def test_the_strict_mock_takes_all_that_anthropic_publishes() -> None:
    refused = {s.place: list(complaints("anthropic", s.body, BETAS)) for s in anthropics()}
    assert {place: errors for place, errors in refused.items() if errors} == {}
    assert len(refused) > 1000


def test_the_mock_answers_all_that_anthropic_publishes() -> None:
    path = SimpleNamespace(path="/v1/messages", match_info={}, headers={"anthropic-version": "2023-06-01"})
    for said in anthropics():
        if "<thinking>" not in said.place and "<continue>" not in said.place:  # nobody signed them
            AnthropicApi().read(path, said.body)


@pytest.mark.parametrize("provider", OF_OTHERS)
def test_the_mock_answers_all_that_google_and_aws_publish(provider: str) -> None:
    api, path, base = OF_OTHERS[provider]
    shown = SimpleNamespace(path=path, match_info={"model": "m", "method": "generateContent"}, headers={})
    read = 0
    for said in Published(table(provider).shapes, base).requests():
        if not any(complaints(provider, said.body)):
            api.read(shown, said.body)
            read += 1
    assert read > 100


def test_what_a_client_of_anthropics_says_reaches_claude() -> None:
    lost = {}
    for said in anthropics():
        model = OLDER if OF_OLDER.match(said.place) else CLAUDE
        sent, told = written(said.body, "anthropic", model)
        if told or sent is None or plain(sent) != plain(said.body):
            lost[said.place] = told or sent
    assert lost == {}


@pytest.mark.parametrize("provider", OTHERS)
def test_nothing_that_a_client_of_anthropics_says_is_lost_without_a_word(provider: str) -> None:
    needless = re.compile("|".join(f"({each})" for each in read("anthropic")["messages"]["needless"]))
    refused: list[str] = []
    lost = []
    for said in anthropics():
        if is_within(said.place, refused) or said.body == said.without or needless.fullmatch(said.place):
            continue
        sent, told = written(said.body, provider, "")
        if sent is None:
            refused.append(said.place)
        elif not told and sent == written(said.without, provider, "")[0]:
            lost.append(said.place)
    assert lost == []


@pytest.mark.parametrize("provider", OTHERS)
def test_what_anthropic_did_by_itself_does_not_keep_another_from_going_on(provider: str) -> None:
    searched: list[Json] = [
        {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "noon"}},
        {"type": "web_search_tool_result", "tool_use_id": "srv", "content": []},
        {"type": "text", "text": "It is noon."},
    ]
    messages = [*ASKED, {"role": "assistant", "content": searched}, *ASKED]
    sent, told = written({"model": "m", "max_tokens": 99, "messages": messages}, provider, "")
    assert "It is noon." in dumps(sent).decode()
    assert told == ["messages[1].content[0]", "messages[1].content[1]"]


def test_converse_is_told_in_its_words_what_is_to_be_cited() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "aGVsbG8="}
    cited = {"citations": {"enabled": True}}
    found = {
        "type": "search_result",
        "source": "a.org",
        "title": "A",
        "content": [{"type": "text", "text": "x"}],
    }
    said = [
        {"type": "document", "source": source, "context": "A draft.", **cited},
        {**found, **cited},
        {"type": "text", "text": "What is in them?"},
    ]
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": said}]}
    sent, told = written(body, "bedrock", "")
    assert sent is not None
    check_bedrock(sent)
    document, result, _ = sent["messages"][0]["content"]
    assert (document["document"]["context"], document["document"]["citations"]) == (
        "A draft.",
        {"enabled": True},
    )
    assert result["searchResult"] == {"source": "a.org", "title": "A", "content": [{"text": "x"}], **cited}
    assert told == []
