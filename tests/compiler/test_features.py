"""What arrives at every deployment that may answer, and what is lost where."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from attrs import fields
from hypothesis import given, strategies as st

from inferc.cli.main import main
from inferc.compiler.analysis.features import arrivals_of, asked_at, losses
from inferc.compiler.plan import Capabilities, CapacityPolicy, Plan, TaskKind, WireFormat
from inferc.compiler.plan.features import YES_OR_NO, Features, features_of
from inferc.compiler.plan.reach import names_of, only
from inferc.dsl.promise import Promise

from ..support.pipelines import balance, fallback, hedge, plan_with, split
from ..support.projects import Project
from ..support.remote import remote_plan

FILE = """
deployment gpt {
  model = "gpt-4o"
  runtime openai { api_key = env("A") }
  serving { on_capacity_exhausted = fallback(spare) }
}
deployment spare { model = "deepseek-chat", runtime deepseek { api_key = env("B") } }
deployment claude { model = "claude-sonnet-4-5", runtime anthropic { api_key = env("C") } }
deployment own { model = "mine", runtime openai_compatible { endpoint = "http://localhost:1/v1" } }
deployment vectors { model = "text-embedding-3-small", runtime openai { api_key = env("A") }, task embed {} }
route both = fallback [claude, hedge [gpt, claude] after 400ms] %s
pipeline reply(message: text) -> text { return both(message) }
pipeline pair(one: text, other: text) -> text { return both("${one} ${other}") }
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return Project(tmp_path_factory.mktemp("features")).plan(FILE % "")


def found(plan: Plan, name: str) -> Features:
    features = arrivals_of(plan)[name].features
    assert features is not None
    return features


def test_the_weakest_that_may_answer_counts(plan: Plan) -> None:
    assert found(plan, "both").tools is True
    assert found(plan, "claude").images is True
    assert found(plan, "both").images is False
    assert found(plan, "both").context == 64_000
    assert found(plan, "both").choices is False


def test_what_is_not_known_is_neither_there_nor_missing(plan: Plan) -> None:
    assert found(plan, "own") == Features(**dict.fromkeys(YES_OR_NO))


def test_pipelines_take_their_arguments_alone_and_embedders_do_not_chat(plan: Plan) -> None:
    assert found(plan, "reply") == Features()
    assert asked_at(arrivals_of(plan)["reply"]) == [
        "chat at `/v1/chat/completions`, `/v1/responses`, `/v1/messages`"
    ]
    assert arrivals_of(plan)["vectors"].features is None


def test_pipelines_that_do_not_take_one_text_are_no_models(plan: Plan) -> None:
    pair = arrivals_of(plan)["pair"]
    assert (pair.features, asked_at(pair)) == (None, [])


def test_who_loses_it_is_said_with_the_way_there(plan: Plan) -> None:
    [loss] = losses(arrivals_of(plan)["both"], "images")
    assert [each.name for each in loss.way] == ["both", "both.2", "gpt", "spare"]
    assert loss.known
    assert "`spare` (when `gpt` is full)" in loss.said()


def test_parameters_that_a_file_forces_are_no_choice_of_clients() -> None:
    project = Project(Path())
    text = 'deployment a { model = "gpt-4o", runtime openai { api_key = env("A") } %s }'
    free = features_of(project.remote(text % ""))
    forced = features_of(project.remote(text % ", request { force { n = 1, parallel_tool_calls = false } }"))
    assert free is not None
    assert free.choices is True
    assert forced is not None
    assert forced.choices is False
    assert forced.parallel_tools is False


def test_a_call_stands_for_json_where_a_model_must_call() -> None:
    can = Capabilities(tools=True, forced_tools=True, json_schema=False)
    features = features_of(remote_plan(wire=WireFormat.ANTHROPIC, capabilities=can))
    assert features is not None
    assert features.json is features.json_schema is True


@pytest.mark.parametrize(
    ("promise", "said"),
    [
        ("tools = true, logprobs = false", []),
        ("images = true", ["`images` may be lost"]),
        ("context = 100k", ["100,000 tokens of context may be lost"]),
        ("context = 64k", []),
    ],
)
def test_a_promise_that_is_not_kept_is_an_error(tmp_path: Path, promise: str, said: list[str]) -> None:
    diagnostics = Project(tmp_path).findings(FILE % f"with {{ promise {{ {promise} }} }}")
    errors = [each for each in diagnostics if each.is_error]
    assert [each.code for each in errors] == ["E0428"] * len(said)
    assert all(each.message.startswith(words) for each, words in zip(errors, said, strict=True))


