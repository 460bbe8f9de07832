"""What a user sees for each kind of bad input: what, where, what to do. Never a traceback."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from inferc.cli.main import main
from inferc.compiler.plan.installing import pip_install

from ..runtime.onnx.toys import crashing, echo
from ..support.commands import INFERC, SAMPLES
from ..support.projects import chat
from ..support.rows import each_row
from .conftest import Command

KEY = "sk-proj-0123456789abcdef"

CHAT = """\
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai {
    api_key = env("OPENAI_API_KEY")
    endpoint = "http://127.0.0.1:9/v1"
  }
}
gateway { bind = "127.0.0.1:0" }
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def used_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def local(model: str) -> str:
    return f'deployment a {{\n  model = "{model}"\n  task embed {{ tokenizer = "{model}" }}\n}}\n'


@each_row(
    ("text", "where", "line", "says"),
    [
        ("", "1:1", None, "declares nothing"),
        ("# only a comment\n", "2:1", None, "declares nothing"),
        ("deployment gpt {\n  model =\n}\n", "", "model =", "expected"),
        ("deployment gpt {\n  model = “x”\n}\n", "2:11", "model = “x”", '"'),
        (CHAT.replace("  model", "  replica = 2\n  model"), "2:3", "replica = 2", "replicas"),
        (CHAT.replace("  model", '  replicas = "two"\n  model'), "2:14", 'replicas = "two"', "2"),
        (CHAT.replace("    end", "    timeouts { request = 30 }\n    end"), "5:26", "request = 30", "30s"),
        (local("none.onnx"), "2:11", 'model = "none.onnx"', "there is no such file"),
        (local("text.onnx"), "2:11", 'model = "text.onnx"', "no ONNX model"),
        (CHAT.replace('env("OPENAI_API_KEY")', f'"{KEY}"'), "4:15", "api_key = ", 'env("NAME")'),
    ],
    ids=[
        "an empty file",
        "a file with nothing but comments",
        "a value that is missing",
        "typographic quotes",
        "an unknown field",
        "a wrong type",
        "a missing unit",
        "a model that is not there",
        "a model that is no ONNX file",
        "a key in the file",
    ],
)
@each_row("command", ["check", "compile", "run"])
def test_a_mistake_in_a_file_is_shown_at_its_place(
    inferc: Command, command: str, text: str, where: str, line: str | None, says: str
) -> None:
    Path("text.onnx").write_text("This is no model, this is a text.")
    Path("bad.infer").write_text(text, "utf-8")
    done = inferc(command, "bad.infer")
    assert done.status == 1
    assert f"--> bad.infer:{where}" in done.err
    assert says in done.err
    assert "^" in done.err
    if line is not None:
        assert line in done.err
    assert not Path("bad.plan.json").exists()


@each_row(
    "command",
    (
        ["run", "x.infer", "--bogus=redis://:geheim@host"],
        ["reload", "http://user:geheim@host"],
        ["check", "x.infer", "--api-key=geheim"],
        ["status", "http://user:geheim@host"],
        ["http://user:geheim@host"],
    ),
)
def test_a_password_of_the_command_line_is_never_repeated(inferc: Command, command: list[str]) -> None:
    done = inferc(*command)
    assert done.status != 0
    assert done.err
    assert "geheim" not in done.err + done.out


@pytest.mark.parametrize("form", ["terminal", "json", "sarif", "github"])
def test_a_key_in_a_file_is_never_repeated(inferc: Command, form: str) -> None:
    Path("bad.infer").write_text(CHAT.replace('env("OPENAI_API_KEY")', f'"{KEY}"'))
    done = inferc("check", "--format", form, "bad.infer")
    assert done.status == 1
    assert KEY not in done.out + done.err


@pytest.mark.parametrize("command", [["check"], ["compile"], ["run"], ["call"]])
def test_a_missing_file_is_named_with_the_one_that_was_meant(inferc: Command, command: list[str]) -> None:
    Path("hello.infer").write_text(CHAT)
    more = ["gpt", "hi"] if command == ["call"] else []
    done = inferc(*command, "helo.infer", *more)
    assert done.status == 1
    assert "helo.infer" in done.err


def test_a_name_that_begins_like_an_option_stands_behind_two_dashes(inferc: Command) -> None:
    Path("-x.infer").write_text("let a = 1\n", "utf-8")
    assert inferc("check", "--json", "--", "-x.infer").status == 0
    assert inferc("diff", "--", "-x.infer", "-x.infer").status == 0


