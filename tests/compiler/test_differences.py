"""Nothing that a plan says can change without a word of `inferc diff`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

import attrs
import pytest

from inferc.compiler.analysis.differences import differences
from inferc.compiler.analysis.field_changes import NO_MATTER
from inferc.compiler.plan import Node, Plan

from ..support.onnx_models import rows, save
from ..support.projects import Project

FILE = """
extern clean(texts: list<text>) -> list<text> = python("guards:clean") with { memory = 1GiB, removes = [pii] }
deployment gpt {
  model = "gpt-4o"
  replicas = 2
  allows = [pii]
  runtime openai {
    api_key = [env("KEY"), env("KEY2")]
    endpoint = "https://eu.example.com/v1"
    rate_limits { requests_per_minute = 100, tokens_per_minute = 1M, concurrent_requests = 99 }
  }
  price {
    input = $1, output = $2, cached_input = $0.1, cache_write = $1, cache_write_1h = $2
    audio_input = $3, audio_output = $4
  }
  request { defaults { max_tokens = 9 }, force { temperature = 0.0 } }
  budget { max_spend_per_day = $5, on_exceeded = reject }
  cache { ttl = 1h }
  serving { on_capacity_exhausted = fallback(mini) }
}
deployment mini { model = "gpt-4o-mini", allows = [pii], runtime openai { api_key = env("KEY") } }
deployment spare { model = "gpt-4o", allows = [pii], runtime openai { api_key = env("KEY") } }
deployment local {
  model = "llama"
  runtime vllm { launch { command = ["vllm", "{port}"] } }
  price { input = $0, output = $0 }
}
deployment own { model = "m.onnx", runtime ort { batching { max_size = 4 } } }
route first = fallback [gpt, mini] with {
  budget { max_spend_per_day = $9, on_exceeded = reject }
  carries = [pii]
}
route any = balance [gpt, mini] by header("x-tenant")
route some = split { gpt: 50%, mini: 50% } by header("x-user")
route both = hedge [gpt, mini] after 1s
route better = cascade [mini, gpt] accept it.tokens > 5
pipeline sum(x: text with { carries = [pii] }) -> text {
  a = gpt(x) with { retries = 1, timeout = 3s }
  return if a == "" { first(x) } else { a }
}
gateway {
  bind = "0.0.0.0:80"
  auth = bearer(env("TOKEN"))
  timeout = 1m
  tls { cert = file("a"), key = file("b") }
  cors { origins = ["https://a.example"] }
  jwt { issuer = "https://a.example", audience = "x", jwks = "https://a.example/k", claim = "team" }
  budget { max_spend_per_day = $99, on_exceeded = reject }
  grpc = "0.0.0.0:81"
  guard pii { request = clean, answer = clean, models = ["*"], keys = [team], pieces = 80 }
  key team {
    secret = env("TEAM"), models = [first, mini], protocols = [openai], expires = "2027-01-31"
    labels { a = "b" }
    rate_limits { requests_per_minute = 10, tokens_per_minute = 10k, concurrent_requests = 3 }
    budget { max_spend_per_day = $5, on_exceeded = reject }
  }
}
"""

NAMES = frozenset({"deployment", "route", "pipeline", "extern", "name"})
"""By these, parts are found again: another name is another part."""
NOTHING_FOR_REQUESTS = frozenset(
    {
        "inner",  # follows from where a route stands
        "signature",  # is read from the model, which tells it
        "kind",  # is that of the class
    }
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    project = Project(tmp_path_factory.mktemp("plans"))
    save(rows(), project.folder / "m.onnx")
    for name in ("a", "b"):
        project.write(name, "")
    return project.plan(FILE)


def changed(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """`value` with one thing in it that is different, for each thing."""
    if isinstance(value, Node):
        return
    if isinstance(value, tuple) and value:
        for index, each in enumerate(value):
            for where, other in changed(each, f"{place}[{index}]"):
                yield where, (*value[:index], other, *value[index + 1 :])
    elif attrs.has(type(value)):
        for each in attrs.fields(type(value)):
            if each.name in NO_MATTER | NAMES | NOTHING_FOR_REQUESTS:
                continue
            for where, other in changed(getattr(value, each.name), f"{place}.{each.name}"):
                yield where, attrs.evolve(value, **{each.alias: other})
    elif (other := another(value)) is not None:
        yield place, other


def another(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case Enum():
            return next((each for each in type(value) if each is not value), None)
        case int() | float():
            return type(value)(value + 1)
        case "gpt" | "mini":  # one part names another
            return "spare"
        case str():
            return type(value)(f"{value}0")
        case dict():
            return {**value, "new": "x"}
    return None


def test_every_field_that_changes_is_told(plan: Plan) -> None:
    silent, count = [], 0
    for place, other in changed(plan, "plan"):
        count += 1
        if not differences(plan, other):
            silent.append(place)
    assert count > 200
    assert silent == []


def test_the_steps_of_a_pipeline_are_told_wherever_they_stand(plan: Plan) -> None:
    [sum_] = plan.pipelines
    moved = attrs.evolve(sum_, nodes=tuple(attrs.evolve(each, line=each.line + 7) for each in sum_.nodes))
    assert differences(plan, attrs.evolve(plan, pipelines=(moved,))) == ()
    [call] = [each for each in sum_.nodes if each.name == "a"]
    nodes = tuple(attrs.evolve(each, max_tokens=7) if each is call else each for each in sum_.nodes)  # type: ignore[call-arg]
    [found] = differences(plan, attrs.evolve(plan, pipelines=(attrs.evolve(sum_, nodes=nodes),)))
    assert (found.about, found.what) == ("sum", "does something else in `a`")
