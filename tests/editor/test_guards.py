"""While somebody edits, nothing is executed, no secret is read, and nobody is called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inferc.editor.documents import Document, uri_of

from .asking import ask_everything, new_server

SECRET = "s3cr3t-of-the-environment"
TEXT = """\
import "lib.infer" as lib
deployment gpt from lib.base {
  model = "gpt-4o"
  runtime openai { api_key = [env("MY_KEY"), file("secret.txt")], endpoint = "http://127.0.0.1:9/v1" }
}
deployment own { model = "m", runtime python("user_code:factory") { } }
deployment launched {
  model = "m"
  runtime vllm { launch { command = ["touch", "executed", "{port}"] } }
}
extern mine(x: text) -> text = python("user_code:function")
pipeline p(m: text) -> text { return mine(gpt(prompt "{{ m.__class__ }} {{ cycler() }}")) }
gateway { bind = "0.0.0.0:80", auth = bearer(file("secret.txt")) }
"""

_watching: list[tuple[str, tuple[Any, ...]]] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching is not None:
        _watching.append((event, arguments))


@contextmanager
def watched() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """What the interpreter does meanwhile."""
    global _watching
    if not getattr(sys, "_inferc_watched", False):
        sys.addaudithook(_hook)
        setattr(sys, "_inferc_watched", True)  # noqa: B010
    _watching = []
    try:
        yield _watching
    finally:
        _watching = None


def test_nothing_happens_outside_of_the_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # modules are imported when they are needed
    monkeypatch.setenv("MY_KEY", SECRET)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "secret.txt").write_text("s3cr3t-of-the-file")
    (tmp_path / "lib.infer").write_text("template base { replicas = 2 }\n")
    (tmp_path / "user_code.py").write_text("raise SystemExit('executed')\n")
    server = new_server()
    server.files.folders = [tmp_path]
    answers = []
    with watched() as events:
        document = Document.make(uri_of(tmp_path / "main.infer"), TEXT, 1)
        for offset in range(0, len(TEXT) + 1, 7):
            answers += [answer for _, answer in ask_everything(server, document, offset)]
    assert any(event == "open" for event, _ in events), "the hook saw the imported file"
    forbidden = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn")
    assert [event for event, _ in events if event.startswith(forbidden)] == []
    opened = {str(arguments[0]) for event, arguments in events if event == "open"}
    assert not {path for path in opened if path.endswith(("secret.txt", "user_code.py"))}
    written = [a for e, a in events if e == "open" and isinstance(a[1], str) and set(a[1]) & set("wax+")]
    assert written == []
    assert "user_code" not in sys.modules
    shown = repr(answers)
    assert SECRET not in shown
    assert "s3cr3t-of-the-file" not in shown
