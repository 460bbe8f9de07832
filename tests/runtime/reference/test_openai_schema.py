"""OpenAI's OpenAPI file judges: the strict mock knows and bounds what it lists, and all that clients of
OpenAI's get, whoever answers, is what it says.

Where it and others differ, `openai_schema_differences.json` says where and why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve

from inferc.runtime.dialects.answer import fold
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.requests import events as e

from ...support.openapi import DIFFERENCES, faults, is_valid
from ...support.openapi_requests import Said, requests
from ...support.rows import each_row
from ...support.strict import of_all_models
from . import (
    test_own_answers as own_answers,
    test_responses as responses,
    test_responses_answers as responses_answers,
)

Json = dict[str, Any]

USER = {"role": "user", "content": "Give me json."}

ASKED = {
    ("requests", "/chat/completions"): ("chat", {"messages": [USER]}),
    ("requests", "/responses"): ("responses", {"model": "gpt-5", "input": "Hello."}),
    ("requests", "/embeddings"): ("embed", {"input": "Hello."}),
    ("requests", "/completions"): ("completions", {"prompt": "Hello."}),
    ("requests", "/moderations"): ("moderations", {"input": "Hello."}),
    ("requests", "/images/generations"): ("images", {}),
    ("requests", "/images/edits"): ("edits", {}),
    ("forms", "/images/edits"): ("edits", {}),
    ("forms", "/images/variations"): ("variations", {}),
    ("requests", "/audio/speech"): ("speech", {"voice": "alloy"}),
    ("forms", "/audio/transcriptions"): ("transcriptions", {}),
    ("forms", "/audio/translations"): ("translations", {}),
}
"""What the strict mock calls a request, and what stands in each."""

PATHS = {"openai_chat": "/chat/completions", "openai_responses": "/responses"}


MOST_TOLD = 5
"""Of what is wrong: telling it takes a while."""


def matching(*sections: str) -> re.Pattern[str]:
    """Places at which the file differs."""
    return re.compile("|".join(f"({each})" for name in sections for each in DIFFERENCES[name]["places"]))


def judged(kind: str, path: str) -> Iterator[tuple[Said, list[str]]]:
    """Each field of the file, and what the shapes of the strict mock have against it."""
    whole = of_all_models("openai")
    bounds = tuple(rule for rule in whole.rules if rule.row.get("bound"))
    strict = evolve(whole, rules=bounds)
    what, base = ASKED[kind, path]
    for said in requests(kind, path, base):
        yield said, [error.message for error in strict.complaints(what, "", said.body)]


@each_row(("kind", "path"), ASKED)
def test_the_strict_mock_takes_what_the_file_allows_and_nothing_beyond(kind: str, path: str) -> None:
    exempt = matching("mock")
    wrong = {
        f"{path} {said.place}": errors
        for said, errors in judged(kind, path)
        if bool(errors) != said.beyond and not exempt.fullmatch(f"{path} {said.place}")
    }
    assert wrong == {}


def test_the_requests_that_are_tried_are_those_of_the_file() -> None:
    tried = [said for kind, path in ASKED for said in requests(kind, path, ASKED[kind, path][1])]
    assert len(tried) > 1_900
    assert sum(said.beyond for said in tried) > 90


def test_the_file_allows_what_the_package_publishes_of_responses() -> None:
    exempt = re.compile(f"{matching('newer').pattern}|{matching('looser').pattern}")
    wrong = {}
    for said in responses.requests():
        tools = [
            {"strict": None, **tool} if tool["type"] == "function" else tool for tool in said.body["tools"]
        ]
        body = {**said.body, "tools": tools}
        if not is_valid("requests", "/responses", body) and not exempt.fullmatch(said.place):
            wrong[said.place] = faults("requests", "/responses", body)
    assert wrong == {}


def answered() -> Iterator[tuple[str, list[e.Event]]]:
    """Each field that Anthropic, Google, AWS and OpenAI publish of answers, alone in one."""
    for provider in own_answers.WHOLE:
        for said, found in own_answers.answers(provider):
            yield f"{provider} {said.place}", found
    for said in responses_answers.published():
        found = responses_answers.events(said.body)
        if not isinstance(found[-1], e.Failed):
            yield f"openai {said.place}", found


@pytest.mark.parametrize("client", PATHS)
def test_whoever_answers_clients_of_openai_s_get_what_the_file_says(client: str) -> None:
    asked: Json = {
        "model": "m",
        "messages": [USER],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if client == "openai_responses":
        asked = {"model": "m", "input": "Hello."}
    side = CLIENT_SIDES[client]
    conversation = side.read_request(asked)
    wrong = {}
    for place, found in answered():
        if client == "openai_responses" and place.startswith("openai"):
            continue  # they get OpenAI's as they are
        writer = side.stream(conversation, 1)
        told = [("answers", json.loads(side.whole(conversation, 1, fold(found))))]
        told += [("events", event) for event in spoken(b"".join(map(writer.write, found)))]
        for kind, value in told:
            if len(wrong) < MOST_TOLD and not is_valid(kind, PATHS[client], value):
                wrong[place] = faults(kind, PATHS[client], value)
    assert wrong == {}


def spoken(stream: bytes) -> Iterator[Json]:
    for event in stream.split(b"\n\n"):
        data = b"".join(line[6:] for line in event.split(b"\n") if line.startswith(b"data: "))
        if data and data != b"[DONE]":
            yield json.loads(data)