def test_a_folder_without_files_is_an_error(inferc: Command) -> None:
    done = inferc("check", ".")
    assert (done.status, done.err) == (1, "error: no .infer file in .\n")


@pytest.mark.parametrize(
    "contents", [b"\x00\x01\x02", b"deployment \xff\xfe", b"\xfe\xff\x00d", b"\x93NUMPY"]
)
def test_a_file_that_is_no_text_is_an_error_and_not_a_crash(inferc: Command, contents: bytes) -> None:
    Path("bad.infer").write_bytes(contents)
    done = inferc("check", "bad.infer")
    assert done.status == 1
    assert "bad.infer" in done.err


def test_a_parameter_that_does_not_exist_is_an_error(inferc: Command) -> None:
    Path("a.infer").write_text(f'param region: text = "x"\nlet used = "${{region}}"\n{CHAT}')
    done = inferc("check", "a.infer", "--set", "regoin=y")
    assert done.status == 1
    assert "did you mean `region`?" in done.err
    assert inferc("check", "a.infer", "--set", "region").status == 2


def test_a_folder_takes_the_parameters_of_all_its_files(inferc: Command) -> None:
    for name, param in (("a", "region"), ("b", "zone")):
        text = f'param {param}: text\nlet _used = "${{{param}}}"\n'
        Path(f"files/{name}.infer").parent.mkdir(exist_ok=True)
        Path(f"files/{name}.infer").write_text(text + CHAT)
    given = ("--set", "region=x", "--set", "zone=y")
    assert inferc("check", "files", *given).status == 0
    assert inferc("compile", "files", *given).status == 0
    assert sorted(path.name for path in Path("files").glob("*.json")) == ["a.plan.json", "b.plan.json"]
    wrong = inferc("check", "files", *given, "--set", "planet=z")
    assert (wrong.status, wrong.err.count("has no parameter `planet`")) == (1, 2)


@each_row("name", ["chat.inferr", "chat", "caht.infer", "Chat.infer"])
@each_row("command", ["run", "check", "test", "fmt"])
def test_a_misspelt_file_is_answered_with_the_one_beside_it(inferc: Command, command: str, name: str) -> None:
    Path("chat.infer").write_text(CHAT)
    said = inferc(command, name)
    assert f"cannot read `{name}`: there is no such file" in said.err + said.out
    assert "did you mean `chat.infer`?" in said.err + said.out


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (None, "pip install 'inferc[lsp]'"),
        ('{"url": "https://host/inferc.whl", "archive_info": {}}', "pip install 'inferc[lsp]'"),
        ('{"url": "file://HERE/a%20b", "dir_info": {}}', "pip install 'HERE/a b[lsp]'"),
        ('{"url": "file://HERE", "dir_info": {"editable": true}}', "pip install -e 'HERE[lsp]'"),
        ('{"url": "file:///gone", "dir_info": {}}', "pip install 'inferc[lsp]'"),
    ],
)
def test_an_extra_is_installed_from_where_inferc_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: str | None, said: str
) -> None:
    (tmp_path / "a b").mkdir()
    record, said = record and record.replace("HERE", str(tmp_path)), said.replace("HERE", str(tmp_path))
    monkeypatch.setattr(metadata.Distribution, "read_text", lambda *_: record, raising=False)
    monkeypatch.setattr(metadata.PathDistribution, "read_text", lambda *_: record)
    assert pip_install("lsp") == said


@pytest.mark.parametrize(
    ("installer", "receipt", "said"),
    [
        ("pip", None, "pip install 'inferc[lsp]'"),
        ("uv", None, "uv pip install 'inferc[lsp]'"),
        ("uv", "uv-receipt.toml", "uv tool install 'inferc[lsp]'"),
        ("pip", "pipx_metadata.json", "pipx install --force 'inferc[lsp]'"),
    ],
)
def test_an_extra_is_installed_by_what_installed_inferc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installer: str, receipt: str | None, said: str
) -> None:
    if receipt is not None:
        (tmp_path / receipt).touch()
    told = {"INSTALLER": f"{installer}\n"}
    monkeypatch.setattr(metadata.PathDistribution, "read_text", lambda _, name: told.get(name))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert pip_install("lsp") == said


# ---- plans


