"""Texts of the environment: named in the plan, read when it starts, held to the rules of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from inferc.compiler.plan import Plan, RemotePoolPlan, dump_plan, load_plan
from inferc.runtime.environment import in_environment
from inferc.runtime.requests.errors import StartError

from ..support.projects import Project
from ..support.remote import plan_of, remote_plan

TEXT = """
let host = env("HOST", "localhost")
param team: text = env("TEAM", "none")
deployment one {
  model = env("MODEL", "openai/gpt-4o")
  runtime openai {
    api_key = env("KEY")
    endpoint = "http://${host}:${PORT}/v1/"
    organization = env("ORG")
    headers { "X-Team" = team, "X-Plain" = "a" }
  }
  request { force { user = env("WHO", "us"), extra_body { tags = [env("TAG", "t"), "x"] } } }
}
let PORT = env("PORT", "80")
gateway { bind = env("BIND", "127.0.0.1:1"), state { name = env("STATE", "s") } }
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of `TEXT`, written and read back."""
    path = tmp_path / "plan.json"
    path.write_text(dump_plan(Project(tmp_path).plan(TEXT)), "utf-8")
    return load_plan(path)


def remote(plan: Plan) -> RemotePoolPlan:
    [deployment] = plan.deployments
    assert isinstance(deployment, RemotePoolPlan)
    return deployment


def test_defaults_count_where_nothing_is_set(plan: Plan) -> None:
    read = in_environment(plan, {"ORG": "org", "HOST": ""})
    one = remote(read)
    assert (one.endpoint, one.model) == ("http://localhost:80/v1", "gpt-4o")
    assert one.headers == {"OpenAI-Organization": "org", "X-Team": "none", "X-Plain": "a"}
    assert one.request is not None
    assert one.request.force is not None
    assert (one.request.force.user, one.request.force.extra_body) == ("us", {"tags": ["t", "x"]})
    assert (read.gateway.host, read.gateway.port, read.state.name) == ("127.0.0.1", 1, "s")
    assert in_environment(read, {}) is read


def test_what_is_set_counts(plan: Plan) -> None:
    environment = {"ORG": "org", "HOST": "h", "PORT": "81", "MODEL": "m/*", "TEAM": "t", "BIND": "0.0.0.0:9"}
    read = in_environment(plan, environment)
    one = remote(read)
    assert (one.endpoint, one.model, one.is_wildcard) == ("http://h:81/v1", "m/*", True)
    assert one.headers["X-Team"] == "t"
    assert (read.gateway.host, read.gateway.port) == ("0.0.0.0", 9)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({}, "deployment `one`: the environment variable ORG is not set: set it (export ORG=…)"),
        ({"ORG": ""}, "deployment `one`: the environment variable ORG is empty: set it (export ORG=…)"),
        ({"ORG": "o", "HOST": "a b@c"}, "deployment `one`: `endpoint` holds a user name or a password"),
        ({"ORG": "o\nX: y"}, "deployment `one`: what ORG holds has over 65536 characters, or odd ones"),
        ({"ORG": "ö"}, "deployment `one`: the header `OpenAI-Organization` must be one line of plain ASCII"),
        ({"ORG": "o", "BIND": "8080"}, "gateway: `8080` is no address and port"),
        ({"ORG": "o", "STATE": "a/b"}, "gateway: the name of its state has 1 to 100 characters"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(
    plan: Plan, environment: dict[str, str], problem: str
) -> None:
    with pytest.raises(StartError) as failed:
        in_environment(plan, environment)
    assert any(each.startswith(problem) for each in failed.value.problems), failed.value.problems


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('deployment a { model = "gpt-4o", runtime openai { api_key = env("K", "sesame") } }', "E0306"),
        ('deployment a { model = "gpt-4o", runtime openai { api_key = env("K", 5) } }', "E0301"),
        ('deployment a { model = "gpt-4o", replicas = env("N", "2"), runtime vllm { } }', "E0301"),
        ('let x = env("X", "y")\npipeline p(m: text) -> text { return "${m} ${x}" }', "E0601"),
        (
            'deployment a { model = "m", runtime vllm { endpoint = "http://x", headers { Host = "b" } } }',
            "E0316",
        ),
        ('deployment a { model = "m", runtime vllm { endpoint = env("E", "localhost") } }', "E0313"),
    ],
)
def test_what_no_text_may_be_is_said_by_the_compiler(tmp_path: Path, text: str, code: str) -> None:
    found = [item for item in Project(tmp_path).findings(text) if item.is_error]
    assert [item.code for item in found][:1] == [code]
    assert "sesame" not in "".join(item.message for item in found)


def test_what_costs_money_by_a_model_of_the_environment_needs_a_price(tmp_path: Path) -> None:
    text = (
        'deployment a {{ model = env("M", "gpt-4o"), runtime openai {{ api_key = env("K") }} {} '
        "budget {{ max_spend_per_day = $1, on_exceeded = reject }} }}"
    )
    project = Project(tmp_path)
    assert project.codes(text.format("")) == ["E0413"]
    assert project.codes(text.format("price { input = $1, output = $2 }")) == []


def test_auto_workers_are_as_many_as_the_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(3)), raising=False)
    plan = plan_of(remote_plan("gpt"))
    plan = evolve(plan, gateway=evolve(plan.gateway, workers=0))
    assert in_environment(plan).gateway.workers == 3
