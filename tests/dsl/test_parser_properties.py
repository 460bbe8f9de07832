"""Whatever a file says, parsing gives declarations and diagnostics, never an exception, in linear time."""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import lark
import pytest
from hypothesis import assume, example, given, strategies as st

from inferc.dsl.parsing import parser
from inferc.dsl.parsing.parser import Parsed, parse
from inferc.dsl.parsing.tokens import KEYWORDS, PUNCTUATION, Token, tokenize
from inferc.dsl.render import OutputFormat, render
from inferc.dsl.source import Source, Span
from inferc.grammar.build import build_tables
from inferc.grammar.files import GRAMMAR, TABLES

from ..support.examples import FEWER
from ..support.grammar_sampler import grammar, sample_words
from ..support.rows import each_row
from ..support.work import calls_during

LANGUAGE = (Path(__file__).parent / "data" / "language.infer").read_text("utf-8")
SEEDS = st.integers(0, 2**32)


def checked(text: str) -> Parsed:
    """`text` as parsed; every diagnostic points into it, and can be written in every format."""
    source = Source("m.infer", text)
    parsed = parse(source)
    for span in spans(parsed):
        assert span.source is source
        assert 0 <= span.start <= span.end <= len(text)
    shown = parsed.diagnostics[:20]
    for output in OutputFormat:
        assert render(shown, output).encode("utf-8", "strict") or not shown
    return parsed


def spans(parsed: Parsed) -> Iterator[Span]:
    for found in parsed.diagnostics:
        if found.primary is not None:
            yield found.primary.span
        yield from (label.span for label in found.secondary)
        yield from (edit.span for fix in found.fixes for edit in fix.edits)


# ---- anything at all


def test_the_sample_has_no_mistake() -> None:
    assert checked(LANGUAGE).diagnostics == ()


@given(st.binary(max_size=400))
def test_random_bytes(content: bytes) -> None:
    checked(content.decode("utf-8", "replace"))
    checked(content.decode("latin-1"))


@given(st.text(st.characters(), max_size=100))
def test_random_characters(text: str) -> None:
    checked(text)


WORDS = [
    *KEYWORDS,
    *PUNCTUATION,
    "x",
    "retry",
    '"text"',
    '"""long"""',
    '"',
    '"""',
    "'",
    "“a”",
    "1",
    "30s",
    "$1k",
]
WORDS += [
    "1x",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    "# c\n",
    "//",
    "/*",
    ";",
    "@",
    "&",
    "\\",
    "\ufeff",
    "\0",
    "95 %",
    "é",
]


@given(st.lists(st.sampled_from(WORDS), max_size=60), st.sampled_from(["", " "]))
def test_random_tokens(words: list[str], between: str) -> None:
    checked(between.join(words))


@FEWER
@given(SEEDS, st.integers(1, 4))
@example(123, 4)
def test_mutations_of_the_sample(seed: int, count: int) -> None:
    choose = random.Random(seed)
    text = LANGUAGE
    for _ in range(count):
        text = mutated(text, choose)
    checked(text)


def mutated(text: str, choose: random.Random) -> str:
    """`text` with some of it deleted, doubled, moved, or something put in."""
    start = choose.randrange(len(text))
    end = min(len(text), start + choose.choice([1, 1, 2, 5, 40]))
    piece = text[start:end]
    match choose.randrange(4):
        case 0:
            return text[:start] + text[end:]
        case 1:
            return text[:end] + piece + text[end:]
        case 2:
            return text[:start] + choose.choice(WORDS) + text[start:]
        case _:
            rest = text[:start] + text[end:]
            target = choose.randrange(len(rest))
            return rest[:target] + piece + rest[target:]


@FEWER
@given(SEEDS, st.integers(0, 3))
def test_it_is_read_as_lark_reads_it(seed: int, count: int) -> None:
    choose = random.Random(seed)
    text = LANGUAGE
    for _ in range(count):
        text = mutated(text, choose)
    source = Source("m.infer", text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser, "_read", read_by_lark)
        expected = parse(source)
    assert parse(source) == expected


def read_by_lark(state: Any, token: Token, tokens: Iterator[Token], _: object) -> Token | None:
    """Each token by `feed_token`."""
    for each in chain((token,), tokens):
        if each.type == "$END":
            return None
        try:
            state.feed_token(each)
        except lark.UnexpectedToken:
            return each
        if len(state.state_stack) > parser.DEEPEST:
            return each
    return None


