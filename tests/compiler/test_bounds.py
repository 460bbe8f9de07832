"""The most that one request can take, held against what requests take when everything fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from math import inf
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from inferc.compiler.analysis import bounds
from inferc.compiler.analysis.bound import Bound
from inferc.compiler.analysis.bounds import bounds_of
from inferc.compiler.plan import Plan, RemotePoolPlan
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.limits.rate_limiters import MAX_WAIT
from inferc.runtime.policies.retry import MAX_TOTAL_WAIT
from inferc.runtime.replicas.remote.replica import MAX_GRAIN
from inferc.runtime.requests import errors as e
from inferc.runtime.requests.answer import ChatChunk, Chunk
from inferc.runtime.requests.errors import RequestError
from inferc.runtime.requests.request import Request
from inferc.runtime.serving.deployment import Deployment
from inferc.runtime.serving.model import Model
from inferc.runtime.serving.pipelines.build import build_pipelines
from inferc.runtime.serving.pipelines.workers.workers import Workers
from inferc.runtime.serving.routes.build import build_route

from ..support.flows import echo, value_of
from ..support.members import Speaker, hear
from ..support.policies import policies_of
from ..support.projects import Project
from ..support.rows import each_row

FILE = """
deployment gpt {
  model = "gpt-4o-mini"
  replicas = 2
  runtime openai { api_key = [env("A"), env("B")], retry { max_retries = 2 }, timeouts { total = 60s } }
}
deployment claude {
  model = "claude-sonnet-4-6"
  runtime anthropic { api_key = env("C"), retry { max_retries = 1 }, timeouts { request = 60s, total = 60s } }
  request { force { max_tokens = 1k } }
}
deployment once { model = "gpt-4o", idempotent = false, runtime openai { api_key = env("A") } }
route first = fallback [gpt, claude]
route any = balance [claude, gpt, once] by least_busy
route both = hedge [gpt, claude] after 400ms
route better = cascade [once, claude] accept it.confidence >= 0.8
route all = fallback [both, first]
pipeline reply(message: text) -> text {
  thought = gpt(message) with { retries = 1 }
  parts   = [first(x) for x in ["a", "b", "c"]] with { limit = 2 }
  answer  = match thought { "yes" => once(message), _ => all(join(parts, ", ")) else claude(message) }
  return answer
}
"""

NAMES = ("gpt", "claude", "once", "first", "any", "both", "better", "all", "reply")
FAULTS = (
    lambda: e.ServerError("it failed"),
    lambda: e.NetworkError("gone"),
    lambda: e.RateLimited("slow down", retry_after=1.0, upstream_status=429),
    lambda: e.RateLimited("slow down", upstream_status=429),
    lambda: e.Unauthorized("who are you?", upstream_status=401),
    lambda: e.ServerDown("not now"),
    lambda: e.RequestTimeout("too slow"),
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return Project(tmp_path_factory.mktemp("bounds")).plan(FILE, name="bounds.infer")


def bound(text: str, name: str, folder: Path) -> Bound:
    return bounds_of(Project(folder).plan(text))[name].bound


def test_attempts_are_counted_at_every_key(plan: Plan) -> None:
    found = {name: part.bound.calls for name, part in bounds_of(plan).items()}
    assert found["gpt"] == 3 * 2
    assert found["claude"] == 2
    assert found["once"] == 1
    assert found["both"] == 6 + 2
    assert found["better"] == 1 + 2
    assert found["first"] == 4 * 6
    assert found["reply"] == 2 * 6 + 3 * 24 + found["all"] + 2


def test_the_longest_answer_is_the_forced_one(plan: Plan) -> None:
    [claude] = [each for each in plan.deployments if each.deployment == "claude"]
    assert isinstance(claude, RemotePoolPlan)
    assert claude.price is not None
    assert claude.capabilities.context_window is not None
    dearest = max(claude.price.input, claude.price.cache_write or 0, claude.price.cache_write_1h or 0)
    dollars = (claude.capabilities.context_window * dearest + 1000 * claude.price.output) / 1_000_000
    assert bounds_of(plan)["claude"].bound.dollars == pytest.approx(float(2 * dollars))


def test_a_list_of_unknown_length_has_no_limit(tmp_path: Path) -> None:
    text = FILE + "pipeline each(xs: list<text>) -> list<text> { return [gpt(x) for x in xs] }\n"
    assert bound(text, "each", tmp_path) == Bound(inf, inf, inf, inf)


def test_a_deadline_ends_what_has_no_limit(tmp_path: Path) -> None:
    assert bound(FILE + "gateway { timeout = 2m }\n", "reply", tmp_path).seconds == 120


@each_row(
    ("request_block", "times"),
    [
        ('force { extra_body { service_tier = "priority" } }', 2.0),
        ('defaults { extra_body { service_tier = "fast" } }', 2.0),
        ('force { extra_body { service_tier = "flex" } }', 0.5),
        ('defaults { extra_body { service_tier = "flex" } }', 1.0),  # a client may ask for the usual one
        ('force { extra_body { service_tier = "ultrafast" } }', inf),  # whose price is not known
    ],
)
def test_a_tier_of_service_that_the_file_asks_for_counts(
    request_block: str, times: float, tmp_path: Path
) -> None:
    def dollars(more: str) -> float:
        text = (
            'deployment one { model = "gpt-5.4-mini", runtime openai { api_key = env("K") }, '
            f"price {{ input = $1, output = $2, flex = 0.5, priority = 2 }}{more} }}"
        )
        return bound(text, "one", tmp_path).dollars

    assert dollars(f", request {{ {request_block} }}") == pytest.approx(times * dollars(""))


def test_an_unknown_price_is_no_low_price(tmp_path: Path) -> None:
    text = (
        'deployment own { model = "mine", runtime openai_compatible { endpoint = "http://localhost:1/v1" } }'
    )
    found = bound(text, "own", tmp_path)
    assert found.calls == 4
    assert found.dollars == inf


def test_waits_are_those_of_the_executor() -> None:
    assert bounds.LONGEST_LIMIT == MAX_WAIT
    assert bounds.LONGEST_RETRIES == MAX_TOTAL_WAIT
    assert bounds.LATE == MAX_GRAIN


@pytest.mark.parametrize(
    ("promise", "said"),
    [
        ("max_calls = 100", "one request to `reply` may make 182 calls"),
        ("max_cost = $1", "one request to `reply` may cost $"),
        ("max_wait = 1m", "one request to `reply` may take 6h"),
    ],
)
def test_a_broken_promise_is_an_error_with_the_way_that_breaks_it(
    tmp_path: Path, promise: str, said: str
) -> None:
    [found] = Project(tmp_path).findings(FILE + f"gateway {{ bounds {{ {promise} }} }}\n")
    assert found.code == "E0427"
    assert said in found.message
    assert " attempts: " in found.notes[-1]


def test_a_promise_that_is_kept_says_nothing(tmp_path: Path) -> None:
    promises = "max_calls = 1k, max_wait = 5m"
    assert Project(tmp_path).findings(FILE + f"gateway {{ timeout = 5m, bounds {{ {promises} }} }}\n") == []


class World:
    """The deployments of a plan over replicas that fail by chance."""

    def __init__(self, plan: Plan, chance: Random, share: float) -> None:
        self.speakers: list[Speaker] = []
        self.models: dict[str, Model] = {}
        deployments: dict[str, Deployment] = {}
        for each in plan.deployments:
            assert isinstance(each, RemotePoolPlan)
            speakers = [self._speaker(chance, share) for _ in each.replicas]
            made = Deployment(each, speakers, deployments, chance, policies_of(each))
            self.models[each.deployment] = deployments[each.deployment] = made
        workers = Workers()
        for route in plan.routes:
            self.models[route.route] = build_route(route, self.models, chance, workers)
        self.pipelines = build_pipelines(plan, self.models, {}, workers, chance)

    def _speaker(self, chance: Random, share: float) -> Speaker:
        errors: list[RequestError] = [chance.choice(FAULTS)() for _ in range(1000) if chance.random() < share]
        speaker = echo(errors=errors, delay=chance.uniform(0, 60))
        self.speakers.append(speaker)
        return speaker

    async def ask(self, name: str) -> tuple[int, float]:
        """The calls that were made, and the seconds that it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        with suppress(RequestError):
            if name in self.pipelines:
                await value_of(self.pipelines[name], message="hello")
            else:
                await hear(self.models[name], stream=False)
        return sum(len(each.started) for each in self.speakers), loop.time() - began


