from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inferc.compiler.plan import SecretRef
from inferc.runtime.executor import Executor
from inferc.runtime.requests.errors import StartError, UnknownModel
from inferc.runtime.requests.request import ChatRequest

from ..support.remote import executor_of, plan_of, remote_plan

CHAT = ChatRequest({"model": "x", "messages": []}, stream=False)


async def test_all_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KEY_A", raising=False)
    plan = plan_of(
        remote_plan("a", key=SecretRef.env("KEY_A"), replicas=3),
        remote_plan("fine"),
        remote_plan("b", key=SecretRef.file("b.key")),
    )
    executor = Executor(plan, tmp_path)
    with pytest.raises(StartError) as caught:
        await executor.start()
    assert caught.value.problems == (
        "deployment `a`: the environment variable KEY_A is not set: set it to the key (export KEY_A=…)",
        "deployment `b`: the file b.key is not there: put the key into it",
    )
    assert str(caught.value) == "\n".join(caught.value.problems)
    with pytest.raises(UnknownModel):
        executor.stream("fine", CHAT)


async def test_the_deployments_are_known_by_name_in_the_order_of_the_plan() -> None:
    async with executor_of(remote_plan("b"), remote_plan("a")) as executor:
        assert list(executor.deployments) == ["b", "a"]
        assert executor.deployment("a").name == "a"


async def test_an_unknown_name_is_answered_with_the_known_ones_and_the_nearest_first() -> None:
    async with executor_of(remote_plan("claude"), remote_plan("gpt"), remote_plan("embedder")) as executor:
        with pytest.raises(UnknownModel) as caught:
            executor.stream("embeder", CHAT)
        assert caught.value.message == (
            "there is no model `embeder`; the models here are: `embedder`, `claude`, `gpt`"
        )


async def test_stopping_twice_is_fine() -> None:
    async with executor_of(remote_plan("a")) as executor:
        await executor.stop()
        await executor.stop()


def test_a_plan_of_remote_deployments_needs_neither_onnxruntime_nor_numpy() -> None:
    """Nor does it load the language, since the runtime knows the plan alone, nor what writes metrics."""
    program = """
import asyncio, sys
from pathlib import Path
from inferc.runtime.gateway import build_app
from tests.support.remote import executor_of, remote_plan

async def main():
    async with executor_of(remote_plan("a")) as executor:
        build_app(executor)

asyncio.run(main())
others = {"onnxruntime", "numpy", "tokenizers", "lark", "jinja2", "prometheus_client", "inferc.cli"}
print(sorted(others & set(sys.modules)))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "[]\n"
