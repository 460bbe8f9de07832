"""How long an editor waits after a keystroke, against one whole check of the same files in the same run.

    python bench/lsp.py [--keys N] [--edits N]

A client of its own speaks to `inferc lsp` over pipes, as editors do: each key is a change, a question for
completion, and the wait for the findings of that version. The file has 1,000 lines and five imports.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from compile import generate

from inferc.compiler.compile import check_file
from inferc.editor.documents import Document, uri_of
from inferc.editor.view import View
from inferc.editor.workspace import Workspace

_INFER = """\
## Group {n}: the main model, and who takes over.
deployment gpt_{n} from lib0.production_0, lib1.production_1 {{
  model = "gpt-4o-mini"
  replicas = 2
  runtime openai {{
    timeouts {{ request = lib2.burst_2 * 1s, read = 10s }}
    retry {{ max_retries = 3, initial_backoff = 500ms, max_backoff = 20s, jitter = full }}
    circuit_breaker {{
      failure_threshold = 10
      open_duration = 30s
    }}
  }}
  serving {{ max_concurrent = {burst}, on_capacity_exhausted = fallback(claude_{n}) }}
}}

deployment claude_{n} {{
  model = "claude-sonnet-4-0"
  runtime anthropic {{
    api_key = env("ANTHROPIC_API_KEY")
    timeouts {{ request = 2 * 30s, read = 10s }}
  }}
  serving {{
    max_concurrent = lib3.burst_3 / 2
  }}
}}

# Routes put several deployments behind one name.
route assistant_{n} = fallback [gpt_{n}, claude_{n}]

"""

_LIBRARY = """\
## Group {n}: shared settings.
let burst_{n} = {burst}

template production_{n} {{
  runtime openai {{
    api_key = env("OPENAI_API_KEY")   # never the key itself
    retry {{ max_retries = 3, initial_backoff = 500ms }}
  }}
  serving {{ max_concurrent = burst_{n} }}
}}

