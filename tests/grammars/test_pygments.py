"""The lexer of Pygments: found by name, and it loses nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given, strategies as st
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Error

from inferc.grammar.editors.pygments import InferLexer

from ..support.commands import SAMPLES
from ..support.rows import each_row
from .test_colours import FILES, text_of

WORDS = [
    "deployment",
    "prompt",
    '"',
    '"""',
    "{{",
    "}}",
    "${",
    "}",
    "{",
    "#",
    "\\",
    "\n",
    "\r\n",
    " ",
    "a",
    ":",
    "<",
    "->",
    "1s",
]


def test_pygments_finds_the_lexer_by_its_name_and_by_the_file_name() -> None:
    assert isinstance(get_lexer_by_name("infer"), InferLexer)
    assert isinstance(get_lexer_for_filename("prod.infer"), InferLexer)


def test_pygmentize_colours_a_file() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pygments", "-l", "infer", "-f", "html", str(SAMPLES / "hello.infer")],
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    assert '<span class="k">deployment</span>' in done.stdout
    assert 'class="err"' not in done.stdout


@each_row("path", FILES, ids=lambda path: path.stem)
def test_the_tokens_joined_are_the_file(path: Path) -> None:
    tokens = list(InferLexer().get_tokens_unprocessed(text_of(path)))
    assert "".join(piece for _, _, piece in tokens) == text_of(path)
    assert [piece for _, kind, piece in tokens if kind is Error] == []


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map("".join)))
def test_the_tokens_joined_are_the_text_whatever_it_is(text: str) -> None:
    assert "".join(piece for _, _, piece in InferLexer().get_tokens_unprocessed(text)) == text
