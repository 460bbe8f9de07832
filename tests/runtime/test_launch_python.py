"""`python("module:factory")`: a user's own code, served by a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from contextlib import aclosing, suppress
from pathlib import Path

import aiohttp
import pytest

from inferc.compiler.plan import ProviderKind, RemotePoolPlan, RetryPolicy
from inferc.runtime.executor import Executor
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import ServerError, StartError
from inferc.runtime.requests.request import ChatRequest

from ..support.forked import ran
from ..support.remote import executor_of, remote_plan

MODULE = """
import os
from aiohttp import web

def shouting():
    async def answer(messages, **options):
        return messages[-1]["content"].upper() + f" {sorted(options)}"
    return answer

async def spelling():
    async def answer(messages, **options):
        for letter in messages[-1]["content"]:
            if letter == "!":
                raise ValueError("secret detail")
            yield letter
    return answer

def ending():
    import sys
    async def answer(messages, **options):
        match messages[-1]["content"]:
            case "exit":
                sys.exit(3)
            case "interrupt":
                raise KeyboardInterrupt
            case "block":
                import time
                time.sleep(1000)
        return "still here"
    return answer

def slow():
    import threading
    both = threading.Barrier(2)
    def answer(messages, **options):
        both.wait(20)
        return "together"
    return answer

def leaving():
    async def complete(request):
        raise SystemExit(3)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    return app

def application():
    async def complete(request):
        content = f"{(await request.json())['model']} in {os.getcwd()}"
        return web.json_response({"choices": [{"message": {"content": content}}]})
    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    return app

def number():
    return 1

def annotated():
    async def answer(messages: list[Message], **options: object) -> str:
        return "checked elsewhere"
    return answer

def narrow():
    async def answer(messages):
        return ""
    return answer
"""

SERVE = """
import sys
from inferc.runtime.replicas.python_server.__main__ import main

sys.path.insert(0, sys.argv[1])
sys.argv[1:] = [sys.argv[2], "--port", "0"]
sys.exit(main())
"""
"""The process of a server, forked from one that has imported what it needs."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "chat.py").write_text(MODULE)
    (package / "lost.py").write_text("import no_such_library")
    return tmp_path


def plan_of(target: str) -> RemotePoolPlan:
    return remote_plan(
        "gpt",
        "http://127.0.0.1:{port}/v1",
        provider=ProviderKind.PYTHON,
        target=target,
        retry=RetryPolicy(max_retries=0),
    )


async def ask(folder: Path, target: str, text: str, *, stream: bool = False) -> list[bytes]:
    body = {"model": "gpt", "messages": [{"role": "user", "content": text}], "temperature": 0}
    request = ChatRequest(body | {"stream": stream}, stream)
    async with (
        executor_of(plan_of(target), base_dir=folder) as executor,
        aclosing(executor.stream("gpt", request)) as chunks,
    ):
        return [chunk.data async for chunk in chunks if isinstance(chunk, ChatChunk)]


async def test_an_answer_function_becomes_a_chat(folder: Path) -> None:
    (answer,) = [json.loads(data) for data in await ask(folder, "house.chat:shouting", "hello")]
    assert answer["choices"][0]["message"] == {
        "role": "assistant",
        "content": "HELLO ['model', 'temperature']",
    }
    assert (answer["object"], answer["model"]) == ("chat.completion", "gpt-4o-mini")
    assert "house.chat" not in sys.modules


@pytest.mark.skipif(sys.version_info < (3, 14), reason="such annotations are an error of the module")
async def test_what_annotations_name_need_not_be_there(folder: Path) -> None:
    (answer,) = [json.loads(data) for data in await ask(folder, "house.chat:annotated", "hello")]
    assert answer["choices"][0]["message"]["content"] == "checked elsewhere"


