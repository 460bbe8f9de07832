"""Where kinds of data go, and that they do not go where they may not."""

from __future__ import annotations

from pathlib import Path

from inferc.compiler.analysis import labels
from inferc.compiler.analysis.flow_parts import part_of
from inferc.compiler.analysis.flows import flows_of, trace
from inferc.compiler.analysis.labels import At, Place, Source
from inferc.compiler.lowering.lower import outline
from inferc.compiler.pictures import picture_of_flows, to_dot

from ..support.projects import Project
from ..support.rows import each_row

MODELS = """\
deployment local {
  model = "llama-3.1-8b"
  runtime vllm { launch { command = ["vllm", "serve", "{model}", "--port", "{port}"] } }
}
deployment gpt {
  model = "gpt-4o"
  runtime openai { api_key = env("KEY") }
}
deployment eu {
  model = "gpt-4o"
  allows = [customer_data]
  runtime openai { api_key = env("KEY"), endpoint = "https://eu.example.com/v1" }
}
extern redact(x: text) -> text = python("a:b") with { removes = [customer_data] }
extern shout(x: text) -> text = python("a:c")
"""
FULL = """\
deployment full {
  model = "gpt-4o"
  allows = [customer_data]
  runtime openai { api_key = env("KEY") }
  serving { on_capacity_exhausted = fallback(gpt) }
}
"""
INNER = "pipeline q(a: text) -> text { return gpt(a) }\n"
TEAM = 'key team { secret = env("T"), carries = [customer_data], models = [gpt] }'
OTHER = 'key other { secret = env("U"), models = [gpt] }'
CLEAN = """\
extern clean(texts: list<text>) -> list<text> = python("a:d") with { removes = [customer_data] }
"""
CARRIES = "carries = [customer_data]"
V = "type V = { why: text }\n"
TOOLS = """\
## Finds a customer.
pipeline find(a: text with {{ carries = [customer_data] }}) -> text {{ return a }}
## Sends a text.
pipeline send(a: text) -> text {{ return gpt(a) }}
pipeline p(b: text) -> text {{ return eu(b) with {{ tools = {tools} }} }}
"""
LOOKED_UP = """\
## Looks a customer up.
extern look(x: text) -> text = python("a:look") with { carries = [customer_data] }
"""
PIPELINE = "pipeline p(x: text, y: text) -> text {{ carries = [customer_data], {steps} }}\n"


def ways(folder: Path, text: str) -> dict[str, bool | None]:
    """Where `customer_data` goes, and whether it may."""
    checked = Project(folder).check(MODELS + text)
    assert {each.code for each in checked.diagnostics if each.is_error} <= {"E0440"}
    assert checked.program is not None
    return {flow.deployment: flow.allowed for flow in flows_of(outline(checked.program))}


