"""The table of words is what the grammar and the classes say, and what is made from it is up to date."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from inferc.dsl.parsing.tokens import DECLARATIONS, KEYWORDS, PUNCTUATION, STARTS_TEST
from inferc.grammar.build import build_grammar
from inferc.grammar.files import GRAMMAR
from inferc.grammar.words import BRACKETS, COMMENT, NAME, NUMBER, SEPARATORS, load_words

from ..support.commands import ROOT

SCRIPT = "scripts/build_grammars.py"


@cache
def terminals() -> dict[str, str]:
    return {t.name: t.pattern.value for t in build_grammar(GRAMMAR.read_text("utf-8")).terminals}


def test_the_words_are_those_of_the_tokenizer() -> None:
    words = load_words()
    assert {*words.keywords, *words.constants} == {*KEYWORDS, STARTS_TEST}
    assert {word.upper() for word in words.declaring} == DECLARATIONS
    assert {*words.operators, *BRACKETS, *SEPARATORS} == set(PUNCTUATION)


@pytest.mark.parametrize(("name", "pattern"), [("NAME", NAME), ("NUMBER", NUMBER), ("COMMENT", COMMENT)])
@given(text=st.text(st.sampled_from("aZ09_.$%é#\n -"), max_size=8))
def test_the_patterns_match_what_the_terminals_of_the_grammar_match(
    name: str, pattern: str, text: str
) -> None:
    ours, theirs = re.match(pattern, text), re.match(terminals()[name], text)
    assert (ours and ours[0]) == (theirs and theirs[0])


def test_every_generated_file_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr


CHANGED = (
    "grammar/words.json",
    "grammar/vim/syntax/infer.vim",
    "grammar/tree-sitter/grammar.js",
    "grammar/vscode/syntaxes/infer.tmLanguage.json",
)


def test_each_changed_file_is_found_stale_by_name(tmp_path: Path) -> None:
    for folder in ("scripts", "grammar", "dsl", "src"):
        ignored = shutil.ignore_patterns("node_modules", "__pycache__", "out", "*.so")
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=ignored)
    for changed in CHANGED:
        (tmp_path / changed).write_text((tmp_path / changed).read_text("utf-8") + "\n", "utf-8")
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 1
    assert [changed for changed in CHANGED if changed not in done.stderr] == []
