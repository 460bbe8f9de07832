"""Files that are none, places that cannot be written, and numbers that are absurd."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from . import processes
from .processes import command, environment, temporary_folder
from .table import Seen, fault

_FINE = 'deployment m {\n  model = "gpt-4o-mini"\n  runtime openai { api_key = env("KEY") }\n}\n'
_LOCAL = 'deployment m {\n  model = "m.onnx"\n}\n'


def _refused(seen: Seen, folder: Path, kind: str, *arguments: str, forbidden: str = "\0") -> None:
    """The command ends soon, with 1, says why, and does not show `forbidden`."""
    began = time.monotonic()
    try:
        status, said = command(folder, *arguments, timeout=15)
    except subprocess.TimeoutExpired:
        seen(False, f"{kind}: no end")
        return
    fine = status == 1 and said.strip() and "Traceback" not in said and forbidden not in said
    first = said.strip().splitlines()[0] if said.strip() else "nothing"
    seen(fine, f"{kind}: status {status}, `{first[:90].replace(str(folder), '…')}`")
    seen.within(time.monotonic() - began, 5, "after")


@fault(quick=True)
def pipes_for_files(seen: Seen) -> None:
    """What is no regular file is an error, at once.

    A FIFO as an import, as a model and as the file itself; a link to `/dev/zero` as a model.
    """
    with temporary_folder() as folder:
        for name in ("lib.infer", "m.onnx", "pipe.infer"):
            os.mkfifo(folder / name)
        (folder / "a.infer").write_text('import "lib.infer" as lib\n' + _FINE)
        (folder / "b.infer").write_text(_LOCAL)
        (folder / "zero.onnx").symlink_to("/dev/zero")
        (folder / "c.infer").write_text(_LOCAL.replace("m.onnx", "zero.onnx"))
        for kind, name in (("import", "a"), ("model", "b"), ("`/dev/zero`", "c"), ("itself", "pipe")):
            _refused(seen, folder, kind, "check", f"{name}.infer")


@fault(quick=True)
def imports_of_secrets(seen: Seen) -> None:
    """What is imported and is no `.infer` is never shown.

    Imports of `/proc/self/environ` and of `.env`, both with a key in it.
    """
    with temporary_folder() as folder:
        (folder / ".env").write_text("SECRET=sk-provider-in-a-file\n")
        for path, forbidden in (("/proc/self/environ", next(iter(environment(folder)))), (".env", "SECRET")):
            (folder / "a.infer").write_text(f'import "{path}" as lib\n{_FINE}')
            _refused(seen, folder, f"`{path}`", "check", "a.infer", forbidden=forbidden)


@fault(quick=True)
def places_that_cannot_be_written(seen: Seen) -> None:
    """What cannot be written is one line of error, and what was there stays.

    `inferc compile -o` to `/dev/full`, to a folder that is read-only, to one that is missing, and to a FIFO.
    """
    with temporary_folder() as folder:
        (folder / "a.infer").write_text(_FINE)
        os.mkfifo(folder / "pipe.plan.json")
        for place in ("/dev/full", "/proc/a.plan.json", "pipe.plan.json", "missing/a.plan.json"):
            _refused(seen, folder, f"`{place}`", "compile", "a.infer", "-o", place)
        rest = sorted(each.name for each in folder.iterdir() if each.name != "cache")
        seen(rest == ["a.infer", "pipe.plan.json"], "nothing else was written")
        seen(Path("/dev/full").is_char_device(), "`/dev/full` is still a device")


@fault(quick=True)
def absurd_numbers(seen: Seen) -> None:
    """Numbers have bounds, and a file of any size is checked, or refused, in bounded time.

    A billion replicas, 10,000 brackets, a file of 10 MB, a million lines.
    """
    with temporary_folder() as folder:
        name = folder / "a.infer"
        name.write_text(_FINE.replace("{\n", "{\n  replicas = 1000000000\n", 1))
        _refused(seen, folder, "a billion replicas", "check", "a.infer")
        name.write_text("let x = " + "(" * 10_000 + "1" + ")" * 10_000 + "\n" + _FINE)
        _refused(seen, folder, "10,000 brackets", "check", "a.infer")
        for kind, text in (("10 MB", "# " + "x" * (10 << 20) + "\n"), ("a million lines", "#\n" * 1_000_000)):
            name.write_text(text + _FINE)
            began = time.monotonic()
            status, said = command(folder, "check", "a.infer", timeout=60)
            seen(status in (0, 1) and "Traceback" not in said, f"{kind}: status {status}")
            seen.within(time.monotonic() - began, 20, "after")


@fault(quick=True)
def pipe_in_the_workspace(seen: Seen) -> None:
    """The language server survives what lies in its workspace.

    A FIFO `x.infer`, a folder `d.infer`, links in a circle, and a file of 1 GB; then it is asked for names.
    """
    with temporary_folder() as folder:
        os.mkfifo(folder / "x.infer")
        (folder / "d.infer").mkdir()
        (folder / "loop").symlink_to(folder)
        (folder / "l.infer").symlink_to("l.infer")
        with (folder / "huge.infer").open("wb") as huge:
            huge.truncate(1 << 30)
        (folder / "a.infer").write_text(_FINE)
        process = processes.start(
            "lsp",
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        try:
            root = folder.as_uri()
            _send(process, "initialize", {"processId": None, "rootUri": root, "capabilities": {}}, 1)
            _send(process, "initialized", {})
            _send(process, "workspace/symbol", {"query": "m"}, 2)
            got = _answer(process, 2, 15)
            names = [each["name"] for each in got or []]
            seen("m" in names, f"names found: {', '.join(names) or 'none'}")
            seen.within(time.monotonic() - began, 10, "after")
        finally:
            process.kill()
            process.communicate(timeout=30)


def _send(process: subprocess.Popen[bytes], method: str, params: object, number: int | None = None) -> None:
    message: dict[str, object] = {"jsonrpc": "2.0", "method": method, "params": params}
    body = json.dumps(message | ({"id": number} if number else {})).encode()
    assert process.stdin
    process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    process.stdin.flush()


def _answer(process: subprocess.Popen[bytes], number: int, seconds: float) -> Any:
    """The result that has this number; None when the server ends or takes too long."""
    guard = threading.Timer(seconds, process.kill)
    guard.start()
    try:
        assert process.stdout
        while line := process.stdout.readline():
            length = int(line.partition(b":")[2])
            while process.stdout.readline() not in (b"\r\n", b""):
                pass
            message = json.loads(process.stdout.read(length))
            if message.get("id") == number and "method" not in message:
                return message.get("result")
        return None
    finally:
        guard.cancel()
