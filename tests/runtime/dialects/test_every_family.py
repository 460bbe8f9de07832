"""Each feature of OpenAI's requests in front of each family of models in the catalogue.

The request is taken by the strict fake of the model's provider, or refused here, by name, before it is sent.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inferc.compiler.capabilities import capabilities_from
from inferc.compiler.plan import Capabilities
from inferc.compiler.plan.dialects import AT_OPENAI, AT_OTHERS
from inferc.dsl.catalogues.bedrock_names import vendor_of
from inferc.dsl.catalogues.capabilities import find_facts
from inferc.dsl.catalogues.inference import name_at
from inferc.dsl.kinds import RuntimeKind
from inferc.runtime.dialects import anthropic, bedrock, gemini, openai_chat, openai_responses
from inferc.runtime.dialects.adapt import Adapted, adapt, only_in_responses
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.mock_provider.strict import table
from tests.support.official_types import check_bedrock

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[3] / "dsl" / "catalogues"
DIALECTS = {"anthropic": "anthropic", "gemini": "gemini", "bedrock": "bedrock"}
WRITE = {
    "openai_chat": openai_chat.write_request,
    "anthropic": anthropic.write_request,
    "gemini": gemini.write_request,
    "openai_responses": openai_responses.write_request,
}
PROVIDERS = ("openai", "anthropic", "gemini", "bedrock", "mistral", "cohere", "deepseek", "xai", "groq")
"""Who has both a strict fake and models in the catalogue."""

USER = {"role": "user", "content": "Give me json."}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
LISTS = {
    "type": "object",
    "properties": {"all": {"type": "array", "items": CLOSED, "maxItems": 3}},
    "additionalProperties": False,
    "required": ["all"],
}
NOW = {"type": "function", "function": {"name": "now", "description": "The time.", "parameters": SCHEMA}}
BARE = {"type": "function", "function": {"name": "now"}}
EITHER = {
    "type": "function",
    "function": {
        "name": "now",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "anyOf": [
                {"required": ["place"]},
                {"properties": {"zone": {"type": "string"}}, "required": ["zone"]},
            ],
        },
    },
}
STRICT = {"type": "function", "function": {"name": "now", "strict": True, "parameters": CLOSED}}
CALL = {"id": "call_abcdefghijklmnop", "type": "function", "function": {"name": "now", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": CALL["id"], "content": '{"noon": true}'}
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
BY_URL = {"type": "image_url", "image_url": {"url": "https://example.com/picture"}}
PDF = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}
TEXT = {"type": "text", "text": "What is it?"}


def form(schema: Json, **more: Any) -> Json:
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, **more}}
    }


FEATURES: dict[str, Json] = {
    "plain": {},
    "temperature": {"temperature": 0.2},
    "temperature 2": {"temperature": 2},
    "temperature 1": {"temperature": 1},
    "top_p": {"top_p": 0.5},
    "temperature and top_p": {"temperature": 0.2, "top_p": 0.9},
    "top_p 1": {"temperature": 0.2, "top_p": 1},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty 0": {"frequency_penalty": 0, "presence_penalty": 0},
    "seed": {"seed": 7},
    "logit_bias": {"logit_bias": {"50256": -100}},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "max_tokens": {"max_tokens": 100},
    "max_completion_tokens": {"max_completion_tokens": 100},
    "too many tokens": {"max_tokens": 10_000_000},
    "stop": {"stop": "END"},
    "five stops": {"stop": ["a", "b", "c", "d", "e"]},
    "blank stop": {"stop": ["\n\n"]},
    "n": {"n": 2},
    "n 1": {"n": 1},
    "user": {"user": "user-1"},
    "e-mail": {"user": "ann@example.com"},
    "stream": {"stream": True, "stream_options": {"include_usage": True}},
    "metadata": {"metadata": {"run": "7"}, "store": True},
    "service_tier": {"service_tier": "auto"},
    "verbosity": {"verbosity": "low"},
    "text wanted": {"modalities": ["text"]},
    "picture wanted": {"modalities": ["text", "image"]},
    "sound wanted": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}},
    **{
        f"effort {level}": {"reasoning_effort": level}
        for level in ("none", "minimal", "low", "high", "xhigh")
    },
    "effort and temperature": {"reasoning_effort": "high", "temperature": 0.2},
    "effort and tools": {"reasoning_effort": "low", "tools": [NOW]},
    "json": {"response_format": {"type": "json_object"}},
    "text": {"response_format": {"type": "text"}},
    "schema": form(SCHEMA),
    "strict schema": form(CLOSED, strict=True),
    "schema with lists": form(LISTS, strict=True),
    "schema and tools": form(CLOSED) | {"tools": [NOW]},
    "schema and effort": form(CLOSED) | {"reasoning_effort": "high"},
    "tools": {"tools": [NOW]},
    "bare tool": {"tools": [BARE]},
    "strict tool": {"tools": [STRICT]},
    "tool of one kind or another": {"tools": [EITHER]},
    "no tools": {"tools": [NOW], "tool_choice": "none"},
    "some tool": {"tools": [NOW], "tool_choice": "required"},
    "that tool": {"tools": [NOW], "tool_choice": {"type": "function", "function": {"name": "now"}}},
    "one call": {"tools": [NOW], "parallel_tool_calls": False},
    "calls at once": {"tools": [NOW], "parallel_tool_calls": True},
    "history of calls": {"messages": [USER, CALLING, RESULT], "tools": [NOW]},
    "history that goes on": {"messages": [USER, CALLING, RESULT, USER], "tools": [NOW]},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, USER]},
    "developer": {"messages": [{"role": "developer", "content": "Be brief."}, USER]},
    "system in the middle": {"messages": [USER, {"role": "system", "content": "Be brief."}, USER]},
    "system alone": {"messages": [{"role": "system", "content": "Say json."}]},
    "two users": {"messages": [USER, USER]},
    "names": {"messages": [{**USER, "name": "ann"}]},
    "thoughts": {"messages": [USER, {"role": "assistant", "content": "x", "reasoning_content": "y"}, USER]},
    "empty answer": {"messages": [USER, {"role": "assistant", "content": ""}, USER]},
    "begun answer": {"messages": [USER, {"role": "assistant", "content": "It is "}]},
    "refusal": {"messages": [USER, {"role": "assistant", "content": None, "refusal": "No."}, USER]},
    "parts": {"messages": [{"role": "user", "content": [TEXT, {"type": "text", "text": ""}]}]},
    "image": {"messages": [{"role": "user", "content": [TEXT, PNG]}]},
    "image by URL": {"messages": [{"role": "user", "content": [TEXT, BY_URL]}]},
    "pdf": {"messages": [{"role": "user", "content": [TEXT, PDF]}]},
}


AT_RESPONSES = ("openai", "xai")
"""Providers whose own endpoints have responses beside chat completions."""


@cache
def families() -> list[tuple[str, str, Capabilities]]:
    """A model of each provider for each set of facts: those that chat."""
    files = ("model_prices.json", "preset_model_prices.json")
    catalogue = [row for file in files for row in json.loads((ROOT / file).read_bytes())["models"]]
    shipped = json.loads((ROOT / "capabilities" / "models.json").read_bytes())["models"]
    found: dict[tuple[str, str], tuple[str, str, Capabilities]] = {}
    for provider in PROVIDERS:
        names = [row["name"].removeprefix("regional.") for row in catalogue if row["provider"] == provider]
        for name in [*names, *shipped.get(provider, {})]:
            facts = find_facts(name, RuntimeKind(provider)).values
            if facts.get("task") == "chat":
                able = capabilities_from(facts).over(AT_OPENAI if provider == "openai" else AT_OTHERS)
                found.setdefault((provider, repr(able)), (provider, name, able))
    return list(found.values())


def sent(model: str, provider: str, can: Capabilities, feature: Json) -> Json | None:
    """What goes out for a request with this feature; None where it is refused here."""
    dialect = DIALECTS.get(provider, "openai_chat")
    asked = openai_chat.read_request({"model": model, "messages": [USER], **feature})
    if provider in AT_RESPONSES and only_in_responses(asked, can):
        dialect = "openai_responses"
    fit = adapt(asked, can, client="openai_chat", provider=dialect)
    if not isinstance(fit, Adapted):
        assert all(problem.where and problem.why for problem in fit.problems)
        return None
    if dialect == "bedrock":
        body: Json = loads(dumps(bedrock.write_request(fit.conversation, vendor=vendor_of(model))))
        check_bedrock(body)
        return body
    body = loads(dumps(WRITE[dialect](fit.conversation)))
    if dialect != "gemini":
        body["model"] = name_at(RuntimeKind(provider), model)
    return body


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_is_taken_by_every_model_or_refused_by_name(feature: str) -> None:
    taken = 0
    judged: dict[tuple[Any, ...], tuple[str, str, str, Json]] = {}
    for provider, model, can in families():
        if feature == "too many tokens" and can.greatest_output is None:
            continue  # nothing is assumed of what is not known
        body = sent(model, provider, can, FEATURES[feature])
        if body is None:
            continue
        taken += 1
        name = name_at(RuntimeKind(provider), model)
        endpoint = "responses" if "input" in body else "chat"
        # What is the same but for the name of the model, and under the same rules, is judged once.
        rules = tuple(id(rule) for rule in table(provider).rules if rule.holds_for(endpoint, name))
        judged.setdefault((provider, rules, dumps({**body, "model": ""})), (model, endpoint, name, body))
    complaints = [
        f"{model}: {each.message}"
        for (provider, *_), (model, endpoint, name, body) in judged.items()
        for each in table(provider).complaints(endpoint, name, body)
    ]
    assert "\n".join(complaints) == ""
    assert taken


def test_rules_look_at_names_of_models_only_where_they_say_which_they_are_about() -> None:
    rules = [rule.row.get("find", "") for provider in PROVIDERS for rule in table(provider).rules]
    assert [find for find in rules if re.search(r"(match|search)\(@\.model\b", find)] == []