@FEWER
@given(SEEDS)
def test_tokens_of_a_right_text_left_out_or_doubled(seed: int) -> None:
    choose = random.Random(seed)
    words = sample_words(choose, 60)
    for _ in range(choose.randint(1, 3)):
        index = choose.randrange(len(words))
        words[index : index + 1] = choose.choice([[], [words[index]] * 2, [choose.choice(WORDS)]])
    checked(choose.choice([" ", "\n"]).join(words))


# ---- extremes


@each_row("opener", ["(", "[", "{", "<", "-", "!", "f(", "[1, ", "match x { _ => ", "if x { ", "{ a ", '"""'])
@each_row("start", ["let x = ", "deployment x ", "type x = ", ""])
def test_thousands_of_levels_deep(opener: str, start: str) -> None:
    assert checked(start + opener * 2000).diagnostics


@each_row("bracket", ["()", "[]"])
def test_ten_thousand_levels_and_back(bracket: str) -> None:
    opening, closing = bracket
    [found] = checked(f"let x = {opening * 10_000}1{closing * 10_000}\nlet y = 1\n").diagnostics
    assert found.code == "E0107"


@each_row("link", [" + 1", ".b", "()", " as T", " with {}", " else b"])
def test_a_chain_of_ten_thousand_links(link: str) -> None:
    assert "E0107" in {found.code for found in checked(f"let x = a{link * 10_000}\n").diagnostics}


@each_row("link", ["?", ' | "b"'])
def test_a_type_of_ten_thousand_links(link: str) -> None:
    assert "E0107" in {found.code for found in checked(f"type x = a{link * 10_000}\n").diagnostics}


def test_a_hundred_levels_are_not_too_deep() -> None:
    assert checked(f"let x = {'(' * 100}1{')' * 100}\n").diagnostics == ()


LARGE = 200_000
"""Characters: what took their square would take many minutes."""


