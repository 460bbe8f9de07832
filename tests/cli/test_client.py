"""`inferc client`: typed clients that are checked by others, and run against a real gateway."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..support.commands import ROOT, Running, serving
from .conftest import Command

FILE = r"""
param url: text = "http://127.0.0.1:9/v1"
template hosted { model = "gpt-4o-mini", runtime openai { api_key = env("KEY"), endpoint = url } }
deployment gpt from hosted {}
deployment "*/ \"); import os; os.abort() #\n'''" from hosted {}
route assistant = fallback [gpt]

type Verdict = { topic: "a\"b" | "other", class: text, "input.1": int, note: text?, json: bool }
pipeline judge(message: text) -> Verdict { return gpt(prompt "Judge {{ message }}") as Verdict }
pipeline reply(message: text) -> text { return assistant(message) }

type Inner = { a: int, list: list<float>, Verdict: text }
type Report = { answers: list<text>, size: int?, data: bytes, inner: Inner }
pipeline "class"(xs: list<text>, self: text, data: bytes, lambda: int?, result: Inner) -> Report {
  answers = [gpt(x) for x in xs]
  return Report(answers = answers, size = lambda, data = data, inner = result)
}
pipeline "*/ \"\"\" */ x" (values: text) -> text { return gpt(values) }
"""

TSC = ROOT / "grammar" / "vscode" / "node_modules" / "typescript" / "bin" / "tsc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    (folder / "shop.infer").write_text(FILE)
    return folder


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[Running]:
    with (
        serving("mock-provider", "--port", "0") as provider,
        serving(
            "run",
            str(folder / "shop.infer"),
            "--port",
            "0",
            "--set",
            f"url={provider.url}/v1",
            environment={"KEY": "any"},
        ) as running,
    ):
        yield running


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where pydantic looks for names of types
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("models", ["attrs", "pydantic"])
def test_a_client_in_python_asks_streams_and_fails_as_the_gateway_says(
    inferc: Command, folder: Path, gateway: Running, models: str
) -> None:
    path = folder / f"client_of_{models}.py"
    assert inferc("client", folder / "shop.infer", "-o", path, "--models", models).status == 0
    module: Any = loaded(path)
    client = module.Client(gateway.url)
    assert client.reply("hello") == "You said: hello"
    verdict = client.judge("hello")
    assert verdict.topic in ('a"b', "other")
    assert isinstance(verdict.input_1, int)
    inner = module.Inner(a=1, list_=[1.5], Verdict_="x")
    report = client.class_(["one", "two"], "me", b"\xff\x00", inner, lambda_=7)
    assert report == module.Report(
        answers=["You said: one", "You said: two"], size=7, data=b"\xff\x00", inner=inner
    )
    assert client.chat("assistant", "hi") == "".join(client.stream_chat("assistant", "hi")) == "You said: hi"
    *said, last = client.stream_reply("hello")
    assert last == module.Result("You said: hello")
    assert "".join(each.delta for each in said if isinstance(each, module.Text)) == "You said: hello"
    with pytest.raises(module.InfercError) as refused:
        client.chat("nobody", "hi")
    assert refused.value.status == 404
    with pytest.raises(module.InfercError, match="refused"):
        module.Client("http://127.0.0.1:1").reply("hello")

    async def asked() -> tuple[Any, Any, list[str]]:
        client = module.AsyncClient(gateway.url)
        pieces = [each async for each in client.stream_chat("gpt", "hi")]
        return await client.reply("hello"), await client.judge("hello"), pieces

    reply, judged, pieces = asyncio.run(asked())
    assert (reply, judged, "".join(pieces)) == ("You said: hello", verdict, "You said: hi")


def test_clients_in_python_are_typed_and_clean_whatever_the_names(inferc: Command, folder: Path) -> None:
    paths = [folder / "a.py", folder / "b.py"]
    for path, models in zip(paths, ("attrs", "pydantic"), strict=True):
        inferc("client", folder / "shop.infer", "-o", path, "--models", models)
    for check in (
        ["mypy", "--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'client'}"],
        ["ruff", "check", "--isolated", "--quiet"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *check, *map(str, paths)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not TSC.exists() or shutil.which("node") is None, reason="`make editors` brings tsc")
def test_a_client_in_typescript_compiles_strictly_and_runs(
    inferc: Command, folder: Path, gateway: Running
) -> None:
    assert inferc("client", folder / "shop.infer", "-o", folder / "client.ts").status == 0
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "ask.ts").write_text(f"""\
import {{ Client, InfercError, type Verdict }} from "./client.js";
declare const console: {{ log(text: string): void }};
const client = new Client({{ baseUrl: {json.dumps(gateway.url)} }});
const verdict: Verdict = await client.judge("hello");
const pieces: string[] = [];
for await (const piece of client.stream_chat("assistant", "hi")) pieces.push(piece);
let last: unknown = null;
for await (const event of client.stream_reply("hello")) if (event.kind === "result") last = event.value;
const inner = {{ a: 1, list: [1.5], Verdict: "x" }};
const report = await client.class_(["one"], "me", "/wA=", inner, {{ lambda: 7 }});
let status = 0;
try {{ await client.chat("nobody" as "gpt", "hi"); }}
catch (error) {{ status = (error as InfercError).status; }}
console.log(JSON.stringify([typeof verdict["input.1"], pieces.join(""), last, report, status]));
""")
    options = "--strict --target es2022 --lib es2022,dom,dom.iterable --module nodenext --skipLibCheck"
    command = ["node", str(TSC), *options.split(), "ask.ts", "client.ts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    ran = subprocess.run(["node", "ask.js"], cwd=folder, capture_output=True, text=True, check=False)
    shown = {"a": 1, "list": [1.5], "Verdict": "x"}
    report = {"answers": ["You said: one"], "size": 7, "data": "/wA=", "inner": shown}
    assert json.loads(ran.stdout) == ["number", "You said: hi", "You said: hello", report, 404], ran.stderr


def test_a_client_is_the_same_each_time_and_says_when_it_is_stale(inferc: Command, tmp_path: Path) -> None:
    file, client = tmp_path / "shop.infer", tmp_path / "client.py"
    file.write_text(FILE)
    for output in (client, client.with_suffix(".ts")):
        missing = inferc("client", file, "-o", output, "--check")
        assert (missing.status, f"-o {output}` writes it" in missing.err) == (1, True)
        inferc("client", file, "-o", output)
        assert inferc("client", file, "-o", output, "--check").status == 0
        file.write_text(FILE + "pipeline more(x: text) -> text { return gpt(x) }\n")
        stale = inferc("client", file, "-o", output, "--check")
        assert (stale.status, f"-o {output}` writes it anew" in stale.err) == (1, True)
        file.write_text(FILE)


def test_what_is_no_module_is_refused(inferc: Command, folder: Path) -> None:
    said = inferc("client", folder / "shop.infer", "-o", "client.js")
    assert (said.status, "ends with .py or .ts" in said.err) == (2, True)
