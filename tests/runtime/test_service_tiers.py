"""Tiers of service: an answer costs what the tier does that it was served in, else the one asked for; what is
set aside before is the dearest that may come."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from inferc.compiler.plan import (
    Budget,
    BudgetAction,
    Capabilities,
    Money,
    Price,
    RemotePoolPlan,
    RequestParameters,
    RequestSettings,
)
from inferc.compiler.plan.service_tiers import tier_in, tier_named
from inferc.dsl.kinds import WireFormat
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.dialects.bedrock import BedrockReader
from inferc.runtime.dialects.gemini import GeminiReader
from inferc.runtime.dialects.openai_chat import OpenAIChatReader
from inferc.runtime.dialects.openai_responses import ResponsesReader
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.reader import AnswerReader, PlainFailures
from inferc.runtime.dialects.server_sent_events import Event
from inferc.runtime.policies.asked_tier import AskedTier
from inferc.runtime.policies.budget import Ledger
from inferc.runtime.policies.estimate import Estimate
from inferc.runtime.policies.tariff import Tariff
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.replicas.remote.passthrough.answers import read_whole
from inferc.runtime.replicas.remote.passthrough.streams import PassingReader
from inferc.runtime.requests.answer import ChatChunk
from inferc.runtime.requests.errors import Incapable
from inferc.runtime.requests.events import UsageKnown
from inferc.runtime.requests.request import ChatRequest
from inferc.runtime.requests.usage import Usage
from inferc.runtime.serving.attempt import Attempt

from ..support.policies import policies_of
from ..support.remote import remote_plan
from ..support.rows import each_row
from ..support.wires import wire_plan

PRICE = Price(Money("1"), Money("10"), Money("0.1"), flex=0.5, flex_cached=1.0, priority=1.8, ultrafast=6.0)
TARIFF = Tariff.of(PRICE)
USUAL = 1000 * 1_000_000 + 100 * 10_000_000
"""Picodollars for a thousand tokens and an answer of a hundred."""
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TOLD = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def written(where: str = "force", **body: object) -> RequestSettings:
    return RequestSettings(**{where: RequestParameters(extra_body=dict(body))})


def asking(**body: Any) -> ChatRequest:
    return ChatRequest({**CHAT, **body}, stream=False)


@each_row(
    ("told", "tier"),
    [
        ("default", "standard"),
        ("on_demand", "standard"),
        ("ON_DEMAND_PRIORITY", "priority"),
        ("auto", ""),
        ("FLEX", "flex"),
        (None, ""),
        (7, ""),
        ("performance", "performance"),
        ("x" * 99, "unknown"),
        ("a\nb", "unknown"),
    ],
)
def test_each_provider_s_word_is_one_of_ours(told: object, tier: str) -> None:
    assert tier_named(told) == tier


@each_row(
    ("wire", "body", "tier"),
    [
        (WireFormat.OPENAI, {"service_tier": "flex"}, "flex"),
        (WireFormat.ANTHROPIC, {"speed": "fast", "service_tier": "standard"}, "fast"),
        (WireFormat.ANTHROPIC, {"service_tier": "priority"}, "priority"),
        (WireFormat.GEMINI, {"serviceTier": "priority"}, "priority"),
        (WireFormat.GEMINI, {"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        (WireFormat.BEDROCK, {"serviceTier": {"type": "priority"}}, "priority"),
        (WireFormat.BEDROCK, {"performanceConfig": {"latency": "optimized"}}, "optimized"),
        (WireFormat.BEDROCK, {"serviceTier": "priority"}, ""),
    ],
)
def test_a_tier_stands_where_its_provider_has_it(wire: WireFormat, body: dict[str, Any], tier: str) -> None:
    assert tier_in(body, wire) == tier


@each_row(
    ("tier", "times"),
    [("", 1), ("standard", 1), ("flex", 0.5), ("priority", 1.8), ("fast", 1.8), ("ultrafast", 6), ("new", 1)],
)
def test_tokens_cost_what_they_do_in_their_tier(tier: str, times: float) -> None:
    assert TARIFF.cost(Usage(1000, 100, tier=tier)) == USUAL * times


def test_cached_tokens_have_a_price_of_their_own_in_a_cheaper_tier() -> None:
    found = TARIFF.cost(Usage(1000, 0, cached_tokens=400, tier="flex"))
    assert found == 600 * 1_000_000 // 2 + 400 * 100_000


def test_what_is_set_aside_is_never_below_the_standard_price() -> None:
    sizes = {tier: TARIFF.estimated(Estimate(1000, 100, tier=tier)) for tier in ("", "flex", "priority")}
    assert sizes == {"": USUAL, "flex": USUAL, "priority": USUAL * 18 // 10}


def test_several_usages_together_are_in_no_tier() -> None:
    assert Usage.total([Usage(1, 2, tier="flex"), Usage(3, 4, tier="standard")]) == Usage(4, 6)


_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("reader", "answer"),
    [
        (
            OpenAIChatReader,
            {"id": "a", "model": "m", "choices": [_CHOICE], "usage": TOLD, "service_tier": "flex"},
        ),
        (
            ResponsesReader,
            {
                "id": "a",
                "model": "m",
                "status": "completed",
                "output": [],
                "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
                "service_tier": "flex",
            },
        ),
        (
            GeminiReader,
            {
                "candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "serviceTier": "flex"},
            },
        ),
        (
            BedrockReader,
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "x"}]}},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 1, "outputTokens": 1},
                "serviceTier": {"type": "flex"},
            },
        ),
    ],
)
def test_an_answer_tells_its_tier(reader: type[AnswerReader], answer: dict[str, Any]) -> None:
    events = reader(PlainFailures()).read_whole(json.dumps(answer).encode())
    assert [each.usage.tier for each in events if isinstance(each, UsageKnown)] == ["flex"]


def test_an_answer_that_goes_on_as_it_came_tells_its_tier_too() -> None:
    classifier = Classifier(wire_plan("openai"), None)
    answer = {"id": "a", "choices": [_CHOICE], "usage": TOLD, "service_tier": "priority"}
    assert read_whole(json.dumps(answer).encode(), classifier).usage == Usage(1000, 100, tier="priority")


def test_streams_tell_it_in_their_chunks_also_when_those_are_known_by_their_shape() -> None:
    classifier = Classifier(wire_plan("openai"), None)
    first = PassingReader(classifier, hide_usage=False)
    shapes = first._shapes
    for tier in ("priority", "default", "priority"):
        reader = PassingReader(classifier, hide_usage=False, shapes=shapes)
        delta = {"index": 0, "delta": {"content": "x"}, "finish_reason": None}
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        chunks: list[dict[str, Any]] = [
            {"id": "a", "service_tier": tier, "choices": [delta], "usage": None},
            {"id": "a", "service_tier": tier, "choices": [delta], "usage": None},
            {"id": "a", "service_tier": tier, "choices": [end], "usage": None},
            {"id": "a", "service_tier": tier, "choices": [], "usage": TOLD},
        ]
        told = [
            made.usage.tier
            for chunk in chunks
            for made in reader.read(Event(b"", json.dumps(chunk).encode()))
            if made.usage is not None
        ]
        assert told == [tier_named(tier)]


class TestAsked:
    """What requests ask for, by the file and the client."""

    def test_a_client_says_it(self) -> None:
        assert AskedTier(remote_plan(price=PRICE)).of(asking(service_tier="priority")) == "priority"

    def test_the_file_forces_it(self) -> None:
        asked = AskedTier(remote_plan(price=PRICE, request=written(service_tier="flex")))
        assert asked.of(asking(service_tier="priority")) == "flex"

    def test_a_default_is_for_clients_that_say_nothing(self) -> None:
        asked = AskedTier(remote_plan(price=PRICE, request=written("defaults", service_tier="priority")))
        assert asked.of(asking()) == "priority"
        assert asked.of(asking(service_tier="default")) == "standard"

    def test_a_provider_without_tiers_is_asked_for_none(self) -> None:
        plan = remote_plan(price=PRICE, capabilities=Capabilities(lacking_fields=("service_tier",)))
        assert AskedTier(plan).of(asking(service_tier="priority")) == ""

    def test_a_tier_that_is_left_out_is_not_asked_for(self) -> None:
        plan = remote_plan(price=PRICE, capabilities=Capabilities(service_tiers=("auto", "flex")))
        assert AskedTier(plan).of(asking(service_tier="priority")) == ""

    def test_it_is_that_of_the_file_where_the_provider_is_not_told_the_client_s(self) -> None:
        plan = remote_plan(price=PRICE, wire=WireFormat.BEDROCK)
        assert AskedTier(plan).of(asking(service_tier="priority")) == ""

    @each_row("preset", ["gemini", "vertex"])
    @each_row(("said", "tier"), [("priority", "priority"), ("default", "standard"), ("scale", ""), (7, "")])
    def test_gemini_has_some_of_openai_s(self, preset: str, said: object, tier: str) -> None:
        assert AskedTier(wire_plan(preset, price=PRICE)).of(asking(service_tier=said)) == tier

    def test_a_project_that_is_set_to_a_dearer_tier_is_found_out(self) -> None:
        asked = AskedTier(remote_plan(price=PRICE))
        asked.answered("", "flex")
        assert asked.of(asking()) == ""
        asked.answered("", "priority")
        assert asked.of(asking(service_tier="auto")) == "priority"

    def test_a_header_asks_vertex_for_it(self) -> None:
        plan = wire_plan("vertex", headers={"X-Vertex-AI-LLM-Shared-Request-Type": "priority"}, price=PRICE)
        assert AskedTier(plan).of(asking()) == "priority"


class TestTold:
    """How Gemini is told what a client asks for."""

    @pytest.mark.parametrize(("said", "told"), [("flex", "flex"), ("default", "standard")])
    def test_ai_studio_reads_it_in_the_body(self, said: str, told: str) -> None:
        fit = Chats(wire_plan("gemini")).fit(asking(service_tier=said))
        assert json.loads(fit.body)["serviceTier"] == told
        assert not fit.headers
        assert not fit.changes

    def test_vertex_reads_it_in_a_header_alone(self) -> None:
        fit = Chats(wire_plan("vertex")).fit(asking(service_tier="flex"))
        assert "serviceTier" not in json.loads(fit.body)
        assert fit.headers == {"x-vertex-ai-llm-shared-request-type": "flex"}

    def test_the_standard_one_at_vertex_is_asked_for_by_no_header(self) -> None:
        fit = Chats(wire_plan("vertex")).fit(asking(service_tier="default"))
        assert "serviceTier" not in json.loads(fit.body)
        assert not fit.headers

    def test_the_header_of_the_file_counts_before_it(self) -> None:
        plan = wire_plan("vertex", headers={"X-Vertex-AI-LLM-Shared-Request-Type": "priority"})
        assert not Chats(plan).fit(asking(service_tier="flex")).headers

    @pytest.mark.parametrize("preset", ["gemini", "vertex"])
    def test_others_are_left_out_and_that_is_told(self, preset: str) -> None:
        fit = Chats(wire_plan(preset)).fit(asking(service_tier="scale"))
        assert "serviceTier" not in json.loads(fit.body)
        assert not fit.headers
        assert fit.changes == ("service_tier",)


def attempted(plan: RemotePoolPlan, tier: str, told: Usage | None) -> tuple[int | None, int]:
    """What an answer costs, and what was spent of the budget, after one attempt."""
    ledger = Ledger()

    async def attempt() -> int | None:
        [policies] = policies_of(plan, ledger=ledger)
        made = Attempt(policies, Estimate(1000, 100, tier=tier), asyncio.get_running_loop(), Tariff.of(PRICE))
        await made.enter(0.0, None, lambda now: now)
        made.is_sent = True
        made.saw(ChatChunk(b"{}", told))
        made.finished()
        made.leave(0.0)
        return made.cost

    cost = run_virtual(attempt())
    return cost, ledger.total(ledger.window(60))


def with_budget(action: BudgetAction = BudgetAction.REJECT, price: Price = PRICE) -> RemotePoolPlan:
    return remote_plan(price=price, budget=Budget(action, Money("1")))


@pytest.mark.parametrize(
    ("asked", "told", "times"),
    [
        ("priority", "standard", 1),  # it was served in another one, as Gemini and OpenAI may
        ("priority", "", 1.8),  # nobody tells
        ("", "priority", 1.8),
        ("flex", "flex", 0.5),
    ],
)
def test_an_answer_costs_what_its_own_tier_does(asked: str, told: str, times: float) -> None:
    cost = USUAL * times
    assert attempted(with_budget(), asked, Usage(1000, 100, tier=told)) == (cost, cost)


def test_a_tier_whose_price_nobody_knows_is_not_asked_for_below_a_budget_that_rejects() -> None:
    plan = with_budget(price=Price(Money("1"), Money("10")))
    with pytest.raises(Incapable, match=r"tier `priority`.*`price \{ priority = … \}`"):
        attempted(plan, "priority", None)
    assert attempted(plan, "flex", Usage(1000, 100, tier="flex"))[0] is not None


def test_below_another_budget_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    plan = with_budget(BudgetAction.WARN, Price(Money("1"), Money("10")))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            attempted(plan, "performance", Usage(1000, 100))
    assert [each.message for each in caplog.records if "performance" in each.message] == [
        f"deployment `{plan.deployment}`: openai answered in its tier `performance`, whose price is not "
        "known and is counted as the usual one"
    ]
