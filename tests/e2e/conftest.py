"""The samples, compiled and running; a server is started once and used by all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from ..support.commands import ROOT, Running, serving
from ..support.forked import ran


@pytest.fixture(scope="module")
def mock() -> Iterator[Running]:
    """A provider that waits between the pieces of a stream, and takes any key."""
    with serving("mock-provider", "--port", "0", "--gap", "30") as running:
        yield running


@pytest.fixture(scope="module")
def hello(mock: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`samples/hello.infer`, compiled into a plan elsewhere, and that plan running."""
    plan = tmp_path_factory.mktemp("plan") / "hello.plan.json"
    compile_ = ["compile", "samples/hello.infer", "--set", f"provider_url={mock.url}/v1", "-o", str(plan)]
    ran(*compile_, cwd=ROOT, check=True)
    with serving("run", str(plan), "--port", "0") as running:
        yield running


@pytest.fixture
def client(hello: Running) -> Iterator[OpenAI]:
    """OpenAI's own client, told nothing but where to go."""
    with OpenAI(base_url=f"{hello.url}/v1", api_key="unused", max_retries=0) as made:
        yield made