CASES: list[tuple[str, dict[str, bool | None]]] = [
    (PIPELINE.format(steps="return gpt(x)"), {"gpt": False}),
    (PIPELINE.format(steps="return eu(x)"), {"eu": True}),
    (PIPELINE.format(steps="return local(x)"), {"local": None}),
    (PIPELINE.format(steps="return gpt(redact(x))"), {}),
    (PIPELINE.format(steps="return gpt(shout(x))"), {"gpt": False}),
    (PIPELINE.format(steps='return gpt("nothing of it")'), {}),
    (PIPELINE.format(steps="a = eu(x), return gpt(a)"), {"eu": True, "gpt": False}),
    (PIPELINE.format(steps="a = eu(x), return gpt(redact(a))"), {"eu": True}),
    (PIPELINE.format(steps="return gpt(redact(x)) else local(y)"), {"local": None}),
    (PIPELINE.format(steps='return join([gpt(z) for z in [x, y]], "")'), {"gpt": False}),
    (PIPELINE.format(steps='return join([gpt(redact(z)) for z in [x, y]], "")'), {}),
    (PIPELINE.format(steps='return gpt(prompt "{{ x }}")'), {"gpt": False}),
    (PIPELINE.format(steps='return if x == "a" { gpt(y) } else { eu(y) }'), {"gpt": False, "eu": True}),
    (
        "route r = hedge [eu, gpt] after 1s with { carries = [customer_data] }\n",
        {"eu": True, "gpt": False},
    ),
    ("route s = fallback [eu, gpt]\n" + PIPELINE.format(steps="return s(x)"), {"eu": True, "gpt": False}),
    (FULL + PIPELINE.format(steps="return full(x)"), {"full": True, "gpt": False}),
    (INNER + PIPELINE.format(steps="return q(x)"), {"gpt": False}),
    (INNER + PIPELINE.format(steps='return q("a")'), {}),
    (
        "pipeline q(a: text with { carries = [customer_data] }, b: text) -> text "
        "{ c = eu(a), _d = c, return gpt(b) }\n",
        {"eu": True},
    ),
    (
        "/// Finds.\npipeline find(a: text) -> text { carries = [customer_data], return a }\n"
        "pipeline q(b: text) -> text { return gpt(b) with { tools = [find] } }\n",
        {"gpt": False},
    ),
    (f"gateway {{ {TEAM} }}\n", {"gpt": False}),
    (f"{CLEAN}gateway {{ {TEAM}, guard g {{ request = clean }} }}\n", {}),
    (
        f"{CLEAN}gateway {{ {TEAM}, {OTHER}, guard g {{ request = clean, keys = [other] }} }}\n",
        {"gpt": False},
    ),
    # each kind of edge, and what only looks like one
    (PIPELINE.format(steps="v = eu(x) as V, return gpt(v.why)") + V, {"eu": True, "gpt": False}),
    (PIPELINE.format(steps='return gpt("about ${x}")'), {"gpt": False}),
    (PIPELINE.format(steps="return gpt(x[0:3])"), {"gpt": False}),
    (PIPELINE.format(steps='return match y { "a" => gpt(x), _ => y }'), {"gpt": False}),
    (PIPELINE.format(steps='v = if x == "a" { x } else { "" }, return gpt(v)'), {"gpt": False}),
    (PIPELINE.format(steps='v = [z for z in [x]], return gpt(join(v, ""))'), {"gpt": False}),
    (PIPELINE.format(steps="return local(redact(x)) else gpt(y)"), {"gpt": False}),
    (
        PIPELINE.format(steps='a = eu(x), b = redact(a), return gpt(prompt "{{ a }} {{ b }}")'),
        {"eu": True, "gpt": False},
    ),
    (PIPELINE.format(steps='return gpt("x")'), {}),
    (
        PIPELINE.format(steps='a = eu(x), return gpt(if a == "y" { "a" } else { "b" })'),
        {"eu": True, "gpt": False},
    ),
    (PIPELINE.format(steps='a = eu("x"), return gpt(a)'), {}),
    (
        PIPELINE.format(
            steps='v = [z for z in [x]], w = [z for z in ["a"]], _v = v, return gpt(join(w, ""))'
        ),
        {},
    ),
    (
        "route s = cascade [eu, gpt] accept it.tokens > 3\n" + PIPELINE.format(steps="return s(x)"),
        {"eu": True, "gpt": False},
    ),
    (
        'route s = split { eu: 99%, gpt: 1% } by header("x-user")\n' + PIPELINE.format(steps="return s(x)"),
        {"eu": True, "gpt": False},
    ),
    (
        "route s = balance [eu, fallback [local, gpt]]\n" + PIPELINE.format(steps="return s(x)"),
        {"eu": True, "local": None, "gpt": False},
    ),
    (
        f"route s = fallback [eu] with {{ {CARRIES} }}\nroute o = fallback [s]\n"
        "pipeline p(x: text) -> text { a = o(x), return gpt(a) }\n",
        {"eu": True, "gpt": False},
    ),
    (TOOLS.format(tools="[send, find]"), {"eu": True, "gpt": False}),
    (TOOLS.format(tools="[find, send]"), {"eu": True, "gpt": False}),
    (TOOLS.format(tools="[send]"), {}),
    (LOOKED_UP + "pipeline p(x: text) -> text { return gpt(look(x)) }\n", {"gpt": False}),
    (LOOKED_UP + "pipeline p(x: text) -> text { return eu(look(x)) }\n", {"eu": True}),
    (LOOKED_UP + "pipeline p(x: text) -> text { return gpt(redact(look(x))) }\n", {}),
    (
        LOOKED_UP + "pipeline p(x: text) -> text { return gpt(x) with { tools = [look] } }\n",
        {"gpt": False},
    ),
    (f"{CLEAN}gateway {{ {TEAM}, guard g {{ request = clean, unreadable = pass }} }}\n", {"gpt": False}),
    (f"{CLEAN}gateway {{ {TEAM}, guard g {{ request = clean, on_failure = pass }} }}\n", {"gpt": False}),
    (f"{CLEAN}gateway {{ {TEAM}, guard g {{ answer = clean }} }}\n", {"gpt": False}),
    (f"{CLEAN}gateway {{ {TEAM}, guard g {{ request = clean, models = [gpt] }} }}\n", {}),
    (
        f"{CLEAN}route r = fallback [fallback [gpt]] with {{ {CARRIES} }}\n"
        "gateway { guard g { request = clean } }\n",
        {},
    ),
    (f"gateway {{ {TEAM.replace('[gpt]', '[q]')} }}\n{INNER}", {"gpt": False}),
    ("gateway { " + TEAM.replace("[gpt]", '["g*"]') + " }\n", {"gpt": False}),
    (f"gateway {{ {TEAM.replace('[gpt]', '[eu]')} }}\n", {"eu": True}),
]


