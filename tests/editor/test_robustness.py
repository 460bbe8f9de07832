"""Whatever a text says, wherever the cursor is: every question is answered, and every answer can be sent."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st
from lsprotocol import types as lsp

from inferc.dsl.parsing.tokens import KEYWORDS, PUNCTUATION
from inferc.editor.documents import Document
from inferc.editor.positions import UTF8, UTF16, UTF32, Lines

from ..support.examples import FEWER
from ..support.grammar_sampler import sample_text
from ..support.rows import each_row
from .asking import ask_everything, converter, new_server
from .conftest import edited

SAMPLES = [
    (Path(__file__).parents[1] / "dsl" / "data" / "language.infer").read_text("utf-8"),
    *(p.read_text("utf-8") for p in sorted((Path(__file__).parents[2] / "samples").glob("*.infer"))),
]
BROKEN = sorted((Path(__file__).parents[1] / "compiler" / "golden_diagnostics").glob("*.infer"))
WORDS = [
    *KEYWORDS,
    *PUNCTUATION,
    "x",
    "model",
    "runtime",
    "openai",
    '"',
    '"""',
    "${",
    "30",
    "$1",
    "\n",
    "\n  ",
]
WORDS += ["'", "#", "##", "\ufeff", "\0", "é", "𝒳", "\u2028", "\r", "\r\n", "env", "fallback", "it", "prompt"]
SEEDS = st.integers(0, 2**32)


def answered(text: str, *offsets: int, encoding: str = UTF16, folder: str = "/nowhere") -> None:
    """Every question about the places has an answer of the form that the protocol asks for."""
    document = Document.make(f"file://{folder}/main.infer", text, 1, encoding)
    server, lines, unstructure = new_server(), document.lines, converter().unstructure
    for offset in offsets:
        for method, answer in ask_everything(server, document, offset):
            for each in _ranges(answer):
                assert lines.position(lines.offset(each.start)) == each.start, method
                assert (each.start.line, each.start.character) <= (each.end.line, each.end.character), method
            json.dumps(unstructure(answer), allow_nan=False)


def _ranges(answer: Any) -> Iterator[lsp.Range]:
    """The ranges in an answer about a text that imports nothing."""
    left = [answer]
    while left:
        value = left.pop()
        if isinstance(value, lsp.Range):
            yield value
        elif isinstance(value, list | tuple):
            left += [each for each in value if not isinstance(each, int | str)]
        elif isinstance(value, dict):
            left += value.values()
        elif hasattr(type(value), "__attrs_attrs__"):
            left += [getattr(value, each.name) for each in type(value).__attrs_attrs__]


@each_row("path", BROKEN, ids=lambda path: path.stem)
def test_files_with_a_mistake(path: Path) -> None:
    text = path.read_text("utf-8")
    answered(text, random.Random(path.stem).randint(0, len(text)))


@FEWER
@given(st.text(st.characters(), max_size=80), st.integers(0, 80), st.sampled_from([UTF8, UTF16, UTF32]))
def test_random_characters(text: str, offset: int, encoding: str) -> None:
    answered(text, min(offset, len(text)), encoding=encoding)


@FEWER
@given(st.lists(st.sampled_from(WORDS), max_size=50), st.integers(0, 200))
def test_random_words(words: list[str], offset: int) -> None:
    text = " ".join(words)
    answered(text, min(offset, len(text)))


@FEWER
@given(SEEDS)
def test_all_that_the_grammar_allows(seed: int) -> None:
    chosen = random.Random(seed)
    text = sample_text(chosen)
    answered(text, chosen.randint(0, len(text)))


@FEWER
@given(SEEDS)
def test_a_file_that_is_cut_off_anywhere(seed: int) -> None:
    chosen = random.Random(seed)
    text = chosen.choice(SAMPLES)
    text = text[: chosen.randint(0, len(text))]
    answered(text, len(text))


@FEWER
@given(SEEDS)
def test_words_put_into_and_taken_from_a_file(seed: int) -> None:
    chosen = random.Random(seed)
    text = chosen.choice(SAMPLES)
    offset = 0
    for _ in range(chosen.randint(1, 6)):
        offset = chosen.randint(0, len(text))
        text = text[:offset] + chosen.choice([*WORDS, ""]) + text[offset + chosen.randint(0, 12) :]
    answered(text, min(offset, len(text)))


def test_a_very_deep_text_is_answered() -> None:
    for opening, closing in (("(", ")"), ("[", "]"), ("{ a ", "}"), ("f(", ")")):
        text = f"let x = {opening * 1000}1{closing * 1000}\n"
        answered(text, len(text) // 2)


# ---- changes


@FEWER
@given(SEEDS, st.sampled_from([UTF8, UTF16, UTF32]))
def test_many_small_changes_give_the_text_that_the_editor_has(seed: int, encoding: str) -> None:
    chosen = random.Random(seed)
    text = chosen.choice(SAMPLES)[:400]
    document = Document.make("file:///nowhere/main.infer", text, 0, encoding)
    for version in range(20):
        start = chosen.randint(0, len(text))
        end = min(len(text), start + chosen.randint(0, 9))
        new = chosen.choice([*WORDS, "", "𝒳é\r\n", "\u2028", "\r"])
        if text[start - 1 : start + 1] == "\r\n" or text[end - 1 : end + 1] == "\r\n":
            continue  # no position is between the two
        where = Lines(text, encoding).range(start, end)
        text = text[:start] + new + text[end:]
        document = document.changed([lsp.TextDocumentContentChangePartial(where, new)], version)
        assert document.text == text


def test_edits_are_made_from_the_end_to_the_beginning() -> None:
    first = lsp.TextEdit(lsp.Range(lsp.Position(0, 0), lsp.Position(0, 1)), "xy")
    last = lsp.TextEdit(lsp.Range(lsp.Position(0, 2), lsp.Position(0, 2)), "z")
    assert edited("abc", [first, last]) == "xybzc"
