"""Long loads: samples against single requests."""

from __future__ import annotations

import pytest

from inferc.compiler.plan.scenarios import FailurePlan, LoadPlan, ProviderPlan, Spread, TrafficPlan
from inferc.runtime.simulation.loads import DAY, of_peak
from inferc.runtime.simulation.runs import Run, run
from tests.support.played import HERE, scenarios

FILE = """\
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("NO_SUCH_KEY"), retry { max_retries = 2 } }
  serving { max_concurrent = 200 }
}
deployment claude { model = "claude-sonnet-4", runtime anthropic { api_key = env("NO_SUCH_KEY") } }
route assistant = fallback [gpt, claude] with { budget { max_spend_per_day = $100, on_exceeded = reject } }
route quick = hedge [gpt, claude] after 500ms
"""
WORLD = {"gpt": ProviderPlan("gpt", Spread(0.5, 2.0), failures=(FailurePlan("status", 503, share=0.05),))}


def play(load: LoadPlan, world: dict[str, ProviderPlan], most: int, seed: int = 1) -> Run:
    plan, _ = scenarios(FILE)
    return run(plan, HERE, world, load, seed, most)


def test_a_sample_says_what_all_requests_say() -> None:
    load = LoadPlan((TrafficPlan("assistant", 20.0, 200.0),))
    whole, sample = play(load, WORLD, 10**6), play(load, WORLD, 1_000)
    assert (whole.scale, sample.scale) == (1.0, 4.0)
    assert sample.tally.count * sample.scale == pytest.approx(whole.tally.count, rel=0.1)
    for share in (0.5, 0.99):
        assert sample.tally.percentile(share) == pytest.approx(whole.tally.percentile(share), rel=0.1)
    assert sample.cost == pytest.approx(whole.cost, rel=0.15)
    assert whole.tally.failures == sample.tally.failures == 0


def test_what_is_full_is_seen_with_those_who_wait() -> None:
    load = LoadPlan((TrafficPlan("claude", 60.0, 60.0),), answer=200)
    slots = next(each for each in play(load, {}, 10**6).looked if (each.kind, each.of) == ("slots", "claude"))
    assert slots.peak == 1.0
    assert slots.waited > 100
    assert "max_concurrent = 32" in slots.advice


def test_a_day_has_a_peak_and_a_night() -> None:
    rates = [of_peak(hour * 3600.0) for hour in range(24)]
    assert (rates.index(max(rates)), rates.index(min(rates))) == (16, 4)
    assert of_peak(0.0) == pytest.approx(of_peak(DAY))