@given(st.sampled_from(NAMES), st.integers(0, 2**32), st.sampled_from((0.01, 0.3, 1.0)))
@settings(max_examples=50)
def test_no_request_takes_more_than_its_bound(plan: Plan, name: str, seed: int, share: float) -> None:
    async def ask() -> tuple[int, float]:
        return await World(plan, Random(seed), share).ask(name)

    calls, seconds = run_virtual(ask())
    most = bounds_of(plan)[name].bound
    assert calls <= most.calls
    assert seconds <= most.seconds


def test_a_route_and_a_key_have_bounds_of_their_own(tmp_path: Path) -> None:
    text = """
deployment gpt { model = "gpt-4o", runtime openai { api_key = env("K") } }
deployment mini { model = "gpt-4o-mini", runtime openai { api_key = env("K"), retry { max_retries = 0 } } }
route r = fallback [gpt, mini] with { bounds { max_calls = 4 } }
gateway {
  auth = bearer(env("T"))
  key team { secret = env("U"), models = [mini], bounds { max_calls = 1, max_cost = $0.01 } }
}
"""
    found = [each.message for each in Project(tmp_path).findings(text) if each.code == "E0427"]
    assert found == ["one request to `r` may make 16 calls", "one request to `mini` may cost $0.029"]
    fine = text.replace("max_calls = 4", "max_calls = 99").replace(", max_cost = $0.01", "")
    assert Project(tmp_path).codes(fine) == []


