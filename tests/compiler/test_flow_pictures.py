"""Pictures of where kinds of data go: what carries them, what takes them out, and where they may not go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inferc.compiler.analysis.flows import trace
from inferc.compiler.lowering.lower import outline
from inferc.compiler.pictures import ClusterKind, EdgeKind, Picture, picture_of_flows, to_dot, to_mermaid

from ..support.projects import Project

Golden = Callable[[str | Path], Callable[[str], None]]

SHOP = """\
deployment fast {
  model = "gpt-4o-mini"
  allows = [customer_data, pii]
  cache { ttl = 1h, shared = true }
  runtime openai { api_key = env("KEY") }
  serving { on_capacity_exhausted = fallback(spare) }
}
deployment spare { model = "claude-sonnet-4-5", runtime anthropic { api_key = env("KEY") } }
deployment local {
  model = "llama-3.1-8b"
  runtime vllm { launch { command = ["vllm", "serve", "{model}", "--port", "{port}"] } }
}
extern no_pii(texts: list<text>) -> list<text> = python("a:b") with { removes = [pii] }
extern redact(x: text) -> text = python("a:b") with { removes = [customer_data] }
## Looks a customer up.
extern look_up(x: text) -> text = python("a:look") with { carries = [crm] }
route assistant = fallback [fast, spare]
route inside = balance [local, fast] with { carries = [pii] }
type Verdict = { topic: "refund" | "other" }
pipeline triage(message: text with { carries = [complaint] }, note: text) -> text {
  verdict = local(prompt "What is it about? {{ message }}") as Verdict
  clean = redact(note)
  return match verdict.topic {
    "refund" => assistant(clean)
    "other" => local(message) with { tools = [look_up] }
  }
}
pipeline outer(a: text) -> text { return triage("nothing", a) }
gateway {
  key shop { secret = env("A"), models = [assistant, triage], carries = [customer_data, pii] }
  key hr { secret = env("B"), models = [inside, outer], carries = [pii] }
  guard privacy { request = no_pii, keys = [shop] }
}
"""
GPT = 'deployment gpt { model = "gpt-4o", runtime openai { api_key = env("KEY") } }\n'
REDACT = 'extern redact(x: text) -> text = python("a:b") with { removes = [customer_data] }\n'


def drawn(folder: Path, text: str, name: str | None = None) -> Picture:
    checked = Project(folder).check(text)
    assert {each.code for each in checked.diagnostics if each.is_error} <= {"E0440"}
    assert checked.program is not None
    plan = outline(checked.program)
    return picture_of_flows(plan, trace(plan), name)


def arrows(picture: Picture) -> set[tuple[str, str, str, EdgeKind, bool]]:
    """Source, target, label, kind, and whether they are wrong; by the first lines of what they join."""
    clusters = [each for each in picture.clusters if each.kind is not ClusterKind.LEGEND]
    named = {vertex.id: vertex.lines[0] for each in clusters for vertex in each.vertices()}
    return {
        (named[each.source], named[each.target], each.label, each.kind, each.is_wrong)
        for each in picture.edges
        if each.kind is not EdgeKind.ORDER
    }


def lines(picture: Picture, first: str) -> tuple[str, ...]:
    [found] = [v.lines for c in picture.clusters for v in c.vertices() if v.lines[0] == first]
    return found


@pytest.mark.parametrize(("suffix", "write"), [("mmd", to_mermaid), ("dot", to_dot)])
def test_the_picture_is_the_one_that_was_looked_at(
    golden: Golden, tmp_path: Path, suffix: str, write: Callable[[Picture], str]
) -> None:
    golden(f"golden_pictures/flows.{suffix}")(write(drawn(tmp_path, SHOP)))


def test_the_way_to_where_data_may_not_go_is_red_and_nothing_else(tmp_path: Path) -> None:
    text = GPT + GPT.replace("gpt ", "ok ").replace("model", "allows = [a], model")
    text += "route r = fallback [ok, gpt]\n"
    text += 'gateway { key k { secret = env("K"), models = [r], carries = [a] } }'
    picture = drawn(tmp_path, text)
    assert arrows(picture) == {
        ("key k", "r", "a", EdgeKind.DATA, True),
        ("r", "ok", "a: 1st", EdgeKind.DATA, False),
        ("r", "gpt", "✗ a: 2nd, when that fails", EdgeKind.DATA, True),
    }
    assert lines(picture, "gpt") == ("gpt", "remote: gpt-4o at api.openai.com", "✗ does not allow a")
    wrong = [v.lines[0] for c in picture.clusters for v in c.vertices() if v.is_wrong]
    assert wrong == ["gpt"]
    dot, mermaid = to_dot(picture), to_mermaid(picture)
    assert dot.count("penwidth=2.5") == 3
    assert "linkStyle 1,2 stroke:#c1121f,stroke-width:3px" in mermaid
    assert "class deployment_gpt wrong" in mermaid


def test_what_takes_a_kind_out_is_seen_and_where_the_rest_goes(tmp_path: Path) -> None:
    text = (
        GPT
        + REDACT
        + "pipeline p(x: text) -> text { carries = [customer_data], r = redact(x), return gpt(r) }\n"
    )
    picture = drawn(tmp_path, text)
    assert arrows(picture) == {
        ("x", "r = redact(x)", "customer_data", EdgeKind.DATA, False),
        ("r = redact(x)", "gpt(r)", "", EdgeKind.CLEAN, False),
        ("gpt(r)", "gpt", "", EdgeKind.CLEAN, False),
        ("gpt(r)", "return", "", EdgeKind.CLEAN, False),
    }
    assert lines(picture, "r = redact(x)")[1:] == ("removes customer_data",)


def test_what_an_answer_brings_leads_back(tmp_path: Path) -> None:
    text = GPT + "route r = fallback [gpt] with { carries = [a] }\n"
    text += "pipeline p(x: text) -> text { y = r(x), return gpt(y) }\n"
    found = arrows(drawn(tmp_path, text))
    assert ("r", "y = r(x)", "a", EdgeKind.ANSWER, True) in found
    assert ("y = r(x)", "gpt(y)", "a", EdgeKind.DATA, True) in found


def test_a_kind_or_a_name_draws_its_ways_alone(tmp_path: Path) -> None:
    crm = arrows(drawn(tmp_path, SHOP, "crm"))
    assert {label for _, _, label, _, _ in crm} == {"crm"}
    hr = arrows(drawn(tmp_path, SHOP, "hr"))
    assert {source for source, _, _, _, _ in hr if source.startswith("key")} == {"key hr"}
    spare = arrows(drawn(tmp_path, SHOP, "spare"))
    assert not [each for each in spare if each[1] in ("local", "return")]
    assert [each for each in spare if each[1] == "spare"]


def test_a_guard_that_lets_pass_what_it_cannot_see_takes_nothing_out(tmp_path: Path) -> None:
    text = SHOP.replace("keys = [shop] }", "keys = [shop], unreadable = pass }")
    assert not [each for each in arrows(drawn(tmp_path, text)) if "guard" in each[0] + each[1]]
