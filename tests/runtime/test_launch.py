"""Servers that a deployment starts: real child processes, each on a free port."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from attrs import evolve

from inferc.compiler.plan import (
    CircuitBreakerConfig,
    Duration,
    Launch,
    ProviderKind,
    RemotePoolPlan,
    ReplicaPlacement,
    RetryPolicy,
    SecretRef,
)
from inferc.runtime.executor import Executor
from inferc.runtime.limits.accounts import Accounts
from inferc.runtime.limits.shared_circuits import SharedCircuitBreaker
from inferc.runtime.limits.store import open_store
from inferc.runtime.policies.circuit_breaker import CircuitBreaker
from inferc.runtime.replicas.launch import command, launch_of
from inferc.runtime.replicas.launch.command import visible_devices
from inferc.runtime.replicas.launch.server import LaunchedServer, Pace
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import RequestError, ServerDown, StartError
from inferc.runtime.requests.request import ChatRequest

from ..support.forked import PATIENCE, ROOT, begun
from ..support.remote import executor_of, plan_of, remote_plan, serving

ENDPOINT = "http://127.0.0.1:{port}/v1"
QUICK = Pace(start=10, grace=1, first_wait=0.05, longest_wait=0.1)

SERVER = """
import json, os, signal, socketserver, subprocess, sys, time

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        method, path, _ = self.rfile.readline().split()
        length = 0
        while line := self.rfile.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        self.rfile.read(length)
        facts = {"pid": os.getpid(), "cwd": os.getcwd(), "argv": sys.argv[1:], "env": os.environ.get("TOLD")}
        facts["variables"] = dict(os.environ)
        message = {"role": "assistant", "content": "here"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice], "facts": facts}).encode()
        status = 200 if method == b"POST" or path == b"/health" else 404
        head = f"HTTP/1.0 {status} \\r\\nContent-Type: application/json\\r\\nContent-Length: {len(body)}"
        self.wfile.write(head.encode() + b"\\r\\n\\r\\n" + body)
        if method == b"POST" and "--mortal" in sys.argv:
            os._exit(7)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

if "--stray" in sys.argv:
    subprocess.Popen(["sleep", "600"], start_new_session=True)
if "--deaf-child" in sys.argv:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    assert subprocess.Popen([sys.executable, "-u", "-c", deaf], stdout=subprocess.PIPE).stdout.readline()
if "--below" in sys.argv:
    words = [word for word in sys.argv[1:] if word != "--below"]
    sys.exit(subprocess.run([sys.executable, "-c", os.environ["SERVER"], *words]).returncode)
if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "--parent" in sys.argv:
    subprocess.Popen(["sleep", "600"])
print("first line\\rsecond line", flush=True)
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""Without `http.server`, whose imports take four fifths of its start."""


def launched(
    *arguments: str, program: str = SERVER, env: dict[str, str] | None = None, **fields: Any
) -> Launch:
    command = (sys.executable, "-u", "-c", program, "{port}", *arguments)
    return Launch(command, env=env or {}, **fields)


def local_plan(launch: Launch, name: str = "local", **fields: object) -> RemotePoolPlan:
    retry = {"retry": RetryPolicy(max_retries=0)}
    return remote_plan(name, ENDPOINT, provider=ProviderKind.VLLM, launch=launch, **(retry | fields))


@asynccontextmanager
async def server_of(launch: Launch, pace: Pace = QUICK) -> AsyncIterator[LaunchedServer]:
    plan = local_plan(launch)
    server = LaunchedServer(plan, launch, plan.replicas[0], Path.cwd(), lambda: None, pace)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(executor: Executor, name: str = "local") -> dict[str, object]:
    """What the server says of itself."""
    request = ChatRequest({"model": name, "messages": []}, stream=False)
    async with aclosing(executor.stream(name, request)) as chunks:
        chunk = await anext(chunks)
    assert isinstance(chunk, ChatChunk)
    facts: dict[str, object] = json.loads(chunk.data)["facts"]
    return facts


def alive(pid: int) -> bool:
    """Whether the process runs: neither gone nor a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def keepers(mark: str) -> list[int]:
    """The keeper of a server, and then its guard. Numbers of processes begin anew, so they tell no order."""
    found = [each for each in with_mark(mark) if b"keeper.py" in cmdline(each)]
    return sorted(found, key=lambda each: parent_of(each) in found)


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def cmdline(process: int) -> bytes:
    """The words of its command."""
    return Path(f"/proc/{process}/cmdline").read_bytes()


