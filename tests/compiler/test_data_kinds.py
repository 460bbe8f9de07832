"""Kinds of data: said in files, kept in plans."""

from __future__ import annotations

import json
from pathlib import Path

from inferc.compiler.plan import dump_plan, load_plan
from inferc.dsl.formatting import format_source
from inferc.dsl.source import Source

from ..support.projects import Project
from ..support.rows import each_row

TEXT = """\
deployment a {
  model = "gpt-4o"
  allows = [eu, customer_data]
  runtime openai { api_key = env("KEY") }
}
deployment b { model = "gpt-4o", allows = [], runtime openai { api_key = env("KEY") } }
deployment c { model = "gpt-4o", runtime openai { api_key = env("KEY") } }
extern hide(x: text) -> text = python("m:f") with { removes = ["pci-dss"] }
pipeline p(x: text) -> text {
  carries = [customer_data, "pci-dss"]
  y = a(hide(x))
  return y
}
gateway { key team { secret = env("TEAM"), carries = [eu], models = [a] } }
"""


def test_they_are_kept_in_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(dump_plan(Project(tmp_path).plan(TEXT)), "utf-8")
    plan = load_plan(path)
    assert [each.allows for each in plan.deployments] == [("eu", "customer_data"), (), None]
    assert [each.carries for each in plan.pipelines] == [("customer_data", "pci-dss")]
    assert [each.carries for each in plan.gateway.keys] == [("eu",)]
    raw = json.loads(path.read_text("utf-8"))
    assert "allows" not in raw["deployments"][2]


@each_row(
    ("old", "new", "code"),
    [
        ("[]", "eu", "E0301"),
        ("[]", "[1]", "E0301"),
        ("[]", '["two words"]', "E0301"),
        ("[]", '[env("X", "eu")]', "E0301"),
        ("y = a(hide(x))", "carries = [eu]\n  y = a(hide(x))", "E0203"),
        ('[customer_data, "pci-dss"]', "a(x)", "E0201"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, old: str, new: str, code: str) -> None:
    project = Project(tmp_path)
    assert project.codes(TEXT) == []
    assert project.codes(TEXT.replace(old, new)) == [code]


def test_they_stand_on_a_line_of_their_own() -> None:
    formatted = format_source(
        Source("x.infer", TEXT.replace("carries = [customer_data", "carries=[customer_data"))
    )
    assert "{\n  carries = [customer_data" in formatted.text


@each_row("models", ["claude-opus", "claude-o*", "claude-*", "any/x", "any/x*", "c*"])
def test_a_key_that_may_ask_a_part_of_a_name_comes_to_its_deployment(tmp_path: Path, models: str) -> None:
    text = f"""\
deployment "claude-*" {{ model = "claude-*", allows = [], runtime anthropic {{ api_key = env("K") }} }}
deployment any {{ model = "claude-*", allows = [], runtime anthropic {{ api_key = env("K") }} }}
gateway {{ key team {{ secret = env("TEAM"), carries = [eu], models = ["{models}"] }} }}
"""
    assert Project(tmp_path).codes(text) == ["E0440"]
