"""Safe fixes: each is made only where it helps, and a second time there is nothing more to make."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.compile import check_file
from inferc.compiler.fixing import Fixed, make_safe_fixes
from inferc.dsl.diagnostics import Diagnostic

from ..support.grammar_sampler import sample_text
from ..support.rows import each_row

GPT = """\
deployment gpt {
  model = "gpt-4o-mini"
  serving { max_concurrent = 8, on_capacity_exhausted = queue }
  runtime openai { api_key = env("KEY"), timeouts { request = 30s } }
}
let _x = ["a", 1 + 2]
"""
DAMAGE = ["'", ";", ",", ":", "=", "//", " sec", "“", "1,000", '"', "{", "}", "$", ".", "x"]


def findings(text: str) -> Sequence[Diagnostic]:
    return check_file("main.infer", None, text=text).diagnostics


def fixed(text: str) -> Fixed:
    return make_safe_fixes(text, "main.infer", findings)


@given(
    st.sampled_from([GPT, None]),
    st.integers(0, 2**32),
    st.lists(st.tuples(st.integers(0, 10**4), st.sampled_from(DAMAGE)), min_size=1, max_size=4),
)
def test_fixes_never_lead_to_more_mistakes_and_come_to_an_end(
    text: str | None, seed: int, damage: list[tuple[int, str]]
) -> None:
    text = text or sample_text(random.Random(seed), 40)
    for place, sign in damage:
        place %= len(text) + 1
        text = text[:place] + sign + text[place:]
    first = fixed(text)
    again = fixed(first.text)
    assert (again.text, again.made) == (first.text, 0)
    assert (first.text != text) == (first.made > 0)
    syntax = [sum(each.code.startswith("E01") for each in findings(each)) for each in (text, first.text)]
    assert syntax[1] <= syntax[0]


def test_a_fix_may_uncover_what_was_wrong_before() -> None:
    text = (
        'deployment gpt { model%s "gpt-4o", runtime openai { api_key = env("K"), retry { jitter = %s } } }\n'
    )
    assert fixed(text % (":", '"full"')) == Fixed(text % (" =", "full"), 2, 0)


@each_row(
    "text",
    [
        f"{GPT}pipeline p(n: int) -> int {{\n  return 7 // n\n}}\n",
        f"{GPT}pipeline p(n: int) -> int {{\n  return n // -2\n}}\n",
        f"{GPT}pipeline p(n: int) -> bool {{\n  return n // 2 > 3\n}}\n",
        f'import a, b from "lib.infer"\n{GPT}',
        f'import a as b from "lib.infer"\n{GPT}',
        f"{GPT}route r = round-robin [gpt]\n",
    ],
)
def test_nothing_is_made_of_what_may_mean_something_else(text: str) -> None:
    assert fixed(text) == Fixed(text, 0, 0)


def test_what_is_negative_is_not_rounded_towards_zero() -> None:
    first = findings(f"{GPT}pipeline p(n: int) -> int {{\n  return -n // 2\n}}\n")[0]
    assert (first.code, first.fixes) == ("E0105", ())


def test_half_a_character_is_no_escape_that_could_be_written() -> None:
    assert [each.fixes for each in findings('let a = "\\ud83d\\ude00"\n') if each.code == "E0111"] == [(), ()]


def test_the_name_of_a_runtime_is_not_missing_a_sign() -> None:
    text = 'deployment d {\n  model = "x"\n  runtime custom("echo"), { settings { prefix = "You: " } }\n}\n'
    assert not [each for each in findings(text) if "`=` is missing" in each.message]


def test_hundreds_of_fixes_need_few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = []

    def check(text: str) -> Sequence[Diagnostic]:
        checks.append(text)
        return findings(text)

    text = "".join(GPT.replace("gpt", f"gpt{number}", 1).replace("queue", '"queue"') for number in range(300))
    text = text.replace("let _x", "#")
    result = make_safe_fixes(text, "main.infer", check)
    assert (result.text, result.made) == (text.replace('"queue"', "queue"), 300)
    assert len(checks) < 6


def test_findings_of_another_file_are_not_fixed(tmp_path: Path) -> None:
    (tmp_path / "other.infer").write_text("let x: 1\n")
    main = tmp_path / "main.infer"
    text = f'import "other.infer" as _other\n{GPT}'
    result = make_safe_fixes(
        text, str(main), lambda given: check_file(str(main), main, text=given).diagnostics
    )
    assert result == Fixed(text, 0, 0)


def test_a_fix_that_helps_only_after_another_is_made_the_first_time() -> None:
    once = fixed(
        'deployment d {\n  model = "m"\n'
        "  runtime openai {\n    timeouts {rs first; the other one is cancelled\n"
        "route q = fallback [d]\n"
    )
    assert once.made == 2
    assert fixed(once.text).made == 0


def test_values_in_quotes_and_in_other_letters_are_what_they_would_be_without() -> None:
    inside = 'retry { max_retries = "3" }, timeouts { request = "30s", read = 10 }'
    once = fixed(
        'deployment d {\n  model = "gpt-4o"\n  idempotent = True\n  allows = eu\n'
        f'  runtime openai {{ api_key = env("K"), {inside} }}\n}}\n'
    )
    assert "max_retries = 3 }" in once.text
    assert "request = 30s, read = 10 }" in once.text
    assert "idempotent = true" in once.text
    assert "allows = [eu]" in once.text


@each_row(
    ("written", "meant"),
    [
        ("bind 10.0.0.1:80, workers 4;", 'bind = "10.0.0.1:80", workers = 4'),
        ("bind 10.0.0.1:80; workers 4;", 'bind = "10.0.0.1:80", workers = 4'),
        ("bind 10.0.0.1:80-90;", 'bind = "10.0.0.1:80-90"'),
        ("bind 10.0.0.1/24;", "bind = 10.0.0.1/24"),
        ("bind an-address, workers 4;", 'bind = "an-address", workers = 4'),
        ("bind 'a; b'", 'bind = "a; b"'),
        (r'bind "a\"; b"', r'bind = "a\"; b"'),
    ],
)
def test_a_sign_that_is_added_takes_nothing_of_the_line_away(written: str, meant: str) -> None:
    assert fixed(f"gateway {{\n  {written}\n}}\n").text == f"gateway {{\n  {meant}\n}}\n"
