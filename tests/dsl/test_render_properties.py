"""Whatever a file says and wherever a span points, rendering works and points at the right columns."""

from __future__ import annotations

import json
import unicodedata
from random import Random

from hypothesis import given, strategies as st

from inferc.dsl.diagnostics import Diagnostic, Edit, Fix, Label, Severity
from inferc.dsl.render import OutputFormat, render
from inferc.dsl.source import Source, Span

from ..support.examples import FEWER

WIDTHS = {
    "a": 1,
    "{": 1,
    " ": 1,
    "é": 1,
    "e\u0301": 1,
    "日": 2,
    "👍": 2,
    "👍🏽": 2,
    "👩\u200d👩\u200d👧": 2,
    "❤\ufe0f": 2,
    "\t": 4,
    "\x00": 1,
    "\x7f": 1,
    "\u202e": len("<U+202E>"),
    "\ud800": len("<U+D800>"),
}

PARTS = [*WIDTHS, "\n", "\r\n", "\r", "x = 1\n", "long " * 60]
ALPHABETS = [0x80, 0x3000, 0x110000]
"""The first characters of Unicode, so many."""

SEEDS = st.integers(0, 2**32)


def a_text(choose: Random) -> str:
    """Characters whose width is known, or any at all, halves of some among them."""
    if choose.random() < 0.5:
        return "".join(choose.choices(PARTS, k=choose.randint(0, 25)))
    return "".join(chr(choose.randrange(choose.choice(ALPHABETS))) for _ in range(choose.randint(0, 30)))


def texts(choose: Random) -> tuple[str, ...]:
    return tuple(a_text(choose) for _ in range(choose.randint(0, 2)))


def span(choose: Random, sources: list[Source]) -> Span:
    """A place in one of `sources`, or up to three characters outside of it."""
    source = choose.choice(sources)
    start, end = (choose.randint(-3, len(source.text) + 3) for _ in range(2))
    return Span(source, start, end)


def label(choose: Random, sources: list[Source]) -> Label:
    return Label(span(choose, sources), a_text(choose))


def fix(choose: Random, sources: list[Source]) -> Fix:
    edits = (Edit(span(choose, sources), a_text(choose)) for _ in range(choose.randint(0, 3)))
    return Fix(a_text(choose), tuple(edits), choose.random() < 0.5)


def finding(choose: Random, sources: list[Source]) -> Diagnostic:
    return Diagnostic(
        choose.choice(["E0100", "W0301"]),
        choose.choice(list(Severity)),
        a_text(choose),
        label(choose, sources) if choose.random() < 0.8 else None,
        tuple(label(choose, sources) for _ in range(choose.randint(0, 4))),
        texts(choose),
        texts(choose),
        tuple(fix(choose, sources) for _ in range(choose.randint(0, 2))),
    )


def findings(choose: Random) -> list[Diagnostic]:
    """Up to three, in one file or two."""
    sources = [Source(a_text(choose), a_text(choose)) for _ in range(choose.randint(1, 2))]
    return [finding(choose, sources) for _ in range(choose.randint(0, 3))]


@FEWER
@given(SEEDS, st.none() | st.integers(0, 120))
def test_the_terminal_gets_nothing_but_visible_text(seed: int, width: int | None) -> None:
    text = render(findings(Random(seed)), OutputFormat.TERMINAL, width=width)
    assert text.encode().decode() == text
    for row in text.split("\n"):
        assert row == row.rstrip(" ")
        hidden = {c for c in row if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert hidden <= {"\u200c", "\u200d"}


@FEWER
@given(SEEDS)
def test_every_format_is_well_formed(seed: int) -> None:
    found = findings(Random(seed))
    document = json.loads(render(found, OutputFormat.JSON).encode())
    assert len(document["diagnostics"]) == sum(document["summary"].values()) == len(found)
    log = json.loads(render(found, OutputFormat.SARIF).encode())
    assert len(log["runs"][0]["results"]) == len(found)
    commands = render(found, OutputFormat.GITHUB).encode().decode().split("\n")
    assert len(commands) == len(found) + 1
    assert all(command.startswith("::") for command in commands[:-1])


@given(
    st.lists(st.sampled_from(list(WIDTHS)), max_size=9),
    st.lists(st.sampled_from(list(WIDTHS)), min_size=1, max_size=9),
    st.lists(st.sampled_from(list(WIDTHS)), max_size=3),
)
def test_carets_stand_under_the_characters_of_the_span(
    before: list[str], inside: list[str], after: list[str]
) -> None:
    parts = ["a", *before], inside, ["a", *after]
    start, inner, rest = ("".join(part) for part in parts)
    source = Source("a.infer", start + inner + rest)
    span = Span(source, len(start), len(start + inner))
    text = render([Diagnostic("E1", Severity.ERROR, "m", Label(span))], OutputFormat.TERMINAL, width=400)
    carets = text.split("\n")[4].removeprefix("  | ")
    left = sum(WIDTHS[cluster] for cluster in parts[0])
    assert carets == " " * left + "^" * sum(WIDTHS[cluster] for cluster in inside)


LONG_LINE = Source("a.infer", "".join(f"[{n}]" for n in range(10_000)))


@given(st.integers(0, 50_000), st.integers(1, 40), st.integers(45, 120))
def test_what_is_marked_in_a_cut_line_is_shown_above_its_carets(start: int, size: int, width: int) -> None:
    start %= len(LONG_LINE.text)
    span = Span(LONG_LINE, start, start + min(size, width - 20))
    text = render([Diagnostic("E1", Severity.ERROR, "m", Label(span))], OutputFormat.TERMINAL, width=width)
    _, _, _, line, carets, *_ = text.split("\n")
    left, right = carets.index("^"), len(carets)
    assert line[left:right] == span.text
    assert len(line) <= width


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=5))
def test_no_label_is_written_over_another(places: list[tuple[int, int]]) -> None:
    source = Source("a.infer", "0123456789\n" * 6)
    labels = [Label(Span(source, min(place), max(place)), f"<{n}>") for n, place in enumerate(places)]
    found = Diagnostic("E1", Severity.ERROR, "m", labels[0], tuple(labels[1:]))
    text = render([found], OutputFormat.TERMINAL)
    assert all(text.count(label.text) == 1 for label in labels)