@pytest.fixture
def plan(inferc: Command) -> Path:
    """The plan of a remote deployment."""
    Path("chat.infer").write_text(CHAT)
    assert inferc("compile", "chat.infer").status == 0
    return Path("chat.plan.json")


def cut(text: str) -> str:
    return text[: len(text) // 2]


def edited(change: Callable[[Any], object]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        plan = json.loads(text)
        change(plan)
        return json.dumps(plan)

    return edit


FIELDS = ("deployment", "source", "serving", "model", "endpoint", "retry", "timeouts")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: "", "chat.plan.json:1:1: the plan is damaged"),
        (cut, "the plan is damaged"),
        (lambda text: "[1, 2]", "no `schema`"),
        (edited(lambda plan: plan.update(schema="inferc.plan/99")), "`inferc.plan/99`"),
        (edited(lambda plan: plan.update(schema="a\n::error::b")), "`a\\n::error::b`"),
        (edited(lambda plan: plan["deployments"][0].update({"a\n::error::b": 1})), " a\\n::error::b "),
        (edited(lambda plan: [plan["deployments"][0].pop(each) for each in FIELDS]), "; 2 more; "),
        (edited(lambda plan: plan.pop("deployments")), "`deployments` is missing"),
        (edited(lambda plan: plan["deployments"][0].update(kind="magic")), "magic"),
        (edited(lambda plan: plan["deployments"][0]["retry"].update(max_backoff=60)), "max_backoff"),
        (lambda text: "[" * 100_000, "the plan is damaged"),
    ],
    ids=[
        "empty",
        "cut",
        "no plan",
        "other version",
        "line end",
        "line end in a key",
        "many",
        "key missing",
        "other kind",
        "no unit",
        "nested",
    ],
)
def test_a_plan_that_cannot_be_used_says_why_and_how_to_get_a_good_one(
    inferc: Command, plan: Path, damage: Callable[[str], str], says: str
) -> None:
    plan.write_text(damage(plan.read_text()))
    done = inferc("run", plan)
    assert done.status == 1
    assert says in done.err
    assert done.err.endswith("; write it again with `inferc compile`\n")
    assert done.err.count("\n") == 1


def test_a_missing_plan_is_an_error(inferc: Command) -> None:
    done = inferc("run", "none.plan.json")
    assert (done.status, done.err) == (1, "error: none.plan.json: there is no such file\n")


def test_a_model_that_changed_since_it_was_compiled_is_not_run(inferc: Command) -> None:
    for name in ("minilm.onnx", "tokenizer.json"):
        Path(name).write_bytes((SAMPLES / "models" / name).read_bytes())
    text = (SAMPLES / "onnx.infer").read_text().replace("models/", "")
    Path("a.infer").write_text(text)
    assert inferc("compile", "a.infer").status == 0
    with Path("minilm.onnx").open("ab") as file:
        file.write(b"\x00")
    done = inferc("call", "a.plan.json", "embedder", "a sentence")
    assert done.status == 1
    assert "minilm.onnx" in done.err
    assert "embedder" in done.err


# ---- starting


def test_an_unset_variable_is_named_with_its_deployment(inferc: Command, plan: Path) -> None:
    for command in (["run", plan], ["run", "chat.infer"], ["call", plan, "gpt", "hello"]):
        done = inferc(*command)
        assert done.status == 1
        assert "`gpt`" in done.err
        assert "OPENAI_API_KEY is not set" in done.err


