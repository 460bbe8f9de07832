"""What one request costs the gateway, without sockets: processor time, calls of functions, or instructions.

    python bench/request.py [WHAT] [--chunks N] [--pack N] [--operated|--lean] [--count calls|instructions|…]
    python bench/request.py tensors|bytes|texts [--clients N] [--floor] [--count …]

A client and a provider that are no more than a transport each: what is left is what Python does. The time is
the least of many batches, so that others on the machine matter little; `--count instructions` needs valgrind,
takes half a minute, and depends on nobody. The provider speaks OpenAI's chat completions. `--chunks`: a
stream of so many; `--pack`: chunks that come together; `--operated`: with a key that has limits and a budget,
and an access log, as in `gateway.py`. `--count profile` says which functions it is.

`tensors` and `bytes` ask the tiny model of `onnx_serving.py`, `texts` its embeddings; `--clients`: so many at
the same time. `--floor`: the bare handler instead, with all of aiohttp; `--floor-inline`: on its event loop.
`--lean`: of a chat, the lean forwarder of `_proxy.py` in the gateway's place.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import FrameType
from typing import Any, cast

from _onnx_servers import MODELS, floor_app, plan_of as onnx_plan_of
from _proxy import KEY, POLICIES, QUESTION, gateway_of, lean_server, plan_of
from _upstream import PATH, TEXTS, _stream, _unary, _vectors
from aiohttp import TCPConnector, web
from attrs import evolve
from onnx_serving import SERVERS, bytes_load, infer_load

from inferc.compiler.plan import SCHEMA, OnnxServingPlan, Plan, RemotePoolPlan, TaskKind
from inferc.runtime.concurrency.event_loop import run_async
from inferc.runtime.concurrency.garbage_collection import collect_rarely
from inferc.runtime.executor import Executor
from inferc.runtime.gateway import build_app
from inferc.runtime.gateway.auth.callers import Keys
from inferc.runtime.gateway.telemetry.access_log import AccessLog, LogForm
from inferc.runtime.gateway.telemetry.request_records import Records
from inferc.runtime.http.server import HttpServer, bind
from inferc.runtime.replicas.onnx.runs import quick_runs

NOWHERE = "http://127.0.0.1:9"
"""Where the provider would be: nothing is sent there."""

BATCH, BATCHES, WARMUP = 200, 60, 300
COUNTED = 100
FEW, MANY = 50, 250
"""Requests in two counts, whose difference is what requests alone cost."""

TURNS = [{"role": "user", "content": QUESTION}]
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": TURNS}),
    "messages": ("/v1/messages", {"messages": TURNS, "max_tokens": 100}),
    "responses": ("/v1/responses", {"input": QUESTION, "store": False}),
    "embeddings": ("/v1/embeddings", {"input": [QUESTION] * TEXTS, "encoding_format": "base64"}),
}


class _Transport(asyncio.Transport):
    """Never full, and never closed by the other side."""

    def __init__(self, protocol: Any) -> None:
        super().__init__({})
        self.protocol = protocol
        self._closing = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def writelines(self, list_of_data: Any) -> None:
        self.write(list_of_data[-1])  # a socket does not join them, either


class _Provider(_Transport):
    """Answers each request with `parts`, one after the other."""

    def __init__(self, protocol: Any, parts: list[bytes]) -> None:
        super().__init__(protocol)
        self._parts = parts
        self._loop = asyncio.get_running_loop()

    def write(self, data: Any) -> None:
        self._loop.call_soon(self._answer, 0)

    def _answer(self, index: int) -> None:
        part = self._parts[index]
        if isinstance(self.protocol, asyncio.BufferedProtocol):
            cast(memoryview, self.protocol.get_buffer(-1))[: len(part)] = part
            self.protocol.buffer_updated(len(part))
        else:
            self.protocol.data_received(part)
        if index + 1 < len(self._parts):
            self._loop.call_soon(self._loop.call_soon, self._answer, index + 1)


class _Client(_Transport):
    """Sends `request`, and again when its answer has ended."""

    def __init__(self, protocol: Any, request: bytes, end: bytes) -> None:
        super().__init__(protocol)
        self._request = request
        self._end = end
        self._left = 0
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()

    def write(self, data: Any) -> None:
        if data.endswith(self._end):
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self._left:
            self._left -= 1
            self.protocol.data_received(self._request)
        else:
            self._done.set_result(None)

    async def ask(self, times: int) -> None:
        self._left, self._done = times, self._loop.create_future()
        self._next()
        await self._done


class _Clients:
    """Some that ask at the same time."""

    def __init__(self, clients: list[_Client]) -> None:
        self._clients = clients

    async def ask(self, times: int) -> None:
        each = times // len(self._clients)
        await asyncio.gather(*(client.ask(each) for client in self._clients))


LOCAL = {"tensors": "tiny", "bytes": "tiny", "texts": "minilm"}
"""The models that are asked, and run here."""


def _asked(what: str, chunks: int) -> bytes:
    """One request."""
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    if what == "texts":
        path, body = "/v1/embeddings", json.dumps({"model": "minilm", "input": QUESTION}).encode()
    elif what == "tensors":
        load = infer_load("tiny", 1)
        path, [body] = load.path, load.bodies
    elif what == "bytes":
        load = bytes_load("tiny", 1)
        path, [body] = load.path, load.bodies
        headers |= load.headers
    else:
        path, said = REQUESTS[what]
        body = json.dumps({"model": "gpt", **({"stream": True} if chunks else {}), **said}).encode()
    headers["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def _remote_plan(what: str, chunks: int, pack: int) -> RemotePoolPlan:
    """Of a provider that answers without sockets."""
    if what == "embeddings":
        whole, task = [_vectors()], TaskKind.EMBED
    else:
        whole, task = _stream(chunks, stamped=False) if chunks else [_unary()], TaskKind.CHAT
    parts = [whole[0], *(b"".join(whole[at : at + pack]) for at in range(1, len(whole), pack))]

    async def connected(self: TCPConnector, *_: object) -> Any:
        protocol = self._factory()
        protocol.connection_made(_Provider(protocol, parts))
        return protocol

    TCPConnector._create_connection = connected  # type: ignore[method-assign]
    return evolve(plan_of(f"{NOWHERE}/v1", **POLICIES), task=task)


async def _measure(options: argparse.Namespace, toys: Path) -> None:
    what, chunks = options.what, options.chunks
    async with AsyncExitStack() as stack:
        server: Callable[[], Any]
        if options.lean:
            _remote_plan(what, chunks, options.pack)
            connector = TCPConnector(limit=0)
            stack.push_async_callback(connector.close)
            server = lean_server(NOWHERE, PATH, connector)
        elif options.floor or options.floor_inline:
            runner = web.AppRunner(floor_app(toys, inline=options.floor_inline), access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            server = cast(Callable[[], Any], runner.server)
        else:
            os.environ["BENCH_KEY"] = KEY
            plan: RemotePoolPlan | OnnxServingPlan
            plan = (
                onnx_plan_of(toys, LOCAL[what], batching=options.batching)
                if what in LOCAL
                else _remote_plan(what, chunks, options.pack)
            )
            server = await _gateway(plan, stack, operated=options.operated)
        end = b"0\r\n\r\n" if chunks else b"}" if options.lean else b""
        clients: list[_Client] = []
        for _ in range(options.clients):
            connection = server()
            clients.append(_Client(connection, _asked(what, chunks), end))
            connection.connection_made(clients[-1])
        await asyncio.sleep(0)
        together = _Clients(clients)
        collect_rarely()  # as `inferc run` does
        await together.ask(WARMUP)
        await _COUNTS[options.count](together, chunks)


async def _gateway(
    plan: RemotePoolPlan | OnnxServingPlan, stack: AsyncExitStack, *, operated: bool
) -> Callable[[], Any]:
    """What makes connections to a gateway, until `stack` is left."""
    gateway = gateway_of(operated=operated)
    executor = Executor(Plan(SCHEMA, "bench", gateway, (plan,)), MODELS)
    await executor.start()
    stack.push_async_callback(executor.stop)
    nowhere = stack.enter_context(Path(os.devnull).open("wb", 0))  # noqa: ASYNC230, SIM115, before anything runs
    records = Records(AccessLog(nowhere, LogForm.JSON) if operated else None)
    stack.push_async_callback(records.stop)
    keys = Keys(gateway.keys, Path.cwd()) if operated else None
    app = build_app(executor, keys=keys, records=records)
    server = HttpServer(app, bind("127.0.0.1", 0, advice=""), advice="")
    await server.start()
    stack.push_async_callback(server.stop)
    return server._connection


async def _time(client: _Clients, chunks: int) -> None:
    batch = BATCH // (1 + chunks // 10) + 1
    times: list[float] = []
    for _ in range(BATCHES):
        began = time.process_time()
        await client.ask(batch)
        times.append((time.process_time() - began) / batch * 1e6)
    times.sort()
    print(f"{times[0]:8.1f} µs at best, {times[len(times) // 2]:.1f} in the middle")


async def _calls(client: _Clients, chunks: int) -> None:
    counts = {"call": 0, "c_call": 0}

    def note(_frame: FrameType, event: str, _value: object) -> None:
        if event in counts:
            counts[event] += 1

    sys.setprofile(note)
    await client.ask(COUNTED)
    sys.setprofile(None)
    ours, c = (number / COUNTED for number in counts.values())
    print(f"{ours:8.0f} calls and resumptions of Python functions, {c:.0f} calls of others")


async def _profile(client: _Clients, chunks: int) -> None:
    profile = cProfile.Profile()
    profile.enable()
    await client.ask(COUNTED * 10)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(60)


async def _instructions(client: _Clients, chunks: int) -> None:
    _tell_valgrind("-i", "on")
    for times in FEW, MANY:
        _tell_valgrind("-z")
        await client.ask(times)
        _tell_valgrind("-d")
    _tell_valgrind("-i", "off")  # what comes after the last request may be as much


def _tell_valgrind(*command: str) -> None:
    """Who only waits is not asked by valgrind: so look again and again whether it has been told."""
    order = ["callgrind_control", *command, str(os.getpid())]
    with subprocess.Popen(order, stdout=subprocess.DEVNULL) as telling:
        while telling.poll() is None:
            time.sleep(0.01)
    if telling.returncode:
        raise SystemExit("callgrind_control failed")


_COUNTS: dict[str, Callable[[_Clients, int], Awaitable[None]]] = {
    "time": _time,
    "calls": _calls,
    "instructions": _instructions,
    "profile": _profile,
}


def _under_valgrind() -> None:
    """The same once more inside of valgrind, which counts."""
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory, "out")
        callgrind = [
            "valgrind",
            "-q",
            "--tool=callgrind",
            "--instr-atstart=no",
            f"--callgrind-out-file={out}",
        ]
        environment = {**os.environ, "PYTHONHASHSEED": "0", "INFERC_BENCH_INSIDE": "1"}
        subprocess.run(
            [*callgrind, sys.executable, *sys.argv], env=environment, capture_output=True, check=True
        )
        few, many = sorted(map(_total, Path(directory).glob("out.*")))[-2:]
    print(f"{(many - few) / (MANY - FEW) / 1000:8.0f} thousand instructions")


def _total(file: Path) -> int:
    """What one file of callgrind's has counted."""
    found = re.search(r"^(?:summary|totals): (\d+)", file.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=[*REQUESTS, *LOCAL], default="chat")
    parser.add_argument("--chunks", type=int, default=0)
    parser.add_argument("--pack", type=int, default=1)
    parser.add_argument("--operated", action="store_true")
    parser.add_argument("--count", choices=_COUNTS, default="time")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--batching", action="store_true")
    parser.add_argument("--floor", action="store_true")
    parser.add_argument("--floor-inline", action="store_true")
    parser.add_argument("--lean", action="store_true")
    options = parser.parse_args()
    if options.count == "instructions" and "INFERC_BENCH_INSIDE" not in os.environ:
        _under_valgrind()
    else:
        if options.count != "time":
            quick_runs.QUICK = 1.0  # all takes longer while it is counted
        with tempfile.TemporaryDirectory(prefix="toys-") as toys:
            if options.what in LOCAL:
                subprocess.run([sys.executable, SERVERS, "toys", toys], check=True)
            run_async(_measure(options, Path(toys)))


if __name__ == "__main__":
    main()