@each_row(("text", "expected"), CASES)
def test_data_goes_wherever_a_request_may_take_it(
    tmp_path: Path, text: str, expected: dict[str, bool | None]
) -> None:
    assert ways(tmp_path, text.replace("///", "##")) == expected


@each_row("text", [text for text, _ in CASES])
def test_what_is_listed_is_drawn_from_where_it_comes_to_where_it_goes(tmp_path: Path, text: str) -> None:
    checked = Project(tmp_path).check(MODELS + text.replace("///", "##"))
    assert checked.program is not None
    plan = outline(checked.program)
    tracing = trace(plan)
    part = part_of(tracing, plan, None)
    assert {*part.wrong} == {each.deployment for each in tracing.flows if each.allowed is False}
    for flow in tracing.flows:
        comes = [each for each in part.arrows if flow.kind in each.kinds]
        reached = {
            place for each in comes for place in (each.source, each.target) if starts(flow.source, place)
        }
        assert reached, flow
        for _ in comes:
            reached |= {each.target for each in comes if each.source in reached}
        assert Place(At.MODEL, flow.deployment) in reached
        if flow.allowed is False:
            assert [each for each in comes if each.is_wrong and each.target.name == flow.deployment]
    assert len(to_dot(picture_of_flows(plan, tracing)).splitlines()) > len(part.arrows)


def starts(source: Source, place: Place) -> bool:
    """Whether what `source` carries begins at `place`."""
    if source.what == labels.EXTERN:
        return place.at in (At.STEP, At.TOOL)
    is_whole = source.what == labels.PIPELINE and place.at is At.PARAMETER
    return place.name == source.name and (is_whole or place.part == source.parameter)


def test_what_nobody_carries_costs_nothing_and_goes_nowhere(tmp_path: Path) -> None:
    assert ways(tmp_path, "pipeline p(x: text) -> text { return gpt(x) }\n") == {}


def test_many_routes_through_each_other_are_followed_once(tmp_path: Path) -> None:
    layers = ["route r0 = fallback [eu, gpt]\n"]
    layers += [
        f"route r{n} = fallback [r{n - 1}, eu, r{n - 1}]\n".replace(f", r{n - 1}]", ", local]")
        for n in range(1, 15)
    ]
    text = "".join(layers) + "".join(
        f"pipeline p{n}(x: text) -> text {{ a = p{n - 1}(x), return p{n - 1}(a) }}\n" for n in range(1, 40)
    )
    text += "pipeline p0(x: text) -> text { return r14(x) }\n" + PIPELINE.format(steps="return p39(x)")
    assert ways(tmp_path, text) == {"eu": True, "gpt": False, "local": None}
