"""The part of a plan that one name needs."""

from __future__ import annotations

from inferc.compiler.plan import TEXT, CapacityPolicy
from inferc.compiler.plan.reach import names_of, only

from ..support.pipelines import Graph, extern, fallback, plan_with, split
from ..support.remote import remote_plan
from ..support.rows import each_row


def plan_of_all() -> tuple[object, ...]:
    inner, outer = Graph(), Graph()
    inner.call("draft", "r", message="message")
    outer.extern("loud", "shout", x="message")
    outer.call("answer", "inner", task=None, message="loud")
    return (
        remote_plan("a", on_full=CapacityPolicy.fallback("spare")),
        remote_plan("b"),
        remote_plan("c"),
        remote_plan("spare"),
        split("r.1", {"b": 1.0}, inner=True),
        fallback("r", "a", "r.1"),
        inner.pipeline("draft", name="inner"),
        outer.pipeline("answer", name="outer"),
        extern("shout", "m:f", x=TEXT),
        extern("other", "m:g", x=TEXT),
    )


PLAN = plan_with(*plan_of_all())  # type: ignore[arg-type]


@each_row(
    ("name", "deployments", "routes", "pipelines", "externs"),
    [
        ("c", "c", "", "", ""),
        ("a", "a spare", "", "", ""),
        ("r", "a b spare", "r.1 r", "", ""),
        ("inner", "a b spare", "r.1 r", "inner", ""),
        ("outer", "a b spare", "r.1 r", "inner outer", "shout"),
    ],
)
def test_a_name_needs_what_it_calls_asks_and_falls_back_to(
    name: str, deployments: str, routes: str, pipelines: str, externs: str
) -> None:
    part = only(PLAN, name)
    assert [each.deployment for each in part.deployments] == deployments.split()
    assert [each.route for each in part.routes] == routes.split()
    assert [each.pipeline for each in part.pipelines] == pipelines.split()
    assert [each.extern for each in part.externs] == externs.split()
    assert part.gateway == PLAN.gateway


def test_inner_routes_and_externs_cannot_be_asked_for() -> None:
    assert names_of(PLAN) == ("a", "b", "c", "spare", "r", "inner", "outer")
