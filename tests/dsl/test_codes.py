"""Every code has a page, every page has a code, and the examples on the pages do what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inferc.cli.main import main
from inferc.compiler.compile import Checked, check_file
from inferc.dsl.codes import Example, Page, explain, known_codes
from inferc.dsl.diagnostics import Severity

from ..support.rows import each_row

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "compiler" / "golden_diagnostics" / "models"

WITHOUT_EXAMPLE = {"E0001", "E0107", "E0110", "E0315", "E0512", "E0710", "E0711", "E0712"}
"""Codes that no small file gets when it is checked: their pages say how to get there."""

COMPANIONS = {"N0414": {"E0305"}}
"""Errors that cannot but stand beside a code: a guessed runtime has no endpoint."""


def page_of(code: str) -> Page:
    page = explain(code)
    assert page is not None
    return page


PAGES = [page_of(code) for code in known_codes()]
WITH_EXAMPLES = [pytest.param(page, id=page.code) for page in PAGES if page.code not in WITHOUT_EXAMPLE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of each example are for a while; the models stay."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(MODELS, folder / "models")
    return folder


def check(example: Example | None, folder: Path) -> Checked:
    assert example is not None
    files = [folder / name for name in (*example.files, "main.infer")]
    for path, text in zip(files, (*example.files.values(), example.text), strict=True):
        path.write_text(text, encoding="utf-8")
    checked = check_file("main.infer", folder / "main.infer")
    for path in files:
        path.unlink()
    return checked


def errors(checked: Checked) -> set[str]:
    return {item.code for item in checked.diagnostics if item.is_error}


# ---- codes and pages


def test_every_code_in_the_sources_has_a_page_and_every_page_is_needed() -> None:
    sources = [path for name in ("dsl", "compiler", "cli") for path in (ROOT / name).rglob("*.py")]
    emitted = {code for path in sources for code in re.findall(r'"([EWN]0\d{3})"', path.read_text())}
    assert emitted == set(known_codes())


def test_the_number_of_a_code_is_used_once() -> None:
    numbers = [code[1:] for code in known_codes()]
    assert len(numbers) == len(set(numbers))


def test_a_page_has_a_short_title_and_says_why() -> None:
    for page in PAGES:
        assert not page.title.startswith("#"), page.code
        assert not page.title.endswith("."), page.code
        assert 0 < len(page.title) <= 60, page.code
        assert next(page.blocks()).mark is None, page.code


def test_only_the_codes_that_no_file_gets_are_without_examples() -> None:
    assert {page.code for page in PAGES if page.wrong is None or page.right is None} == WITHOUT_EXAMPLE


def test_an_unknown_code_has_no_page() -> None:
    assert explain("E9999") is None
    assert explain("../E0101") is None


# ---- examples


@each_row("page", WITH_EXAMPLES)
def test_the_wrong_example_gets_its_code_and_no_other_error(page: Page, folder: Path) -> None:
    checked = check(page.wrong, folder)
    assert page.severity in {item.severity for item in checked.diagnostics if item.code == page.code}
    own = {page.code} if page.severity is Severity.ERROR else set()
    assert errors(checked) == own | COMPANIONS.get(page.code, set())


@each_row("page", WITH_EXAMPLES)
def test_the_right_example_has_no_errors_and_not_its_code(page: Page, folder: Path) -> None:
    checked = check(page.right, folder)
    assert not errors(checked)
    assert page.code not in {item.code for item in checked.diagnostics}


# ---- `inferc explain` and docs/errors.md


def test_explain_prints_each_page_without_its_markup(capsys: pytest.CaptureFixture[str]) -> None:
    for page in PAGES:
        assert main(["explain", page.code]) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(f"{page.severity}[{page.code}]: {page.title}\n")
        assert "```" not in printed, page.code
        for heading, example in (("Wrong:", page.wrong), ("Right:", page.right)):
            if example is not None:
                lines = "".join(f"    {line}".rstrip() + "\n" for line in example.text.splitlines())
                assert f"\n{heading}\n\n{lines}" in printed, page.code


def test_explain_takes_several_codes_in_lower_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "w0210", "e0302"]) == 0
    printed = capsys.readouterr().out
    assert printed.index("warning[W0210]") < printed.index("error[E0302]")


def test_explain_without_a_code_lists_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == list(known_codes())


def test_explain_offers_codes_near_an_unknown_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E0392"]) == 1
    assert "there is no code `E0392`: did you mean `E0302`" in capsys.readouterr().err


def test_explain_marks_headings_where_there_is_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["explain", "E0302"]) == 0
    assert "\x1b[1mWrong:\x1b[0m" in capsys.readouterr().out


def test_the_document_is_made_from_the_pages_as_they_are() -> None:
    script = [sys.executable, str(ROOT / "scripts" / "build_errors.py"), "--check"]
    assert subprocess.run(script, check=False, timeout=200).returncode == 0


def test_the_document_has_the_page_of_each_code() -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert re.findall(r"(?m)^### ([EWN]\d+)$", text) == sorted(known_codes(), key=lambda code: code[1:3])
