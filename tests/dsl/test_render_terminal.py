"""Diagnostics as a person sees them, each kind of layout against a file beside this one.

`pytest tests/dsl/test_render_terminal.py --record` writes the files anew.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from inferc.dsl.diagnostics import Diagnostic, Edit, Fix, Label, Severity, make
from inferc.dsl.render import OutputFormat, render, summary
from inferc.dsl.source import Source, Span

from ..support.rows import each_row

GOLDEN = Path(__file__).parent / "golden_render"
Golden = Callable[[str | Path], Callable[[str], None]]
Case = Callable[[], list[Diagnostic]]
CASES: dict[str, Case] = {}

FILE = Source(
    "prod/main.infer",
    """\
deployment gpt from production {
  model    = "gpt-4o-mini"
  replicas = 2
  runtime openai {
    api_key = env("OPENAI_API_KEY")
    retry { max_retries = 5, max_backoff = 60, max_retries = 3 }
    timeouts {
      request = 30s
      read    = 10s
    }
  }
  budget { max_spend_per_hour = $100, max_spend_per_day = $50 }
}

deployment claude {
  model = "claude-sonnet-4"
}
""",
)
POLICIES = Source("policies.infer", "# shared\n\nlet burst = 64\nlet limit = burst + 30s\n")


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def at(text: str, nth: int = 1, source: Source = FILE) -> Span:
    """The `nth` place where `text` stands."""
    start = -1
    for _ in range(nth):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


def between(first: str, last: str, source: Source = FILE) -> Span:
    start = source.text.index(first)
    return Span(source, start, source.text.index(last, start) + len(last))


def error(
    span: Span | None, label: str = "", message: str = "something is wrong", **details: object
) -> Diagnostic:
    return make(Severity.ERROR, "E0100", message, span, label, **details)  # type: ignore[arg-type]


def fixed(span: Span, replacement: str, title: str = "write this") -> Fix:
    return Fix(title, (Edit(span, replacement),))


@case
def one_label() -> list[Diagnostic]:
    return [error(at("60"), "which unit?", message="`max_backoff` is a duration and needs a unit")]


@case
def a_label_without_text_is_only_underlined() -> list[Diagnostic]:
    return [error(at("60"), secondary=[Label(at("max_backoff"))])]


@case
def labels_that_would_touch_are_stacked() -> list[Diagnostic]:
    return [
        error(
            at("max_retries", 2),
            "given again here",
            secondary=[
                Label(at("max_retries"), "first given here"),
                Label(at("retry"), "both in this block"),
            ],
        )
    ]


@case
def hanging_labels_share_a_row_where_they_fit() -> list[Diagnostic]:
    return [
        error(
            at("$50"),
            "a day",
            secondary=[Label(at("budget"), "budget"), Label(at("max_spend_per_hour"), "hour")],
        )
    ]


@case
def spans_inside_and_equal_to_others() -> list[Diagnostic]:
    outer = at('env("OPENAI_API_KEY")')
    return [
        error(
            outer, "the call", secondary=[Label(at('"OPENAI_API_KEY"'), "its argument"), Label(outer, "same")]
        )
    ]


@case
def a_long_label_is_broken() -> list[Diagnostic]:
    words = "this label says rather more than fits beside what it is about, so it goes on below"
    return [error(at("60"), words, secondary=[Label(at("max_retries"), words)])]


@case
def a_span_over_lines_has_a_bracket() -> list[Diagnostic]:
    return [error(between("timeouts", "}"), "this block")]


@case
def a_bracket_that_opens_inside_a_line() -> list[Diagnostic]:
    return [error(between("{", "2\n"), "the body", secondary=[Label(at("gpt"), "of this deployment")])]


@case
def brackets_inside_brackets_leave_out_what_is_far() -> list[Diagnostic]:
    return [
        error(
            between("timeouts", "}"),
            "this block",
            secondary=[Label(between("deployment", "\n}"), "in here"), Label(at("30s"), "the caller's own")],
        )
    ]


@case
def brackets_that_open_and_close_in_one_line() -> list[Diagnostic]:
    source = Source("calls.infer", "a = f(\n  g(1\n), h(\n  2\n))\n")
    return [
        error(
            between("f(", "))", source),
            "the call",
            secondary=[
                Label(between("g(", ")", source), "first"),
                Label(between("h(", ")", source), "second"),
            ],
        )
    ]


@case
def far_lines_are_left_out_and_a_single_one_is_not() -> list[Diagnostic]:
    places = [Label(at("gpt"), "one"), Label(at("replicas"), "two"), Label(at("claude"), "three")]
    return [error(at("budget"), "here", secondary=places)]


@case
def labels_in_another_file() -> list[Diagnostic]:
    return [
        error(
            at("production"),
            "not a template",
            secondary=[
                Label(at("burst", source=POLICIES), "declared here"),
                Label(at("30s", source=POLICIES), "and"),
            ],
            notes=["a template is declared with `template`"],
        )
    ]


@case
def tabs_and_wide_characters_are_aligned() -> list[Diagnostic]:
    text = '\tname\t= "日本語 e\u0301 👩\u200d👩\u200d👧 ❤\ufe0f ｆ" oops\n'
    source = Source("wide.infer", text)
    labels = [Label(at("本", source=source), "wide"), Label(at("\u0301", source=source), "drawn on top")]
    return [error(at("oops", source=source), "unexpected", secondary=labels)]


@case
def control_characters_are_visible() -> list[Diagnostic]:
    source = Source("a\nb\x1b.infer", 'x = "\x00\x1b[31m\x7f\x85\u202e\u200b\ufeff" y\n')
    return [
        error(at("\u202e", source=source), "hidden\ttext", message="a \x1b[0mmessage", notes=["a\x07note"])
    ]


@case
def windows_line_ends_are_not_drawn() -> list[Diagnostic]:
    source = Source("crlf.infer", "a {\r\n  b = 1\r\n}\rc\r\n")
    return [
        error(Span(source, 0, len(source.text)), "all"),
        error(Span(source, 3, 5), "the line end"),
    ]


@case
def the_end_of_a_file_has_one_caret() -> list[Diagnostic]:
    sources = [Source("end.infer", "a {"), Source("newline.infer", "a {\n"), Source("empty.infer", "")]
    return [error(Span(source, len(source.text), len(source.text)), "expected `}`") for source in sources]


@case
def a_long_line_is_cut_around_what_matters() -> list[Diagnostic]:
    text = "xs = [" + ", ".join(f"value_{n}" for n in range(20_000)) + "]"
    source = Source("long.infer", text)
    return [
        error(at("value_9000", source=source), "this one"),
        error(at("value_1", source=source), "near the start"),
        error(
            at("value_19999", source=source),
            "near the end",
            secondary=[Label(at("xs", source=source), "in this")],
        ),
        error(Span(source, 5, len(text)), "all of it", fixes=[fixed(at("value_500,", source=source), "")]),
    ]


@case
def notes_and_help_are_broken_with_a_hanging_indent() -> list[Diagnostic]:
    return [
        error(
            at("60"),
            notes=["the sum is\n  8 gpus for `gpt`\n  4 gpus for `claude`", "a word " * 30],
            help=["write `60s`, or another unit, if this backoff was not meant to be given in seconds, " * 2],
        )
    ]


@case
def an_insertion_is_shown_in_place() -> list[Diagnostic]:
    number = at("60")
    call = at("env", source=FILE)
    both = Fix(
        "name both",
        (Edit(Span(FILE, call.start, call.start), "the "), Edit(Span(FILE, call.end, call.end), "s")),
    )
    return [error(number, fixes=[fixed(number, "60s", "give it a unit"), both])]


@case
def a_replacement_is_shown_as_a_diff() -> list[Diagnostic]:
    return [
        error(at("max_backoff"), fixes=[fixed(at("max_backoff"), "initial_backoff", "a similar name exists")])
    ]


@case
def whole_lines_are_added_and_removed() -> list[Diagnostic]:
    line = at("  replicas = 2\n")
    start = Span(FILE, line.start, line.start)
    first = Span(FILE, 0, 0)
    return [
        error(
            at("replicas"),
            fixes=[
                fixed(line, "", "remove it"),
                fixed(start, "  gpus = 1\n  idempotent = true\n", "say how many"),
                fixed(first, "let x = 1\n", "declare it"),
                fixed(between("timeouts", "}"), "timeouts { request = 30s }", "write it in one line"),
                fixed(start, "".join(f"  field_{n} = {n}\n" for n in range(20)), "add them all"),
            ],
        )
    ]


@case
def a_fix_in_several_places_and_files() -> list[Diagnostic]:
    edits = (
        Edit(at("gpt"), "gpt4"),
        Edit(at("claude"), "sonnet"),
        Edit(at("burst", source=POLICIES), "peak"),
        Edit(at("burst", 2, source=POLICIES), "peak"),
    )
    return [error(at("gpt"), fixes=[Fix("rename them", edits), Fix("say nothing", ())])]


@case
def without_a_source_there_is_only_the_header() -> list[Diagnostic]:
    return [
        error(None, message="cannot read `missing.infer`", notes=["no such file"], help="check the path"),
        error(None, message="cannot read `b.infer`"),
    ]


def mixed() -> list[Diagnostic]:
    return [
        *labels_that_would_touch_are_stacked(),
        make(Severity.WARNING, "W0301", "unused", at("gpt"), "never used", notes=["why"], help="remove it"),
        make(Severity.NOTE, "N0001", "inferred", at('"claude-sonnet-4"'), "runtime anthropic"),
        *a_bracket_that_opens_inside_a_line(),
        *a_replacement_is_shown_as_a_diff(),
        *an_insertion_is_shown_in_place(),
    ]


@each_row("name", CASES)
def test_a_layout_is_as_recorded(name: str, golden: Golden) -> None:
    text = render(CASES[name](), OutputFormat.TERMINAL)
    golden(GOLDEN / f"{name}.txt")(text)


def test_colours_are_as_recorded(golden: Golden) -> None:
    golden(GOLDEN / "colours.ansi")(render(mixed(), OutputFormat.TERMINAL, color=True))


def test_a_narrow_terminal_gets_narrow_rows(golden: Golden) -> None:
    broken = notes_and_help_are_broken_with_a_hanging_indent()
    golden(GOLDEN / "narrow.txt")(render([*broken, *mixed()], OutputFormat.TERMINAL, width=50))
    assert all(len(row) <= 50 for row in render(broken, OutputFormat.TERMINAL, width=50).splitlines())


def test_every_recorded_file_belongs_to_a_test() -> None:
    recorded = {file.name for file in GOLDEN.iterdir()}
    assert recorded == {f"{name}.txt" for name in CASES} | {"colours.ansi", "narrow.txt"}


def test_colour_adds_escape_sequences_and_nothing_else() -> None:
    colored = render(mixed(), OutputFormat.TERMINAL, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(mixed(), OutputFormat.TERMINAL)


def test_nothing_renders_as_nothing() -> None:
    assert render([], OutputFormat.TERMINAL) == ""
    assert summary([]) == ""


def test_the_summary_counts_each_severity() -> None:
    assert summary(mixed()) == "4 errors, 1 warning, 1 note"
    assert summary(mixed()[1:2]) == "1 warning"


def test_a_line_of_three_million_characters_is_rendered_quickly() -> None:
    source = Source("big.infer", "x = 1, " * 450_000)
    size = len(source.text)
    found = [
        error(Span(source, start, start + 5), "here", fixes=[fixed(Span(source, start, start + 5), "y = 2")])
        for start in range(0, size, size // 200)
    ]
    started = time.process_time()
    render([*found, error(Span(source, 0, size), "all")], OutputFormat.TERMINAL)
    assert time.process_time() - started < 6


def test_only_the_module_of_the_format_is_imported() -> None:
    code = (
        "import sys, inferc.dsl.render as r; r.render([], r.OutputFormat.GITHUB);"
        "print(*sorted(name for name in sys.modules if name.startswith('inferc.dsl.render.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=200
    )
    assert done.stdout.split() == ["inferc.dsl.render.github", "inferc.dsl.render.places"]
