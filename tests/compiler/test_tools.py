"""Functions that a chat model is given: what the plan says of them, and which none can call."""

from __future__ import annotations

import pytest

from inferc.compiler.analysis.bounds import bounds_of
from inferc.compiler.pictures.build import picture_of
from inferc.compiler.plan import MOST_CALLS_AT_ONCE, CallNode, ToolErrors, ToolPlan
from inferc.compiler.plan.reach import only

from ..support.projects import Project, chat
from ..support.rows import each_row

BASE = (
    chat("gpt")
    + chat("small").replace("gpt-4o-mini", "o1-mini")
    + """
extern find(number: int) -> { state: text } = python("m:f")
## The state of an order.
## Ask for its number first.
pipeline order_state(number: int) -> text { return find(number).state }
extern note(x: text) -> text = python("m:g") with { timeout = 2s }
"""
)


def asking(options: str, who: str = "gpt") -> str:
    return BASE + f"pipeline p(message: text) -> text {{ return {who}(message) with {{ {options} }} }}\n"


def test_the_plan_says_what_a_model_may_call(project: Project) -> None:
    text = asking("tools = [order_state, note], max_rounds = 3, on_tool_error = raise")
    plan = project.plan(text)
    call = plan.pipelines[-1].nodes[-1]
    assert isinstance(call, CallNode)
    assert call.tools == (
        ToolPlan("order_state", description="The state of an order.\nAsk for its number first."),
        ToolPlan("note", is_extern=True),
    )
    assert (call.max_rounds, call.on_tool_error) == (3, ToolErrors.RAISE)


def test_functions_belong_to_what_a_pipeline_needs(project: Project) -> None:
    plan = only(project.plan(asking("tools = [order_state, note]")), "p")
    assert [each.pipeline for each in plan.pipelines] == ["order_state", "p"]
    assert {each.extern for each in plan.externs} == {"find", "note"}
    assert any("may call" in line for each in picture_of(plan).clusters for line in str(each).split("'"))


def test_bounds_count_the_rounds(project: Project) -> None:
    rounds = 3
    parts = bounds_of(project.plan(asking(f"tools = [note], max_rounds = {rounds}")))
    one = parts["gpt"].bound
    found = parts["p"].bound
    assert found.calls == one.calls * (rounds + 1)
    assert found.dollars == pytest.approx(one.dollars * (rounds + 1))
    assert found.seconds == one.seconds * (rounds + 1) + 2 * rounds
    asks = bounds_of(project.plan(asking("tools = [ask], max_rounds = 1") + ASK))["p"].bound
    assert asks.calls == one.calls * (2 + MOST_CALLS_AT_ONCE)


ASK = "pipeline ask(x: text) -> text { return gpt(x) }\n"


@each_row(
    ("options", "codes"),
    [
        ("tools = [order_state]", []),
        ("tools = note", []),
        ('tools = ["note"]', []),
        ("tools = [gpt]", ["E0209"]),
        ("tools = [message]", ["E0209"]),
        ("tools = [cosine]", ["E0201"]),
        ("tools = [nothing]", ["E0201"]),
        ("tools = [note(message)]", ["E0201"]),
        ("tools = [note, note]", ["E0311"]),
        ("tools = [takes_image]", ["E0601"]),
        ("tools = [gives_image]", ["E0601"]),
        ("tools = [p]", ["E0208"]),
        ("tools = [again]", ["E0208"]),
        ("tools = [note], max_rounds = 0", ["E0304"]),
        ("tools = [note], max_rounds = 101", ["E0304"]),
        ("tools = [note], on_tool_error = ignore", ["E0303"]),
        ("max_rounds = 2", ["E0606"]),
        ("on_tool_error = raise", ["E0606"]),
    ],
)
def test_what_a_model_can_call(options: str, codes: list[str], project: Project) -> None:
    more = (
        "extern takes_image(x: image) -> text = python('m:f')\n"
        "extern gives_image(x: text) -> list<image> = python('m:f')\n"
        "pipeline again(x: text) -> text { return p(x) }\n"
    ).replace("'", '"')
    found = [each for each in project.codes(asking(options) + more) if each[0] == "E"]
    assert found == codes


def test_a_model_that_calls_nothing_is_given_nothing(project: Project) -> None:
    switched_off = "W0445"  # models of today call functions
    assert project.codes(asking("tools = [note]", "small")) == [switched_off, "E0616"]
    both = "route r = fallback [small, small2]\n" + chat("small2").replace("gpt-4o-mini", "o1-mini")
    assert project.codes(asking("tools = [note]", "r") + both) == [switched_off, "E0616", switched_off]
    mixed = "route r = fallback [gpt, small]\n"
    assert project.codes(asking("tools = [note]", "r") + mixed) == [switched_off]
    assert "E0606" in project.codes(asking("tools = [order_state]", "note"))