def with_mark(mark: str) -> list[int]:
    """The processes that have `mark` in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in environment and alive(int(entry.name)):
            found.append(int(entry.name))
    return found


async def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what another process does in its own time."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not come true"
        await asyncio.sleep(0.02)


@pytest.fixture
def mark(tmp_path: Path) -> str:
    """What the processes of one test are known by."""
    return f"MARK={tmp_path}"


def marked(mark: str) -> dict[str, str]:
    return {"TOLD": mark}


async def test_requests_go_to_a_server_that_lives_as_long_as_the_executor_and_is_logged(
    tmp_path: Path, mark: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "inferc")
    launch = launched("--replica", "{replica}", env={"TOLD": f"{mark} on {{port}}"})
    async with executor_of(local_plan(launch), base_dir=tmp_path) as executor:
        facts = await ask(executor)
        port = str(facts["argv"][0])  # type: ignore[index]
        assert facts["argv"] == [port, "--replica", "0"]
        assert facts["env"] == f"{mark} on {port}"
        assert facts["cwd"] == str(tmp_path)
        assert with_mark(mark)
    assert not with_mark(mark)
    assert [line for line in caplog.messages if "|" in line] == ["local | first line", "local | second line"]


async def test_each_replica_has_a_server_of_its_own_that_sees_its_gpus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = local_plan(launched("{gpus}", "{model}", "{replica}"), replicas=2)
    places = tuple(ReplicaPlacement(index, "a", (2 * index, 2 * index + 1)) for index in range(2))
    plan = evolve(plan, replicas=places)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,GPU-7f,6")
    async with executor_of(plan) as executor:
        seen = [await ask(executor) for _ in range(2)]
    assert len({facts["pid"] for facts in seen}) == 2
    assert {str(facts["argv"]).partition(", ")[2] for facts in seen} == {
        f"'2', 'gpt-4o-mini', '{replica}']" for replica in range(2)
    }
    variables = [cast("dict[str, str]", each["variables"]) for each in seen]
    assert {each["CUDA_VISIBLE_DEVICES"] for each in variables} == {"4,5", "GPU-7f,6"}
    assert [visible_devices(place, "local", None) for place in places] == [
        {"CUDA_VISIBLE_DEVICES": "0,1"},
        {"CUDA_VISIBLE_DEVICES": "2,3"},
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    with pytest.raises(StartError, match="replica 1 needs GPU 3, and CUDA_VISIBLE_DEVICES shows 3"):
        async with executor_of(plan):
            pass


@pytest.mark.parametrize("arguments", [("--parent",), ("--stubborn", "--parent"), ("--stray",)])
async def test_stopping_ends_the_server_and_all_that_it_started(
    arguments: tuple[str, ...], mark: str
) -> None:
    async with server_of(launched(*arguments, env=marked(mark))):
        assert len(with_mark(mark)) == 4  # the keeper, its guard, the server, and its child
    assert not with_mark(mark)


async def test_a_server_that_dies_is_started_again_and_requests_fail_retryably_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = Pace(start=10, grace=1, first_wait=0.3, longest_wait=0.3)
    async with server_of(launched("--parent"), slow) as server:
        first = server.endpoint
        os.kill(_listener(first), signal.SIGKILL)
        await until(lambda: not server.ready)
        with pytest.raises(
            ServerDown, match=r"its server was ended by SIGKILL and is being started again"
        ) as caught:
            _ = server.endpoint
        assert caught.value.retryable
        await until(lambda: server.ready)
        assert _listener(server.endpoint)
    assert (
        "deployment `local`: its server was ended by SIGKILL; starting it again in 0.3 s" in caplog.messages
    )


async def test_requests_go_on_once_a_dead_server_is_back() -> None:
    plan = local_plan(launched("--mortal"))
    async with executor_of(plan) as executor:
        first, second = await ask(executor), None
        while second is None or second["pid"] == first["pid"]:  # it may answer once more before it dies
            try:
                second = await ask(executor)
            except RequestError as error:
                assert error.retryable, error  # noqa: PT017
                await asyncio.sleep(0.02)
    assert second["pid"] != first["pid"]


async def test_the_end_of_a_server_is_noticed_at_once_though_what_it_started_goes_on(mark: str) -> None:
    launch = launched("--deaf-child", env=marked(mark), restart=False)
    async with server_of(launch, Pace(start=10, grace=600)) as server:
        [deaf] = [each for each in with_mark(mark) if b"-c\0import signal, time" in cmdline(each)]
        try:
            os.kill(_listener(server.endpoint), signal.SIGKILL)
            await until(lambda: not server.ready)
            assert "was ended by SIGKILL and is not started again" in _why(server)
        finally:
            os.kill(deaf, signal.SIGKILL)


async def test_a_server_may_leave_the_listening_to_a_process_of_its_own() -> None:
    async with server_of(launched("--below", env={"SERVER": SERVER})) as server:
        assert server.ready


async def test_another_program_at_the_port_is_never_asked(monkeypatch: pytest.MonkeyPatch, mark: str) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with serving(app) as url:
        port = int(url.rpartition(":")[2])
        monkeypatch.setattr(command, "_free_port", lambda: port)
        launch = launched(program="import time; time.sleep(600)", env=marked(mark))
        with pytest.raises(StartError, match=f"is not what answers at http://127.0.0.1:{port}/health"):
            async with executor_of(local_plan(launch)):
                pass
    assert asked == ["GET"]
    assert not with_mark(mark)


KEYS = {
    "OTHERS_KEY": "sk-others",
    "HF_TOKEN": "hf-others",
    "OWN_KEY": "sk-own",
    "AWS_PROFILE": "ours",
    "UNKNOWN": "x",
}


async def test_a_server_gets_what_programs_need_and_what_is_named_and_no_key_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (KEYS | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "https_proxy": "http://p"}).items():
        monkeypatch.setenv(name, value)
    local = local_plan(
        launched(env={"TOLD": "this"}, pass_env=("AWS_PROFILE",)), key=SecretRef.env("OWN_KEY")
    )
    others = [remote_plan(name, key=SecretRef.env(name)) for name in ("OTHERS_KEY", "HF_TOKEN")]
    async with executor_of(local, *others) as executor:
        facts = await ask(executor)
    variables = cast("dict[str, str]", facts["variables"])
    assert {name for name in KEYS if name in variables} == {"OWN_KEY", "AWS_PROFILE"}
    told = {name: variables[name] for name in ("TOLD", "CUDA_DEVICE_ORDER", "https_proxy", "PATH", "HOME")}
    expected = {"TOLD": "this", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "https_proxy": "http://p"}
    assert told == expected | {name: os.environ[name] for name in ("PATH", "HOME")}


async def test_the_code_of_a_python_factory_gets_the_environment_without_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    plan = remote_plan("mine", ENDPOINT, provider=ProviderKind.PYTHON, target="m:f")
    launch = launch_of(plan, Path.cwd(), frozenset({"OTHERS_KEY", "OWN_KEY", "HF_TOKEN"}))
    assert launch is not None
    assert {*KEYS} & {*launch.pass_env} == {"AWS_PROFILE", "UNKNOWN"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a killed keeper ends nobody")
@pytest.mark.parametrize("also", ["nobody", "its guard"])
async def test_a_server_ends_with_its_keeper_however_that_ends(also: str, mark: str) -> None:
    slow = Pace(start=10, grace=1, first_wait=60, longest_wait=60)
    async with server_of(launched("--stubborn", env=marked(mark)), slow) as server:
        keeper, guard = keepers(mark)
        for process in (keeper, guard) if also == "its guard" else (keeper,):
            os.kill(process, signal.SIGKILL)
        await until(lambda: not with_mark(mark))
        await until(lambda: not server.ready)
        assert "was ended because its keeper was, by SIGKILL" in _why(server)


async def test_what_a_server_started_ends_though_its_keeper_was_killed(mark: str) -> None:
    slow = Pace(start=10, grace=1, first_wait=60, longest_wait=60)
    async with server_of(launched("--parent", env=marked(mark)), slow):
        os.kill(keepers(mark)[0], signal.SIGKILL)
        await until(lambda: not with_mark(mark))


async def test_messages_name_the_address_that_a_server_has() -> None:
    breaker = CircuitBreakerConfig(failure_threshold=1)
    async with executor_of(local_plan(launched("--mortal"), circuit_breaker=breaker)) as executor:
        await ask(executor)
        said = []
        while len(said) < 3:
            try:
                await ask(executor)
            except RequestError as error:
                said.append(error.message)
    assert not any("{port}" in message for message in said)
    with pytest.raises(StartError) as caught:
        async with executor_of(local_plan(launched(program="raise SystemExit(3)"))):
            pass
    assert "{port}" not in str(caught.value)


async def test_without_restart_a_dead_server_stays_dead() -> None:
    async with server_of(launched(restart=False)) as server:
        os.kill(_listener(server.endpoint), signal.SIGKILL)
        await until(lambda: not server.ready)
        await until(lambda: "restart" in _why(server))
        assert "is not started again: `restart` is false" in _why(server)


@pytest.mark.parametrize(
    ("launch", "says"),
    [
        (Launch(("no-such-program", "{port}")), "`no-such-program` is not on the PATH"),
        (Launch(("./no-such-program", "{port}")), "`./no-such-program` is no program that can be run"),
        (
            launched(program="import sys; print('no memory\\nleft'); sys.exit(3)"),
            r"\(`.*-c .*`\) ended with status 3 before it was ready; its last lines:\n  no memory\n  left$",
        ),
        (launched(program="pass"), "ended with status 0 before it was ready; it said nothing$"),
    ],
)
async def test_a_server_that_does_not_start_is_named_with_the_reason(launch: Launch, says: str) -> None:
    with pytest.raises(StartError, match=rf"(?s)^deployment `local`: its server .*{says}"):
        async with executor_of(local_plan(launch)):
            pass


async def test_a_server_that_never_gets_ready_is_given_up_and_ended(mark: str) -> None:
    launch = Launch(("sh", "-c", "echo loading; sleep 600", "{port}"), env=marked(mark))
    plan = local_plan(launch)
    pace = Pace(start=1, grace=1)
    server = LaunchedServer(plan, launch, plan.replicas[0], Path.cwd(), lambda: None, pace)
    with pytest.raises(StartError, match=r"did not answer 200 at http://.*/health within 1 s.*\n  loading"):
        await server.start()
    assert not with_mark(mark)


async def test_an_executor_that_is_stopped_while_it_starts_leaves_no_server(mark: str) -> None:
    launch = launched(program="import time; time.sleep(600)", env=marked(mark))
    executor = Executor(plan_of(local_plan(launch)), Path.cwd())
    starting = asyncio.create_task(executor.start())
    await until(lambda: len(with_mark(mark)) == 3)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not with_mark(mark)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
async def test_nothing_is_left_when_the_executor_is_killed(mark: str) -> None:
    program = """