def test_a_port_in_use_is_named_with_what_to_do(
    inferc: Command, plan: Path, used_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-one")
    done = inferc("run", plan, "--port", used_port)
    assert done.status == 1
    assert f"port {used_port} on 127.0.0.1 is in use" in done.err
    assert "choose another" in done.err
    done = inferc("mock-provider", "--port", used_port)
    assert done.status == 1
    assert f"port {used_port} on 127.0.0.1 is in use" in done.err
    assert "--port" in done.err


def test_too_few_files_that_may_be_open_are_said(
    inferc: Command, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-one")
    monkeypatch.setattr("resource.getrlimit", lambda _: (16, 16))
    done = inferc("run", plan)
    assert done.status == 1
    assert "only 16 files and connections may be open here" in done.err
    assert "`ulimit -n 1024`" in done.err


def test_a_call_to_an_unknown_deployment_names_those_that_exist(inferc: Command, plan: Path) -> None:
    done = inferc("call", plan, "claude", "hello")
    assert done.status == 1
    assert "no deployment, route or pipeline is called `claude`" in done.err
    assert "`gpt`" in done.err


def test_a_provider_that_is_not_there_is_named(
    inferc: Command, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-secret-itself")
    raw = json.loads(plan.read_text())
    raw["deployments"][0]["retry"]["max_retries"] = 0
    plan.write_text(json.dumps(raw))
    done = inferc("call", plan, "gpt", "hello")
    assert done.status == 1
    assert "127.0.0.1:9" in done.err
    assert "the-secret-itself" not in done.out + done.err


@pytest.mark.skipif(platform.machine() != "x86_64", reason="no other processor traps what the model computes")
def test_a_model_that_crashes_onnx_runtime_is_one_error(inferc: Command) -> None:
    crashing(Path("bad.onnx"))
    Path("app.infer").write_text('deployment bad {\n  model = "bad.onnx"\n  task = tensor\n}\n')
    assert inferc("check", "app.infer").status == 0
    done = inferc("run", "app.infer", "--port", "0")
    assert done.status == 1
    [error] = [line for line in done.err.splitlines() if line.startswith("error")]
    assert error.startswith("error: deployment `bad`: ONNX Runtime ")
    assert "crashes (SIGFPE) when it loads bad.onnx" in error


ECHO = """
deployment echo { model = "echo.onnx", task = tensor }
pipeline same(x: tensor<f32, [n, 2]>) -> tensor<f32, [n, 2]> { return echo(x) }
"""


def test_nothing_about_models_is_kept_for_the_makers_of_onnx_runtime(tmp_path: Path) -> None:
    switches = ("ORT_DISABLE_TELEMETRY", "CI")
    environment = {name: value for name, value in os.environ.items() if name not in switches}
    echo(tmp_path / "echo.onnx", "FP32")
    (tmp_path / "app.infer").write_text(ECHO)
    subprocess.run(
        [*INFERC, "call", tmp_path / "app.infer", "same", "x=[[1, 2]]"],
        env=environment | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        check=True,
        capture_output=True,
        timeout=200,
    )
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["inferc"]


def test_a_fault_that_is_none_is_a_wrong_command_line(inferc: Command) -> None:
    done = inferc("mock-provider", "--port", "0", "--fault", "200")
    assert done.status == 2
    assert "from 400 to 599" in done.err


def test_routes_that_multiply_their_ways_hold_nobody_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = 'model = "gpt-4o-mini", runtime openai { api_key = env("K") }'
    members = [f"route {name}{n} = fallback [a{n + 1}, b{n + 1}]" for n in range(1100) for name in "ab"]
    ends = [f"deployment {name}1100 {{ {model} }}" for name in "ab"]
    (tmp_path / "many.infer").write_text("\n".join((*members, *ends)), "utf-8")
    file, plan = str(tmp_path / "many.infer"), str(tmp_path / "many.plan.json")
    assert main(["compile", file]) == 0
    for command in ("bounds", "reach"):
        assert main([command, file]) == 0
        capsys.readouterr()
        assert main([command, plan, "a0"]) == 1
        assert "ask for a NAME that is nearer to the models" in capsys.readouterr().err
        assert main([command, plan, "a1098"]) == 0


@pytest.mark.parametrize(
    "command", [["drain", "gpt"], ["diff", "HEAD:samples/hello.infer", "samples/hello.infer"]]
)
def test_a_machine_without_a_folder_for_temporary_files_is_named(
    inferc: Command, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.chdir(SAMPLES.parent)
    done = inferc(*command)
    assert done.status != 0
    assert "set TMPDIR" in done.err
    assert done.err.count("\n") == 1


@each_row("command", ["graph", "bounds", "guards", "reach", "flows", "check", "compile", "doctor"])
def test_no_command_shows_a_name_that_is_a_key(inferc: Command, tmp_path: Path, command: str) -> None:
    key = "hf_abcdefghijklmnop1234xyz"
    named = tmp_path / "named.infer"
    named.write_text(chat(key), "utf-8")
    done = inferc(command, named)
    assert done.status != 0
    assert "a file never holds one" in done.out + done.err
    fine = tmp_path / "fine.infer"
    fine.write_text(chat("a"), "utf-8")
    asked = inferc(command, fine, key)
    assert key not in done.out + done.err + asked.out + asked.err


def test_a_folder_that_is_gone_is_said(inferc: Command, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    try:
        assert "the folder that this runs in is not there any more" in inferc("check", "chat.infer").err
    finally:
        os.chdir(tmp_path)
