"""`/openapi.json` says what is so: requests that it allows are answered as it says."""

from __future__ import annotations

import asyncio
import re
from itertools import product
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings

from inferc.compiler.plan import TaskKind
from inferc.runtime.gateway.openapi import operations
from inferc.runtime.gateway.paths import DECLARED

from ..support.pipelines import Graph, plan_with
from ..support.remote import gateway_of, mock_provider, remote_plan, running

schemathesis: Any = pytest.importorskip("schemathesis")

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
EXAMPLES = 2
"""Requests to each path, of those that fit and of those that do not."""


def _plan(endpoint: str) -> Any:
    headers = {"Authorization": "Bearer k"}
    graph = Graph()
    graph.call("said", "gpt", message="message")
    return plan_with(
        remote_plan("gpt", endpoint, headers=headers),
        remote_plan("e", endpoint, headers=headers, task=TaskKind.EMBED),
        remote_plan("r", endpoint, headers=headers, task=TaskKind.RERANK),
        graph.pipeline("said"),
    )


async def test_answers_are_what_the_document_says(request: pytest.FixtureRequest) -> None:
    examples = 50 if request.config.getoption("--hypothesis-profile") == "new" else EXAMPLES
    async with (
        mock_provider() as mock,
        running(_plan(mock.endpoint)) as executor,
        gateway_of(executor) as url,
    ):
        assert await asyncio.to_thread(_try_all, url, examples) >= 20


def _try_all(url: str, examples: int) -> int:
    """Ask for all that is served, in many ways; gives how much that is."""
    schemathesis.checks.load_all_checks()
    checks = [schemathesis.checks.CHECKS.get_one(name) for name in CHECKS]
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    tried = 0
    modes = schemathesis.GenerationMode
    for found, mode in product(schema.get_all_operations(), (modes.POSITIVE, modes.NEGATIVE)):
        operation = found.ok()
        if mode is modes.NEGATIVE and operation.method == "get":
            continue

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            case.call_and_validate(checks=checks)

        ask()
        tried += 1
    return tried


async def test_every_path_is_described_and_names_what_there_is() -> None:
    async with (
        mock_provider() as mock,
        running(_plan(mock.endpoint)) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as http,
    ):
        async with http.get(f"{url}/openapi.json") as answer:
            document = await answer.json()
        schemas = document["components"]["schemas"]
        assert schemas["ChatModel"] == {"enum": ["gpt", "p"]}
        assert schemas["EmbedModel"] == {"enum": ["e"]}
        described = {(m.upper(), path) for path, at in document["paths"].items() for m in at}
        assert described < operations().keys()


def test_each_path_that_is_served_is_described_and_no_other() -> None:
    served = {(each.method, re.sub(r":[^}]*}", "}", each.path)) for each in DECLARED}
    assert served == operations().keys()