@each_row("unit", ["x", "9", " ", "\t", "\r", "\0", "#", '"', ";", "é", "//", "/*"], ids=ascii)
def test_one_long_line(unit: str) -> None:
    checked("let x = " + unit * (LARGE // len(unit)))


@each_row("unit", ["'", "'\\", "“", "}", ")", ",", "\\q", "$", "a: 1 ", "[", "a = 1, "], ids=ascii)
def test_one_line_of_many_tokens(unit: str) -> None:  # they are read up to the thousandth mistake
    checked("deployment x { a = " + unit * (LARGE // 20 // len(unit)))


def test_one_long_text() -> None:
    assert checked(f'let x = "{"x " * (LARGE // 2)}"').diagnostics == ()


PLANES = (0, 1, 2, 3, 14)
"""Those with characters of more than one kind: all of another one are private, or none."""


def test_every_plane_of_unicode() -> None:
    for plane in range(17):
        step = 97 if plane in PLANES else 641
        sample = "".join(map(chr, range(plane << 16, (plane + 1) << 16, step)))
        checked(sample)
        checked(" ".join(sample))
        assert checked('let x = "' + re.sub(r'["\\\n$]', "", sample) + '"').diagnostics == ()


@each_row("text", ["\ufeff" + LANGUAGE, LANGUAGE.replace("\n", "\r\n")], ids=["bom", "crlf"])
def test_how_a_file_was_saved_does_not_matter(text: str) -> None:
    assert checked(text).declarations == checked(LANGUAGE).declarations
    assert checked(text).diagnostics == ()


def test_line_ends_inside_a_text_do_not_matter() -> None:
    text = 'let x = """\n  one\n    two\\\n  three\n  """\nlet y = prompt """\n  {{ a }}\n  b\n"""\n'
    assert checked(text.replace("\n", "\r\n")).declarations == checked(text).declarations


@each_row("text", ["", "\n", "\ufeff", "# only a comment", "\0", "\r"])
def test_hardly_anything(text: str) -> None:
    checked(text)


# ---- work grows with the length, not faster

SHAPES = {
    "clean lines": "let x = f(1, [2, 3]) + 4 * 5\n",
    "clean blocks": 'deployment "x" {\n  model = "m"\n  retry { a = 1, b = [c, d] }\n}\n',
    "a mistake in each block": "deployment x {\n  a: 1\n  b = = 2\n  c = [1 2\n}\n",
    "blocks that are never closed": "deployment x { a = [1, \n",
    "what is no declaration": "hello world { this is [nothing }\n",
    "names alone": "a ",
    "stray braces": "} ",
    "texts that are never closed": 'x = "abc\n',
}


@each_row("shape", SHAPES.values(), ids=SHAPES)
def test_ten_times_the_lines_are_ten_times_the_work(shape: str) -> None:
    checked(shape * 10)
    small, large = (calls_while_parsing(shape * count) for count in (20, 200))
    assert large <= 10.3 * small


def calls_while_parsing(text: str) -> int:
    return calls_during(lambda: parse(Source("m.infer", text)))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_token_is_made_twice(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(text: str, begin: int) -> Iterator[Token]:
        for token in tokenize(text, begin):
            made.append(token.start)
            yield token

    monkeypatch.setattr(parser, "tokenize", counted)
    parse(Source("m.infer", shape * 100))
    assert len(made) <= len(set(made)) + 1


# ---- tokens are the grammar's terminals

TERMINALS = {terminal.name: terminal for terminal in grammar().terminals}
SKIPPED = {"SPACE", "COMMENT"}


def test_the_tables_are_those_of_the_grammar() -> None:
    assert json.loads(TABLES.read_text("utf-8")) == build_tables(GRAMMAR.read_text("utf-8"))


def test_the_grammar_has_no_conflicts() -> None:
    messages: list[logging.LogRecord] = []
    watching = logging.Handler()
    watching.emit = messages.append  # type: ignore[method-assign]
    level = lark.logger.level
    lark.logger.addHandler(watching)
    lark.logger.setLevel(logging.DEBUG)
    try:
        lark.Lark(GRAMMAR.read_text("utf-8"), parser="lalr", lexer="basic", debug=True)
    finally:
        lark.logger.removeHandler(watching)
        lark.logger.setLevel(level)
    assert [record.getMessage() for record in messages if "conflict" in record.getMessage()] == []


def test_every_terminal_has_its_kind_of_token() -> None:
    kinds = {*KEYWORDS.values(), *PUNCTUATION.values(), "NAME", "STRING", "NUMBER", "TEST"}
    assert kinds == TERMINALS.keys() - SKIPPED


@each_row("word", [*KEYWORDS, *PUNCTUATION])
def test_a_word_or_sign_is_the_terminal_of_the_grammar(word: str) -> None:
    [token, _] = tokenize(word)
    assert token.type == (KEYWORDS | PUNCTUATION)[word]
    assert re.fullmatch(TERMINALS[token.type].pattern.to_regexp(), word)


@each_row("name", ["NAME", "NUMBER", "STRING"])
def test_what_a_terminal_matches_is_one_token(name: str) -> None:
    pattern = TERMINALS[name].pattern.to_regexp()
    drawn = pattern.replace("*", "{0,4}") if name == "NUMBER" else pattern  # long ones have no other forms

    @FEWER
    @given(st.from_regex(drawn, fullmatch=True))
    def check(text: str) -> None:
        first = re.match(pattern, text)
        assume(first is not None and first[0] == text)  # unlike `0.00.0A`: a number, then `.0A`
        [token, end] = tokenize(text)
        assert (token.type, token.text, end.type) == (KEYWORDS.get(text, name), text, "$END")

    check()


@FEWER
@given(
    st.from_regex(
        f"(?:{TERMINALS['SPACE'].pattern.to_regexp()}|{TERMINALS['COMMENT'].pattern.to_regexp()}\n)*",
        fullmatch=True,
    )
)
def test_what_is_skipped_makes_no_token(text: str) -> None:
    assert [token.type for token in tokenize(text)] == ["$END"]


@given(st.lists(st.sampled_from(WORDS), max_size=20).map("".join))
def test_a_token_is_what_its_terminal_matches(text: str) -> None:
    end = 0
    for token in tokenize(text):
        assert token.start >= end
        assert token.text == text[token.start : token.end]
        if token.type in TERMINALS:
            assert re.fullmatch(TERMINALS[token.type].pattern.to_regexp(), token.text)
        end = token.end
    assert end == len(text)
