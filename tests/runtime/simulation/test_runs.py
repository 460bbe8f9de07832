"""Long loads: samples against single requests."""

from __future__ import annotations

import pytest

from inferc.compiler.plan.scenarios import FailurePlan, LoadPlan, ProviderPlan, Shape, Spread, TrafficPlan
from inferc.runtime.simulation.loads import DAY, expected, of_peak
from inferc.runtime.simulation.runs import WINDOWS, Run, run
from inferc.runtime.simulation.samples import sample_of
from inferc.runtime.simulation.sampling import coarse
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


def test_a_sample_leaves_few_slots_as_few_as_they_are() -> None:
    text = """\
    deployment few {
      model = "gpt-4o-mini"
      runtime openai { api_key = env("NO_SUCH_KEY") }
      serving { max_concurrent = 10, on_capacity_exhausted = reject }
    }
    deployment many {
      model = "gpt-4o"
      runtime openai { api_key = env("NO_SUCH_KEY") }
      serving { max_concurrent = 1k }
    }
    route assistant = fallback [few, many]
    """
    plan, _ = scenarios(text)
    load = LoadPlan((TrafficPlan("assistant", 4.0, 2_400.0),))
    whole, sample = (run(plan, HERE, {}, load, 1, most) for most in (10**6, 4_000))
    assert (sample.sample.thinned, sample.sample.every, sample.coarse) == (1.0, 100.0, ())
    assert sample.tally.count * sample.scale == pytest.approx(whole.tally.count, rel=0.1)
    overflow = [each.tally.answers["many"] / each.tally.count for each in (whole, sample)]
    assert 0.05 < overflow[0] < 0.15
    assert overflow[1] == pytest.approx(overflow[0], abs=0.02)  # one of three, before 3 slots, has 0.2
    slots = [next(each for each in run.looked if each.of == "few") for run in (whole, sample)]
    assert slots[1].mean == pytest.approx(slots[0].mean, rel=0.1)


def test_what_is_too_much_even_in_parts_of_the_time_is_thinned_with_its_queues() -> None:
    plan, _ = scenarios(FILE)
    load = LoadPlan((TrafficPlan("assistant", 10_000.0, DAY),), shape=Shape.DAY)
    sample = sample_of(plan, {}, load, expected(load), WINDOWS, 200_000)
    assert sample.every == 3_600.0
    assert sample.scale > 10 * sample.thinned > 10
    assert sum(sample.is_counted(float(at)) for at in range(3_600)) == pytest.approx(sample.counts, abs=1)
    resumed = sample.goes_on(0.0)
    assert resumed is not None
    assert sample.goes_on(resumed) is None
    assert not sample.is_counted(resumed)  # when queues only fill
    small = next(each for each in coarse(plan, {}, load, sample) if "claude" in each)
    assert small.endswith("in place of 32)")


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ({}, ""),
        ({"gpt": ProviderPlan("gpt", failures=(FailurePlan("status", 503, 3_600.0, 600.0),))}, "of its own"),
    ],
)
def test_all_of_the_time_is_played_where_its_parts_differ(world: dict[str, ProviderPlan], said: str) -> None:
    plan, _ = scenarios(FILE)
    load = LoadPlan((TrafficPlan("assistant", 100.0, DAY),))
    sample = sample_of(plan, world, load, expected(load), WINDOWS, None)
    assert said in sample.why
    assert (sample.every > 0) is (not said)
