"""Each feature through a pool of each provider's kind, to the strict fake of that provider.

What comes back is an answer, or an error of our own: the provider never has to refuse what was sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import pytest

from inferc.compiler.capabilities import capabilities_from
from inferc.compiler.plan import AuthScheme, ProviderKind, RemotePoolPlan, RetryPolicy, SecretRef, WireFormat
from inferc.dsl.catalogues.capabilities import find_facts
from inferc.dsl.kinds import RuntimeKind
from inferc.runtime.executor import Executor
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.request import ChatRequest

from ..support.remote import executor_of, mock_provider, remote_plan
from .dialects.test_every_family import FEATURES, USER

MODELS = {
    "gpt-4o-mini": "openai",
    "gpt-4": "openai",
    "o3": "openai",
    "gpt-5": "openai",
    "gpt-5.6": "openai",
    "gpt-5-pro": "openai",
    "gpt-6-astra": "openai",
    "claude-3-haiku-20240307": "anthropic",
    "claude-sonnet-4-5": "anthropic",
    "claude-opus-4-8": "anthropic",
    "gemini-2.0-flash": "gemini",
    "gemini-2.5-pro": "gemini",
    "gemini-3-flash": "gemini",
    "mistral-large-latest": "mistral",
    "command-a-03-2025": "cohere",
    "deepseek-chat": "deepseek",
    "grok-4": "xai",
    "openai/gpt-oss-20b": "groq",
}
WIRES = {
    "anthropic": (WireFormat.ANTHROPIC, AuthScheme.X_API_KEY, ""),
    "gemini": (WireFormat.GEMINI, AuthScheme.X_GOOG_API_KEY, ""),
}


def pool(model: str, url: str) -> RemotePoolPlan:
    provider = MODELS[model]
    wire, auth, path = WIRES.get(provider, (WireFormat.OPENAI, AuthScheme.BEARER, "/v1"))
    named = f"/{provider}" if provider != "openai" else ""
    return remote_plan(
        model.replace("/", "-").replace(".", "-"),
        f"{url}{named}{path}",
        key=SecretRef.env("TEST_KEY"),
        model=model,
        provider=ProviderKind(provider),
        wire=wire,
        auth=auth,
        capabilities=capabilities_from(find_facts(model, RuntimeKind(provider)).values),
        retry=RetryPolicy(max_retries=0),
        responses=provider == "openai",
    )


@asynccontextmanager
async def pools(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Executor, list[str]]]:
    monkeypatch.setenv("TEST_KEY", "k")
    async with mock_provider(MockOptions(gap=0, strict=True)) as mock:
        plans = [pool(model, mock.url) for model in MODELS]
        async with executor_of(*plans) as executor:
            yield executor, [plan.deployment for plan in plans]


async def test_no_provider_has_to_refuse_what_a_pool_sends(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Every second feature of a model is asked for as a stream, and of the next model the others are."""
    both = request.config.getoption("--hypothesis-profile") == "new"
    answered, refused = 0, []
    async with pools(monkeypatch) as (executor, names):
        for (number, (feature, more)), (which, name) in product(
            enumerate(FEATURES.items()), enumerate(names)
        ):
            for stream in (False, True) if both else ((number + which) % 2 == 0,):
                body: dict[str, Any] = {"model": name, "messages": [USER], **more, "stream": stream}
                if not stream:
                    body.pop("stream_options", None)
                try:
                    async for _ in executor.stream(name, ChatRequest(body, stream)):
                        pass
                    answered += 1
                except RequestError as error:
                    if error.upstream_status is not None:
                        refused.append(f"{name}, {feature}: {error.message}")
    assert "\n".join(refused) == ""
    assert answered > len(names) * 20
