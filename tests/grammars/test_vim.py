"""What Vim does with a `.infer` file beside colouring it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.commands import ROOT, SAMPLES
from .engines import VIM

pytestmark = pytest.mark.needs("vim")


def vim(script: str, folder: Path) -> None:
    """Run the commands in a Vim that knows only our files."""
    file = folder / "script.vim"
    start = f"set nocompatible encoding=utf-8\nset runtimepath^={VIM}\nfiletype plugin indent on\nsyntax on\n"
    file.write_text(f"{start}{script}\nqall!\n", "utf-8")
    subprocess.run(
        ["vim", "-u", "NONE", "-N", "-i", "NONE", "-n", "-es", "-S", str(file)],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_make_puts_the_findings_into_the_quickfix_list(tmp_path: Path) -> None:
    (tmp_path / "bad.infer").write_text('deployment a { model = "gpt-4o-mini", replica = 2 }\nlet x = 1s\n')
    vim(
        f"edit bad.infer\nlet &l:makeprg = '{sys.executable} -m inferc.cli check %:S'\nsilent make\n"
        "call writefile([json_encode(map(getqflist(), "
        "'[v:val.type, v:val.lnum, v:val.col, v:val.text, bufname(v:val.bufnr)]'))], 'found.json')",
        tmp_path,
    )
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert found == [
        ["E", 1, 12, "`openai` needs an `api_key`", "bad.infer"],
        ["E", 1, 39, "the deployment `a` has no field `replica`", "bad.infer"],
        ["W", 2, 5, "the let `x` is never used", "bad.infer"],
    ]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.infer")), ids=lambda path: path.stem)
def test_indentation_is_that_of_the_formatter(path: Path, tmp_path: Path) -> None:
    flat = "\n".join(line.strip() for line in path.read_text("utf-8").splitlines()) + "\n"
    (tmp_path / "flat.infer").write_text(flat, "utf-8")
    vim("edit flat.infer\nnormal gg=G\nwrite", tmp_path)
    assert (tmp_path / "flat.infer").read_text("utf-8") == path.read_text("utf-8")


def test_going_to_an_import_opens_the_file(tmp_path: Path) -> None:
    (tmp_path / "shared.infer").write_text("let a = 1\n")
    (tmp_path / "main.infer").write_text('import "shared.infer" as shared\nlet b = shared.a\n')
    vim(
        "edit main.infer\ncheckpath!\ncall cursor(1, 10)\nnormal gf\ncall writefile([bufname('%')], 'at')",
        tmp_path,
    )
    assert (tmp_path / "at").read_text() == "shared.infer\n"


def test_the_word_that_comments_lines_out_is_known(tmp_path: Path) -> None:
    vim(
        f"edit {ROOT / 'samples' / 'hello.infer'}\ncall writefile([&commentstring, &comments], 'at')",
        tmp_path,
    )
    assert (tmp_path / "at").read_text() == "# %s\n:##,:#\n"
