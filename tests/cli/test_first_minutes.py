"""What someone meets who types what other tools call it, or has no file yet."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from inferc.cli.commands.init import TEMPLATES
from inferc.cli.main import ALIASES, COMMANDS

from ..support.rows import each_row
from .conftest import Command


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@each_row("template", TEMPLATES)
def test_every_template_passes_and_is_in_the_one_style(inferc: Command, template: str) -> None:
    assert inferc("init", "--template", template).status == 0
    assert inferc("check", "--deny", "warnings", f"{template}.infer").err == f"{template}.infer: fine\n"
    assert inferc("fmt", "--check", f"{template}.infer").status == 0
    assert inferc("compile", f"{template}.infer").status == 0
    assert "all passed" in inferc("test", f"{template}.infer").out


def test_a_template_that_is_not_there_names_those_that_are(inferc: Command) -> None:
    said = inferc("init", "--template", "chatbot")
    assert said.status == 2
    assert all(name in said.err for name in TEMPLATES)


def test_words_of_other_tools_are_understood_or_lead_on(inferc: Command) -> None:
    inferc("init")
    assert inferc("validate", "hello.infer").err == "hello.infer: fine\n"
    assert "name the file to run" in inferc("serve").err
    assert not ALIASES.keys() & COMMANDS.keys()
    assert "`inferc check` does that" in inferc("lint", "hello.infer").err
    assert "did you mean `compile`?" in inferc("compil").err


def test_run_without_a_file_leads_on(inferc: Command) -> None:
    empty = inferc("run")
    assert empty.status == 2
    assert "`inferc init`" in empty.err
    inferc("init")
    assert "`inferc run hello.infer`" in inferc("run").err
    for number in range(5):
        inferc("init", f"{number}.infer")
    assert "of 6" in inferc("run").err


@each_row(
    ("arguments", "advice"),
    [
        (("--host", "0.0.0.0:9000"), "write `--host 0.0.0.0 --port 9000`"),
        (("--host", "[::1]:9000"), "write `--host ::1 --port 9000`"),
        (("--host", "http://127.0.0.1:9000"), "write `--host 127.0.0.1 --port 9000`"),
        (("--host", "http://localhost/"), "write `--host localhost`"),
        (("--port", "127.0.0.1:9000"), "write `--host 127.0.0.1 --port 9000`"),
        (("--port", "80000"), "ports are numbers up to 65535"),
        (("--port=-1",), "ports are numbers"),
        (("--port", "http"), "`http` is no port"),
    ],
)
def test_an_address_that_is_none_says_how_it_is_written(
    inferc: Command, arguments: tuple[str, ...], advice: str
) -> None:
    for command in (("run", "hello.infer"), ("mock-provider", "--port", "0")):
        said = inferc(*command, *arguments)
        assert said.status == 2
        assert advice in said.err


@pytest.mark.parametrize(
    ("number", "why"), [(errno.EROFS, "is read-only"), (errno.EACCES, "may not be written")]
)
def test_a_folder_that_may_not_be_written_is_named(
    inferc: Command, monkeypatch: pytest.MonkeyPatch, number: int, why: str
) -> None:
    def refuse(**_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    said = inferc("init")
    assert said.status == 1
    assert f"this folder {why}" in said.err
    assert not Path("hello.infer").exists()


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ("run config.yaml", "`inferc import config.yaml -o config.infer`"),
        ("check config.yaml", "`inferc import config.yaml -o config.infer`"),
        ("simulate config.yaml", "`inferc import config.yaml -o config.infer`"),
        ("client config.yaml -o x.py", "`inferc import config.yaml -o config.infer`"),
        ("check hello.plan.json", "the .infer file that it was made from"),
        ("compile hello.plan.json", "the .infer file that it was made from"),
        ("run model.onnx", "`inferc inspect model.onnx > model.infer`"),
        ("run folder", "such as folder/inside.infer"),
        ("call empty gpt hi", "there is no .infer file in it"),
        ("hello.infer run", "`inferc run hello.infer`"),
        ("hello.infer", "`inferc run hello.infer`"),
        ("hello.infer check", "`inferc check hello.infer`"),
        ("import hello.infer", "is a file of inferc already"),
        ("status hello.infer", "`inferc status --server hello.infer`"),
        ("run hello.infer --prot 1", "did you mean `--port`?"),
        ("serve", "name the file to run"),
    ],
)
def test_what_newcomers_mix_up_leads_on_in_two_lines(inferc: Command, arguments: str, advice: str) -> None:
    inferc("init", "--template", "chat", "hello.infer")
    inferc("compile", "hello.infer")
    for name in ("folder", "empty"):
        Path(name).mkdir()
    for name in ("config.yaml", "model.onnx", "folder/inside.infer"):
        Path(name).touch()
    said = inferc(*arguments.split())
    assert said.status in (1, 2)
    assert advice in said.err
    assert said.err.count("\n") <= 2
