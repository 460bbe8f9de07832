"""A socket at which systemd listens: what comes before the server, or between two of them, is answered."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from inferc.runtime.http.server import from_systemd
from inferc.runtime.requests.errors import StartError

from ..support.commands import PATIENCE, ROOT
from ..support.forked import forked_program

FILE = """
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("OPENAI_API_KEY") } }
gateway { bind = "127.0.0.1:1", workers = WORKERS }
"""
AS_SYSTEMD = """
import os, sys
from inferc.cli.main import main
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
sys.exit(main(["run", sys.argv[1]]))
"""


def start(listening: socket.socket, file: Path) -> Any:
    """The server as systemd starts it, which has not begun yet: the socket is its file 3."""
    return forked_program(
        AS_SYSTEMD,
        file,
        cwd=ROOT,
        env=os.environ | {"OPENAI_API_KEY": "key-one"},
        pass_fds=[listening.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="there is no systemd")
@pytest.mark.parametrize("workers", [1, 2])
def test_requests_wait_in_the_socket_until_a_server_takes_them(
    workers: int, tmp_path: Path, socket_folder: Path
) -> None:
    file = tmp_path / "chat.infer"
    file.write_text(FILE.replace("WORKERS", str(workers)))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/livez"
        answers: list[int] = []
        asking = threading.Thread(
            target=lambda: answers.append(urllib.request.urlopen(url, timeout=PATIENCE).status)
        )
        asking.start()
        server = start(listening, file)
        try:
            asking.join(PATIENCE)
            assert answers == [200]
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE) == 0
        finally:
            server.kill()
            server.communicate(timeout=PATIENCE)
        socket.create_connection(listening.getsockname(), PATIENCE).close()  # waits for the next one


def test_more_than_one_socket_is_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    with pytest.raises(StartError, match="systemd hands over 2 sockets: let its unit have one"):
        from_systemd()
    monkeypatch.setenv("LISTEN_PID", "1")
    assert from_systemd() is None, "they are for another process"
