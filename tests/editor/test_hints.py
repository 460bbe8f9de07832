"""What is shown between the lines: hints, signatures, calls, and the colours of names."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from inferc.editor.features.call_hierarchy import incoming, outgoing, prepare_calls
from inferc.editor.features.inlay_hints import inlay_hints
from inferc.editor.features.semantic_tokens import LEGEND, delta, semantic_tokens
from inferc.editor.features.signature_help import signature_help

from .conftest import Desk

EVERYWHERE = lsp.Range(lsp.Position(0, 0), lsp.Position(9999, 0))


def hints(desk: Desk, text: str) -> list[str]:
    """The text with the hints in it, line by line, those lines that have some."""
    view = desk.open(text)
    found = sorted(inlay_hints(view, EVERYWHERE), key=lambda each: view.offset(each.position), reverse=True)
    for each in found:
        offset = view.offset(each.position)
        text = f"{text[:offset]}⟨{each.label}⟩{text[offset:]}"
    return [line.strip() for line in text.splitlines() if "⟨" in line]


def test_the_runtime_and_the_cost_that_a_model_implies(desk: Desk) -> None:
    assert hints(desk, 'deployment d { model = "gpt-4o-mini" }') == [
        'deployment d { model = "gpt-4o-mini"⟨≈ $0.27 / 1k requests⟩⟨runtime openai⟩ }'
    ]


def test_a_price_that_is_written_counts(desk: Desk) -> None:
    text = 'deployment d {\n  model = "x"\n  runtime vllm { endpoint = "http://127.0.0.1:1/v1" }\n'
    text += "  price { input = $1, output = $5 }\n}"
    assert 'model = "x"⟨≈ $2.00 / 1k requests⟩' in hints(desk, text)


def test_what_templates_give(desk: Desk) -> None:
    text = 'template t { runtime openai { api_key = env("K"), retry { max_retries = 1 } } }\n'
    text += 'deployment d from t {\n  model = "gpt-4o"\n  replicas = 1\n}\n'
    assert "deployment d⟨≤ 2 calls, $0.97⟩ from t⟨2 values⟩ {" in hints(desk, text)
    view = desk.open(text)
    [tip] = [each.tooltip for each in inlay_hints(view, EVERYWHERE) if each.label == "2 values"]
    assert isinstance(tip, lsp.MarkupContent)
    assert "`runtime.retry.max_retries = 1` (main.infer:1, from `t`)" in tip.value


def test_the_longest_wait(desk: Desk) -> None:
    text = 'deployment d {\n  model = "gpt-4o"\n  runtime openai {\n    api_key = env("K")\n'
    text += "    timeouts { request = 10s }\n    retry { max_retries = 1, initial_backoff = 1s }\n  }\n}"
    assert "retry⟨waits ≤ 21s⟩ { max_retries = 1, initial_backoff = 1s }" in hints(desk, text)


def test_the_most_of_one_request_and_the_kinds_of_data(desk: Desk) -> None:
    text = """\
