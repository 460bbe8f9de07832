"""What is written for platforms is run as they would run it: each container, and each unit, as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from attrs import frozen

from inferc.compiler.emit import Options, emit

from ..runtime.onnx.toys import line
from ..support.cluster import cluster, config, free_port, manifests, secret
from ..support.commands import PATIENCE
from ..support.forked import forked
from ..support.projects import Project
from ..support.remote import mock_provider, serving

FILE = """\
deployment line { model = "line.onnx" }

deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("OPENAI_API_KEY"), endpoint = env("PROVIDER") }
}

gateway {
  bind = "0.0.0.0:8080"
  auth = bearer(env("TOKEN"))
}
"""
SLOW = f"""{FILE}
deployment slow {{
  model = "gpt-4o"
  runtime openai {{ api_key = env("OPENAI_API_KEY"), endpoint = env("SLOW"), timeouts {{ read = 5m }} }}
}}
"""
TOKEN = "a-token-of-the-gateway"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
INPUTS = [{"name": name, "datatype": "FP32", "shape": [1, 2], "data": [1, 2]} for name in ("x", "shift")]


@frozen
class Container:
    """A process with the arguments and variables of a container, at a port of its own."""

    process: Any
    url: str

    def probe(self, path: str) -> bool:
        """Whether a probe of the path is content."""
        import urllib.error
        import urllib.request

        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait(self, path: str) -> None:
        """Until a probe of the path is content."""
        ends = time.monotonic() + PATIENCE
        while not self.probe(path):
            assert self.process.poll() is None, "it has ended"
            assert time.monotonic() < ends, "it does not become ready"
            time.sleep(0.05)


@contextlib.contextmanager
def container(folder: Path, arguments: list[str], env: dict[str, str], port: int) -> Iterator[Container]:
    """Run `inferc` with the arguments of a container; its address is another one than there."""
    here = [re.sub("^--host=.*", "--host=127.0.0.1", each) for each in arguments]
    here = [re.sub("^--port=.*", f"--port={port}", each) for each in here]
    process = forked(
        *here,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"], **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Container(process, f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait(PATIENCE)


def emitted(folder: Path, target: str, text: str = FILE, **options: Any) -> dict[str, str]:
    line(folder / "line.onnx")
    plan = Project(folder).plan(text)
    return emit(target, "prod", plan, Options(**options))


async def ask(url: str) -> tuple[list[float], str]:
    """What the gateway says of tensors and of a chat."""
    async with aiohttp.ClientSession(url, headers=HEADERS) as http:
        async with http.post("/v2/models/line/infer", json={"inputs": INPUTS}) as answer:
            body = await answer.json()
            assert answer.status == 200, body
        async with http.post("/v1/chat/completions", json=CHAT) as answer:
            said = await answer.json()
            assert answer.status == 200, said
    return body["outputs"][0]["data"], said["choices"][0]["message"]["content"]


async def test_the_services_of_a_compose_file_answer_together(tmp_path: Path) -> None:
    async with mock_provider() as mock:
        files = emitted(tmp_path, "compose")
        services = yaml.safe_load(files["compose.yaml"])["services"]
        ports = {name: free_port() for name in services}
        for name, text in files.items():
            for service, port in ports.items():
                text = text.replace(f"http://{service}:8080", f"http://127.0.0.1:{port}")
            if name.startswith("plans/"):
                (tmp_path / Path(name).name).write_text(text, "utf-8")
        given = {"OPENAI_API_KEY": "key-one", "TOKEN": TOKEN, "PROVIDER": mock.endpoint}
        with contextlib.ExitStack() as stack:
            running = {}
            for name in ("line", "gateway"):
                service = services[name]
                env = {key: given.get(key, str(value)) for key, value in service["environment"].items()}
                env |= {"HOME": str(tmp_path)}
                running[name] = stack.enter_context(container(tmp_path, service["command"], env, ports[name]))
            for name, each in running.items():
                await asyncio.to_thread(each.wait, "/readyz")
                program = services[name]["healthcheck"]["test"][3].replace("8080", str(ports[name]))
                assert await asyncio.to_thread(subprocess.call, [sys.executable, "-c", program]) == 0
            totals, text = await ask(running["gateway"].url)
    assert totals == [12.0]
    assert text


async def test_a_cluster_starts_updates_and_mends_what_the_manifests_say(tmp_path: Path) -> None:
    """Gateways wait for their keys; a changed file is rolled out under load, and no answer fails, however
    long it lasts; a model that crashes comes back.
    """
    image, goes_on = tmp_path / "image", asyncio.Event()
    image.mkdir()
    first = manifests(emitted(image, "kubernetes", text=SLOW, gateways=1, scaler="none"))
    changed = SLOW.replace('"line.onnx"', '"line.onnx", serving { max_concurrent = 7 }')
    second = manifests(emitted(image, "kubernetes", text=changed, gateways=1, scaler="none"))
    async with mock_provider() as mock, slow_provider(goes_on) as slow, cluster(image, tmp_path) as it:
        await it.apply(first)
        waits = "prod-gateway waits for Secret prod-secrets: OPENAI_API_KEY"
        await it.until(lambda: waits in it.events, "it starts without a key")
        await it.apply(
            [
                secret("prod-secrets", {"OPENAI_API_KEY": "key-one", "TOKEN": TOKEN}),
                config("prod-settings", {"PROVIDER": mock.endpoint, "SLOW": slow}),
            ]
        )
        await it.rolled_out("line")
        await it.rolled_out("prod-gateway")
        gateway = it.url("prod-gateway")
        failed: list[object] = []
        done = 0
        stop = asyncio.Event()

        async def keep_asking() -> None:
            nonlocal done
            while not stop.is_set():
                try:
                    await ask(gateway)
                except (AssertionError, aiohttp.ClientError) as error:
                    failed.append(error)
                done += 1

        askers = [asyncio.create_task(keep_asking()) for _ in range(3)]
        async with aiohttp.ClientSession(gateway, headers=HEADERS) as http:
            question = CHAT | {"model": "slow", "stream": True}
            async with http.post("/v1/chat/completions", json=question) as answer:
                said = await answer.content.readuntil(b"\n\n")
                await it.apply(second)
                await it.rolled_out("line")
                await it.until(lambda: it.stopping("prod-gateway"), "the old gateway goes on")
                after = done
                await it.until(lambda: done >= after + 20, "nobody is answered")
                assert "prod-gateway stopped with 0" not in it.events
                goes_on.set()
                said += await answer.content.read()
        assert said.endswith(b"data: [DONE]\n\n")
        await it.rolled_out("prod-gateway")
        stop.set()
        await asyncio.gather(*askers)
        assert failed == []
        it.kill("line")
        await it.until(lambda: "line ended with -9" in it.events, "the kubelet does not notice")
        await it.until(lambda: answers(gateway), "the model is not started again")
    assert {"line stopped with 0", "prod-gateway stopped with 0", "line ended with -9"} <= set(it.events)
    assert not [each for each in it.events if "killed" in each or "wrote" in each or "taken for dead" in each]


async def answers(url: str) -> bool:
    """Whether `ask` is answered."""
    try:
        await ask(url)
    except (AssertionError, aiohttp.ClientError):
        return False
    return True


@asynccontextmanager
async def slow_provider(goes_on: asyncio.Event) -> AsyncIterator[str]:
    """A provider whose streams end when they may."""

    async def chat(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for reason in (None, "stop"):
            choice = {"index": 0, "delta": {"role": "assistant", "content": "so"}, "finish_reason": reason}
            piece = {
                "id": "1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": [choice],
            }
            await answer.write(f"data: {json.dumps(piece)}\n\n".encode())
            await goes_on.wait()
        await answer.write(b"data: [DONE]\n\n")
        return answer

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    async with serving(app) as url:
        yield f"{url}/v1"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="systemd is told over a Unix socket")
async def test_a_unit_of_systemd_says_when_it_is_ready_and_when_it_stops(tmp_path: Path) -> None:
    async with mock_provider() as mock:
        (tmp_path / "prod.infer").write_text(FILE.replace("8080", "0"))
        [unit] = emitted(
            tmp_path, "systemd", directory=str(tmp_path), source="prod.infer", program="inferc"
        ).values()
        [command] = re.findall("^ExecStart=(.*)$", unit, re.M)
        assert "Type=notify" in unit
        words = shlex.split(command)[1:]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(str(tmp_path / "notify"))
            told.settimeout(PATIENCE)
            env = {
                "OPENAI_API_KEY": "key-one",
                "TOKEN": TOKEN,
                "PROVIDER": mock.endpoint,
                "HOME": str(tmp_path),
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
            }
            with container(tmp_path, words, env, 0) as it:
                assert await asyncio.to_thread(_told, told, "READY=1")
                it.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(_told, told, "STOPPING=1")
                assert await asyncio.to_thread(it.process.wait, PATIENCE) == 0


def _told(socket: socket.socket, what: str) -> bool:
    """Wait until systemd is told so."""
    while what not in socket.recv(4096).decode():
        pass
    return True
