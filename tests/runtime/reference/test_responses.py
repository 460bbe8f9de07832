"""Each field that OpenAI publishes of requests for responses, alone in one, on the way that requests go: to
OpenAI as it came; to others translated, or refused by name, or left out and told.

`responses.json` says what becomes of what, and what goes without a word because nothing is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inferc.runtime.dialects import openai_responses
from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import BadRequest

from ...support.strict import of_all_models
from .published import Published, Said, is_within
from .reference import plan, read

Json = dict[str, Any]

SAID: Json = json.loads((Path(__file__).parent / "responses.json").read_text("utf-8"))
OTHERS = ("vllm", "anthropic", "gemini", "bedrock")
"""One for each dialect; of those that speak OpenAI's chat completions, vLLM."""

ASKED_IN_THEM = {"openai": "", "azure": "responses = true"}
"""Who is asked in responses, and what the file says for that."""

HERE = ("background", "conversation", "previous_response_id")
"""What the gateway keeps, and no provider is asked for."""

ASKED = {"type": "message", "role": "user", "content": "Hello."}
NO_FIELDS = {"type": "object", "properties": {}}
FUNCTION = {"type": "function", "name": "x", "description": "Do x.", "parameters": NO_FIELDS}
OF_OLDER = re.compile(r"temperature|top_(p|logprobs)")
"""Fields that models which think do not take."""


SAYING = {"top_p": 0.5, "top_logprobs": 2, "parallel_tool_calls": False}
"""Values that ask for something."""


IN_BOUNDS = {"output_compression": 50, "partial_images": 2}
"""Of a tool that makes pictures."""


def of_responses(body: Json) -> Json:
    """`body` with all that stands where it may: results with calls, and files with what is in them."""
    if tools := body.get("tools"):
        bound = [{**tool, **{n: v for n, v in IN_BOUNDS.items() if n in tool}} for tool in tools]
        body = {**body, "tools": bound}
    items = body["input"]
    if isinstance(items, list) and items != [ASKED]:
        [item] = items
        item = {**item, **{name: _full(item[name]) for name in ("content", "output") if name in item}}
        before, after = [ASKED], []
        if item.get("role") == "assistant" or _answers(item):
            item, after = {**item, "role": "assistant"}, [ASKED]
        elif item["type"] == "additional_tools":
            item = {
                **item,
                "tools": [{**tool, "name": "y"} if "name" in tool else tool for tool in item["tools"]],
            }
        elif item["type"] == "function_call":
            after = [{"type": "function_call_output", "call_id": item["call_id"], "output": "done"}]
        elif item["type"] == "function_call_output":
            item = {"call_id": "x", **item}
            before = [*before, {"type": "function_call", "call_id": "x", "name": "x", "arguments": "{}"}]
            item["call_id"] = "x"
        body = {**body, "input": [*before, item, *after]}
    match body.get("tool_choice"):
        case {"type": "allowed_tools", **choice}:
            named = [{"type": "function", "name": "x"}]
            body = {**body, "tool_choice": {**choice, "type": "allowed_tools", "tools": named}}
    return body | {name: value for name, value in SAYING.items() if name in body}


def _answers(item: Json) -> bool:
    content = item.get("content")
    return isinstance(content, list) and any(
        part.get("type") in ("output_text", "refusal") for part in content
    )


def _full(parts: Any) -> Any:
    if not isinstance(parts, list):
        return parts
    needed = {
        "input_image": ("image_url", {"image_url": "https://example.com/b.png"}),
        "input_file": ("file_url", {"file_url": "https://example.com/b.pdf"}),
    }
    made = []
    for part in parts:
        _, more = needed.get(part.get("type"), ("", {}))
        has = part.keys() & {"file_id", "image_url", "file_url", "file_data"}
        made.append(part if has else {**part, **more})
    return made


@cache
def requests() -> tuple[Said, ...]:
    base = {"model": "gpt-5", "input": [ASKED], "tools": [FUNCTION]}
    found = Published(table("openai").shapes, base, of_responses, "responses").requests()
    return tuple(said for said in found if not is_within(said.place, HERE))


@cache
def chats(provider: str, older: bool = False) -> Chats:
    model = read(provider)["chat"]["model"]
    if provider in ASKED_IN_THEM:
        model = "gpt-4.1" if older else "gpt-5"
    made = plan(provider, model, more=ASKED_IN_THEM.get(provider, ""))
    return Chats(made, responses=made.responses)


def sent(provider: str, body: Json, older: bool = False) -> tuple[Json, tuple[str, ...]]:
    """What a provider is sent for a client of responses, and what is told. Raises BadRequest."""
    asked = loads(dumps(body))
    request = said_in("openai_responses", asked, openai_responses.read_request(asked))
    fit = chats(provider, older).fit(request)
    return loads(fit.body), fit.changes


def plain(body: Json) -> Json:
    """`body` without what says nothing, with texts as lists of parts."""
    made: Json = loads(dumps(body))
    if isinstance(made["input"], str):
        made["input"] = [{**ASKED, "content": made["input"]}]
    for item in made["input"]:
        if item.get("type") == "message":
            for name in ("id", "status"):
                item.pop(name, None)
            if isinstance(item["content"], str):
                kind = "output_text" if item["role"] == "assistant" else "input_text"
                item["content"] = [{"type": kind, "text": item["content"]}]
        if isinstance(item.get("output"), list) and item["type"] == "function_call_output":
            [part] = item["output"]
            if part.keys() == {"type", "text"}:
                item["output"] = part["text"]
    for tool in made.get("tools", ()):
        for function in (tool, *tool.get("tools", ())):
            for name in [name for name, value in function.items() if value is None]:
                del function[name]
    if "generate_summary" in (reasoning := made.get("reasoning", {})):
        reasoning["summary"] = reasoning.pop("generate_summary")
    match made.get("tool_choice"):
        case {"type": "allowed_tools", "mode": "required", "tools": [only]}:
            made["tool_choice"] = only
    return {name: value for name, value in made.items() if value not in ({}, 0)}


