"""A worker, from inside: calls come, one after the other or, for coroutine functions, many at a time.

A call is `{id, job, values}`; the first of each job has `maker` too: what `Job` is, pickled by the executor,
which is trusted. Without `values` the job is only made ready. The answer is `{id, value}` or `{id, error}`.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ....requests.errors import ExternFailed, StartError, StepFailed
from .wire import BadFrame, Unsendable, check_size, encode, receive, receive_on, send, send_on

if sys.platform != "win32":
    import resource

Function = Callable[[Mapping[str, Any]], Any]


def serve(connection: socket.socket) -> None:
    """Answer calls until the connection closes."""
    functions: dict[int, Function] = {}
    pid = os.getpid()
    while True:
        try:
            call = receive(connection)
        except (EOFError, BadFrame, OSError):
            return
        reply = _make_ready(functions, call)
        if reply is None:
            try:
                reply = {"id": call["id"], "value": functions[call["job"]](call["values"])}
            except BaseException as error:
                reply = _failed(call, error)
        _be(pid)
        send(connection, _encoded(reply))
        if reply.get("is_async"):
            asyncio.run(_serve_many(connection, functions))
            return


async def _serve_many(connection: socket.socket, functions: dict[int, Function]) -> None:
    """The same, with all calls at the same time; `{cancel}` ends one of them."""
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    one_by_one = asyncio.Lock()
    pid = os.getpid()
    tasks: dict[int, asyncio.Task[None]] = {}

    async def answer(call: dict[str, Any]) -> None:
        try:
            reply = {"id": call["id"], "value": await functions[call["job"]](call["values"])}
        except BaseException as error:
            reply = _failed(call, error)
        _be(pid)
        tasks.pop(call["id"], None)
        async with one_by_one:
            await send_on(loop, connection, _encoded(reply))

    while True:
        try:
            call = await receive_on(loop, connection)
        except (EOFError, BadFrame, OSError):
            return
        if "cancel" in call:
            if (task := tasks.get(call["cancel"])) is not None:
                task.cancel()
            continue
        tasks[call["id"]] = loop.create_task(answer(call))


def _be(pid: int) -> None:
    """Only the worker itself answers: a copy of it that a function made by forking ends where it returns."""
    if os.getpid() != pid:
        os._exit(0)


def limit_memory(most: int) -> None:
    """Let this process have so many bytes of address space, and no more.

    macOS refuses each limit that is not far above what every process has there, and holds none.
    """
    if sys.platform == "darwin":
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _make_ready(functions: dict[int, Function], call: dict[str, Any]) -> dict[str, Any] | None:
    """Make the job of `call` where it is new; what is to be answered, if that is all that was asked for."""
    try:
        if "maker" in call:
            if call.get("memory"):
                limit_memory(call["memory"])
            maker, arguments = pickle.loads(call["maker"])
            functions[call["job"]] = maker(*arguments)
    except BaseException as error:
        return _failed(call, error)
    if "values" in call:
        return None
    return {"id": call["id"], "value": None, "is_async": is_async(functions[call["job"]])}


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling `function`, or an object that is called like one, gives a coroutine."""
    called = getattr(function, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def _failed(call: Mapping[str, Any], error: BaseException) -> dict[str, Any]:
    """What is answered; what an error of the user's says may hold what nobody is to see."""
    match error:
        case StartError():
            said: list[str] = ["StartError", *error.problems]
        case ExternFailed() | StepFailed():
            said = [type(error).__name__, error.message]
        case asyncio.CancelledError():
            said = ["ExternFailed", "was cancelled"]
        case MemoryError():
            said = ["ExternFailed", "needs more memory than it may have"]
        case _:
            said = ["ExternFailed", f"raised {type(error).__name__}{raised_at(error)}"]
    return {"id": call["id"], "error": said}


def raised_at(error: BaseException) -> str:
    """The line that raised `error`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _encoded(reply: dict[str, Any]) -> list[Any]:
    try:
        check_size(reply.get("value"))
        return list(encode(reply))
    except Unsendable as error:
        said = ["ExternFailed", f"gave a value that cannot be passed on: {error}"]
    except MemoryError:
        said = ["ExternFailed", "gave a value that is too large"]
    return list(encode({"id": reply["id"], "error": said}))
