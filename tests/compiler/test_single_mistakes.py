"""After one mistake nothing is said that follows from it: tokens of samples dropped, doubled, changed."""

from __future__ import annotations

import random
from collections import Counter

from inferc.compiler.compile import check_file

from ..support.projects import Project, chat
from ..support.rows import each_row
from ..support.single_mistakes import findings, share, single_mistakes

SOME = 150


def test_a_single_mistake_leads_to_one_message_or_two() -> None:
    some = random.Random(20).sample(list(single_mistakes()), SOME)
    counts = Counter(len(findings(mistake)) for mistake in some)
    assert share(counts, 1) >= 0.9
    assert share(counts, 2) >= 0.98
    assert max(counts) < 5


PIPE = "pipeline p(message: text) -> text {{\n  {}\n  return gpt(a)\n}}\n"


@each_row(
    "text",
    [
        chat("gpt").replace("deployment", "") + "route r = fallback [gpt]\n",
        "deployment { }\nroute r = fallback [gpt, claude]\n",
        "let x = 1 +\n" + chat("gpt", "replicas = x"),
        chat("gpt").replace("runtime openai", "rnutime openai"),
        chat("gpt") + PIPE.format('a = gpt("x, "y")'),
        chat("gpt") + PIPE.format("a = gpt(mesage)\n  b = gpt(mesage)\n  _c = [a, b, mesage]"),
        chat("gpt") + PIPE.format("a = message.x\n  b = message.y\n  _c = [a, b]"),
    ],
    ids=[
        "no word before a name",
        "no name",
        "half a value",
        "unknown block",
        "a text that does not end",
        "unknown name, used three times",
        "no fields, asked for twice",
    ],
)
def test_nothing_follows_from_a_mistake(text: str) -> None:
    assert len(check_file("m.infer", None, text=text).diagnostics) == 1


def test_a_second_mistake_elsewhere_is_found_too(project: Project) -> None:
    text = chat("gpt", "replicas = => 2") + chat("claude", "replicas = 0")
    assert project.codes(text) == ["E0101", "E0304"]


def test_the_uses_of_an_unknown_name_are_put_right_together(project: Project) -> None:
    text = chat("gpt") + PIPE.format("a = gpt(mesage)\n  _b = gpt(mesage)")
    [item] = project.findings(text)
    assert [label.text for label in item.secondary] == ["and here"]
    assert len(item.fixes[0].edits) == 2


def test_a_sign_that_is_wrong_in_two_ways_is_changed_once(project: Project) -> None:
    text = chat("best") + chat("cheap") + "route desk : split { best: 75%, cheap: 25% }\n"
    [item] = project.findings(text)
    [edit] = item.fixes[0].edits
    assert project.findings(text[: edit.span.start] + edit.replacement + text[edit.span.end :]) == []


def test_a_word_typed_twice_is_taken_out(project: Project) -> None:
    text = chat("gpt", "replicas = 2, serving { max_concurrent = 4 }")
    for word in ("gpt", "replicas", "2", "runtime", "openai", "deployment", "max_concurrent"):
        [item] = project.findings(text.replace(word, f"{word} {word}", 1))
        assert item.message == f"`{word}` stands here twice"
        assert [fix.safe for fix in item.fixes] == [True]
