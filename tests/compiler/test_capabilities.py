"""What the plan says that models can do, and how long models that think may take."""

from __future__ import annotations

import json
from pathlib import Path

from inferc.compiler.plan import UNKNOWN, Capabilities, Duration, Timeouts, dump_plan, load_plan
from inferc.compiler.provenance import effective_values

from ..support.projects import Project
from ..support.rows import each_row


def pool(model: str, runtime: str = "openai", settings: str = "", more: str = "") -> str:
    return (
        f'deployment it {{ model = "{model}", {more}\n'
        f'  runtime {runtime} {{ api_key = env("KEY") {settings} }}\n}}\n'
    )


class TestCapabilities:
    def test_the_plan_says_what_the_model_can_do(self, project: Project) -> None:
        can = project.remote(pool("claude-opus-4-8", "anthropic")).capabilities
        assert can.refused_sampling == ("temperature", "top_p", "top_k")
        assert can.thinks == "adaptive"

    def test_nothing_is_assumed_of_an_unknown_model(self, project: Project) -> None:
        assert project.remote(pool("brand-new")).capabilities == UNKNOWN
        assert project.remote(pool("gpt-*")).capabilities == UNKNOWN

    def test_the_file_knows_better_than_the_catalogue(self, project: Project) -> None:
        told = pool("gpt-4o-mini", more="model_info { max_output = 64000 }")
        assert project.remote(told).capabilities.greatest_output == 64000
        assert project.remote(pool("gpt-4o-mini")).capabilities.greatest_output == 16384

    def test_a_plan_keeps_them_in_its_file(self, project: Project, tmp_path: Path) -> None:
        plan = project.plan(pool("claude-sonnet-4-5", "anthropic") + pool("other").replace(" it ", " other "))
        path = tmp_path / "plan.json"
        path.write_text(dump_plan(plan), "utf-8")
        assert load_plan(path) == plan
        assert dump_plan(load_plan(path)) == dump_plan(plan)
        assert [each.get("capabilities") for each in json.loads(dump_plan(plan))["deployments"]][1] == {}

    def test_those_of_many_deployments_of_one_model_are_the_same_beside_what_is_known(self) -> None:
        base = Capabilities(greatest_output=4096)
        many = [Capabilities(greatest_temperature=2.0) for _ in range(1000)]
        assert len({id(each.over(base)) for each in many}) <= 2  # where all was forgotten in between

    def test_what_is_equal_and_not_the_same_stays_apart(self) -> None:
        base = Capabilities()
        whole, broken = (Capabilities(greatest_temperature=value).over(base) for value in (1, 1.0))
        assert type(whole.greatest_temperature) is int
        assert type(broken.greatest_temperature) is float


class TestTimeouts:
    @each_row(
        ("model", "runtime"),
        [("gpt-5", "openai"), ("o3", "openai"), ("claude-opus-5", "anthropic"), ("gemini-2.5-pro", "gemini")],
    )
    def test_a_model_that_thinks_has_minutes(self, project: Project, model: str, runtime: str) -> None:
        timeouts = project.remote(pool(model, runtime)).timeouts
        assert (timeouts.request, timeouts.read) == (Duration(600), Duration(120))

    @each_row(
        ("model", "more"),
        [("gpt-4o-mini", ""), ("brand-new", ""), ("text-embedding-3-small", "task embed { }")],
    )
    def test_others_have_the_defaults(self, project: Project, model: str, more: str) -> None:
        assert project.remote(pool(model, more=more)).timeouts == Timeouts()

    def test_what_the_file_says_holds(self, project: Project) -> None:
        both = project.remote(pool("gpt-5", settings=", timeouts { request = 20s, read = 5s }")).timeouts
        assert (both.request, both.read) == (Duration(20), Duration(5))
        one = project.remote(pool("gpt-5", settings=", timeouts { read = 5s }")).timeouts
        assert (one.request, one.read) == (Duration(600), Duration(5))

    def test_they_are_never_above_the_total(self, project: Project) -> None:
        timeouts = project.remote(pool("gpt-5", settings=", timeouts { total = 90s }")).timeouts
        assert (timeouts.request, timeouts.read) == (Duration(90), Duration(90))

    def test_it_is_said_where_they_come_from(self, project: Project) -> None:
        program = project.check(pool("gpt-5", settings=", timeouts { read = 5s }")).program
        assert program is not None
        [(_, values)] = effective_values(program)
        found = {each.path[-1]: (each.value, each.origin) for each in values if "timeouts" in each.path}
        assert found["request"] == ("10m", "catalogue: the model thinks before it answers")
        assert found["read"][0] == "5s"
        assert found["total"] == ("30m", "default")

    def test_a_gateway_that_waits_for_less_is_warned_of(self, project: Project) -> None:
        gateway = "gateway { timeout = 5m }\n"
        assert "W0418" in project.codes(gateway + pool("gpt-5"))
        assert "W0418" not in project.codes(gateway + pool("gpt-4o-mini"))
