"""Nothing that a plan says can change without a word of `inferc diff`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import pytest

from inferc.compiler.analysis.change import Severity
from inferc.compiler.analysis.differences import differences
from inferc.compiler.analysis.field_changes import NO_MATTER
from inferc.compiler.lowering.lower import outline
from inferc.compiler.plan import Node, Plan

from ..support.onnx_models import rows, save
from ..support.projects import Project
from ..support.rows import each_row

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
        project.write(name, "-----BEGIN CERTIFICATE-----")
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


SAFE = """\
deployment fast {
  model = "gpt-4o"
  allows = [pii]
  runtime openai {
    api_key = env("KEY")
    retry { max_retries = 1 }
    timeouts { request = 20s }
    rate_limits { requests_per_minute = 100, strict = true }
    circuit_breaker { failure_threshold = 5 }
  }
  request { defaults { max_tokens = 500 }, force { temperature = 0.0 } }
  budget { max_spend_per_day = $50, on_exceeded = reject }
  serving { queue_timeout = 5s, on_capacity_exhausted = reject }
  cache { ttl = 1h }
}
deployment local {
  model = "llama-3.1-8b", allows = [pii], price { input = $0, output = $0 }
  runtime vllm { launch { command = ["vllm", "serve", "{model}", "--port", "{port}"] } }
}
deployment mini {
  model = "gpt-4o-mini", allows = [pii]
  runtime openai { api_key = env("KEY"), retry { max_retries = 1 }, timeouts { request = 20s } }
}
extern clean(texts: list<text>) -> list<text> = python("g:clean") with { removes = [pii], memory = 1GiB }
extern polite(texts: list<text>) -> text? = python("g:polite")
extern redact(x: text) -> text = python("g:redact") with { removes = [pii] }
extern find(x: text) -> text = python("g:find") with { carries = [pii] }
route assistant = fallback [fast, mini] with {
  budget { max_spend_per_day = $80, on_exceeded = reject }
  carries = [pii]
  bounds { max_calls = 20, max_cost = $20 }
  promise { tools = true, context = 9000 }
}
pipeline sum(x: text with { carries = [pii] }) -> text {
  carries = [pii]
  bounds { max_calls = 12 }
  a = mini(redact(find(x))) with { timeout = 5s, max_tokens = 100 }
  return fast(a) else local(x)
}
gateway {
  bind = "127.0.0.1:8080"
  max_body = 1MiB
  timeout = 1m
  budget { max_spend_per_day = $90, on_exceeded = reject }
  bounds { max_calls = 20, max_wait = 9h }
  timeouts { idle = 60s }
  guard names { request = clean, answer = clean, models = ["*"] }
  guard tone { answer = polite, pieces = 100 }
  key team {
    secret = env("TEAM"), models = [assistant, sum], protocols = [openai], expires = "2027-01-31"
    rate_limits { requests_per_minute = 10, tokens_per_minute = 10k }
    budget { max_spend_per_day = $5, on_exceeded = reject }
    bounds { max_calls = 20 }
    carries = [pii]
  }
}
"""
LESS_SAFE = [
    # guards
    ('guard names { request = clean, answer = clean, models = ["*"] }', "", "the guard `names` is gone"),
    ("request = clean, ", "", "`request` is no longer seen"),
    ("answer = clean, ", "", "`answer` is no longer seen"),
    ('models = ["*"]', 'models = ["*"], keys = [team]', "holds for the keys `team`, for everyone before"),
    ('models = ["*"]', 'models = ["*"], on_failure = pass', "`on_failure` is `pass`"),
    ('models = ["*"]', 'models = ["*"], unreadable = pass', "`unreadable` is `pass`"),
    ('models = ["*"]', 'models = ["*"], pieces = 10', "`pieces` is 10, not set before"),
    ("pieces = 100", "pieces = 10", "`pieces` is 10, 100 before"),
    ('"g:clean"', '"g:other"', "`target` is g:other"),
    (", memory = 1GiB", "", "`memory` is not set"),
    # what keys may
    ("requests_per_minute = 10, ", "", "`requests_per_minute` is no limit, 10 before"),
    ("requests_per_minute = 10,", "requests_per_minute = 99,", "`requests_per_minute` is 99, 10 before"),
    (", tokens_per_minute = 10k", "", "`tokens_per_minute` is no limit"),
    ("budget { max_spend_per_day = $5, on_exceeded = reject }", "", "may spend no limit a day, $5 before"),
    ("$5, on_exceeded = reject", "$5, on_exceeded = warn", "`on_exceeded` is `warn`"),
    (', expires = "2027-01-31"', "", "`expires` is not set"),
    (", protocols = [openai]", "", "may speak every protocol"),
    ("models = [assistant, sum]", "models = [assistant, sum, fast]", "may ask `fast`"),
    # bounds and promises, and single lines of them
    ("bounds { max_calls = 20 }", "", "`bounds.max_calls` is not set, 20 before"),
    ("bounds { max_calls = 20 }", "bounds { max_calls = 99 }", "`bounds.max_calls` is 99, 20 before"),
    ("bounds { max_calls = 20, max_wait = 9h }", "", "`bounds.max_wait` is not set, 9h before"),
    (", max_wait = 9h", "", "`bounds.max_wait` is not set, 9h before"),
    (", max_cost = $20", "", "`bounds.max_cost` is not set, $20 before"),
    ("max_cost = $20", "max_cost = $99", "`bounds.max_cost` is $99, $20 before"),
    ("bounds { max_calls = 12 }", "", "`bounds.max_calls` is not set, 12 before"),
    ("promise { tools = true, context = 9000 }", "", "`promise.tools` is false, true before"),
    ("tools = true, ", "", "`promise.tools` is false, true before"),
    ("context = 9000", "context = 90", "`promise.context` is 90, 9000 before"),
    # where data may go
    ("allows = [pii]\n", "allows = [pii, hr]\n", "allows `hr`, which it did not"),
    ("allows = [pii], price", "price", "allows all kinds of data, no longer `pii` alone"),
    ("    carries = [pii]\n", "", "no longer says that it carries `pii`"),
    (
        "  carries = [pii]\n  bounds { max_calls = 20,",
        "  bounds { max_calls = 20,",
        "says that it carries `pii`",
    ),
    (
        "  carries = [pii]\n  bounds { max_calls = 12",
        "  bounds { max_calls = 12",
        "says that it carries `pii`",
    ),
    (" with { carries = [pii] }) -> text {", ") -> text {", "no longer says that it carries `pii`"),
    (" with { carries = [pii] }\nroute", "\nroute", "no longer says that it carries `pii`"),
    ('"g:redact") with { removes = [pii] }', '"g:redact")', '`removes` is [], ["pii"] before'),
    ("mini(redact(find(x)))", "mini(find(x))", "does something else in `a`"),
    # limits of all kinds
    ("budget { max_spend_per_day = $50, on_exceeded = reject }", "", "may spend no limit a day, $50 before"),
    ("budget { max_spend_per_day = $80, on_exceeded = reject }", "", "may spend no limit a day, $80 before"),
    ("$90", "$900", "may spend $900 a day, $90 before"),
    ("rate_limits { requests_per_minute = 100, strict = true }", "", "`requests_per_minute` is no limit"),
    (", strict = true", "", "`rate_limits.strict` is false"),
    ("timeouts { request = 20s }", "", "`timeouts { request }` is 30 s, 20 s before"),
    ("  timeout = 1m\n", "", "`timeout` is not set, 1m before"),
    ("{ timeout = 5s, ", "{ ", "does something else in `a`"),
    ("queue_timeout = 5s, ", "", "`serving.queue_timeout` is 1m, 5s before"),
    ("idle = 60s", "idle = 600s", "`timeouts.idle` is 10m, 1m before"),
    ("max_body = 1MiB", "max_body = 64MiB", "`max_body` is 64MiB"),
    ("max_retries = 1", "max_retries = 3", "one request makes up to 4 calls, 2 calls before"),
    ("failure_threshold = 5", "failure_threshold = 500", "`circuit_breaker.failure_threshold` is 500"),
    ("max_tokens = 500 }", "max_tokens = 5000 }", "`request.defaults.max_tokens` is 5000, 500 before"),
    (", force { temperature = 0.0 }", "", "`request.force` is not set"),
    ("ttl = 1h", "ttl = 1h, shared = true", "`cache.shared` is true"),
    ("on_capacity_exhausted = reject", "on_capacity_exhausted = fallback(mini)", "answered by `mini`"),
    ("127.0.0.1:8080", "0.0.0.0:8080", "is reached from other machines"),
    ("  timeout = 1m\n", '  cors { origins = ["*"] }\n', "web pages of * may call it"),
]


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return outlined(tmp_path_factory.mktemp("safe"), SAFE)


def outlined(folder: Path, text: str) -> Plan:
    checked = Project(folder).check(text)
    assert [each.message for each in checked.diagnostics if each.is_error] == []
    assert checked.program is not None
    return outline(checked.program)


@each_row(("old", "new", "what"), LESS_SAFE)
def test_what_is_less_safe_is_a_risk(safe: Plan, tmp_path: Path, old: str, new: str, what: str) -> None:
    assert old in SAFE
    less = outlined(tmp_path, SAFE.replace(old, new, 1))
    risks = [each.what for each in differences(safe, less) if each.severity is Severity.RISK]
    assert [each for each in risks if what in each], risks


def test_what_is_added_to_be_safer_is_no_risk(safe: Plan, tmp_path: Path) -> None:
    text = SAFE
    for old, new, what in LESS_SAFE:
        if new == "" and what.startswith(("`bounds", "`promise", "the guard")):
            text = text.replace(old, new)
    changes = differences(outlined(tmp_path, text), safe)
    assert {each.about for each in changes} >= {"gateway", "assistant", "sum", "key team"}
    assert {each.severity for each in changes} == {Severity.INFO}


def test_another_part_of_a_name_with_a_star_is_told(tmp_path: Path) -> None:
    text = """
extern clean(texts: list<text>) -> list<text> = python("guards:clean")
deployment "claude-*" {{ model = "claude-*", runtime anthropic {{ api_key = env("K") }} }}
gateway {{
  key a {{ secret = env("A"), models = ["{0}"] }}
  guard g {{ request = clean, models = ["{0}"] }}
}}
"""

    def said(old: str, new: str) -> list[tuple[Severity, str]]:
        plans = (Project(tmp_path).plan(text.format(each)) for each in (old, new))
        return [(each.severity, each.about) for each in differences(*plans)]

    assert said("claude-opus*", "claude-opus*") == []
    assert said("claude-opus*", "claude-haiku*") == [
        (Severity.BREAKING, "key a"),
        (Severity.RISK, "guard g"),
        (Severity.RISK, "key a"),
        (Severity.INFO, "guard g"),
    ]
    assert said("claude-opus-4-7", "claude-opus*") == [(Severity.RISK, "key a"), (Severity.INFO, "guard g")]
