"""A running server of this user, found and asked over its admin socket."""

from __future__ import annotations

import json
import os
import socket
import stat
import tempfile
from argparse import ArgumentParser
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

TIMEOUT = 600.0
"""Seconds that a command may take: a reload loads models."""


class NoServer(Exception):
    """No server can be asked; the message says why, and what to do."""


def add_server(parser: ArgumentParser) -> None:
    """The argument that says which server."""
    parser.add_argument(
        "--server",
        metavar="FILE",
        help="the file that the server runs; may be left out where this user runs but one",
    )


def admin_path(file: str | Path) -> Path:
    """Where the server that runs `file` listens for commands. Raises NoServer."""
    return _folder() / f"{sha256(os.fsencode(Path(file).resolve())).hexdigest()[:16]}.sock"


def ask(file: str | None, command: str, *, within: float = TIMEOUT, **fields: Any) -> dict[str, Any]:
    """What the server says to `command`, in so many seconds. Raises NoServer, also where it refuses."""
    path = _find() if file is None else admin_path(file)
    try:
        with socket.socket(socket.AF_UNIX) as out:
            out.settimeout(within)
            out.connect(str(path))
            out.sendall(json.dumps({"command": command, **fields}).encode() + b"\n")
            line = b"".join(iter(lambda: out.recv(1 << 16), b""))
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoServer(f"no server of yours runs {file}: start it with `inferc run {file}`") from None
    except OSError as error:
        raise NoServer(f"the server does not answer: {error}") from None
    try:
        answer: dict[str, Any] = orjson.loads(line)
    except ValueError:
        raise NoServer("the server broke off; its log says why") from None
    if "refused" in answer:
        raise NoServer(str(answer["refused"]))
    return answer


def _find() -> Path:
    """The socket of the only server that runs."""
    found = [path for path in sorted(_folder().glob("*.sock")) if _answers(path)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoServer("no server of yours runs: start one with `inferc run FILE`")
    raise NoServer(f"{len(found)} servers of yours run: say which one with `--server FILE`")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as out:
        try:
            out.connect(str(path))
        except OSError:
            return False
    return True


def _folder() -> Path:
    """A folder that nobody else can write to. Raises NoServer."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    try:
        folder = Path(runtime, "inferc") if runtime else Path(tempfile.gettempdir(), f"inferc-{os.getuid()}")
    except OSError:
        raise NoServer("no folder for admin sockets can be written: set TMPDIR, or XDG_RUNTIME_DIR") from None
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError as error:
        raise NoServer(f"{folder} cannot be used for admin sockets: {error.strerror}") from None
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise NoServer(f"{folder} is not this user's alone: remove it, or set XDG_RUNTIME_DIR")
    return folder