@each_row(
    ("steps", "most"),
    [
        ("return mini(x)", 4),
        ('a = [mini(y) for y in ["1", "2", "3"]], return join(a, x)', 12),
        ('return match x { "a" => mini(x), _ => inner(x) }', 8),
        ("return inner(x) with { retries = 1 } else mini(x)", 20),
        ("return inner(x)", 8),
    ],
)
def test_a_pipeline_has_bounds_of_its_own(tmp_path: Path, steps: str, most: int) -> None:
    text = """
deployment mini {{ model = "gpt-4o-mini", runtime openai {{ api_key = env("K") }} }}
pipeline inner(x: text) -> text {{ a = mini(x), return mini(a) }}
pipeline outer(x: text) -> text {{
  bounds {{ max_calls = {most} }}
  {steps}
}}
"""
    assert Project(tmp_path).codes(text.format(most=most, steps=steps)) == []
    [found] = Project(tmp_path).findings(text.format(most=most - 1, steps=steps))
    assert (found.code, found.message) == ("E0427", f"one request to `outer` may make {most} calls")


@each_row(
    ("options", "code", "said"),
    [
        ("bounds { max_cals = 1 }", "E0204", "`bounds` has no field `max_cals`"),
        ("bound { max_calls = 1 }", "E0204", "the pipeline `p` has no block `bound`"),
        ("bounds = 3", "E0205", "`bounds` is a block"),
        ("bounds { max_calls = 0 }", "E0304", "`max_calls`"),
        ("bounds { max_wait = 3 }", "E0302", "`max_wait` needs a unit"),
        ("bounds { max_calls = 9 }, bounds { max_calls = 8 }", "E0203", "given twice"),
        ("bounds { max_calls = x }", "E0201", "`x`"),
    ],
)
def test_bounds_of_a_pipeline_that_are_wrong_are_told_where_they_stand(
    tmp_path: Path, options: str, code: str, said: str
) -> None:
    text = f"""
deployment mini {{ model = "gpt-4o-mini", runtime openai {{ api_key = env("K") }} }}
pipeline p(x: text) -> text {{
  {options}
  return mini(x)
}}
"""
    found = [each for each in Project(tmp_path).findings(text) if each.is_error]
    assert [each.code for each in found] == [code], [each.message for each in found]
    assert said in found[0].message


class Caller(Speaker):
    """A model that calls its one tool twenty times in each answer, whatever it is told."""

    async def stream(self, request: Request, deadline: float | None) -> AsyncGenerator[Chunk, None]:
        self.started.append(0.0)
        calls = [
            {"id": f"c{n}", "type": "function", "function": {"name": "find", "arguments": '{"a": "x"}'}}
            for n in range(20)
        ]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        yield ChatChunk(json.dumps({"object": "chat.completion", "choices": [choice]}).encode())


def test_a_model_that_never_stops_calling_its_tools_stays_within_its_bound(tmp_path: Path) -> None:
    pool = 'runtime openai { api_key = env("K"), retry { max_retries = 0 } }'
    plan = Project(tmp_path).plan(f"""
deployment big {{ model = "gpt-4o", {pool} }}
deployment small {{ model = "gpt-4o-mini", {pool}, serving {{ max_concurrent = 99 }} }}
## Finds.
pipeline find(a: text) -> text {{ return small(a) }}
pipeline p(b: text) -> text {{ return big(b) with {{ tools = [find], max_rounds = 2 }} }}
""")
    speakers = {"big": Caller(), "small": echo()}

    async def ask() -> None:
        models: dict[str, Model] = {
            each.deployment: Deployment(each, [speakers[each.deployment]], {}, Random(1), policies_of(each))
            for each in plan.deployments
            if isinstance(each, RemotePoolPlan)
        }
        with suppress(RequestError):
            await value_of(build_pipelines(plan, models, {}, Workers(), Random(1))["p"], b="x")

    run_virtual(ask())
    calls = sum(len(each.started) for each in speakers.values())
    most = bounds_of(plan)["p"].bound.calls
    assert most == 3 + 2 * 16
    assert 2 * 16 < calls <= most


SEARCHING = """
template once { idempotent = false }
deployment claude from once { model = "claude-sonnet-4-6", runtime anthropic { api_key = env("A") } }
deployment flash from once { model = "gemini-2.5-flash", runtime gemini { api_key = env("A") } }
route both = fallback [claude, flash]
pipeline asks(message: text) -> text { return both(message) }
"""


def test_searches_are_in_the_cost_where_the_provider_bounds_them_and_named_else(tmp_path: Path) -> None:
    parts = bounds_of(Project(tmp_path).plan(SEARCHING))
    assert {name: part.per_search for name, part in parts.items()} == {
        "claude": 0.01,
        "flash": 0.0,
        "both": 0.01,
        "asks": 0.0,  # a pipeline asks for none
    }
    bound = []
    for more in ("", ", per_search = $0.5"):
        price = f'"gemini-2.5-flash", price {{ input = $0.3, output = $2.5{more} }},'
        file = SEARCHING.replace('"gemini-2.5-flash",', price)
        bound.append(bounds_of(Project(tmp_path).plan(file))["flash"].bound.dollars)
    assert bound[1] - bound[0] == pytest.approx(0.5)