"""

_LAST = """\
deployment last {
  model = "gpt-4o"
  runtime openai { api_key = env("KEY") }
  replicas = shared
}
"""

IMPORTS = 5


def write_files(folder: Path) -> tuple[Path, str]:
    """The main file, of 1,000 lines, and those that it imports."""
    for number in range(IMPORTS):
        (folder / f"lib{number}.infer").write_text(generate(_LIBRARY, 200), "utf-8")
    heads = "".join(f'import "lib{n}.infer" as lib{n}\n' for n in range(IMPORTS))
    used = "let shared = lib4.burst_4\n\n"
    text = heads + used + generate(_INFER, 1000 - IMPORTS - 8) + _LAST
    path = folder / "main.infer"
    path.write_text(text, "utf-8")
    return path, text


CAPABILITIES = {
    "textDocument": {
        "completion": {
            "contextSupport": True,
            "completionItem": {
                "snippetSupport": True,
                "commitCharactersSupport": True,
                "documentationFormat": ["markdown", "plaintext"],
                "deprecatedSupport": True,
                "preselectSupport": True,
                "tagSupport": {"valueSet": [1]},
                "insertReplaceSupport": True,
                "resolveSupport": {"properties": ["documentation", "detail", "additionalTextEdits"]},
                "insertTextModeSupport": {"valueSet": [1, 2]},
                "labelDetailsSupport": True,
            },
            "insertTextMode": 2,
            "completionItemKind": {"valueSet": list(range(1, 26))},
            "completionList": {
                "itemDefaults": ["commitCharacters", "editRange", "insertTextFormat", "insertTextMode"]
            },
        }
    }
}
"""What VS Code says of completion (`fillClientCapabilities` in `client/src/common/completion.ts` of
microsoft/vscode-languageserver-node, commit 0d5f0e1). It asks for findings, too; here they are told."""


class Editor:
    """The least client that can measure: messages as they are, read when they are waited for."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "inferc.cli", "lsp"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._number = 0
        self.ask("initialize", {"processId": None, "rootUri": uri_of(folder), "capabilities": CAPABILITIES})
        self.tell("initialized", {})

    def tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def send_question(self, method: str, params: Any) -> int:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        return self._number

    def ask(self, method: str, params: Any) -> Any:
        number = self.send_question(method, params)
        while (message := self.receive()).get("id") != number:
            pass
        return message["result"]

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(stream.read(length))
        return message

    def findings(self, uri: str, version: int) -> list[Any]:
        """What is found in this version, once it is said."""
        while True:
            params = self.receive().get("params") or {}
            if params.get("uri") == uri and params.get("version") == version:
                found: list[Any] = params["diagnostics"]
                return found

    def memory(self) -> float:
        """Megabytes that the server holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def end(self) -> None:
        self.ask("shutdown", None)
        self.tell("exit", None)
        self.process.wait()


class Typing:
    """Somebody who types a field into the middle of a file, and takes it out again."""

    FIELD = "\n  idempotent = true"

    def __init__(self, editor: Editor, path: Path, text: str) -> None:
        self.editor, self.uri, self.version = editor, uri_of(path), 1
        middle = text.index("\n  replicas = 2", len(text) // 2)
        self._line, self._column = text.count("\n", 0, middle), middle - text.rindex("\n", 0, middle) - 1
        self._typed = 0
        item = {"uri": self.uri, "languageId": "infer", "version": 1, "text": text}
        editor.tell("textDocument/didOpen", {"textDocument": item})
        editor.findings(self.uri, 1)

    def position(self) -> dict[str, int]:
        typed = self.FIELD[: self._typed]
        line = self._line + typed.count("\n")
        column = len(typed) - 1 - typed.rindex("\n") if typed else self._column
        return {"line": line, "character": column}

    def key(self) -> None:
        """One more character, or all of them gone."""
        start = self.position()
        self.version += 1
        if self._typed == len(self.FIELD):
            self._typed = 0
            change = {"range": {"start": self.position(), "end": start}, "text": ""}
        else:
            letter = self.FIELD[self._typed]
            self._typed += 1
            change = {"range": {"start": start, "end": start}, "text": letter}
        document = {"uri": self.uri, "version": self.version}
        self.editor.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def measured_key(self) -> tuple[float, float]:
        """Seconds until the completions and until the findings are there."""
        started = time.perf_counter()
        self.key()
        asked = {"textDocument": {"uri": self.uri}, "position": self.position()}
        number = self.editor.send_question("textDocument/completion", asked)
        completed = found = 0.0
        while not (completed and found):
            message = self.editor.receive()
            if message.get("id") == number:
                completed = time.perf_counter() - started
            elif (message.get("params") or {}).get("version") == self.version:
                found = time.perf_counter() - started
        return completed, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--edits", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, text = write_files(folder)
        print(f"{path.name}: {text.count(chr(10)):,} lines, {IMPORTS} imports of 200 lines each")
        whole = _whole_check(path)
        print(f"one whole check, files read and parsed     {whole * 1000:7.1f} ms")
        started = time.perf_counter()
        editor = Editor(folder)
        print(f"start of the server, until it is ready     {(time.perf_counter() - started) * 1000:7.1f} ms")
        typing = Typing(editor, path, text)
        _keys(typing, arguments.keys, whole)
        _parses(folder, path, text)
        _memory(typing, arguments.edits)
        editor.end()


def _whole_check(path: Path) -> float:
    """Median seconds, without garbage collection, as in `inferc check`."""
    times = []
    gc.disable()
    for _ in range(11):
        gc.collect()
        started = time.perf_counter()
        checked = check_file(path.name, path)
        times.append(time.perf_counter() - started)
    assert checked.ok, checked.diagnostics[:3]
    return statistics.median(times)


def _keys(typing: Typing, count: int, whole: float) -> None:
    for _ in range(2 * len(Typing.FIELD)):
        typing.measured_key()
    pairs = []
    for _ in range(count):
        pairs.append(typing.measured_key())
        time.sleep(0.02)
    for name, seconds, most in zip(
        ("completion", "findings"), zip(*pairs, strict=True), (30, 60), strict=True
    ):
        median, p95 = statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=20)[-1] * 1000
        print(
            f"{name} after a key, of {count}        p50 {median:6.1f} ms   p95 {p95:6.1f} ms"
            f"   (at most {most} ms)   {p95 / whole / 1000:.2f} × a whole check"
        )


def _parses(folder: Path, path: Path, text: str) -> None:
    workspace = Workspace()
    for number in range(10):
        document = Document.make(uri_of(path), text + f"let _x{number} = 1\n" * number, number)
        workspace.put(document)
        assert View(workspace, document).checked.program is not None
    print(f"files parsed for 10 versions {workspace.parses:18}      (10, and {IMPORTS} imports once)")


def _memory(typing: Typing, edits: int) -> None:
    """Keys in bursts of ten, each burst checked; what the first tenth takes is not counted."""
    before = 0.0
    for number in range(edits // 10):
        for _ in range(10):
            typing.key()
        typing.editor.findings(typing.uri, typing.version)
        if number == edits // 100:
            before = typing.editor.memory()
    grown = typing.editor.memory() - before
    print(f"memory after {edits:,} edits, grown by      {grown:7.1f} MB   (at most 10 MB)")


if __name__ == "__main__":
    main()
