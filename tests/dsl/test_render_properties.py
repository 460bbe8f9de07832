"""Whatever a file says and wherever a span points, rendering works and points at the right columns."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given, strategies as st

from inferc.dsl.diagnostics import Diagnostic, Edit, Fix, Label, Severity
from inferc.dsl.render import OutputFormat, render
from inferc.dsl.source import Source, Span

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

anything = st.text(st.characters(exclude_categories=()), max_size=30)
lively = st.lists(st.sampled_from(PARTS), max_size=25).map("".join)
texts = st.one_of(anything, lively)


offsets = st.integers(0, 10_000)
places = st.tuples(st.booleans(), offsets, offsets)
"""Which of two sources, and where in it: see `span`."""
labels = st.tuples(places, texts)
edits = st.lists(st.tuples(places, texts), max_size=3)
fixes = st.lists(st.tuples(texts, edits, st.booleans()), max_size=2)
findings = st.tuples(
    st.sampled_from(["E0100", "W0301"]),
    st.sampled_from(Severity),
    texts,
    st.none() | labels,
    st.lists(labels, max_size=4),
    st.lists(texts, max_size=2),
    st.lists(texts, max_size=2),
    fixes,
)
named = st.tuples(texts, texts)
found = st.lists(findings, max_size=3)


def span(sources: list[Source], place: tuple[bool, int, int]) -> Span:
    """A place in one of `sources`, or up to three characters outside of it."""
    source = sources[place[0] % len(sources)]
    start, end = (offset % (len(source.text) + 7) - 3 for offset in place[1:])
    return Span(source, start, end)


@st.composite
def diagnostics(draw: st.DrawFn) -> list[Diagnostic]:
    sources = [Source(*draw(named)) for _ in range(2 if draw(st.booleans()) else 1)]

    def label(drawn: tuple[tuple[bool, int, int], str]) -> Label:
        return Label(span(sources, drawn[0]), drawn[1])

    def fix(title: str, edits: list[tuple[tuple[bool, int, int], str]], safe: bool) -> Fix:
        return Fix(title, tuple(Edit(span(sources, place), text) for place, text in edits), safe)

    return [
        Diagnostic(
            code, severity, message, primary and label(primary), tuple(map(label, secondary)),
            tuple(notes), tuple(help), tuple(fix(*each) for each in fixes),
        )
        for code, severity, message, primary, secondary, notes, help, fixes in draw(found)
    ]  # fmt: skip


@given(diagnostics(), st.none() | st.integers(0, 120))
def test_the_terminal_gets_nothing_but_visible_text(found: list[Diagnostic], width: int | None) -> None:
    text = render(found, OutputFormat.TERMINAL, width=width)
    assert text.encode().decode() == text
    for row in text.split("\n"):
        assert row == row.rstrip(" ")
        hidden = {c for c in row if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert hidden <= {"\u200c", "\u200d"}


@given(diagnostics())
def test_every_format_is_well_formed(found: list[Diagnostic]) -> None:
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
