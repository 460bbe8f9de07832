"""Commands for a running server, over a socket that only its own user can reach.

One JSON object in a line asks, and one in a line answers: `{"command": …}`, and `{"refused": …}` where it was
not done. Who changes something is named in the log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

AUDIT = "inferc.audit"
"""The log of what operators change."""

log = logging.getLogger(AUDIT)

LEVELS = ("debug", "info", "warning", "error")
"""Of the log, from what is said most to what is said least."""

LONGEST = 64 << 10
"""Bytes of a command."""
PATIENCE = 10.0
"""Seconds that a command may take to come, and its answer to be read."""

Answer = dict[str, Any]
Command = Callable[[Mapping[str, Any]], Awaitable[Answer]]


class Refused(Exception):
    """A command that cannot be done; the message says why."""


class AdminSocket:
    """Listens at `path`; each of `reading` only looks, each of `changing` is named in the log.

    A socket that is there already is replaced: the server that listened there is told nothing more.
    """

    def __init__(self, path: Path, reading: Mapping[str, Command], changing: Mapping[str, Command]) -> None:
        self._path = path
        self._commands = {**reading, **changing}
        self._changing = frozenset(changing)
        self._server: asyncio.Server | None = None
        self._inode: int | None = None

    async def __aenter__(self) -> AdminSocket:
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(FileNotFoundError):
            fresh.unlink()
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, fresh, limit=LONGEST)
        finally:
            os.umask(before)
        self._inode = fresh.stat().st_ino
        fresh.rename(self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        with suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                line = await reader.readline()
            answer = await self._answer(line, _who(writer))
            async with asyncio.timeout(PATIENCE):
                writer.write(json.dumps(answer).encode() + b"\n")
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, ValueError, ConnectionError):
            pass  # it said too much or too little, does not listen, or is gone
        finally:
            writer.transport.abort()

    async def _answer(self, line: bytes, who: str) -> Answer:
        try:
            asked = orjson.loads(line)
        except ValueError:
            return {"refused": "this is no JSON"}
        name = asked.get("command") if isinstance(asked, dict) else None
        command = self._commands.get(name) if isinstance(name, str) else None
        if command is None:
            return {"refused": f"there is no such command; there are {', '.join(self._commands)}"}
        details = {key: value for key, value in asked.items() if key != "command"}
        said = (f"{key}={value!r:.100}" for key, value in details.items())
        what = " ".join((str(name), *said))
        written = {"who": who, "command": name, "asked": details, "outcome": "done"}
        try:
            answer = await command(asked)
        except Refused as refused:
            if name in self._changing:
                written["outcome"] = f"refused: {refused}"
                log.warning("%s: %s: refused: %s", who, what, refused, extra={"said": written})
            return {"refused": str(refused)}
        except Exception:
            log.exception("%s: %s: failed because of a defect in inferc", who, what)
            return {"refused": "internal error; the log of the server says more"}
        if name in self._changing:
            log.warning("%s: %s", who, what, extra={"said": written})
        return answer


def _who(writer: asyncio.StreamWriter) -> str:
    """The process at the other end, as the kernel says it."""
    raw: socket.socket = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return "somebody"
    pid, uid, _ = struct.unpack("3i", raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return f"user {uid}, process {pid}"
