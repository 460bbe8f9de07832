"""Settings under the names that they have elsewhere: the finding says how they are written here."""

from __future__ import annotations

import pytest

from ..support.projects import Project

RUNTIME = 'deployment gpt {{ model = "gpt-4o", runtime openai {{ api_key = env("K"), {} }} }}\n'
BESIDE = 'deployment gpt {{ model = "gpt-4o", runtime openai {{ api_key = env("K") }}, {} }}\n'


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("rpm = 60", "rate_limits { requests_per_minute = 60 }"),
        ("tpm = 10k", "rate_limits { tokens_per_minute = 10k }"),
        ('api_base = "http://127.0.0.1:9/v1"', 'endpoint = "http://127.0.0.1:9/v1"'),
        ("num_retries = 3", "retry { max_retries = 3 }"),
        ("timeout = 30s", "timeouts { request = 30s }"),
    ],
)
def test_a_setting_of_another_tool_is_translated(project: Project, field: str, meant: str) -> None:
    text = RUNTIME.format(field)
    [item] = project.findings(text)
    [fix] = item.fixes
    assert (item.code, fix.safe) == ("E0204", False)
    for edit in sorted(fix.edits, key=lambda each: each.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    assert text == RUNTIME.format(meant)
    assert project.findings(text) == []
    [item] = project.findings(BESIDE.format(field))
    assert item.fixes == ()
    assert meant.partition(" = ")[0] in item.help[0]
    assert "runtime openai {" in item.help[0]


def test_what_is_there_already_is_not_written_twice(project: Project) -> None:
    [item] = project.findings(RUNTIME.format("timeout = 30s, timeouts { read = 1s }"))
    assert (item.fixes, item.help) == ((), ("write `timeouts { request = … }`",))


@pytest.mark.parametrize(("word", "sign"), [("and", "&&"), ("or", "||")])
def test_words_for_signs_between_any_two_values(project: Project, word: str, sign: str) -> None:
    text = BESIDE.format("") + (
        "pipeline p(a: bool, b: bool) -> text {\n"
        f'  x = if a {word} b {{ "y" }} else {{ "n" }}\n  return gpt(x)\n}}\n'
    )
    [item] = project.findings(text)
    assert [edit.replacement for fix in item.fixes for edit in fix.edits] == [sign]
    assert project.findings(text.replace(f" {word} ", f" {sign} ")) == []
