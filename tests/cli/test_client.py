"""`inferc client`: typed clients that are checked by others, and run against a real gateway."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..runtime.onnx.test_onnx_vectors import tagger
from ..support.commands import ROOT, Running, serving
from .conftest import Command

FILE = r"""
param url: text = "http://127.0.0.1:9/v1"
template hosted { model = "gpt-4o-mini", runtime openai { api_key = env("KEY"), endpoint = url } }
deployment gpt from hosted {}
deployment "\"); import os; os.abort() #\n'''" from hosted {}
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
pipeline "\"\"\" / x" (values: text) -> text { return gpt(values) }
"""

MADE_WITH = ("attrs", "pydantic")
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


@pytest.mark.parametrize("models", MADE_WITH)
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


def test_clients_in_python_are_typed_and_clean_whatever_the_names(
    inferc: Command, folder: Path, folder_of_models: Path
) -> None:
    files = (folder / "shop.infer", folder_of_models / "models.infer")
    paths = [file.with_name(f"typed_{file.stem}_{made}.py") for file in files for made in MADE_WITH]
    for path, (file, made) in zip(paths, product(files, MADE_WITH), strict=True):
        assert inferc("client", file, "-o", path, "--models", made).status == 0
    for check in (
        ["mypy", "--strict", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'client'}"],
        ["ruff", "check", "--isolated", "--quiet"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *check, *map(str, paths)],
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
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
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout
    ran = subprocess.run(
        ["node", "ask.js"], cwd=folder, capture_output=True, text=True, check=False, timeout=200
    )
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


MODELS = r"""
param url: text = "http://127.0.0.1:9/v1"
deployment sorter {
  model = "BAAI/bge-reranker-v2-m3"
  runtime vllm { endpoint = url, api_key = env("KEY") }
  task = rerank
}
deployment kinds {
  model = "magika.onnx"
  task classify { labels = "magika.labels.json", activation = none, top_k = 2 }
}
deployment raw { model = "magika.onnx" }
deployment people {
  model = "people.onnx"
  task classify {
    tokenizer = "tokenizer.json"
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    aggregation = simple
  }
}
route any_sorter = fallback [sorter]
type Tensor = { x: int }
pipeline infer(message: Tensor) -> int { return message.x }
"""


@pytest.fixture(scope="module")
def folder_of_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in ("magika.onnx", "magika.labels.json", "tokenizer.json"):
        (folder / name).symlink_to(ROOT / "samples" / "models" / name)
    tagger(folder / "people.onnx")
    (folder / "models.infer").write_text(MODELS)
    return folder


@pytest.fixture(scope="module")
def models(folder_of_models: Path) -> Iterator[tuple[Path, Running]]:
    folder = folder_of_models
    with serving("mock-provider", "--port", "0") as provider:
        url = f"url={provider.url}/v1"
        run = ("run", str(folder / "models.infer"), "--port", "0", "--set", url)
        with serving(*run, environment={"KEY": "any"}) as running:
            yield folder, running


@pytest.mark.parametrize("made_with", MADE_WITH)
def test_a_client_ranks_classifies_finds_and_asks_with_tensors(
    inferc: Command, models: tuple[Path, Running], made_with: str
) -> None:
    folder, gateway = models
    path = folder / f"models_{made_with}.py"
    assert inferc("client", folder / "models.infer", "-o", path, "--models", made_with).status == 0
    module: Any = loaded(path)
    client = module.Client(gateway.url)
    ranked = client.rerank("any_sorter", "refund", ["a parcel", "a refund please", "bread"], top_n=2)
    assert ranked[0].index == 1
    assert len(ranked) == 2
    assert ranked[0].score > ranked[1].score
    tensor = module.Tensor("INT32", [1, 2048], [256] * 2048)
    [labels] = client.classify("kinds", {"bytes": tensor})
    assert len(labels) == 2
    assert labels[0].score >= labels[1].score
    assert len(client.classify("kinds", {"bytes": tensor}, top_k=1)[0]) == 1
    [output] = client.infer("raw", {"bytes": tensor}).values()
    assert (output.datatype, output.shape) == ("FP32", [1, 214])
    assert output.data[labels[0].index] == pytest.approx(labels[0].score, abs=1e-6)
    [spans] = client.find_spans("people", ["Anna Smith in Berlin"])
    assert [(each.label, each.text, each.start) for each in spans] == [
        ("PER", "Anna Smith", 0), ("LOC", "Berlin", 14),
    ]  # fmt: skip
    assert client.infer_(module.Tensor_(x=7)) == 7
    with pytest.raises(module.InfercError, match="nothing") as refused:
        client.infer("nothing", {"bytes": tensor})
    assert refused.value.status == 404

    async def asked() -> Any:
        return await module.AsyncClient(gateway.url).rerank("sorter", "refund", ["bread", "refund"])

    assert asyncio.run(asked())[0].index == 1


@pytest.mark.skipif(not TSC.exists() or shutil.which("node") is None, reason="`make editors` brings tsc")
def test_a_client_in_typescript_does_so_too(inferc: Command, models: tuple[Path, Running]) -> None:
    folder, gateway = models
    assert inferc("client", folder / "models.infer", "-o", folder / "client.ts").status == 0
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "ask.ts").write_text(f"""\
import {{ Client, type Tensor }} from "./client.js";
declare const console: {{ log(text: string): void }};
const client = new Client({{ baseUrl: {json.dumps(gateway.url)} }});
const bytes: Tensor = {{ datatype: "INT32", shape: [1, 2048], data: Array(2048).fill(256) }};
const ranked = await client.rerank("sorter", "refund", ["bread", "refund"], 1);
const labels = await client.classify("kinds", {{ bytes }}, 1);
const outputs = await client.infer("raw", {{ bytes }});
const spans = await client.find_spans("people", ["Anna Smith"]);
let said = "";
try {{ await client.infer("nothing" as "raw", {{ bytes }}); }}
catch (error) {{ said = (error as Error).message; }}
const shape = Object.values(outputs)[0]!.shape;
console.log(JSON.stringify([ranked[0]!.index, labels[0]!.length, shape, spans[0]![0]!.text, said]));
""")
    options = "--strict --target es2022 --lib es2022,dom,dom.iterable --module nodenext --skipLibCheck"
    command = ["node", str(TSC), *options.split(), "ask.ts", "client.ts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout
    ran = subprocess.run(
        ["node", "ask.js"], cwd=folder, capture_output=True, text=True, check=False, timeout=200
    )
    *found, said = json.loads(ran.stdout or "[null]")
    assert (found, "nothing" in str(said)) == ([1, 1, [1, 214], "Anna Smith"], True), ran.stderr


def test_what_is_no_module_is_refused(inferc: Command, folder: Path) -> None:
    said = inferc("client", folder / "shop.infer", "-o", "client.js")
    assert (said.status, "ends with .py or .ts" in said.err) == (2, True)
