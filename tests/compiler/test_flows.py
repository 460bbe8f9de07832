"""Where kinds of data go, and that they do not go where they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferc.compiler.analysis.flows import flows_of
from inferc.compiler.lower import outline

from ..support.projects import Project

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
PIPELINE = "pipeline p(x: text, y: text) -> text {{ carries = [customer_data], {steps} }}\n"


def ways(folder: Path, text: str) -> dict[str, bool | None]:
    """Where `customer_data` goes, and whether it may."""
    checked = Project(folder).check(MODELS + text)
    assert {each.code for each in checked.diagnostics if each.is_error} <= {"E0440"}
    assert checked.program is not None
    return {flow.deployment: flow.allowed for flow in flows_of(outline(checked.program))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
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
    ],
)
def test_data_goes_wherever_a_request_may_take_it(
    tmp_path: Path, text: str, expected: dict[str, bool | None]
) -> None:
    assert ways(tmp_path, text.replace("///", "##")) == expected


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
