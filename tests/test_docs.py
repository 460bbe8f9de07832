"""What the documentation says is what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inferc.compiler.compile import check_file

from .support.commands import ROOT, SAMPLES
from .support.forked import ran
from .support.rows import each_row
from .support.sessions import played

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", SAMPLES / "README.md", *sorted(DOCS.rglob("*.md"))]
GUIDES = sorted(page for page in (DOCS / "guides").glob("*.md") if page.name != "index.md")
SESSIONS = [
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("import", "operations", "outage", "pipelines", "testing", "tutorial")),
    *GUIDES,
]
"""Pages whose files are written and whose commands are run, in their order."""
EXAMPLES = [
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("index", "language", "outage", "pipelines", "runtimes")),
    *GUIDES,
]
WRONG = re.compile(r"^```text (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECKED = re.compile(r"^\$ inferc check (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```console\n.*?(?=^```$)", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```infer ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def name_of(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("script", ["build_reference", "build_pictures"])
def test_tables_and_pictures_are_those_of_the_code(script: str) -> None:
    command = [sys.executable, f"scripts/{script}.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_every_example_is_right(page: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(SAMPLES / "models")
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
    (tmp_path / "models").symlink_to(SAMPLES / "models")
    monkeypatch.chdir(tmp_path)
    text = page.read_text("utf-8")
    for name, example in FENCE.findall(text):
        if name:
            Path(name).write_text(example, "utf-8")
    mistakes = WRONG.findall(text)
    for name, example in mistakes:
        Path(name).write_text(example, "utf-8")
        said = [shown for file, shown in CHECKED.findall(text) if file == name]
        done = ran("check", name, env=os.environ | {"NO_COLOR": "1"}, text=True)
        assert done.stderr in said, name


@pytest.mark.parametrize("page", SESSIONS, ids=name_of)
def test_every_command_says_what_the_page_says(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "models").symlink_to(SAMPLES / "models")
    (tmp_path / "samples").symlink_to(SAMPLES)
    written = page.read_text("utf-8")
    said = played(written, tmp_path)
    if request.config.getoption("--record"):
        page.write_text(said, "utf-8")
    else:
        assert said == written


def test_the_page_of_errors_shows_how_they_begin(tmp_path: Path) -> None:
    shown = "".join(f"{block}…\n```\n\n" for block in SHOWN.findall((DOCS / "errors.md").read_text("utf-8")))
    (tmp_path / "values.infer").write_text("deployment: x\n" * 2_000)
    (tmp_path / "production.infer").write_text("let a = 1\n")
    assert shown.count("$ inferc check ") >= 3
    assert played(shown, tmp_path) == shown


@each_row("page", PAGES, ids=name_of)
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
