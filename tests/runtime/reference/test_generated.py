"""Whatever a client asks, each provider takes what it gets, as far as its reference and its errors tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferc.runtime.dialects.chats import said_in
from inferc.runtime.dialects.registry import CLIENT_SIDES
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest

from ...support.conversations import anthropic_bodies, openai_bodies
from .reference import NAMES, judge, plan, read

Json = dict[str, Any]
OWN = {"openai_chat": ("openai",), "anthropic": ("anthropic",)}
"""What a client says to its own provider, the provider judges."""

UNKNOWN = ("azure", "vllm")
"""What models are, a file does not say of them: nothing is assumed."""

MORE = {
    "openai": ("gpt-4o-mini", "gpt-5-mini", "o3"),
    "anthropic": ("claude-sonnet-4-0", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8"),
    "gemini": ("gemini-2.5-flash", "gemini-3-flash"),
}


def models(name: str) -> tuple[str, ...]:
    said = read(name)["chat"]
    return MORE.get(name) or tuple(dict.fromkeys((said["model"], *said.get("models", {}).values())))


ASKED = [
    (name, model)
    for name in NAMES
    if judge(name) is not None and name not in UNKNOWN
    for model in models(name)
]


@pytest.mark.parametrize("client", ["openai_chat", "anthropic"])
@given(data=st.data())
def test_whatever_a_client_asks_is_taken_by_the_provider_or_refused_by_name(
    client: str, data: st.DataObject
) -> None:
    body = data.draw(openai_bodies() if client == "openai_chat" else anthropic_bodies())
    said = None if client == "openai_chat" else CLIENT_SIDES[client].read_request(body)
    for name, model in ASKED:
        if name not in OWN[client]:
            asked = ChatRequest(body, False) if said is None else said_in(client, body, said)
            _taken_or_refused_by_name(asked, name, model)


def _taken_or_refused_by_name(request: ChatRequest, name: str, model: str) -> None:
    refused, complaints = "", []
    try:
        sent = json.loads(Chats(plan(name, model)).fit(request).body)
        strict = judge(name)
        assert strict is not None
        complaints = strict.complaints("chat", model, sent)
    except BadRequest as error:
        refused = error.param or "nothing"
    assert [error.message for error in complaints] == [], (name, model)
    assert refused != "nothing", (name, model)
