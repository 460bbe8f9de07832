"""What commands print where, in each format, for one file or many; and the status they end with."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest

from ..support.commands import INFERC, ROOT
from ..support.forked import ran
from ..support.rows import each_row
from .conftest import Command

GPT = 'deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("KEY") } }\n'
WARNING = f"let spare = 1\n{GPT}"
ERROR = GPT.replace("model", "replicas = 1s, model")
SHARED = 'import "shared/lib.infer" as lib\ndeployment gpt from lib.t { model = "gpt-4o-mini" }\n'
MACHINES = ["json", "sarif", "github"]


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "good.infer": GPT,
        "warning.infer": WARNING,
        "error.infer": ERROR,
        "ugly.infer": "let x=1\n",
        "folder/a.infer": ERROR.replace("gpt ", "a "),
        "folder/b.infer": ERROR.replace("gpt ", "b "),
        "one.infer": SHARED,
        "two.infer": SHARED,
        "shared/lib.infer": 'template t { replica = 2, runtime openai { api_key = env("KEY") } }\n',
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)


def places(out: str) -> list[tuple[str, str]]:
    return [(item["code"], item["file"]) for item in json.loads(out)["diagnostics"]]


# ---- status


@each_row(
    ("arguments", "status"),
    [
        (["check", "good.infer"], 0),
        (["check", "warning.infer"], 0),
        (["check", "warning.infer", "--deny", "warnings"], 1),
        (["check", "error.infer"], 1),
        (["check", "good.infer", "error.infer"], 1),
        (["check", "good.infer", "warning.infer"], 0),
        (["check", "folder"], 1),
        (["check", "none.infer"], 1),
        (["check"], 2),
        (["check", "good.infer", "--set", "x"], 2),
        (["check", "good.infer", "--format", "xml"], 2),
        (["check", "good.infer", "--deny", "notes"], 2),
        (["check", "good.infer", "--nonsense"], 2),
        (["compile", "good.infer"], 0),
        (["compile", "error.infer"], 1),
        (["compile", "warning.infer", "--deny", "warnings"], 1),
        (["compile", "good.infer", "-o", "none/a.json"], 1),
        (["compile", "good.infer", "warning.infer", "-o", "plan.json"], 2),
        (["compile"], 2),
        (["fmt", "--check", "ugly.infer"], 1),
        (["fmt", "none.infer"], 1),
        (["fmt"], 2),
        (["fmt", "--nonsense", "good.infer"], 2),
        (["explain", "E0301"], 0),
        (["explain"], 0),
        (["explain", "E9999"], 1),
        (["explain", "--nonsense"], 2),
        (["init", "new.infer"], 0),
        (["init", "good.infer"], 1),
        (["init", "none/new.infer"], 1),
        (["init", "--nonsense"], 2),
        (["schema"], 0),
        (["schema", "extra"], 2),
        (["completion", "bash"], 0),
        (["completion", "cmd"], 2),
        (["call", "error.infer", "gpt", "hi"], 1),
        (["call", "good.infer"], 2),
        (["run", "error.infer"], 1),
        (["run"], 2),
        (["mock-provider"], 2),
        (["nonsense"], 2),
        (["--version"], 0),
        (["--nonsense"], 2),
        ([], 2),
    ],
    ids=str,
)
def test_0_is_fine_1_are_findings_and_2_is_a_wrong_command_line(
    inferc: Command, arguments: list[str], status: int
) -> None:
    done = inferc(*arguments)
    assert done.status == status
    if status:
        assert done.err


# ---- formats


def test_findings_of_several_files_are_one_json_document(inferc: Command) -> None:
    done = inferc("check", "--format", "json", "error.infer", "folder", "warning.infer")
    assert (done.status, done.err) == (1, "")
    assert places(done.out) == [
        ("E0301", "error.infer"),
        ("E0301", "folder/a.infer"),
        ("E0301", "folder/b.infer"),
        ("W0210", "warning.infer"),
    ]
    assert json.loads(done.out)["summary"] == {"errors": 3, "warnings": 1, "notes": 0}


def test_findings_of_several_files_are_one_sarif_log(inferc: Command) -> None:
    done = inferc("check", "--format", "sarif", "error.infer", "folder", "warning.infer")
    log = json.loads(done.out)
    schema = json.loads((ROOT / "tests" / "dsl" / "data" / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
    jsonschema.validate(log, schema)
    [run] = log["runs"]
    assert [result["level"] for result in run["results"]] == ["error"] * 3 + ["warning"]


def test_findings_of_several_files_are_one_annotation_each(inferc: Command) -> None:
    done = inferc("check", "--format", "github", "error.infer", "folder", "warning.infer")
    lines = done.out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 3 + ["::warning"]
    assert "file=folder/a.infer" in lines[1]


@each_row("form", MACHINES)
def test_a_file_without_findings_gives_an_empty_document(inferc: Command, form: str) -> None:
    done = inferc("check", "--format", form, "good.infer")
    assert (done.status, done.err) == (0, "")
    if form == "json":
        assert json.loads(done.out)["diagnostics"] == []
    elif form == "sarif":
        assert json.loads(done.out)["runs"][0]["results"] == []
    else:
        assert done.out == ""


@each_row("form", ["terminal", *MACHINES])
def test_a_mistake_in_a_file_that_two_import_is_reported_once(inferc: Command, form: str) -> None:
    done = inferc("check", "--format", form, "one.infer", "two.infer", "shared")
    assert (done.out + done.err).count("has no field `replica`") == 1


@each_row("form", MACHINES)
def test_a_plan_on_standard_output_stands_there_alone(inferc: Command, form: str) -> None:
    done = inferc("compile", "--format", form, "warning.infer", "-o", "-")
    assert json.loads(done.out)["schema"] == "inferc.plan/1"
    assert "W0210" in done.err
    done = inferc("compile", "--format", form, "warning.infer", "--explain-values")
    assert done.out.startswith("deployment gpt\n")
    assert "W0210" in done.err


def test_compile_prints_findings_for_machines_on_standard_output(inferc: Command) -> None:
    done = inferc("compile", "--format", "json", "warning.infer", "error.infer")
    assert done.status == 1
    assert places(done.out) == [("W0210", "warning.infer"), ("E0301", "error.infer")]
    assert done.err == "wrote warning.plan.json\n"


# ---- several files, folders, standard input


def test_a_file_is_checked_once_however_often_it_is_named(inferc: Command, tmp_path: Path) -> None:
    done = inferc("check", "good.infer", "./good.infer", tmp_path / "good.infer", "shared/../good.infer")
    assert done.err == "good.infer: fine\n"


def test_a_folder_with_the_name_of_a_file_is_searched_and_not_read(inferc: Command) -> None:
    Path("odd/sub.infer").mkdir(parents=True)
    Path("odd/sub.infer/x.infer").write_text(GPT)
    assert inferc("check", "odd").err == "odd/sub.infer/x.infer: fine\n"


def test_plans_of_a_folder_are_written_beside_the_files_or_into_a_folder(inferc: Command) -> None:
    Path("build").mkdir()
    Path("src/inner").mkdir(parents=True)
    Path("src/a.infer").write_text(GPT)
    Path("src/inner/b.infer").write_text(GPT)
    done = inferc("compile", "src")
    assert done.err == "wrote src/a.plan.json\nwrote src/inner/b.plan.json\n"
    done = inferc("compile", "src", "-o", "build")
    assert done.err == "wrote build/a.plan.json\nwrote build/b.plan.json\n"


def test_two_plans_are_never_written_into_one_file(inferc: Command) -> None:
    Path("build").mkdir()
    Path("shared/good.infer").write_text(GPT)
    done = inferc("compile", "good.infer", "shared/good.infer", "-o", "build")
    assert done.status == 2
    assert "good.infer and shared/good.infer would both be written to build/good.plan.json" in done.err
    assert list(Path("build").iterdir()) == []


def test_one_file_with_mistakes_does_not_keep_the_others_from_being_compiled(inferc: Command) -> None:
    done = inferc("compile", "good.infer", "error.infer", "warning.infer")
    assert done.status == 1
    assert Path("good.plan.json").exists()
    assert Path("warning.plan.json").exists()
    assert not Path("error.plan.json").exists()


def piped(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return ran(*arguments, input=text)


def test_standard_input_is_checked_and_compiled_like_a_file_in_this_folder() -> None:
    text = SHARED.encode()
    checked = piped(text, "check", "--format", "json", "-", "good.infer")
    assert checked.returncode == 1
    assert places(checked.stdout.decode()) == [("E0204", "shared/lib.infer")]
    Path("shared/lib.infer").write_text('template t { runtime openai { api_key = file("key") } }')
    compiled = piped(b"\xef\xbb\xbf" + text, "compile", "-")
    assert compiled.returncode == 0
    [gpt] = json.loads(compiled.stdout)["deployments"]
    assert gpt["source"]["file"] == "<stdin>"
    assert gpt["api_key"] == [{"file": "shared/key"}]


@each_row(
    "text,told",
    [
        (b"", b"<stdin>"),
        (b"\xff\xfe\x00", b"standard input is not UTF-8 text (byte 0)"),
        (b"\0", b"<stdin>"),
        (b"deployment", b"<stdin>"),
    ],
)
def test_standard_input_with_anything_in_it_is_no_crash(text: bytes, told: bytes) -> None:
    done = piped(text, "check", "-")
    assert done.returncode == 1
    assert told in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_crash() -> None:
    process = subprocess.Popen(
        [*INFERC, "explain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        process.wait(timeout=60)
        assert b"Traceback" not in process.stderr.read()


def test_colour_is_for_terminals_only_unless_it_is_asked_for(
    inferc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b" not in inferc("check", "error.infer").err
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = ran("check", "error.infer", text=True)
    assert "\x1b[" in done.stderr
    done = ran("check", "--format", "json", "error.infer", text=True)
    assert "\x1b" not in done.stdout