def needless() -> re.Pattern[str]:
    return re.compile("|".join(f"({each})" for each in SAID["needless"]))


def test_the_strict_mock_takes_all_that_openai_publishes() -> None:
    refused = {}
    for said in requests():
        errors = [e.message for e in of_all_models("openai").complaints("responses", "", said.body)]
        refused.update({said.place: errors} if errors else {})
    assert refused == {}
    assert len(requests()) > 1000


@pytest.mark.parametrize("provider", ASKED_IN_THEM)
def test_openai_gets_what_a_client_of_responses_says(provider: str) -> None:
    lost: Json = {}
    for said in requests():
        body, told = sent(provider, said.body, older=bool(OF_OLDER.match(said.place)))
        body["include"] = [each for each in body.get("include", ()) if each in said.body.get("include", ())]
        own = {**said.body, "model": body["model"], "store": False, "include": said.body.get("include", [])}
        if plain(body) != plain(own) and not (told and said.place.startswith(told)):
            lost[said.place] = body
    assert lost == {}


def test_xai_gets_all_that_was_said_before_and_its_own_tools() -> None:
    """What its answers hold comes back to it: thoughts, and calls of tools that it ran itself."""
    chats = Chats(plan("xai", "grok-4.7", more="responses = true"), responses=True)
    lost: Json = {}
    for said in requests():
        if not said.place.startswith(("input", "tools")) or re.search(
            "prompt_cache_breakpoint|=developer", said.place
        ):
            continue
        asked = loads(dumps(said.body))
        fit = chats.fit(said_in("openai_responses", asked, openai_responses.read_request(asked)))
        body, own = plain(loads(fit.body)), plain(said.body)
        if fit.changes or (body["input"], body["tools"]) != (own["input"], own["tools"]):
            lost[said.place] = body
    assert lost == {}


def test_what_is_written_anew_for_openai_says_all_that_was_said() -> None:
    lost: Json = {}
    for said in requests():
        asked = openai_responses.read_request(loads(dumps(said.body)))
        body = loads(dumps(openai_responses.write_request(asked)))
        if plain(body) != plain(said.body):
            lost[said.place] = plain(body), plain(said.body)
    assert lost == {}


def became(provider: str) -> Iterator[tuple[str, str, list[str]]]:
    """The place of each field, what becomes of it, and what a strict provider has against that."""
    strict = of_all_models(provider)
    refused: list[str] = []
    for said in requests():
        if said.body == said.without or is_within(said.place, refused):
            continue
        try:
            body, told = sent(provider, said.body)
        except BadRequest as error:
            is_named = f"`{re.split(r'[^a-z_]', said.place)[0]}" in error.message
            refused.append(said.place)
            yield said.place, "refused", [] if is_named else [error.message]
            continue
        errors = [e.message for e in strict.complaints("chat", "", body)]
        fate = "left out" if told else "needless"
        yield said.place, fate if body == sent(provider, said.without)[0] else "sent", errors


@cache
def fates(provider: str) -> dict[str, str]:
    found = list(became(provider))
    assert {place: errors for place, _, errors in found if errors} == {}
    return {place: fate for place, fate, _ in found}


@pytest.mark.parametrize("provider", OTHERS)
def test_nothing_that_a_client_of_responses_says_is_lost_without_a_word(provider: str) -> None:
    lost = [
        place
        for place, fate in fates(provider).items()
        if fate == "needless" and not needless().fullmatch(place)
    ]
    assert lost == []


PLACES = {
    "fields": re.compile(r"([a-z_]+|(reasoning|text)\.[a-z_]+)(\{\}|\[\])?([=<][\w.]+>?)?"),
    "input items": re.compile(r"input\[\]<(\w+)>"),
    "parts of messages": re.compile(r"input\[\]<message>\.content\[\]<(\w+)>"),
    "tools": re.compile(r"tools\[\]<(\w+)>"),
    "tool_choice": re.compile(r"tool_choice(?:<|=)(\w+)>?"),
}
"""The places that have a word for each provider, by what they are."""


OPENED = ("reasoning", "text", "tools", "tool_choice", "input")
"""Fields that have words for what is in them."""


def words(kind: str) -> Json:
    """What becomes of everything of a kind, in front of each provider; one word where it is the same."""
    found: dict[str, dict[str, list[str]]] = {}
    for provider in OTHERS:
        for place, fate in fates(provider).items():
            if (match := PLACES[kind].fullmatch(place)) and match[1] not in OPENED:
                name = match[1]
                found.setdefault(name, {}).setdefault(provider, []).append(fate)
    made: Json = {}
    for name, told in sorted(found.items()):
        each = {provider: " or ".join(sorted(set(words))) for provider, words in told.items()}
        made[name] = each["vllm"] if len(set(each.values())) == 1 else each
    return made


@pytest.mark.parametrize("kind", PLACES)
def test_what_becomes_of_each_thing_is_as_the_table_says(kind: str) -> None:
    assert words(kind) == SAID["fates"][kind]
