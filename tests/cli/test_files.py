"""Files that are read and written on somebody's word: regular ones only, of a bounded size, and whole."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from inferc.cli.server import admin_path

from ..support.commands import INFERC
from .conftest import Command

CHAT = 'deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }\n'
UGLY = "let   _x=1\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fifo(path: str) -> None:
    os.mkfifo(path)


def unix_socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


def folder(path: str) -> None:
    Path(path).mkdir()


def endless(path: str) -> None:
    Path(path).symlink_to("/dev/zero")


SPECIAL = pytest.mark.parametrize(
    ("make", "what"),
    [(fifo, "a FIFO"), (unix_socket, "a socket"), (folder, "a directory"), (endless, "a device")],
)

Make = Callable[[str], None]


@SPECIAL
def test_what_is_no_regular_file_is_not_waited_for(inferc: Command, make: Make, what: str) -> None:
    make("x.infer")
    Path("main.infer").write_text(f'import "x.infer" as _x\n{CHAT}')
    Path("plan.json").symlink_to("x.infer")
    for command in (("check", "main.infer"), ("call", "plan.json", "gpt", "hello"), ("inspect", "x.infer")):
        done = inferc(*command)
        assert (done.status, f"it is {what}" in done.err) == (1, True), done.err
    if make is not folder:
        assert f"cannot read `x.infer`: it is {what}" in inferc("fmt", "x.infer").err
        assert f"cannot read `x.infer`: it is {what}" in inferc("check", "x.infer").err


@SPECIAL
def test_what_a_deployment_names_is_a_regular_file(inferc: Command, make: Make, what: str) -> None:
    make("x")
    local = 'deployment a {{ model = "x", runtime = ort, task {} {{ tokenizer = "x", {} }} }}\n'
    Path("a.infer").write_text(local.format("classify", 'labels = "x"'))
    Path("b.infer").write_text(local.format("generate", 'chat_template = "x"'))
    for file, named in (("a.infer", "file of labels"), ("b.infer", "chat template")):
        said = inferc("check", file).err
        for each in ("model file", "tokenizer", named):
            assert f"the {each} cannot be used: it is {what}" in said


@SPECIAL
def test_a_device_is_not_replaced_by_a_file(inferc: Command, make: Make, what: str) -> None:
    Path("main.infer").write_text(CHAT)
    make("out")
    before = os.lstat("out")
    target = "out/" if make is folder else "out"
    for command in ("compile", "graph"):
        if make is folder and command == "compile":
            continue  # it writes its plan into the folder
        done = inferc(command, "main.infer", "-o", target)
        assert done.status == 1
        assert "cannot write out: it is " in done.err
    assert (os.lstat("out").st_ino, os.lstat("out").st_mode) == (before.st_ino, before.st_mode)


def test_a_link_out_of_the_project_is_not_followed_when_writing(inferc: Command, tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    outside, inside = tmp_path / "outside.json", tmp_path / "project" / "inside.json"
    main = tmp_path / "project" / "main.infer"
    main.write_text(CHAT)
    for target in (outside, inside):
        target.write_text("kept")
        (tmp_path / "project" / "deploy").mkdir(exist_ok=True)
        (tmp_path / "project" / "deploy" / target.name).symlink_to(target)
    refused = inferc("compile", main, "-o", main.parent / "deploy" / "outside.json")
    assert (refused.status, outside.read_text()) == (1, "kept")
    assert f"it is a link to {outside}, outside of the project" in refused.err
    assert inferc("compile", main, "-o", main.parent / "deploy" / "inside.json").status == 0
    assert json.loads(inside.read_text())["deployments"]
    assert (main.parent / "deploy" / "inside.json").is_symlink()


def test_a_broken_link_is_not_written_through(inferc: Command, tmp_path: Path) -> None:
    Path("project").mkdir()
    Path("project/new.infer").symlink_to(tmp_path / "elsewhere.infer")
    assert inferc("init", "project/new.infer").status == 1
    assert not (tmp_path / "elsewhere.infer").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_is_read_only_stays(inferc: Command) -> None:
    Path("a.infer").write_text(UGLY)
    Path("a.infer").chmod(0o444)
    done = inferc("fmt", "a.infer")
    assert (done.status, Path("a.infer").read_text()) == (1, UGLY)
    assert "it is read-only" in done.err


def test_the_mode_of_a_plan_is_kept_and_nothing_is_left_beside_it(inferc: Command) -> None:
    Path("main.infer").write_text(CHAT)
    Path("main.plan.json").write_text("")
    Path("main.plan.json").chmod(0o640)
    assert inferc("compile", "main.infer").status == 0
    assert stat.S_IMODE(Path("main.plan.json").stat().st_mode) == 0o640
    assert sorted(os.listdir()) == ["main.infer", "main.plan.json"]


@pytest.mark.parametrize("why", ["a folder is in the way", "the disk is full"])
def test_of_several_files_all_are_written_or_none(why: str) -> None:
    Path("a.infer").write_text(CHAT)
    Path("b.infer").write_text(CHAT + "".join(CHAT.replace("gpt {", f"gpt{n} {{") for n in range(40)))
    Path("out").mkdir()
    Path("out/a.plan.json").write_text("of an older state")
    compile_both = [*INFERC, "compile", "a.infer", "b.infer", "-o", "out"]
    if why == "the disk is full":  # as the largest size of a file, which a test may set
        compile_both = ["bash", "-c", 'ulimit -f 16; exec "$@"', "", *compile_both]
    else:
        Path("out/b.plan.json").mkdir()
    done = subprocess.run(compile_both, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "cannot write out/b.plan.json" in done.stderr
    assert "none of the 2 files is changed" in done.stderr
    assert Path("out/a.plan.json").read_text() == "of an older state"
    assert not [name for name in os.listdir("out") if name.startswith(".")]


def test_plans_that_a_link_leads_to_one_file_are_not_written(inferc: Command) -> None:
    for name in ("a.infer", "b.infer"):
        Path(name).write_text(CHAT)
    Path("a.plan.json").write_text("of an older state")
    Path("b.plan.json").symlink_to("a.plan.json")
    done = inferc("compile", "a.infer", "b.infer")
    assert (done.status, Path("a.plan.json").read_text()) == (1, "of an older state")
    assert "cannot write b.plan.json: it is the same file as a.plan.json" in done.err


def test_all_files_are_written_though_nobody_can_be_told() -> None:
    for name in ("a.infer", "b.infer"):
        Path(name).write_text(CHAT)
    compile_both = ["bash", "-c", 'exec "$@" 2> /dev/full', "", *INFERC, "compile", "a.infer", "b.infer"]
    subprocess.run(compile_both, timeout=60, check=False)
    assert sorted(os.listdir()) == ["a.infer", "a.plan.json", "b.infer", "b.plan.json"]


def test_a_name_in_another_encoding_is_that_of_a_file(inferc: Command) -> None:
    named = Path(os.fsdecode(b"caf\xe9.infer"))
    named.write_text(CHAT)
    assert inferc("compile", named, "-o", "x.plan.json").status == 0
    plan = json.loads(Path("x.plan.json").read_text("utf-8"))
    assert (plan["state"]["name"], plan["deployments"][0]["source"]["file"]) == ("caf\\xe9", "caf\\xe9.infer")
    assert admin_path(named).suffix == ".sock"


@pytest.mark.parametrize("command", ["check", "compile", "fmt", "init", "test", "run", "doctor"])
def test_a_name_that_is_too_long_is_told(inferc: Command, command: str) -> None:
    Path("main.infer").write_text(CHAT)
    done = inferc(command, f"{'x' * 300}.infer")
    assert (done.status, "ile name too long" in done.err) == (1, True), done.err


def test_a_name_that_is_too_long_is_told_of_what_is_written(inferc: Command) -> None:
    Path("main.infer").write_text(CHAT)
    for command in (("compile",), ("export", "--to", "litellm")):
        done = inferc(*command, "main.infer", "-o", "x" * 300)
        assert done.status == 1
        assert "cannot write xxx" in done.err
        assert "ile name too long" in done.err


def test_a_file_that_is_too_large_is_not_read(inferc: Command) -> None:
    with Path("x.infer").open("wb") as file:
        file.truncate(1 << 40)
    Path("main.infer").write_text(f'import "x.infer" as _x\n{CHAT}')
    for command in (("check", "main.infer"), ("check", "x.infer"), ("fmt", "x.infer")):
        done = inferc(*command)
        assert done.status == 1
        assert "it is larger than 4 MiB" in done.err


@pytest.mark.parametrize(
    "command",
    [("check", "."), ("check", "x.infer"), ("check", "--fix", "x.infer"), ("fmt", "--diff", "x.infer")],
)
def test_a_link_that_only_looks_like_a_source_is_not_read(inferc: Command, command: tuple[str, ...]) -> None:
    Path("notes.txt").write_text("q7marker: 1\n")
    Path("x.infer").symlink_to("notes.txt")
    done = inferc(*command)
    assert done.status == 1
    assert "it is a link to another kind of file" in done.err
    assert "q7marker" not in done.out + done.err
    assert Path("notes.txt").read_text() == "q7marker: 1\n"


def test_no_file_of_another_kind_is_quoted(inferc: Command, tmp_path: Path) -> None:
    secret = "q7marker"
    Path(".env").write_text(f"PASSWORD={secret}\n")
    Path("linked.infer").symlink_to(".env")
    for path in (".env", "linked.infer", tmp_path / ".env", "/proc/self/environ", "/etc/passwd"):
        Path("main.infer").write_text(f'import "{path}" as e\n{CHAT}')
        for form in ("terminal", "json", "sarif", "github"):
            done = inferc("check", "--format", form, "main.infer")
            assert done.status == 1
            assert secret not in done.out + done.err
            assert "root:" not in done.out + done.err
            assert len(done.out + done.err) < 6000


FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


def run(*arguments: str, shell: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NO_COLOR": "1"}
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", *INFERC, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=200)


@FULL
def test_output_that_cannot_be_written_is_one_line_of_error() -> None:
    Path("main.infer").write_text(CHAT)
    for arguments in (("check", "--format", "json", "main.infer"), ("compile", "main.infer", "-o", "-")):
        done = run(*arguments, shell="> /dev/full")
        assert (done.returncode, done.stderr) == (
            1,
            "error: the output cannot be written: No space left on device\n",
        )
        closed = run(*arguments, shell=">&-")
        assert closed.returncode == 1
        assert closed.stderr.startswith("error: the output cannot be written")
    assert run("check", "missing.infer", shell="2> /dev/full").returncode == 1
    assert run("check", "main.infer", shell="2>&-").returncode == 0


def test_an_interrupt_leaves_all_of_several_files_new_or_none(
    inferc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        Path(f"{name}.infer").write_text(CHAT)
    Path("out").mkdir()
    replace = os.replace

    def interrupted(source: str, target: Path) -> None:
        replace(source, target)
        if Path(target).name == "a.plan.json":
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    monkeypatch.setattr(os, "replace", interrupted)
    with suppress(KeyboardInterrupt):
        inferc("compile", "a.infer", "b.infer", "c.infer", "-o", "out")
    assert {path.name for path in Path("out").iterdir()} == {f"{name}.plan.json" for name in "abc"}


@pytest.mark.parametrize("links", [True, False])
def test_what_was_there_is_put_back_where_one_of_several_files_cannot_come_to_its_place(
    inferc: Command, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcd":
        Path(f"{name}.infer").write_text(CHAT)
    Path("out").mkdir()
    Path("out/b.plan.json").write_text("of an older state")
    replace = os.replace

    def busy(source: str, target: Path) -> None:
        """As where a file is mounted over another one."""
        if Path(target).name == "c.plan.json":
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(source, target)

    def none(source: str, target: str) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "replace", busy)
    if not links:
        monkeypatch.setattr(os, "link", none)
    done = inferc("compile", "a.infer", "b.infer", "c.infer", "d.infer", "-o", "out")
    assert done.status == 1
    assert done.err.startswith("error: cannot write out/c.plan.json: Device or resource busy; ")
    left = {path.name: path.read_text()[:20] for path in Path("out").iterdir()}
    if links:
        assert done.err.endswith("; none of the 4 files is changed\n")
        assert left == {"b.plan.json": "of an older state"}
    else:
        assert "; of the 4 files, only out/b.plan.json is new\n" in done.err
        assert left.keys() == {"b.plan.json"}
        assert "wrote out/b.plan.json" in done.err


def test_what_is_written_to_standard_output_is_utf_8_whatever_a_terminal_takes() -> None:
    """As on Windows, and with `LANG=de_DE.ISO-8859-1`: a file that `fmt -` filters would be spoilt."""
    text = "# größe → 1\n".encode()
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*INFERC, "fmt", "-"], input=text, env=environment, capture_output=True, timeout=60)
    assert done.stdout == text