deployment gpt { model = "gpt-4o", allows = [pii], runtime openai { api_key = env("A") } }
route both = fallback [gpt]
pipeline ask(x: text, xs: list<text>) -> list<text> { return [gpt(x) for _y in xs] }
pipeline say(x: text) -> text { return gpt(x) }
gateway {
  key team { secret = env("T"), models = [both], carries = [pii] }
  key other { secret = env("U"), models = ["s*"] }
}
"""
    found = hints(desk, text)
    assert any(line.startswith("deployment gpt⟨≤ 4 calls, $1.94 · pii⟩") for line in found)
    assert any(line.startswith("route both⟨≤ 8 calls, $3.87 · pii⟩") for line in found)
    assert any(line.startswith("pipeline say⟨≤ 4 calls, $1.94⟩") for line in found)
    assert not any(line.startswith("pipeline ask⟨") for line in found)  # nobody knows how long the list is
    assert any(line.startswith("key team⟨≤ 8 calls, $3.87 · pii⟩") for line in found)
    assert any(line.startswith("key other⟨≤ 4 calls, $1.94⟩") for line in found)


def test_only_for_the_lines_that_are_shown(desk: Desk) -> None:
    view = desk.open('deployment a { model = "gpt-4o" }\ndeployment b { model = "gpt-4o" }\n')
    found = inlay_hints(view, lsp.Range(lsp.Position(1, 0), lsp.Position(2, 0)))
    assert {each.position.line for each in found} == {1}


# ---- signatures


@pytest.mark.parametrize(
    ("text", "label", "active"),
    [
        ("let x = env(|", 'env("NAME")', 0),
        ("deployment d { serving { on_capacity_exhausted = fallback(|) } }", "fallback(name)", 0),
        ("pipeline q(m: text) -> text { a = p(m, |", "p(m: text, n: int) -> text", 1),
        ("pipeline q(m: text) -> text { a = p(n = |", "p(m: text, n: int) -> text", 1),
        ("pipeline q(m: text) -> text { a = gpt(p(m), |", "gpt(input)", 0),
    ],
)
def test_what_a_call_takes(desk: Desk, text: str, label: str, active: int) -> None:
    base = 'deployment gpt { model = "gpt-4o" }\npipeline p(m: text, n: int) -> text { return gpt(m) }\n'
    view, place = desk.at(base + text)
    found = signature_help(view, place)
    assert found is not None
    assert found.signatures[0].label == label
    assert found.active_parameter == active


def test_no_signature_outside_of_calls(desk: Desk) -> None:
    for text in ("let x = (|", "pipeline p(|m: text) -> text { return m }", "# env(|", "let x = env(1) |"):
        assert signature_help(*desk.at(text)) is None, text


# ---- calls

CALLS = """\
deployment gpt { model = "gpt-4o" }
route r = fallback [gpt]
pipeline inner(m: text) -> text { return r(m) }
pipeline outer(m: text) -> text {
  a = inner(m)
  return inner(a)
}
"""


def test_who_asks_whom(desk: Desk) -> None:
    desk.write(
        "other.infer", 'import "main.infer" as m\npipeline far(x: text) -> text { return m.inner(x) }\n'
    )
    view = desk.open(CALLS)
    place = view.document.lines.position(CALLS.index("inner(a)"))
    [item] = prepare_calls(view, place) or []
    assert item.name == "inner"
    callers = {each.from_.name: len(each.from_ranges) for each in incoming(desk.workspace, item)}
    assert callers == {"outer": 2, "far": 1}
    assert [each.to.name for each in outgoing(desk.workspace, item)] == ["r"]
    [route] = [each.to for each in outgoing(desk.workspace, item)]
    assert [each.to.name for each in outgoing(desk.workspace, route)] == ["gpt"]


def test_a_value_asks_nobody(desk: Desk) -> None:
    assert prepare_calls(*desk.at("let x| = 1\n")) is None


# ---- colours


def colours(desk: Desk, text: str) -> dict[str, str]:
    """What each name is taken for."""
    view = desk.open(text)
    data = semantic_tokens(view)
    line = column = 0
    found = {}
    for index in range(0, len(data), 5):
        down, right, length, kind, _ = data[index : index + 5]
        line, column = line + down, right if down else column + right
        start = view.document.lines.starts[line] + column
        found[text[start : start + length]] = LEGEND.token_types[kind]
    return found


def test_each_name_by_what_it_stands_for(desk: Desk) -> None:
    desk.write("lib.infer", "let x = 1\n")
    text = (
        'import "lib.infer" as lib\nlet burst = lib.x\ntemplate base { replicas = burst }\n'
        "deployment gpt from base { runtime openai { retry { jitter = full } } }\n"
        "type Verdict = { label: text }\nroute both = fallback [gpt]\n"
        "pipeline p(m: text) -> Verdict { step = both(m) return step }\n"
    )
    found = colours(desk, text)
    assert found["deployment"] == "keyword"
    assert found["lib"] == "namespace"
    assert found["base"] == "interface"
    assert found["gpt"] == "class"
    assert found["both"] == "event"
    assert found["m"] == "parameter"
    assert found["step"] == "variable"
    assert found["replicas"] == "property"
    assert found["full"] == "enumMember"
    assert found["Verdict"] == "type"


def test_what_changed_makes_the_new_colours_of_the_old(desk: Desk) -> None:
    text = (Path(__file__).parents[1] / "dsl" / "data" / "language.infer").read_text("utf-8")
    chosen = random.Random(0)
    versions = [text]
    for _ in range(20):
        offset = chosen.randint(0, len(text))
        versions.append(text[:offset] + chosen.choice(["x", "\n", "let y = 1\n", ""]) + text[offset + 3 :])
    for before, after in pairwise([*versions, text]):
        old, new = semantic_tokens(desk.open(before)), semantic_tokens(desk.open(after))
        made = list(old)
        for edit in delta(old, new):
            made[edit.start : edit.start + edit.delete_count] = edit.data or []
        assert made == new