import asyncio, sys
from inferc.compiler.plan import Launch
from tests.support.remote import executor_of
from tests.runtime.test_launch import launched, local_plan, marked

async def main():
    async with executor_of(local_plan(launched("--parent", env=marked(sys.argv[1])))):
        print("ready", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
    executor = await begun("-c", program, mark, cwd=ROOT, stdout=subprocess.PIPE)
    assert executor.stdout is not None
    assert await asyncio.wait_for(executor.stdout.readline(), PATIENCE) == b"ready\n"
    assert len(with_mark(mark)) == 4
    executor.kill()
    await executor.wait()
    await until(lambda: not with_mark(mark))


async def test_a_signal_while_a_server_is_waited_for_breaks_the_start_off(mark: str) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from inferc.compiler.plan import GatewayPlan
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import serve
from tests.support.remote import plan_of
from tests.runtime.test_launch import launched, local_plan, marked

launch = launched(program="import time; time.sleep(600)", env=marked(sys.argv[1]))
asyncio.run(serve(Executor(plan_of(local_plan(launch)), Path.cwd()), GatewayPlan(port=0)))
print("stopped")
"""
    gateway = await begun("-c", program, mark, cwd=ROOT, stdout=subprocess.PIPE)
    assert gateway.stdout is not None
    await until(lambda: len(with_mark(mark)) == 3)
    gateway.terminate()
    out = await asyncio.wait_for(gateway.stdout.read(), PATIENCE)
    assert (await gateway.wait(), out) == (0, b"stopped\n")
    assert not with_mark(mark)


async def test_each_launched_server_has_a_circuit_of_its_own_that_no_other_process_knows() -> None:
    one, other = local_plan(launched(), "one", replicas=2), local_plan(launched(), "other")
    accounts = Accounts(plan_of(one, other), open_store("redis://127.0.0.1:1"))
    breakers = [accounts.breaker(one, 0), accounts.breaker(one, 1), accounts.breaker(other, 0)]
    assert len({id(each) for each in breakers}) == 3
    assert {type(each) for each in breakers} == {CircuitBreaker}
    elsewhere = remote_plan("elsewhere", replicas=2)
    shared = Accounts(plan_of(elsewhere), open_store("redis://127.0.0.1:1"))
    assert isinstance(shared.breaker(elsewhere, 0), SharedCircuitBreaker)
    assert shared.breaker(elsewhere, 0) is shared.breaker(elsewhere, 1)


async def test_the_circuit_of_one_server_keeps_nobody_from_the_other_and_closes_when_it_is_ready_again() -> (
    None
):
    breaker = CircuitBreakerConfig(failure_threshold=1, open_duration=Duration(3600))
    plan = local_plan(launched("{replica}"), replicas=2, circuit_breaker=breaker)
    async with executor_of(plan) as executor:
        circuits = [each.breaker for each in executor.deployments["local"].policies if each is not None]
        pids = {str(each["argv"])[-3]: each["pid"] for each in [await ask(executor) for _ in range(2)]}
        circuits[0].opened_elsewhere(asyncio.get_running_loop().time() + 3600, 3600)
        assert {str(each["argv"])[-3] for each in [await ask(executor) for _ in range(4)]} == {"1"}
        os.kill(cast("int", pids["0"]), signal.SIGKILL)
        await until(lambda: circuits[0].is_closed)
        assert {str(each["argv"])[-3] for each in [await ask(executor) for _ in range(4)]} == {"0", "1"}


def _why(server: LaunchedServer) -> str:
    with pytest.raises(ServerDown) as caught:
        _ = server.endpoint
    return str(caught.value)


def _listener(endpoint: str) -> int:
    """The process that listens at `endpoint`, which has its port as an argument."""
    port = endpoint.split(":")[2].removesuffix("/v1")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            with suppress(OSError):  # it has just ended
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if port.encode() in words and not any(b"keeper" in word for word in words):
                    return int(entry.name)
    raise AssertionError("nobody listens")
