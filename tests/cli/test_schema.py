"""`inferc schema`: describes real plans, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from ..support.forked import ran
from ..support.rows import each_row

PLANS = sorted((Path(__file__).parent / "golden").rglob("*.plan.json"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(ran("schema", check=True).stdout)
    return made


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema)


@each_row("path", PLANS, ids=lambda path: path.name)
def test_the_plan_of_a_sample_is_valid(validator: Draft202012Validator, path: Path) -> None:
    validator.validate(json.loads(path.read_text()))


def rename_schema(plan: Any) -> None:
    plan["schema"] = "inferc.plan/2"


def inline_secret(plan: Any) -> None:
    plan["deployments"][1]["api_key"] = ["sk-123"]


def drop_unit(plan: Any) -> None:
    plan["deployments"][1]["timeouts"]["request"] = 20


def misspell(plan: Any) -> None:
    plan["deployments"][0]["replica"] = plan["deployments"][0].pop("replicas")


def forget(plan: Any) -> None:
    del plan["deployments"][0]["model"]["sha256"]


def other_word(plan: Any) -> None:
    plan["deployments"][1]["retry"]["jitter"] = "some"


@each_row("damage", [rename_schema, inline_secret, drop_unit, misspell, forget, other_word])
def test_a_plan_that_was_changed_by_hand_is_invalid(
    validator: Draft202012Validator, damage: Callable[[Any], None]
) -> None:
    plan = json.loads((Path(__file__).parent / "golden" / "hello.plan.json").read_text())
    assert validator.is_valid(plan)
    damage(plan)
    assert not validator.is_valid(plan)


def test_the_properties_stand_in_the_order_of_the_keys(schema: dict[str, Any]) -> None:
    plan = json.loads((Path(__file__).parent / "golden" / "hello.plan.json").read_text())
    definitions = schema["$defs"]
    assert list(plan) == list(schema["properties"])
    for deployment, name in zip(plan["deployments"], ("OnnxServingPlan", "RemotePoolPlan"), strict=True):
        properties = list(definitions[f"{name}_{deployment['kind']}"]["properties"])
        assert list(deployment) == [key for key in properties if key in deployment]