async def test_an_answer_generator_is_streamed_piece_by_piece(folder: Path) -> None:
    chunks = [json.loads(data) for data in await ask(folder, "house.chat:spelling", "abc", stream=True)]
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["", "a", "b", "c", None]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert len({chunk["id"] for chunk in chunks}) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_fails_is_an_error_without_its_details(folder: Path, stream: bool) -> None:
    with pytest.raises(ServerError, match="the answer failed with ValueError") as caught:
        await ask(folder, "house.chat:spelling", "ab!", stream=stream)
    assert "secret detail" not in str(caught.value)


async def test_an_application_is_served_as_it_is(folder: Path) -> None:
    (answer,) = [json.loads(data) for data in await ask(folder, "house.chat:application", "hello")]
    assert answer["choices"][0]["message"]["content"] == f"gpt-4o-mini in {folder}"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("house.none:x", "there is no module `house.none`, which `house.none:x` names"),
        ("house.lost:x", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("house.chat:nobody", "the module `house.chat` has no function `nobody`"),
        ("house.chat", '`house.chat` names no factory: write "package.module:factory"'),
        ("house.chat:number", "`house.chat:number` made int: it must return an aiohttp Application"),
        ("house.chat:narrow", r"`house.chat:narrow` made function: .* answer\(messages, \*\*options\)"),
    ],
)
def test_a_factory_that_cannot_be_served_is_explained(folder: Path, target: str, says: str) -> None:
    done = ran("-c", SERVE, folder, target, text=True)
    assert done.returncode == 1
    assert re.search(f"(?s){says}", done.stderr)


async def test_what_keeps_a_server_from_its_start_is_told_with_its_deployment(folder: Path) -> None:
    says = "there is no module `house.none`, which `house.none:x` names"
    with pytest.raises(
        StartError, match=rf"(?s)^deployment `gpt`: its server .* ended with status 1 .*{says}"
    ):
        await ask(folder, "house.none:x", "hello")


@pytest.mark.parametrize("stream", [False, True])
async def test_what_would_end_the_program_is_an_error_of_its_request(folder: Path, stream: bool) -> None:
    async with executor_of(plan_of("house.chat:ending"), base_dir=folder) as executor:
        for last in ("exit", "interrupt"):
            with pytest.raises(ServerError, match="the answer failed with"):
                await said_by(executor, last, stream=stream)
        assert b"still here" in (await said_by(executor, "hello", stream=stream))


async def test_an_application_that_would_end_the_program_fails_its_request(folder: Path) -> None:
    async with executor_of(plan_of("house.chat:leaving"), base_dir=folder) as executor:
        for _ in range(2):
            with pytest.raises(ServerError):
                await said_by(executor, "hello")


async def test_a_function_that_is_not_async_takes_its_time_beside_the_others(folder: Path) -> None:
    async with executor_of(plan_of("house.chat:slow"), base_dir=folder) as executor:
        for answer in await asyncio.gather(said_by(executor, "a"), said_by(executor, "b")):
            assert b"together" in answer


async def test_a_server_whose_loop_is_held_says_where_and_ends(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inferc.runtime.replicas.python_server", "house.chat:ending"),
        *("--port", str(port), "--max-blocked", "1"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
        stderr=asyncio.subprocess.PIPE,
    )
    body = {"messages": [{"role": "user", "content": "block"}]}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        while True:
            with suppress(aiohttp.ClientConnectorError):
                await client.get("/health")
                break
            assert server.returncode is None
            await asyncio.sleep(0.05)
        with pytest.raises(aiohttp.ClientError):
            await client.post("/v1/chat/completions", json=body)
    assert server.stderr is not None
    said = (await server.stderr.read()).decode()
    assert await server.wait() == 1
    assert re.search(r'chat.py", line \d+ in answer', said)


async def said_by(executor: Executor, text: str, *, stream: bool = False) -> bytes:
    body = {"model": "gpt", "messages": [{"role": "user", "content": text}]}
    request = ChatRequest(body | {"stream": stream}, stream)
    async with aclosing(executor.stream("gpt", request)) as chunks:
        return b"".join([chunk.data async for chunk in chunks if isinstance(chunk, ChatChunk)])
