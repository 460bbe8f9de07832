"""Budgets of routes and of the gateway: all that is asked through them counts, whoever answers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from inferc.compiler.plan import Plan
from inferc.runtime.executor import Executor
from inferc.runtime.requests.errors import BudgetExceeded
from inferc.runtime.requests.request import ChatRequest

from ..support.projects import Project
from ..support.remote import mock_provider, running

FILE = """
template t {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("KEY"), endpoint = "ENDPOINT" }
  price { input = $1k, output = $1k }
}
deployment a from t { }
deployment b from t { }
route r = balance [a, b] by round_robin with { budget { max_spend_per_week = $0.25, on_exceeded = reject } }
route outer = fallback [r, a]
gateway { GATEWAY }
"""
ASKED = {"model": "r", "max_tokens": 10, "messages": [{"role": "user", "content": "hello there"}]}
ONE = ChatRequest(ASKED, False)


def plan(folder: Path, endpoint: str, gateway: str = "") -> Plan:
    return Project(folder).plan(FILE.replace("ENDPOINT", endpoint).replace("GATEWAY", gateway))


async def asked(executor: Executor, name: str, times: int) -> int:
    """How many of `times` requests are answered."""
    answered = 0
    for _ in range(times):
        with suppress(BudgetExceeded):
            await executor.answer(name, ONE)
            answered += 1
    return answered


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "any")


async def test_what_is_asked_through_a_route_counts_for_its_budget(tmp_path: Path) -> None:
    async with mock_provider() as mock, running(plan(tmp_path, mock.endpoint)) as executor:
        with pytest.raises(BudgetExceeded, match="route `r`: the request may cost"):
            await executor.answer("r", ChatRequest({**ONE.body, "max_tokens": 9000}, False))
        assert await asked(executor, "a", 5) == 5
        spent = executor.spent()["route r"]["week"]
        assert spent == 0
        answered = await asked(executor, "r", 60)
        assert 1 < answered < 60
        assert 0.2 < executor.spent()["route r"]["week"] <= 0.25
        assert await asked(executor, "outer", 2) == 2  # its other member is no part of the route


async def test_all_requests_count_for_the_budget_of_the_gateway(tmp_path: Path) -> None:
    budget = "budget { max_spend_per_month = $0.25, on_exceeded = reject }"
    async with mock_provider() as mock, running(plan(tmp_path, mock.endpoint, budget)) as executor:
        first, then = await asked(executor, "a", 60), await asked(executor, "r", 3)
        assert 1 < first < 60
        assert then == 0
        assert 0.2 < executor.spent()["gateway"]["month"] <= 0.25


async def test_processes_share_it_and_it_outlives_them(tmp_path: Path) -> None:
    budget = "budget { max_spend_per_month = $0.6, on_exceeded = reject }"
    async with mock_provider() as mock:
        made = plan(tmp_path, mock.endpoint, budget)
        one, two = (Executor(made, tmp_path, state=tmp_path / "state") for _ in range(2))
        await one.start()
        await two.start()
        for _ in range(60):
            await asked(one, "a", 1)
            await asked(two, "r", 1)
        await one.stop()
        await two.stop()
        again = Executor(made, tmp_path, state=tmp_path / "state")
        await again.start()
        total = again.spent()["gateway"]["month"]
        await again.stop()
        assert 0.4 < total <= 0.6


async def test_a_deployment_has_its_own_budget_whatever_it_is_called(tmp_path: Path) -> None:
    strange = """
    deployment "route:r" from t { budget { max_spend_per_day = $9, on_exceeded = reject } }
    deployment "route/r" from t { budget { max_spend_per_day = $9, on_exceeded = reject } }
    deployment "gateway:" from t { budget { max_spend_per_day = $9, on_exceeded = reject } }
    """
    budget = "budget { max_spend_per_month = $9, on_exceeded = reject }"
    async with mock_provider() as mock:
        text = (FILE + strange).replace("ENDPOINT", mock.endpoint).replace("GATEWAY", budget)
        executor = Executor(Project(tmp_path).plan(text), tmp_path, state=tmp_path / "state")
        await executor.start()
        assert await asked(executor, "r", 3) == 3
        spent = [
            policies.budget.spent(0)["day"]
            for each in executor.deployments.values()
            for policies in each.policies
            if policies is not None and policies.budget is not None
        ]
        await executor.stop()
    assert spent == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("route r = fallback [a] with { budget { on_exceeded = reject } }", "E0305"),
        ("route r = fallback [a] with { budget { DAY, on_exceeded = throttle } }", "E0303"),
        ("route r = fallback [a, u] with { budget { DAY, on_exceeded = reject } }", "E0413"),
        ("route r = hedge [a, u] after 1s with { budget { DAY, on_exceeded = warn } }", "W0421"),
        ("gateway { budget { DAY, on_exceeded = reject } }", "E0413"),
        ("gateway { budget { DAY, max_spend_per_hour = $2, on_exceeded = warn } }", "E0412"),
        ("route r = fallback [a] with { budgets { } }", "E0204"),
        ("gateway { budget { max_spend_per_year = $1, on_exceeded = warn } }", "E0204"),
        ("route r = fallback [fallback [a] with { }, a]", "E0101"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, text: str, code: str) -> None:
    deployments = (
        'deployment a { model = "gpt-4o", runtime openai { api_key = env("K") } }\n'
        'deployment u { model = "who-knows", runtime openai { api_key = env("K") } }\n'
    )
    codes = Project(tmp_path).codes(deployments + text.replace("DAY", "max_spend_per_day = $1"))
    assert [each for each in codes if each[0] in "EW"] == [code]
