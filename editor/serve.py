"""Running the language server on standard input and output, or for one client of a port of this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import sys
from threading import Event
from typing import Any, BinaryIO

from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async

from .bindings import bind
from .garbage import Garbage
from .server import Server

log = logging.getLogger(__name__)


def serve_stdio() -> int:
    """Serve the client at the other end of standard input and output; gives the exit status."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not print into the protocol
    return _until_exit(_on_pipes(incoming, outgoing))


def serve_tcp(host: str, port: int) -> int:
    """Listen at an address of this machine and serve one client; gives the exit status. Raises OSError."""
    return _until_exit(_on_socket(host, port))


def _until_exit(serving: Any) -> int:
    try:
        asyncio.run(serving)
    except SystemExit as asked:
        return asked.code if isinstance(asked.code, int) else 1
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError, ValueError) as error:
        log.error("the client is gone: %s", error)
    return 1  # the client went without saying so


async def _on_pipes(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """All that has come in is read before anything else is done, where the stream holds it ready."""
    mode = os.fstat(incoming.fileno()).st_mode
    is_pipe = (
        stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    ) and sys.platform != "win32"  # where no loop reads one
    if not is_pipe:  # a file, or a person at a terminal
        await _serve(StdinAsyncReader(incoming), StdoutWriter(outgoing))
        return
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), incoming)
    await _serve(reader, StdoutWriter(outgoing))


async def _on_socket(host: str, port: int) -> None:
    done = asyncio.get_running_loop().create_future()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.close()
        try:
            await _serve(reader, writer)
        finally:
            writer.close()
            if not done.done():
                done.set_result(None)

    listener = await asyncio.start_server(connected, host, port)
    address = listener.sockets[0].getsockname()
    print(f"language server at {address[0]}:{address[1]}", file=sys.stderr, flush=True)
    await done


async def _serve(reader: asyncio.StreamReader | StdinAsyncReader, writer: Any) -> None:
    server = Server(Garbage().collect_soon)
    bind(server)
    server.protocol.set_writer(writer)
    await run_async(Event(), reader, server.protocol, log, server.report_server_error)
