"""Whatever a file says and wherever a span points, rendering works and points at the right columns."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

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


@st.composite
def spans(draw: st.DrawFn, sources: list[Source]) -> Span:
    source = draw(st.sampled_from(sources))
    offsets = st.integers(-3, len(source.text) + 3)
    return Span(source, draw(offsets), draw(offsets))


@st.composite
def diagnostics(draw: st.DrawFn) -> list[Diagnostic]:
    sources = [Source(draw(texts), draw(texts)) for _ in range(draw(st.integers(1, 2)))]
    some_span = spans(sources)
    label = st.builds(Label, some_span, texts)
    edit = st.builds(Edit, some_span, texts)
    fix = st.builds(Fix, texts, st.lists(edit, max_size=3).map(tuple), st.booleans())
    diagnostic = st.builds(
        Diagnostic,
        st.sampled_from(["E0100", "W0301"]),
        st.sampled_from(Severity),
        texts,
        st.none() | label,
        st.lists(label, max_size=4).map(tuple),
        st.lists(texts, max_size=2).map(tuple),
        st.lists(texts, max_size=2).map(tuple),
        st.lists(fix, max_size=2).map(tuple),
    )
    return draw(st.lists(diagnostic, max_size=3))


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
