"""What is written for platforms is run as they would run it: each container, and each unit, as a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from attrs import frozen

from inferc.compiler.emit import Options, emit

from ..runtime.onnx.toys import line
from ..support.commands import INFERC, PATIENCE
from ..support.projects import Project
from ..support.remote import mock_provider

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
TOKEN = "a-token-of-the-gateway"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
CHAT = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
INPUTS = [{"name": name, "datatype": "FP32", "shape": [1, 2], "data": [1, 2]} for name in ("x", "shift")]


@frozen
class Container:
    """A process with the arguments and variables of a container, at a port of its own."""

    process: subprocess.Popen[bytes]
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
    process = subprocess.Popen(
        [*INFERC, *here],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Container(process, f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def emitted(folder: Path, target: str, **options: Any) -> dict[str, str]:
    line(folder / "line.onnx")
    plan = Project(folder).plan(FILE)
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


async def test_a_rolling_update_of_a_deployment_loses_no_request(tmp_path: Path) -> None:
    """The second pod takes over as the kubelet does it: ready, then `preStop`, then SIGTERM to the first."""
    async with mock_provider() as mock:
        files = emitted(tmp_path, "kubernetes")
        pods = {
            name: _pod(text) for name, text in files.items() if name in ("prod-gateway.yaml", "line.yaml")
        }
        line = free_port()
        (_, config), (_, model) = pods["prod-gateway.yaml"], pods["line.yaml"]
        (tmp_path / "line.plan.json").write_text(model["line.plan.json"], "utf-8")
        plan = config["prod.plan.json"].replace(
            "http://line.default.svc.cluster.local:8080", f"http://127.0.0.1:{line}"
        )
        (tmp_path / "prod.plan.json").write_text(plan, "utf-8")
        spec = pods["prod-gateway.yaml"][0]
        env = {"OPENAI_API_KEY": "key-one", "TOKEN": TOKEN, "PROVIDER": mock.endpoint, "HOME": str(tmp_path)}
        assert {each["name"] for each in spec["env"] if "valueFrom" in each} < env.keys()
        with contextlib.ExitStack() as stack:
            behind = container(tmp_path, pods["line.yaml"][0]["args"], {"HOME": str(tmp_path)}, line)
            stack.enter_context(behind).wait(pods["line.yaml"][0]["startupProbe"]["httpGet"]["path"])
            first, second = (
                stack.enter_context(container(tmp_path, spec["args"], env, free_port())) for _ in range(2)
            )
            await asyncio.to_thread(first.wait, spec["readinessProbe"]["httpGet"]["path"])
            endpoints = [first.url]
            failed: list[object] = []
            done = 0
            stop = asyncio.Event()

            async def keep_asking() -> None:
                nonlocal done
                while not stop.is_set():
                    try:
                        await ask(endpoints[0])
                    except (AssertionError, aiohttp.ClientError) as error:
                        failed.append(error)
                    done += 1

            askers = [asyncio.create_task(keep_asking()) for _ in range(3)]
            await asyncio.to_thread(second.wait, spec["readinessProbe"]["httpGet"]["path"])
            endpoints[0] = second.url
            await asyncio.to_thread(_reached, lambda: done >= 20)
            first.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(first.process.wait, PATIENCE) == 0
            after = done
            await asyncio.to_thread(_reached, lambda: done >= after + 20)
            assert second.probe(spec["livenessProbe"]["httpGet"]["path"])
            stop.set()
            await asyncio.gather(*askers)
    assert failed == []


def _pod(text: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The container of the Deployment in a manifest, and the plan beside it."""
    documents = {each["kind"]: each for each in yaml.safe_load_all(text)}
    [container] = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container, documents["ConfigMap"]["data"]


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


def _reached(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends, "it did not come true"
        time.sleep(0.05)


def _told(socket: socket.socket, what: str) -> bool:
    """Wait until systemd is told so."""
    while what not in socket.recv(4096).decode():
        pass
    return True
