"""What the documentation says is what the code does."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inferc.cli.main import main
from inferc.compiler.compile import check_file

from .support.commands import INFERC, ROOT, SAMPLES

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", SAMPLES / "README.md", *sorted(DOCS.glob("*.md"))]
SESSIONS = [DOCS / "outage.md"]
"""Pages whose files are written and whose commands are run, in their order."""
EXAMPLES = [*SESSIONS, ROOT / "README.md", DOCS / "language.md", DOCS / "pipelines.md", DOCS / "runtimes.md"]
WRONG = re.compile(r"^```text (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECKED = re.compile(r"^\$ inferc check (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```infer ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^\$ (inferc .*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
TOOK = re.compile(r"\([\d,]+ played, .*?\)|\d+\.\d+ ?s\b")
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def name_of(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("script", ["build_reference", "build_pictures"])
def test_tables_and_pictures_are_those_of_the_code(script: str) -> None:
    command = [sys.executable, f"scripts/{script}.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_every_example_is_right(page: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "models", tmp_path / "models")
    blocks = FENCE.findall(page.read_text("utf-8"))
    assert blocks
    for name, text in blocks:
        if name:
            (tmp_path / name).write_text(text, "utf-8")
    for number, (name, text) in enumerate(blocks, 1):
        shown = name or f"example {number}"
        checked = check_file(shown, tmp_path / f"{number}.infer", text=text)
        assert [found.message for found in checked.diagnostics if found.is_error] == [], shown


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_every_message_is_the_one_that_is_printed(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SAMPLES / "models", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    text = page.read_text("utf-8")
    for name, example in FENCE.findall(text):
        if name:
            Path(name).write_text(example, "utf-8")
    mistakes = WRONG.findall(text)
    for name, example in mistakes:
        Path(name).write_text(example, "utf-8")
        said = [shown for file, shown in CHECKED.findall(text) if file == name]
        done = subprocess.run(
            [*INFERC, "check", name], env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True
        )
        assert done.stderr in said, name


@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_every_command_says_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    commands = 0
    for kind, name, text in ANY_FENCE.findall(page.read_text("utf-8")):
        if name:
            Path(name).write_text(text, "utf-8")
        elif kind == "console":
            for command, shown in SESSION.findall(text):
                main(shlex.split(command)[1:])
                said = capsys.readouterr()
                assert said_like(shown, said.out + said.err), f"{command}\n{said.out}{said.err}"
                commands += 1
    assert commands > 5


def said_like(shown: str, said: str) -> bool:
    """Whether a page shows what was said, but for how long it took; `…` alone on a line: any lines."""
    pattern = re.escape(TOOK.sub("N", shown.strip())).replace("…\\\n", "(.*\\n)*?")
    return re.fullmatch(pattern, TOOK.sub("N", said.strip())) is not None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text("utf-8")):
        if path.startswith(("http://", "https://")):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {path}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {path}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_place_that_contributors_are_sent_to_exists() -> None:
    text = (DOCS / "contributing.md").read_text("utf-8")
    places = re.findall(r"`((?:grammar|dsl|compiler|runtime|cli|editor|tests|docs|bench)/[\w./-]*)`", text)
    assert len(places) > 40
    assert [place for place in places if not (ROOT / place).exists()] == []