def test_all_that_arrives_can_be_promised() -> None:
    assert [each.name for each in fields(Promise)] == [each.name for each in fields(Features)]


def test_the_command_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Project(tmp_path).write("shop.infer", FILE % "")
    assert main(["reach", str(path), "both"]) == 0
    table, _, lost = capsys.readouterr().out.partition("\n\n")
    assert [line.split()[0] for line in table.splitlines()] == [
        *("NAME", "both", "responses", "messages", "claude", "both.2", "gpt", "spare", "claude")
    ]
    assert "images (pictures in messages) is not sure to arrive:" in lost
    wordless = "audio, image_output, audio_output, json, logprobs, choices"
    assert f"requests to /v1/messages have no words for: {wordless}" in lost
    assert main(["reach", str(path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["both"]["features"]["context"] == 64_000
    assert {"feature": "images", "way": ["gpt", "spare"], "known": True} in shown["gpt"]["lost"]
    assert shown["gpt"]["features"] == shown["gpt"]["protocols"]["chat"]
    assert shown["spare"]["features"]["logprobs"] is shown["spare"]["protocols"]["responses"]["logprobs"]
    assert shown["spare"]["protocols"]["messages"]["logprobs"] is False
    assert {name: shown["vectors"][name] for name in ("features", "protocols", "lost", "endpoints")} == {
        "features": None,
        "protocols": {},
        "lost": [],
        "endpoints": {"embedding": ["/v1/embeddings"]},
    }
    assert main(["reach", str(path), "bath"]) == 1
    assert "did you mean `both`" in capsys.readouterr().err


def some_plan(chance: Random) -> Plan:
    """Deployments of which each knows a little, some with a fallback, and routes over those before them."""

    def maybe(value: object) -> object:
        return chance.choice((None, value))

    def can() -> Capabilities:
        return Capabilities(
            tools=chance.choice((None, True, False)),
            forced_tools=chance.choice((None, True, False)),
            json_schema=chance.choice((None, True, False)),
            media_inline=maybe(("image/*",)),  # type: ignore[arg-type]
            thinks=chance.choice((None, "no", "effort")),
            most_choices=chance.choice((None, 1, 4)),
            most_top_logprobs=chance.choice((None, 0, 5)),
            context_window=chance.choice((None, 1000, 2000)),
        )

    parts = []
    names: list[str] = []
    for number in range(chance.randint(1, 5)):
        name = f"d{number}"
        full = CapacityPolicy.fallback(chance.choice(names)) if names and chance.random() < 0.4 else None
        wire = chance.choice(list(WireFormat))
        parts.append(remote_plan(name, capabilities=can(), on_full=full, wire=wire))
        names.append(name)
    routes = []
    for number in range(chance.randint(0, 4)):
        members = chance.sample(names, chance.randint(1, len(names)))
        make = chance.choice((fallback, balance, hedge, None))
        name = f"r{number}"
        shares = dict.fromkeys(members, 1 / len(members))
        routes.append(split(name, shares) if make is None else make(name, *members))
        names.append(name)
    return plan_with(*parts, *routes)


@given(st.integers(0, 2**32))
def test_a_feature_arrives_if_and_only_if_all_that_may_answer_have_it(seed: int) -> None:
    plan = some_plan(Random(seed))
    for name in names_of(plan):
        arrival = arrivals_of(plan)[name]
        there = {each.deployment: features_of(each) for each in only(plan, name).deployments}
        for feature in YES_OR_NO:
            values = {who: getattr(each, feature) for who, each in there.items()}
            assert getattr(arrival.features, feature) is (
                False if False in values.values() else None if None in values.values() else True
            )
            lost = {loss.at.name: loss.known for loss in losses(arrival, feature)}
            assert lost == {who: value is False for who, value in values.items() if value is not True}
        windows = [each.context for each in there.values() if each is not None]
        least = None if None in windows else min(each for each in windows if each is not None)
        assert arrival.features is not None
        assert arrival.features.context == least
        small = {loss.at.name for loss in losses(arrival, "context", 1500)}
        assert small == {who for who, each in there.items() if each is None or (each.context or 0) < 1500}


def test_routes_of_what_does_not_chat_lose_nothing() -> None:
    plan = plan_with(remote_plan("e", task=TaskKind.EMBED), fallback("r", "e"))
    assert arrivals_of(plan)["r"].features is None
