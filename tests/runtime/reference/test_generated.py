"""Whatever a client asks, each provider takes what it gets, as far as its reference and its errors tell."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from inferc.dsl.catalogues import capabilities
from inferc.dsl.kinds import RuntimeKind
from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest

from ...support.conversations import anthropic_bodies, openai_bodies
from ...support.response_bodies import responses_bodies
from .reference import NAMES, judge, plan, read

Json = dict[str, Any]
CLIENTS = {
    "openai_chat": openai_bodies(),
    "anthropic": anthropic_bodies(),
    "openai_responses": responses_bodies(),
}
OWN = {"openai_chat": ("openai",), "anthropic": ("anthropic",), "openai_responses": ("openai",)}
"""What a client says to its own provider, the provider judges."""

UNKNOWN = ("azure", "vllm")
"""What models are, a file does not say of them: nothing is assumed."""

MORE = {
    "bedrock": (
        "anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic.claude-opus-4-8",
        "amazon.nova-micro-v1:0",
        "amazon.nova-2-lite-v1:0",
        "meta.llama3-70b-instruct-v1:0",
        "meta.llama3-2-11b-instruct-v1:0",
        "meta.llama3-3-70b-instruct-v1:0",
        "mistral.mistral-large-2402-v1:0",
    ),
    "openrouter": ("moonshotai/kimi-k2.5", "openai/gpt-oss-120b", "google/gemini-3-flash-preview"),
}
"""Families of models that the catalogue's package has no names of."""

SHIPPED = json.loads((Path(capabilities.__file__).parent / "models.json").read_text("utf-8"))["models"]


@cache
def models(name: str) -> tuple[str, ...]:
    """Those that the table names, and a model for each set of facts: those that chat."""
    said, runtime = read(name)["chat"], RuntimeKind(read(name)["runtime"])
    found = {model: model for model in (said["model"], *said.get("models", {}).values(), *MORE.get(name, ()))}
    for model in SHIPPED.get(runtime.value, ()):
        facts = capabilities.find_facts(model, runtime).values
        if facts.get("task", "chat") == "chat" and not facts.get("endpoints"):
            found.setdefault(repr(facts), model)
    return tuple(dict.fromkeys(found.values()))


JUDGED = [name for name in NAMES if judge(name) is not None and name not in UNKNOWN]
ASKED = {
    client: st.tuples(bodies, st.fixed_dictionaries({name: st.sampled_from(models(name)) for name in JUDGED}))
    for client, bodies in CLIENTS.items()
}
"""What each client asks, and for which model of each provider."""


@pytest.mark.parametrize("client", CLIENTS)
@given(data=st.data())
def test_whatever_a_client_asks_is_taken_by_the_provider_or_refused_by_name(
    client: str, data: st.DataObject
) -> None:
    body, chosen = data.draw(ASKED[client])
    said = None if client == "openai_chat" else CLIENT_SIDES[client].read_request(body)
    for name, model in chosen.items():
        asked = ChatRequest(body, False) if said is None else said_in(client, body, said)
        if name not in OWN[client]:
            _taken_or_refused_by_name(asked, name, model)
        if name == "openai" and client != "openai_responses" and "search" not in model:  # these only chat
            _taken_or_refused_by_name(asked, name, model, responses=True)


def _taken_or_refused_by_name(
    request: ChatRequest, name: str, model: str, *, responses: bool = False
) -> None:
    refused, complaints = "", []
    responses = responses or _chats(name, model).lacks(request)
    try:
        sent = json.loads(_chats(name, model, responses=responses).fit(request).body)
        strict = judge(name)
        assert strict is not None
        complaints = list(strict.complaints("responses" if responses else "chat", model, sent))
    except BadRequest as error:
        refused = error.param or "nothing"
    assert [error.message for error in complaints] == [], (name, model)
    assert refused != "nothing", (name, model)


@cache
def _chats(name: str, model: str, *, responses: bool = False) -> Chats:
    return Chats(plan(name, model), responses=responses)
