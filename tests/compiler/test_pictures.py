"""Pictures of plans: what they show, the same in each format, whatever things are called."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from inferc.compiler.pictures import (
    ClusterKind,
    EdgeKind,
    Look,
    NotThere,
    Picture,
    Vertex,
    is_too_large,
    picture_of,
    to_dot,
    to_mermaid,
)
from inferc.compiler.plan import (
    BalanceKind,
    BalancePlan,
    Budget,
    BudgetAction,
    FallbackPlan,
    Money,
    Plan,
    TaskKind,
)
from inferc.compiler.plan.nodes import NODE_CLASSES

from ..support.graph_plans import shop
from ..support.pipelines import SOURCE, Graph, plan_with
from ..support.remote import plan_of, remote_plan
from ..support.rows import each_row

Golden = Callable[[str | Path], Callable[[str], None]]

needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def vertices(picture: Picture) -> dict[str, Vertex]:
    """By the name, or else the text, in their first line; those of the legend are left out."""
    return {_short(vertex): vertex for vertex in _drawn(picture)}


def _drawn(picture: Picture) -> list[Vertex]:
    return [v for c in picture.clusters for v in c.vertices() if c.kind is not ClusterKind.LEGEND]


def _short(vertex: Vertex) -> str:
    return vertex.lines[0].split(" = ")[0]


def edges(picture: Picture, *kinds: EdgeKind) -> set[tuple[str, str, str]]:
    """Source, target and label of the arrows of these kinds."""
    named = {vertex.id: _short(vertex) for vertex in _drawn(picture)}
    drawn = [edge for edge in picture.edges if edge.source in named]
    return {(named[edge.source], named[edge.target], edge.label) for edge in drawn if edge.kind in kinds}


def drawing(graph: Graph, output: str) -> Picture:
    """Of a pipeline that may ask `gpt`."""
    return picture_of(plan_with(remote_plan("gpt"), graph.pipeline(output)))


# ---- the formats


@each_row(("suffix", "write"), [("mmd", to_mermaid), ("dot", to_dot)])
@each_row("name", ["reply", "search", "assistant", None])
def test_the_picture_is_the_one_that_was_looked_at(
    golden: Golden, suffix: str, write: Callable[[Picture], str], name: str | None
) -> None:
    golden(f"golden_pictures/{name or 'shop'}.{suffix}")(write(picture_of(shop(), name)))


def test_the_plan_has_every_kind_of_node() -> None:
    drawn = {each.kind for pipeline in shop().pipelines for each in pipeline.nodes}
    assert drawn == set(NODE_CLASSES)


def test_the_formats_show_the_same_vertices_and_arrows() -> None:
    picture = picture_of(shop())
    mermaid, dot = to_mermaid(picture), to_dot(picture)
    for vertex in (v for cluster in picture.clusters for v in cluster.vertices()):
        assert len(re.findall(rf"^ +{vertex.id}\W", mermaid, re.MULTILINE)) >= 1
        assert len(re.findall(rf"^ +{vertex.id} \[label=", dot, re.MULTILINE)) == 1
    assert len(re.findall(r" (?:-->|-\.->|~~~)", mermaid)) == len(picture.edges)
    assert len(re.findall(r" -> ", dot)) == len(picture.edges)


def test_the_same_plan_gives_the_same_picture() -> None:
    assert to_mermaid(picture_of(shop())) == to_mermaid(picture_of(shop()))


@needs_graphviz
@pytest.mark.parametrize("name", ["reply", None])
def test_graphviz_draws_every_text(name: str | None) -> None:
    picture = picture_of(shop(), name)
    shown = drawn_by_graphviz(picture)
    for vertex in (v for cluster in picture.clusters for v in cluster.vertices()):
        assert set(vertex.lines) <= shown, vertex
    assert {cluster.title for cluster in picture.clusters} <= shown
    assert {edge.label for edge in picture.edges if edge.label} <= shown


def drawn_by_graphviz(picture: Picture) -> set[str]:
    """All texts in the SVG."""
    done = subprocess.run(
        ["dot", "-Tsvg"], input=to_dot(picture).encode(), capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    texts = ET.fromstring(done.stdout).iter("{http://www.w3.org/2000/svg}text")
    return {(text.text or "").replace("\N{NO-BREAK SPACE}", " ") for text in texts}


# ---- names

ODD = [
    "end",
    "graph",
    "subgraph",
    'a "b" \\N',
    "<b>&amp;</b>",
    "#35; `x`",
    "größe 日本",
    "1. one",
    "x--o y",
    "%%{init: {}}%%",
    "a\nb",
]


@needs_graphviz
@each_row("name", ODD)
def test_graphviz_shows_any_name_as_it_is(name: str) -> None:
    plan = plan_of(remote_plan(name), remote_plan("other"))
    route = FallbackPlan(route=f"{name} route", source=SOURCE, task=TaskKind.CHAT, members=(name, "other"))
    shown = drawn_by_graphviz(picture_of(evolve(plan, routes=(route,))))
    assert name.replace("\n", "\N{REPLACEMENT CHARACTER}") in shown


@given(st.text(min_size=1, max_size=40))
def test_mermaid_gets_any_name_in_quotes_that_it_cannot_leave(name: str) -> None:
    text = to_mermaid(picture_of(plan_of(remote_plan(name))))
    [line] = [line for line in text.splitlines() if "remote: gpt-4o-mini" in line]
    found = re.fullmatch(r' +(deployment_\w+)\{\{"([^"<>&`$\\]*)<br/>remote: gpt-4o-mini"\}\}', line)
    assert found is not None
    assert re.fullmatch(r"[A-Za-z0-9_]+", found[1])
    seen = found[2].replace("#8288;", "")
    assert re.sub(r"#(\d+);", lambda number: chr(int(number[1])), seen) == "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name
    )


@each_row(
    ("name", "shown"),
    [
        ("direction LR", "direction#32;LR"),
        ("$$x$$", "#36;#8288;#36;x#36;#8288;#36;"),
        ("fa:fa-bell", "fa:#8288;fa-bell"),
        ("1. one", "1#46; one"),
        ("- a", "#45; a"),
        ("%%{init: {}}%%", "#37;%{init: {}}#37;%"),
    ],
)
def test_what_mermaid_reads_even_in_quotes_is_hidden_from_it(name: str, shown: str) -> None:
    assert f'{{{{"{shown}<br/>' in to_mermaid(picture_of(plan_of(remote_plan(name))))


def test_names_that_differ_in_signs_alone_stay_apart() -> None:
    drawn = vertices(picture_of(plan_of(remote_plan("a-b"), remote_plan("a_b"), remote_plan("a b"))))
    assert len({vertex.id for vertex in drawn.values()}) == 3


def test_long_texts_are_cut() -> None:
    drawn = vertices(picture_of(plan_of(remote_plan("x" * 500))))
    [vertex] = drawn.values()
    assert len(vertex.lines[0]) == 60
    assert vertex.lines[0].endswith("…")


# ---- what is shown


def test_steps_that_do_not_need_each_other_are_framed_together() -> None:
    graph = Graph()
    for name, message in (("one", "message"), ("two", "message"), ("three", "one"), ("return", "three")):
        graph.call(name, "gpt", message=message)
    picture = drawing(graph, "return")
    frames = [f for f in picture.clusters[0].frames() if f.kind is ClusterKind.PARALLEL]
    assert [[v.lines[0] for v in frame.vertices()] for frame in frames] == [
        ["one = gpt(message)", "two = gpt(message)"]
    ]


def test_steps_in_a_row_are_not_framed() -> None:
    graph = Graph()
    graph.call("one", "gpt", message="message")
    graph.call("two", "gpt", message="one")
    picture = drawing(graph, "two")
    assert [f.kind for f in picture.clusters[0].frames()] == [ClusterKind.PIPELINE]
    assert edges(picture, EdgeKind.VALUE) == {
        ("message", "one", ""),
        ("one", "two", ""),
        ("two", "return", ""),
    }


def test_local_and_remote_differ_in_shape_and_words() -> None:
    drawn = vertices(picture_of(shop(), "search"))
    assert (drawn["known"].look, drawn["known"].lines[1]) == (Look.LOCAL, "local: minilm.onnx")
    assert (drawn["small"].look, drawn["small"].lines[1]) == (Look.REMOTE, "remote: gpt-4o-mini")
    assert drawn["large"].lines[1] == "remote: gpt-4o-mini, 2 replicas"


def test_a_deployment_says_what_it_may_cost() -> None:
    budget = Budget(BudgetAction.REJECT, max_spend_per_hour=Money(1), max_spend_per_day=Money(5))
    [vertex] = vertices(picture_of(plan_of(remote_plan("gpt", budget=budget)))).values()
    assert vertex.lines == ("gpt", "remote: gpt-4o-mini", "budget: $1 an hour, $5 a day")


def test_operators_are_put_in_brackets_where_the_language_needs_them() -> None:
    graph = Graph()
    for number in (1, 2, 3):
        graph.constant(f"sum.{number}", number)
    graph.operator("sum.4", "+", "sum.1", "sum.2")
    graph.operator("sum.5", "*", "sum.4", "sum.3")
    graph.operator("sum", "+", "sum.5", "sum.1")
    drawn = vertices(drawing(graph, "sum"))
    assert drawn["sum"].lines == ("sum = (1 + 2) * 3 + 1",)


def test_routes_say_when_each_member_is_asked() -> None:
    shown = edges(picture_of(shop()), EdgeKind.MEMBER)
    assert shown >= {
        ("assistant", "small", "1st"),
        ("assistant", "split by header x-inferc-key", "2nd, when that fails"),
        ("split by header x-inferc-key", "large", "95%"),
        ("split by header x-inferc-key", "end", "5%"),
        ("careful", "small", "1st, accept it.confidence >= 0.8"),
        ("careful", "large", "2nd, accept anything"),
        ("even", "large", "when it has the least to do"),
        ("turns", "end", "in turn"),
        ("quick", "small", "at once"),
        ("quick", "large", "after 400ms"),
        ("quick", "end", "after 800ms"),
    }


@each_row(
    ("by", "said"),
    [
        (BalanceKind.LEAST_COST, "when it is the cheapest"),
        (BalanceKind.LEAST_LATENCY, "when it is the quickest"),
        (BalanceKind.USAGE, "when it is used the least"),
    ],
)
def test_a_balance_says_what_its_members_are_chosen_by(by: BalanceKind, said: str) -> None:
    plan = shop()
    routes = tuple(evolve(each, by=by) if isinstance(each, BalancePlan) else each for each in plan.routes)
    assert ("even", "large", said) in edges(picture_of(evolve(plan, routes=routes)), EdgeKind.MEMBER)


def test_what_a_full_deployment_hands_on_is_dashed() -> None:
    picture = picture_of(shop())
    assert edges(picture, EdgeKind.CAPACITY) == {("small", "large", "when full")}
    assert 'deployment_small -> deployment_large [label="when full", style=dashed]' in to_dot(picture)
    assert 'deployment_small -.->|"when full"| deployment_large' in to_mermaid(picture)


def test_arrows_carry_the_field_and_the_type_that_is_taken() -> None:
    shown = edges(picture_of(shop(), "reply"), EdgeKind.VALUE)
    assert ("verdict", "match verdict.label", '.label: "refund" | "return" | "other"') in shown
    assert ("known", "scores", "tensor<f32, [n, 384]>") in shown
    assert ("account", 'large(prompt "{{ name }} wants: {{…")', ".name: text") in shown


def test_the_ways_of_a_match_meet_in_its_step() -> None:
    picture = picture_of(shop(), "reply")
    shown = edges(picture, EdgeKind.VALUE)
    assert ("match verdict.label", "assistant(found)", "_") in shown
    assert (
        "match verdict.label",
        'large(prompt "{{ name }} wants: {{…")',
        '"refund" | "return"',
    ) in shown
    assert ("assistant(found)", "either", "") in shown
    assert ("either", "answer", "") in shown
    assert edges(picture, EdgeKind.FAILURE) == {("assistant(found)", '"Sorry, ${user}!"', "when it fails")}


def test_a_way_that_only_names_a_value_has_a_vertex() -> None:
    graph = Graph()
    graph.call("draft", "gpt", message="message")
    graph.builtin("answer.1", "len", "draft")
    graph.constant("answer.2", 9)
    graph.operator("answer.3", ">", "answer.1", "answer.2")
    graph.choose("answer", "answer.3", "message", "draft")
    shown = edges(drawing(graph, "answer"), EdgeKind.VALUE)
    assert {("if len(draft) > 9", "message", "yes"), ("if len(draft) > 9", "draft", "no")} <= shown
    assert {("message", "message", ""), ("draft", "draft", "")} <= shown


def test_a_deployment_that_a_step_says_all_of_is_drawn_once() -> None:
    graph = Graph()
    graph.call("return", "gpt", message="message")
    picture = drawing(graph, "return")
    assert [cluster.kind for cluster in picture.clusters] == [ClusterKind.PIPELINE, ClusterKind.LEGEND]
    assert vertices(picture)["gpt(message)"].lines[1] == "remote: gpt-4o-mini"


def test_calls_lead_to_routes_and_pipelines() -> None:
    shown = edges(picture_of(shop(), "reply"), EdgeKind.CALL)
    assert ("found", "question", "") in shown
    assert ("assistant(found)", "assistant", "") in shown


def test_a_constant_pipeline_is_drawn() -> None:
    graph = Graph()
    graph.constant("return", "hello")
    picture = picture_of(plan_with(evolve(graph.pipeline("return"), parameters=())))
    assert [v.lines for v in picture.clusters[0].vertices()] == [('"hello"',), ("return",)]


def test_the_legend_explains_what_is_there_and_nothing_else() -> None:
    def looks(plan: Plan) -> set[Look]:
        return {vertex.look for vertex in picture_of(plan).clusters[-1].vertices()}

    assert looks(plan_of(remote_plan("gpt"))) == {Look.REMOTE}
    assert looks(shop()) == set(Look) - {Look.KEY, Look.STEP, Look.CACHE}


# ---- a part of it


def test_a_name_draws_what_it_needs_and_nothing_else() -> None:
    drawn = vertices(picture_of(shop(), "assistant"))
    assert set(drawn) == {"assistant", "split by header x-inferc-key", "small", "large", "end"}


def test_a_pipeline_brings_the_pipelines_that_it_calls() -> None:
    assert [c.title for c in picture_of(shop(), "reply").clusters][:2] == [
        "pipeline search",
        "pipeline reply",
    ]
    assert [c.title for c in picture_of(shop(), "search").clusters][:1] == ["pipeline search"]


@each_row(
    ("name", "said"),
    [
        ("repyl", "no pipeline, route or deployment is called `repyl`: did you mean `reply`?"),
        ("assistant.2", "did you mean `assistant`?"),
        ("weather", "there are `embedder`, `small`, `large`, `end`, `assistant`"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(name: str, said: str) -> None:
    with pytest.raises(NotThere, match=re.escape(said)):
        picture_of(shop(), name)


def test_a_picture_that_mermaid_would_refuse_is_known() -> None:
    small = picture_of(shop())
    assert not is_too_large(small, to_mermaid(small))
    large = picture_of(plan_of(*[remote_plan(f"deployment {n}") for n in range(1000)]))
    assert is_too_large(large, to_mermaid(large))
