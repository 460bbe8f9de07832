"""`python("module:factory")`: a user's own code, served by a process of its own."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import product
from pathlib import Path

import pytest

from inferc.compiler.plan import ProviderKind, RemotePoolPlan, RetryPolicy
from inferc.runtime.executor import Executor
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import NetworkError, ServerError
from inferc.runtime.requests.request import ChatRequest

from ..support.forked import PATIENCE, InLoop, begun, ran
from ..support.remote import executor_of, remote_plan

MODULE = """
import os
from aiohttp import web

def shouting():
    async def answer(messages, **options):
        return messages[-1]["content"].upper() + f" {sorted(options)} in {os.getcwd()}"
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
        content = f"from {(await request.json())['model']}"
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
from inferc.runtime.replicas.python_server import serve
from inferc.runtime.replicas.python_server.__main__ import main

class Server(serve.HttpServer):
    async def start(self):
        await super().start()
        print(self.port, flush=True)

serve.HttpServer = Server
sys.path.insert(0, sys.argv[1])
sys.argv[1:] = [*sys.argv[2:], "--port", "0"]
sys.exit(main())
"""
"""The process of a server, forked from one that has imported what it needs. It says its port."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "chat.py").write_text(MODULE)
    (package / "lost.py").write_text("import no_such_library")
    return tmp_path


def plan_of(target: str, endpoint: str = "http://127.0.0.1:{port}/v1") -> RemotePoolPlan:
    return remote_plan(
        "gpt", endpoint, provider=ProviderKind.PYTHON, target=target, retry=RetryPolicy(max_retries=0)
    )


@asynccontextmanager
async def serving(folder: Path, target: str, *options: str) -> AsyncIterator[tuple[Executor, InLoop]]:
    """What asks a server of `target` that runs already, and the process of that."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    server = await begun("-c", SERVE, folder, target, *options, **pipes)
    assert server.stdout is not None
    port = int(await asyncio.wait_for(server.stdout.readline(), PATIENCE))
    try:
        async with executor_of(plan_of(target, f"http://127.0.0.1:{port}/v1")) as executor:
            yield executor, server
    finally:
        server.terminate()
        await server.wait()


async def ask(executor: Executor, text: str, *, stream: bool = False) -> list[bytes]:
    body = {"model": "gpt", "messages": [{"role": "user", "content": text}], "temperature": 0}
    request = ChatRequest(body | {"stream": stream}, stream)
    async with aclosing(executor.stream("gpt", request)) as chunks:
        return [chunk.data async for chunk in chunks if isinstance(chunk, ChatChunk)]


async def test_an_answer_function_becomes_a_chat(folder: Path) -> None:
    async with executor_of(plan_of("house.chat:shouting"), base_dir=folder) as executor:
        (answer,) = map(json.loads, await ask(executor, "hello"))
    assert answer["choices"][0]["message"] == {
        "role": "assistant",
        "content": f"HELLO ['model', 'temperature'] in {folder}",
    }
    assert (answer["object"], answer["model"]) == ("chat.completion", "gpt-4o-mini")
    assert "house.chat" not in sys.modules


@pytest.mark.skipif(sys.version_info < (3, 14), reason="such annotations are an error of the module")
async def test_what_annotations_name_need_not_be_there(folder: Path) -> None:
    async with serving(folder, "house.chat:annotated") as (executor, _):
        (answer,) = map(json.loads, await ask(executor, "hello"))
    assert answer["choices"][0]["message"]["content"] == "checked elsewhere"


async def test_an_answer_generator_is_streamed_and_fails_without_its_details(folder: Path) -> None:
    async with serving(folder, "house.chat:spelling") as (executor, _):
        chunks = [json.loads(data) for data in await ask(executor, "abc", stream=True)]
        for stream in (False, True):
            with pytest.raises(ServerError, match="the answer failed with ValueError") as caught:
                await ask(executor, "ab!", stream=stream)
            assert "secret detail" not in str(caught.value)
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["", "a", "b", "c", None]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert len({chunk["id"] for chunk in chunks}) == 1


async def test_an_application_is_served_as_it_is(folder: Path) -> None:
    async with serving(folder, "house.chat:application") as (executor, _):
        (answer,) = map(json.loads, await ask(executor, "hello"))
    assert answer["choices"][0]["message"]["content"] == "from gpt-4o-mini"


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


async def test_what_would_end_the_program_is_an_error_of_its_request(folder: Path) -> None:
    async with serving(folder, "house.chat:ending") as (executor, _):
        for last, stream in product(("exit", "interrupt"), (False, True)):
            with pytest.raises(ServerError, match="the answer failed with"):
                await ask(executor, last, stream=stream)
        for stream in (False, True):
            assert b"still here" in b"".join(await ask(executor, "hello", stream=stream))


async def test_an_application_that_would_end_the_program_fails_its_request(folder: Path) -> None:
    async with serving(folder, "house.chat:leaving") as (executor, _):
        for _ in range(2):
            with pytest.raises(ServerError):
                await ask(executor, "hello")


async def test_a_function_that_is_not_async_takes_its_time_beside_the_others(folder: Path) -> None:
    async with serving(folder, "house.chat:slow") as (executor, _):
        for answer in await asyncio.gather(ask(executor, "a"), ask(executor, "b")):
            assert b"together" in b"".join(answer)


async def test_a_server_whose_loop_is_held_says_where_and_ends(folder: Path) -> None:
    async with serving(folder, "house.chat:ending", "--max-blocked", "1") as (executor, server):
        with pytest.raises(NetworkError):
            await ask(executor, "block")
        assert server.stderr is not None
        said = (await server.stderr.read()).decode()
        assert await server.wait() == 1
    assert re.search(r'chat.py", line \d+ in answer', said)
