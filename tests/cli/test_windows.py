"""What reads and writes files works on Windows, and what serves is refused: played, without what it lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

AS_ON_WINDOWS = """
import asyncio, logging.handlers, multiprocessing, os, select, signal, socket, ssl
import subprocess, sys, tempfile, urllib.request
from functools import partial

socket.socketpair = partial(socket.socketpair, socket.AF_UNIX)
asyncio.BaseEventLoop.connect_read_pipe = None
for module in ("fcntl", "grp", "pwd", "resource", "termios", "uvloop"):
    sys.modules[module] = None
for lacking in (
    (os, "O_NONBLOCK O_CLOEXEC O_NOCTTY fork setsid killpg getuid geteuid fchmod fchown sysconf"),
    (signal, "SIGHUP SIGCHLD SIGALRM SIGUSR1 SIGPIPE SIG_BLOCK SIG_UNBLOCK SIG_SETMASK"),
    (signal, "pthread_sigmask setitimer"),
    (socket, "AF_UNIX SO_REUSEPORT SOCK_CLOEXEC send_fds recv_fds"),
    (select, "poll epoll POLLOUT"),
    (asyncio, "start_unix_server open_unix_connection"),
):
    for name in lacking[1].split():
        delattr(lacking[0], name)
ssl.SSLContext._windows_cert_stores = ()
asyncio.new_event_loop().close()
sys.platform = "win32"

from inferc.cli.main import COMMANDS, main

for command in sys.argv[1:]:
    try:
        status = main(command.split())
    except SystemExit as done:
        status = done.code
    print("==", command, status, flush=True)
"""
FILE = """
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }
route assistant = fallback [gpt]
test "an outage" { world { gpt fails 503 for 1s }, ask assistant "hello", expect seconds >= 0 }
"""
GOODBYE = 'Content-Length: 33\r\n\r\n{"jsonrpc":"2.0","method":"exit"}'
"""Which ends a language server with 1, as nothing has asked it to come to its end."""


def test_files_are_checked_written_and_played_and_nothing_is_served(tmp_path: Path) -> None:
    (tmp_path / "a.infer").write_bytes(FILE.replace("\n", "\r\n").encode())
    (tmp_path / "play.py").write_text(AS_ON_WINDOWS)
    commands = (
        "fmt a.infer", "check a.infer", "compile a.infer", "init b.infer", "graph a.infer -o a.mmd",
        "simulate a.infer --load assistant=1/s --for 2s", "completion bash", "run --help",
        "run a.infer", "status", "lsp",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "play.py", *commands],
        cwd=tmp_path, input=GOODBYE, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    got = [line[3:] for line in said.splitlines() if line.startswith("== ")]
    assert got == [f"{each} {int(each in commands[-3:])}" for each in commands], said
    assert "error: `inferc run` does not run on Windows itself: run it in WSL" in said
    assert "usage: inferc run" in said
    assert (tmp_path / "a.plan.json").exists()
