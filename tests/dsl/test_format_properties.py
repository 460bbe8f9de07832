"""Formatting never changes what a file says, and formatting what is formatted changes nothing."""

from __future__ import annotations

import random
import re
from pathlib import Path

from hypothesis import given, strategies as st

from inferc.dsl.formatting import format_source, respace
from inferc.dsl.formatting.gaps import tidy
from inferc.dsl.lines import unix_lines
from inferc.dsl.parsing.parser import parse
from inferc.dsl.parsing.tokens import tokenize
from inferc.dsl.source import Source

from ..support.examples import FEWER
from ..support.grammar_sampler import sample_text
from ..support.rows import each_row
from ..support.work import calls_during

LANGUAGE = (Path(__file__).parent / "data" / "language.infer").read_text("utf-8")
SEEDS = st.integers(0, 2**32)


def formatted(text: str) -> str:
    return format_source(Source("m.infer", text)).text


def words(text: str) -> list[str]:
    """All tokens but commas, which may come and go between items."""
    return [unix_lines(token.text).rstrip("\r\n") for token in tokenize(text) if token.type != "COMMA"]


def comments(text: str) -> list[str]:
    found, end = [], 0
    for token in tokenize(text):
        found += map(tidy, re.findall(r"#[^\n]*", text[end : token.start]))
        end = token.end
    return found


@FEWER
@given(SEEDS, st.sampled_from([10, 40, 120]))
def test_any_text_of_the_grammar_says_the_same(seed: int, size: int) -> None:
    text = sample_text(random.Random(seed), size)
    before = parse(Source("m.infer", text))
    result = formatted(text)
    after = parse(Source("m.infer", result))
    assert after.declarations == before.declarations
    assert [item.code for item in after.diagnostics] == [item.code for item in before.diagnostics]
    assert words(result) == words(text)
    assert comments(result) == comments(text)
    assert formatted(result) == result


@FEWER
@given(SEEDS)
def test_lines_are_short_tidy_and_unix(seed: int) -> None:
    text = sample_text(random.Random(seed), 60)
    if parse(Source("m.infer", text)).diagnostics:
        return
    result = formatted(text)
    plain = re.sub(r'"""[\s\S]*?"""', "text", result)
    assert "\r" not in plain
    assert "\t" not in plain
    assert "\n\n\n" not in plain
    assert all(line == line.rstrip() for line in plain.split("\n"))
    assert not plain.startswith("\n")
    assert not plain.endswith("\n\n")


@FEWER
@given(SEEDS)
def test_a_broken_file_loses_nothing(seed: int) -> None:
    choose = random.Random(seed)
    text = LANGUAGE
    for _ in range(choose.randint(1, 3)):
        start = choose.randrange(len(text))
        piece = choose.choice(["", "", "}", "{", '"', " = ", "\n", "x", ";", "(", "]", "'", "# "])
        text = text[:start] + piece + text[start + choose.choice([0, 1, 3]) :]
    result = formatted(text)
    assert words(result) == words(text)
    assert formatted(result) == result


@given(st.text(st.sampled_from("ab={}[](),:.\"'#\n\r\t <>|-+1\ufeff\0"), max_size=80))
def test_nonsense_is_formatted_only_once(text: str) -> None:
    result = formatted(text)
    assert words(result) == words(text)
    assert formatted(result) == result


def test_the_sample_of_the_language_says_the_same() -> None:
    assert parse(Source("a", formatted(LANGUAGE))).declarations == parse(Source("b", LANGUAGE)).declarations


@each_row(
    "shape",
    [
        "let x = f(1, [2, 3]) + 4  # five\n\n\n",
        "deployment x { a = 1, b { c = [" + "ddddddddddd, " * 12 + "] } }\n",
        "deployment x {\n  a: 1\n}\nlet y=1 let z = ) # broken\n",
    ],
    ids=["clean", "too_long", "broken"],
)
def test_ten_times_the_lines_are_ten_times_the_work(shape: str) -> None:
    formatted(shape)
    small, large = (calls_while_formatting(shape * count) for count in (15, 150))
    assert large <= 10.3 * small


def test_one_long_line_is_no_more_work_than_many_lines() -> None:
    small, large = (calls_while_formatting(f"let x = [{'f(a, b), ' * count}]\n") for count in (100, 1000))
    assert large <= 10.3 * small


def calls_while_formatting(text: str) -> int:
    return calls_during(lambda: formatted(text))


# ---- a part of a text


DAMAGE = [*'{}()[],"#\n\\=', "", '"""', "${", "//"]
"""What is put somewhere into a text; nothing: a character is left out."""


def without_space(text: str) -> str:
    return "".join(text.split())


@given(
    SEEDS,
    st.sampled_from([10, 60]),
    st.lists(st.tuples(st.integers(0, 10**4), st.sampled_from(DAMAGE)), max_size=4),
    st.integers(0, 10**4),
    st.integers(0, 10**4),
)
def test_a_part_changes_in_its_white_space_and_nowhere_else(
    seed: int, size: int, damage: list[tuple[int, str]], one: int, other: int
) -> None:
    text = sample_text(random.Random(seed), size)
    for place, sign in damage:
        place %= len(text) + 1
        text = text[:place] + sign + text[place + (not sign) :]
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    first, last = sorted((one % len(starts), other % len(starts)))
    start, end = starts[first], (text.find("\n", starts[last]) + 1 or len(text) + 1) - 1
    parsed = parse(Source("m.infer", text))
    result = text
    for each in reversed(respace(parsed, start, end)):
        assert start <= each.start <= each.end <= end
        assert text[each.start : each.end].strip() == each.space.strip() == ""
        result = result[: each.start] + each.space + result[each.end :]
    assert without_space(result) == without_space(text)
    assert [(token.type, token.text) for token in tokenize(result)] == [
        (token.type, token.text) for token in tokenize(text)
    ]
    after = parse(Source("m.infer", result))
    assert after.declarations == parsed.declarations
    assert [item.code for item in after.diagnostics] == [item.code for item in parsed.diagnostics]


@FEWER
@given(SEEDS)
def test_the_white_space_of_a_whole_text_is_that_of_the_one_style(seed: int) -> None:
    result = formatted(sample_text(random.Random(seed), 60))
    assert respace(parse(Source("m.infer", result)), 0, len(result)) == []
