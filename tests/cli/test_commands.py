"""Each command when all is well."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from inferc.cli.main import COMMANDS
from inferc.dsl.version import __version__

from ..support.commands import ROOT, SAMPLES, serving
from ..support.forked import ran
from ..support.rows import each_row
from .conftest import Command

Golden = Callable[[str | Path], Callable[[str], None]]

SAMPLE_NAMES = sorted(
    path.relative_to(SAMPLES).with_suffix("").as_posix()
    for path in SAMPLES.rglob("*.infer")
    if not path.stem.endswith("_test")
)


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_check_says_that_a_file_is_fine(inferc: Command) -> None:
    done = inferc("check", "samples/hello.infer")
    assert (done.status, done.out, done.err) == (0, "", "samples/hello.infer: fine\n")


@each_row("name", SAMPLE_NAMES)
def test_every_sample_passes(inferc: Command, name: str) -> None:
    assert inferc("check", f"samples/{name}.infer").status == 0


@each_row("name", ["hello", "onnx"])
def test_samples_without_unfinished_business_have_no_warning(inferc: Command, name: str) -> None:
    assert inferc("check", "--deny", "warnings", f"samples/{name}.infer").status == 0


def test_a_warning_fails_only_when_warnings_are_denied(inferc: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.infer"
    file.write_text(
        'let unused = 1\ndeployment a { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }'
    )
    assert inferc("check", file).status == 0
    denied = inferc("check", "--deny", "warnings", file)
    assert denied.status == 1
    assert "`unused` is never used" in denied.err


def test_a_folder_and_standard_input_are_checked_too(inferc: Command, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("one.infer", "inner/two.infer"):
        inferc("init", tmp_path / name)
    assert inferc("check", tmp_path).err == "2 files: fine\n"
    done = ran("check", "-", cwd=ROOT, input='deployment a { model = "x"', text=True)
    assert done.returncode == 1
    assert "<stdin>:1:" in done.stderr


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_the_plan_of_a_sample_is_the_recorded_one(
    inferc: Command, name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SAMPLES)
    done = inferc("compile", f"{name}.infer", "-o", "-")
    assert done.status == 0
    golden(f"golden/{name}.plan.json")(done.out)


def test_compile_writes_the_plan_beside_the_file_or_where_it_is_told(inferc: Command, tmp_path: Path) -> None:
    assert inferc("init", tmp_path / "first.infer").status == 0
    done = inferc("compile", tmp_path / "first.infer")
    assert (done.status, done.err) == (0, f"wrote {tmp_path}/first.plan.json\n")
    done = inferc("compile", tmp_path / "first.infer", "-o", tmp_path / "other.json")
    assert (done.status, done.err) == (0, f"wrote {tmp_path}/other.json\n")
    assert (tmp_path / "other.json").read_bytes() == (tmp_path / "first.plan.json").read_bytes()


def test_paths_in_a_plan_start_at_the_plan(inferc: Command, tmp_path: Path) -> None:
    plan = tmp_path / "hello.plan.json"
    inferc("compile", "samples/hello.infer", "-o", plan)
    [embedder, _] = json.loads(plan.read_text())["deployments"]
    assert (tmp_path / embedder["model"]["path"]).resolve() == SAMPLES / "models" / "minilm.onnx"


def test_set_gives_a_parameter_its_value(inferc: Command) -> None:
    done = inferc("compile", "samples/hello.infer", "--set", "provider_url=https://example.com/v1", "-o", "-")
    [_, gpt] = json.loads(done.out)["deployments"]
    assert gpt["endpoint"] == "https://example.com/v1"


def test_a_secret_is_never_in_a_plan(inferc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-secret-itself")
    done = inferc("compile", "samples/hello.infer", "-o", "-")
    assert "OPENAI_API_KEY" in done.out
    assert "the-secret-itself" not in done.out + done.err


def test_call_embeds_each_text_without_a_server_and_without_the_key_of_who_is_not_asked(
    inferc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = inferc("call", "samples/hello.infer", "embedder", "a sentence", "another one")
    assert done.status == 0
    vectors = [json.loads(line) for line in done.out.splitlines()]
    assert [len(vector) for vector in vectors] == [384, 384]
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-3) for vector in vectors)


def test_call_runs_a_plan_and_prints_the_answer_of_a_chat(
    inferc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-one")
    plan = tmp_path / "hello.plan.json"
    with serving("mock-provider", "--port", "0", "--gap", "0") as mock:
        inferc("compile", "samples/hello.infer", "--set", f"provider_url={mock.url}/v1", "-o", plan)
        done = inferc("call", plan, "gpt", "Say hello.")
    assert (done.status, done.out) == (0, "You said: Say hello.\n")


def test_init_writes_a_file_that_passes_and_never_overwrites(inferc: Command, tmp_path: Path) -> None:
    file = tmp_path / "first.infer"
    assert inferc("init", file).status == 0
    written = file.read_bytes()
    assert inferc("check", "--deny", "warnings", file).status == 0
    again = inferc("init", file)
    assert again.status == 1
    assert "already there" in again.err
    assert file.read_bytes() == written


def test_the_version_is_printed(inferc: Command) -> None:
    assert inferc("--version").out == f"inferc {__version__}\n"


def test_help_lists_every_command_and_each_has_examples(inferc: Command) -> None:
    listed = inferc("--help")
    assert listed.status == 0
    assert "None" not in listed.out
    for name in COMMANDS:
        assert re.search(rf"^ +{name}\s", listed.out, re.MULTILINE)
        detailed = inferc(name, "--help")
        assert detailed.status == 0
        assert f"examples:\n  inferc {name}" in detailed.out


def test_a_command_line_that_makes_no_sense_ends_with_2(inferc: Command) -> None:
    assert inferc().status == 2
    assert inferc("check").status == 2
    wrong = inferc("chekc", "a.infer")
    assert wrong.status == 2
    assert "did you mean `check`?" in wrong.err


LIBRARY = """\
let patience = 20s
template careful { runtime openai { api_key = env("K"), timeouts { request = patience } } }
template brisk { runtime openai { api_key = env("K") } }
type Verdict = { label: "a" | "b" }
template lonely { replicas = 2 }
deployment gpt from brisk { model = "gpt-4o" }
"""
USER = """\
import "library.infer" as shared
import { careful, Verdict } from "library.infer"
deployment one from careful { model = "gpt-4o-mini" }
pipeline p(message: text) -> text {
  v = one(message) as Verdict
  return v.label
}
"""


@pytest.mark.parametrize("order", [("library.infer", "user.infer"), ("user.infer", "library.infer"), (".",)])
@pytest.mark.parametrize("command", ["check", "compile"])
def test_what_another_file_of_the_run_uses_is_not_called_unused(
    inferc: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...], command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("library.infer").write_text(LIBRARY)
    Path("user.infer").write_text(USER.replace('import "library.infer" as shared\n', ""))
    done = inferc(command, *order, "--deny", "warnings", "--format", "json")
    said = json.loads(done.out)["diagnostics"]
    assert [each["message"] for each in said] == ["the template `lonely` is never used"]
    alone = inferc(command, "library.infer", "--format", "json")
    assert len(json.loads(alone.out)["diagnostics"]) == 3
    Path("user.infer").write_text(USER + 'let _x = "\n')
    broken = inferc("check", *order, "--format", "json")
    assert {each["code"] for each in json.loads(broken.out)["diagnostics"]} >= {"W0210", "E0102"}
    assert "`Verdict` is never used" not in broken.out


LAUNCHED = 'deployment llll { model = "m", runtime vllm { launch { command = ["serve", "{port}"] } } }\n'


def test_a_name_of_a_plan_begins_no_line_of_its_own(tmp_path: Path) -> None:
    file, plan = tmp_path / "a.infer", tmp_path / "a.plan.json"
    file.write_text(
        'deployment aaaa { model = "gpt-4o", runtime openai { api_key = env("K") } }\n'
        'deployment bbbb { model = "gpt-4o", runtime openai { api_key = env("K") } }\n'
        "route rrrr = fallback [aaaa, bbbb]\n"
    )
    assert ran("compile", str(file), "-o", str(plan)).returncode == 0
    plan.write_text(plan.read_text().replace("aaaa", "aaaa\\nEVIL\\u001b[2J"))
    file.write_text(file.read_text() + LAUNCHED)
    launched = tmp_path / "b.plan.json"
    assert ran("compile", str(file), "-o", str(launched)).returncode == 0
    launched.write_text(launched.read_text().replace("llll", "llll\\nEVIL\\u001b[2J"))
    for command in (
        ["reach", str(plan)],
        ["guards", str(plan)],
        ["bounds", str(plan), "rrrr"],
        ["call", str(plan), "nobody"],
        ["diff", str(plan), str(file)],
        ["emit", "compose", str(launched), "-o", str(tmp_path / "out")],
    ):
        done = ran(*command, text=True)
        said = (done.stdout + done.stderr).split("\n")
        assert any("EVIL" in line for line in said), command
        assert not [line for line in said if line.startswith("EVIL") or "\x1b" in line], command
