"""At which endpoints a model is asked, what is refused by name, and what is said of batches."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from inferc.compiler.capabilities import capabilities_from
from inferc.compiler.plan import Capabilities, ProviderKind, RemotePoolPlan, TaskKind, WireFormat
from inferc.compiler.plan.endpoints import KINDS, batches_told, offered
from inferc.dsl.catalogues.capabilities import find_facts
from inferc.dsl.kinds import RuntimeKind
from inferc.runtime.mock_provider.strict import table
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.replicas.remote.passthrough.requests import Passed
from inferc.runtime.requests.errors import Incapable
from inferc.runtime.requests.request import ChatRequest, CompletionRequest, PassedRequest

from ..support.pipelines import fallback, plan_with
from ..support.remote import gateway_of, remote_plan, running
from ..support.rows import each_row

PASSED = [
    *("audio/speech", "audio/transcriptions", "audio/translations", "moderations", "completions"),
    *("images/generations", "images/edits", "images/variations"),
]
FAMILIES = [
    *(
        ("openai", name)
        for name in ("gpt-5-mini", "gpt-5-pro", "gpt-3.5-turbo-instruct", "tts-1", "whisper-1")
    ),
    *(
        ("openai", name)
        for name in ("gpt-4o-transcribe", "gpt-image-1", "dall-e-2", "omni-moderation-latest")
    ),
    *(("groq", name) for name in ("llama-3.3-70b-versatile", "whisper-large-v3")),
    *(
        ("mistral", name)
        for name in ("mistral-large-latest", "voxtral-mini-2602", "mistral-moderation-latest")
    ),
    *(("xai", name) for name in ("grok-4", "grok-imagine-image")),
    *(("deepseek", "deepseek-chat"), ("perplexity", "sonar-pro"), ("cohere", "command-a-03-2025")),
]
SENT: dict[str, dict[str, Any]] = {
    "audio/speech": {"input": "x", "voice": "alloy"},
    "moderations": {"input": "x"},
    "completions": {"prompt": "x"},
    "images/generations": {"prompt": "x"},
    "images/edits": {"prompt": "x", "image": "x"},
    "images/variations": {"image": "x"},
    "audio/transcriptions": {"file": "x"},
    "audio/translations": {"file": "x"},
}
TOLD = [{"role": "user", "content": "hi"}]


def plan(provider: str, model: str, **more: Any) -> RemotePoolPlan:
    can = capabilities_from(find_facts(model, RuntimeKind(provider)).values)
    return remote_plan(
        "it", provider=ProviderKind(provider), model=model, capabilities=can, responses=True, **more
    )


def request_to(path: str) -> CompletionRequest | PassedRequest:
    body = {"model": "it", **SENT.get(path, {})}
    return (
        CompletionRequest(body, False)
        if path == "completions"
        else PassedRequest(f"/{path}", "it", body=body)
    )


@each_row(("provider", "model"), FAMILIES)
@each_row("path", PASSED)
def test_a_model_is_asked_at_the_endpoints_that_it_has_and_refused_by_name_at_others(
    provider: str, model: str, path: str
) -> None:
    it = plan(provider, model)
    has = it.capabilities.endpoints
    assert has is not None
    if path in has:
        Passed(it).request(request_to(path))
        return
    with pytest.raises(Incapable) as refused:
        Passed(it).request(request_to(path))
    assert refused.value.param == "model"
    assert f"`/{path}`" in refused.value.message
    assert model in refused.value.message
    assert all(f"/{each}" in refused.value.message for each in has)


def test_what_is_a_part_of_an_endpoint_is_asked_where_the_endpoint_is() -> None:
    asked = PassedRequest("/responses/compact", "it", body={"model": "it", "input": "x"})
    assert Passed(plan("openai", "gpt-5-mini")).request(asked).path == "/responses/compact"
    with pytest.raises(Incapable, match="has no `/responses/compact`: it answers /audio/speech"):
        Passed(plan("openai", "tts-1")).request(asked)


@each_row(("provider", "model"), FAMILIES)
def test_a_chat_is_refused_by_name_where_a_model_does_something_else(provider: str, model: str) -> None:
    it = plan(provider, model)
    has = set(it.capabilities.endpoints or ())
    asked = ChatRequest({"model": "it", "messages": TOLD}, False)
    if not has.isdisjoint(KINDS["chat"]):
        Chats(it).fit(asked)
        return
    with pytest.raises(Incapable, match="does not chat: it answers /v1/"):
        Chats(it).fit(asked)


@each_row(
    "model", ["tts-1", "whisper-1", "gpt-4o-transcribe", "gpt-image-1", "dall-e-2", "omni-moderation-latest"]
)
def test_the_strict_mock_refuses_the_chats_that_we_refuse(model: str) -> None:
    [error, *_] = table("openai").complaints("chat", model, {"model": model, "messages": TOLD})
    assert error.status == 404
    assert "not a chat model" in error.message


def test_where_clients_ask_depends_on_what_the_deployment_is_for() -> None:
    assert offered(plan("openai", "gpt-5-pro")) == {"chat": ("chat/completions", "responses", "messages")}
    assert offered(plan("openai", "tts-1")) == {"speech": ("audio/speech",)}
    assert offered(plan("openai", "text-embedding-3-small", task=TaskKind.EMBED)) == {
        "embedding": ("embeddings",)
    }
    assert offered(plan("openai", "text-embedding-3-small")) == {}  # a chat is what it cannot do
    unknown = offered(remote_plan("new"))
    assert unknown["chat"]
    assert unknown["speech"] is None
    assert "embedding" not in unknown
    claude = remote_plan("c", provider=ProviderKind.ANTHROPIC, wire=WireFormat.ANTHROPIC)
    assert offered(claude).keys() == {"chat"}  # nothing is passed on in another protocol


@pytest.mark.parametrize(
    ("batches", "at", "said"),
    [
        (True, "https://x/batches", "openai at https://x/batches"),
        (None, "https://x/batches", "openai at https://x/batches, if it takes this model"),
        (False, "https://x/batches", "openai has no batches for it"),
        (True, None, "openai has batches for it"),
        (None, None, "nothing is known of batches of openai"),
    ],
)
def test_what_is_known_of_batches_is_said_in_words(batches: bool | None, at: str | None, said: str) -> None:
    assert batches_told(remote_plan(capabilities=Capabilities(batches=batches), batches_at=at)) == said


async def test_models_tell_their_endpoints_and_batches_are_refused_with_the_place_to_go() -> None:
    openai = "https://api.openai.com/v1/batches"
    speaks = Capabilities(endpoints=("audio/speech",), batches=False)
    whole = plan_with(
        plan("openai", "gpt-5-mini", batches_at=openai),
        remote_plan("says", capabilities=speaks, batches_at=openai),
        remote_plan("new"),
        fallback("both", "it", "new"),
    )
    paths = [
        *(("POST", "/v1/batches"), ("GET", "/v1/batches"), ("POST", "/v1/batches/batch_1/cancel")),
        *(
            ("POST", "/v1/files"),
            ("GET", "/v1/files/f/content"),
            ("DELETE", "/v1/files/f"),
            ("POST", "/batches"),
        ),
        *(("POST", "/v1/messages/batches"), ("GET", "/v1/messages/batches/b/results")),
    ]
    async with running(whole) as executor, gateway_of(executor) as url, aiohttp.ClientSession() as http:
        async with http.get(f"{url}/v1/models") as answer:
            told = {each["id"]: each for each in (await answer.json())["data"]}
        for method, path in paths:
            async with http.request(method, url + path, json={"input_file_id": "f"}) as answer:
                assert answer.status == 404
                error = (await answer.json())["error"]
                assert path in error["message"]
                assert f"`it`: openai at {openai}" in error["message"]
                assert "`says`: openai has no batches for it" in error["message"]
                assert "`new`: nothing is known of batches of openai" in error["message"]
                if "messages" in path:
                    assert error["type"] == "not_found_error"
                else:
                    assert error["code"] == "batches_not_supported"
        async with http.put(f"{url}/v1/batches") as answer:
            assert answer.status == 405
    chats = ["/v1/chat/completions", "/v1/responses", "/v1/messages"]
    assert told["it"]["endpoints"] == told["both"]["endpoints"] == {"chat": chats}
    assert told["it"]["batches"] == {"here": False, "at_provider": True, "send_to": openai}
    assert told["says"]["endpoints"] == {"speech": ["/v1/audio/speech"]}
    assert told["says"]["batches"] == {"here": False, "at_provider": False, "send_to": None}
    assert "abilities" not in told["says"]
    assert told["new"]["endpoints"]["speech"] is None
    assert told["new"]["batches"] == {"here": False, "at_provider": None, "send_to": None}
    assert "batches" not in told["both"]
