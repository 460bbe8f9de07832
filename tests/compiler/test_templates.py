"""What a deployment takes from its templates: what wins, where it came from, what is wrong with it."""

from __future__ import annotations

import pytest

from inferc.compiler.blocks import merge
from inferc.compiler.plan import RemotePoolPlan
from inferc.compiler.provenance import effective_values
from inferc.dsl.catalogues.models import find_model

from ..support.projects import Project, chat, place
from ..support.rows import each_row

FIRST = """\
template first {
  replicas = 2
  serving { max_concurrent = 10, on_capacity_exhausted = reject }
  runtime openai {
    api_key = env("FIRST")
    retry { max_retries = 1, initial_backoff = 2s }
    timeouts { request = 10s }
  }
}
"""
SECOND = """\
template second {
  serving { max_concurrent = 20 }
  runtime openai { api_key = env("SECOND"), retry { max_retries = 2, jitter = full } }
}
"""
BOTH = FIRST + SECOND


def gpt(bases: str, body: str = "") -> str:
    return f'deployment gpt from {bases} {{ model = "gpt-4o", {body} }}\n'


def summary(plan: RemotePoolPlan) -> dict[str, object]:
    return {
        "replicas": len(plan.replicas),
        "max_concurrent": plan.serving.max_concurrent,
        "full": plan.serving.on_capacity_exhausted.kind.value,
        "key": plan.api_key[0].name,
        "max_retries": plan.retry.max_retries,
        "initial_backoff": str(plan.retry.initial_backoff),
        "jitter": plan.retry.jitter.value,
        "request": str(plan.timeouts.request),
    }


ONLY_FIRST = {
    "replicas": 2,
    "max_concurrent": 10,
    "full": "reject",
    "key": "FIRST",
    "max_retries": 1,
    "initial_backoff": "2s",
    "jitter": "equal",
    "request": "10s",
}
FROM_SECOND = {"max_concurrent": 20, "key": "SECOND", "max_retries": 2, "jitter": "full"}


@each_row(
    ("text", "differs"),
    [
        (gpt("first"), {}),
        (gpt("first, second"), FROM_SECOND),
        (gpt("second, first"), {"jitter": "full"}),
        (gpt("first", "replicas = 5"), {"replicas": 5}),
        (gpt("first", "serving { max_concurrent = 5 }"), {"max_concurrent": 5}),
        (gpt("first, second", 'runtime openai { api_key = env("OWN") }'), FROM_SECOND | {"key": "OWN"}),
        (
            gpt("first, second", "runtime openai { retry { jitter = none } }"),
            FROM_SECOND | {"jitter": "none"},
        ),
        ("template both from first, second { }\n" + gpt("both"), FROM_SECOND),
        ("template both from first { replicas = 7 }\n" + gpt("both, second"), FROM_SECOND | {"replicas": 7}),
        ("template both from first { replicas = 7 }\n" + gpt("both, first"), {}),
        (gpt("first, first, first"), {}),
    ],
    ids=[
        "one template",
        "the right one wins",
        "the other way round",
        "the own body wins",
        "block by block",
        "field by field",
        "in the innermost block",
        "a template of templates",
        "a template wins over its bases",
        "a base named again wins again",
        "the same template again",
    ],
)
def test_templates_are_merged_left_to_right_and_the_own_body_wins(
    project: Project, text: str, differs: dict[str, object]
) -> None:
    assert summary(project.remote(BOTH + text + "let _u = 1\n")) == ONLY_FIRST | differs
    assert summary(project.remote(text + BOTH)) == ONLY_FIRST | differs


def test_a_template_that_two_deployments_share_stays_as_it_is(project: Project) -> None:
    text = BOTH + gpt("first, second", "replicas = 9") + chat("other", bases="first")
    plans = project.deployments(text)
    assert (len(plans["gpt"].replicas), len(plans["other"].replicas)) == (9, 2)
    assert plans["other"].serving.max_concurrent == 10


@each_row(
    ("body", "kind"),
    [
        ('runtime anthropic { api_key = env("OWN") }', "anthropic"),
        ('runtime openai_compatible { endpoint = "http://h/v1" }', "openai_compatible"),
    ],
)
def test_a_block_of_another_kind_replaces_the_template_s(project: Project, body: str, kind: str) -> None:
    plan = project.remote(BOTH + gpt("first, second", body))
    assert plan.provider.value == kind
    assert (plan.retry.max_retries, str(plan.retry.initial_backoff)) == (3, "1s")
    assert str(plan.timeouts.request) == "30s"


def test_a_template_may_be_built_for_any_runtime_of_its_users(project: Project) -> None:
    text = """\
template careful { serving { max_concurrent = 4 } }
deployment gpt from careful { model = "gpt-4o", runtime openai { api_key = env("KEY") } }
deployment claude from careful { model = "claude-sonnet-4", runtime anthropic { api_key = env("KEY") } }
"""
    assert {plan.serving.max_concurrent for plan in project.deployments(text).values()} == {4}


def test_a_list_of_the_right_one_replaces_the_list_of_the_left_one(project: Project) -> None:
    text = """\
template a { runtime openai { api_key = [env("A"), env("B")] } }
template b { runtime openai { api_key = [env("C"), env("D")] } }
deployment gpt from a, b { model = "gpt-4o", replicas = 2 }
"""
    assert [key.name for key in project.remote(text).api_key] == ["C", "D"]


# ---- many templates


def test_a_diamond_of_ninety_levels_is_merged_level_by_level(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = 0
    overlay = merge._overlay

    def counted(*sections: merge.Section, **how: bool) -> None:
        nonlocal merged
        merged += 1
        overlay(*sections, **how)

    monkeypatch.setattr(merge, "_overlay", counted)
    levels = "".join(
        f"template l{n} from l{n - 1}, r{n - 1} {{ }}\ntemplate r{n} from l{n - 1}, r{n - 1} {{ }}\n"
        for n in range(1, 91)
    )
    text = f"template l0 {{ replicas = 2 }}\ntemplate r0 {{ replicas = 3 }}\n{levels}"
    assert len(project.remote(text + chat("gpt", bases="l90, r90")).replicas) == 3
    assert merged < 1000


@each_row(
    ("text", "circle"),
    [
        ("template a from a { }", "a → a"),
        ("template a from b { }\ntemplate b from c { }\ntemplate c from a { }", "a → b → c → a"),
        ("template z from a { }\ntemplate a from b { }\ntemplate b from a { }", "a → b → a"),
    ],
)
def test_templates_built_on_each_other_are_one_error_that_prints_the_circle(
    project: Project, text: str, circle: str
) -> None:
    found = [item for item in project.findings(f"{text}\n{chat('gpt', bases='a')}") if item.is_error]
    assert [item.code for item in found] == ["E0208"]
    start = circle.split(" → ")[0]
    assert found[0].notes[0] in (circle, *(_turned(circle, n) for n in range(3))), start


def _turned(circle: str, steps: int) -> str:
    names = circle.split(" → ")[:-1]
    steps %= len(names)
    turned = names[steps:] + names[:steps]
    return " → ".join([*turned, turned[0]])


# ---- mistakes


@each_row(
    ("base", "code", "says"),
    [
        ("frist", "E0201", "there is no template `frist`"),
        ("other", "E0209", "`other` is a deployment, not a template"),
        ("burst", "E0209", "`burst` is a let, not a template"),
    ],
)
def test_only_templates_can_be_built_on(project: Project, base: str, code: str, says: str) -> None:
    text = f"let burst = 3\n{FIRST}{chat('other', bases='first')}{gpt(base, 'replicas = burst')}"
    [item] = project.findings(text)
    assert (item.code, item.message) == (code, says)


MISTAKES = """\
template wrong {
  replica = 2
  serving { max_concurrent = "many", queue_size = 3 }
  runtime openai { api_key = env("KEY"), retry { max_backof = 3s } }
  runtyme openai { }
}
"""


@each_row("users", [0, 1, 10])
def test_a_mistake_in_a_template_is_reported_once_whoever_is_built_on_it(
    project: Project, users: int
) -> None:
    text = MISTAKES + "".join(chat(f"d{number}", bases="wrong") for number in range(users))
    found = [item for item in project.findings(text) if item.is_error]
    assert [(item.code, place(item)) for item in found] == [
        ("E0204", "main.infer:2:3"),
        ("E0301", "main.infer:3:30"),
        ("E0204", "main.infer:3:38"),
        ("E0204", "main.infer:4:50"),
        ("E0204", "main.infer:5:3"),
    ]
    assert found[0].message == "the template `wrong` has no field `replica`"
    assert found[4].message == "the template `wrong` has no block `runtyme`"


def test_what_makes_no_sense_for_ten_deployments_is_said_once_with_their_names(project: Project) -> None:
    text = "template t { gpus = 1, replicas = 0 }\n" + "".join(
        chat(f"d{number}", bases="t") for number in range(10)
    )
    [gpus, replicas] = project.findings(text)
    assert (gpus.code, replicas.code) == ("E0401", "E0304")
    assert "`d0`" in gpus.message
    assert gpus.notes == ("the same for `d1`, `d2`, `d3`, `d4` and 5 more",)
    assert replicas.notes == ()


def test_a_template_that_nothing_uses_is_checked_too_and_need_not_be_complete(project: Project) -> None:
    found = project.findings(f"template unused {{ replicas = burst }}\n{chat('gpt')}")
    assert [item.code for item in found] == ["E0201"]
    assert project.findings(f"template _part {{ budget {{ max_spend_per_hour = $1 }} }}\n{chat('gpt')}") == []


def test_a_field_twice_in_one_body_is_an_error_that_shows_both(project: Project) -> None:
    text = 'deployment gpt { model = "gpt-4o", replicas = 1\n  replicas = 2\n serving { } serving { } }'
    found = [item for item in project.findings(text) if item.code == "E0203"]
    assert [place(item) for item in found] == ["main.infer:2:3", "main.infer:3:14"]
    assert [len(item.secondary) for item in found] == [1, 1]


# ---- provenance


def origins(project: Project, text: str) -> dict[str, tuple[str, str]]:
    checked = project.check(text)
    assert checked.program is not None
    [(_, values)] = effective_values(checked.program)
    return {".".join(each.path): (each.value, each.origin) for each in values}


def test_a_setting_of_a_circuit_that_another_deployment_writes_is_told_with_its_place(
    project: Project,
) -> None:
    text = """\
template slow { runtime openai { circuit_breaker { half_open_max_probes = 2 } } }
deployment hasty {
  model = "gpt-4o", runtime openai { api_key = env("K"), circuit_breaker { open_duration = 3s } }
}
deployment patient from slow {
  model = "gpt-4o"
  runtime openai { api_key = env("K"), circuit_breaker { open_duration = 5s, failure_threshold = 50 } }
}
deployment silent { model = "gpt-4o", runtime openai { api_key = env("K") } }
deployment elsewhere { model = "claude-opus-4-8", runtime anthropic { api_key = env("K") } }
"""
    checked = project.check(text)
    assert checked.program is not None
    found = {
        name: {
            each.path[-1]: (each.value, each.origin)
            for each in values
            if each.path[1:2] == ("circuit_breaker",)
        }
        for name, values in effective_values(checked.program)
    }
    theirs = "of `patient`: the endpoint has one circuit"
    for name in ("hasty", "silent"):
        assert found[name] == {
            "failure_threshold": ("50", f"main.infer:7, {theirs}"),
            "open_duration": ("5s", f"main.infer:7, {theirs}"),
            "half_open_max_probes": ("2", f"main.infer:1, {theirs}"),
        }
    assert found["patient"] == {
        "failure_threshold": ("50", "main.infer:7"),
        "open_duration": ("5s", "main.infer:7"),
        "half_open_max_probes": ("2", "main.infer:1, from `slow`"),
    }
    assert {origin for _, origin in found["elsewhere"].values()} == {"default"}


def test_each_value_in_effect_says_where_it_came_from(project: Project) -> None:
    project.write("shared.infer", "template shared { replicas = 4 }\n")
    text = f"""\
import {{ shared }} from "shared.infer"
{BOTH}deployment gpt from first, second, shared {{
  model = "gpt-4o"
  runtime openai {{ timeouts {{ read = 5s }} }}
}}
"""
    values = origins(project, text)
    assert {name: values[name] for name in values if values[name][1] not in ("default", "catalogue")} == {
        "model": ("gpt-4o", "main.infer:16"),
        "replicas": ("4", "shared.infer:1, from `shared`"),
        "runtime": ("openai", "main.infer:17, the runtime's block"),
        "runtime.api_key": ('[env("SECOND")]', "main.infer:13, from `second`"),
        "runtime.retry.max_retries": ("2", "main.infer:13, from `second`"),
        "runtime.retry.initial_backoff": ("2s", "main.infer:7, from `first`"),
        "runtime.retry.jitter": ("full", "main.infer:13, from `second`"),
        "runtime.timeouts.request": ("10s", "main.infer:8, from `first`"),
        "runtime.timeouts.read": ("5s", "main.infer:17"),
        "serving.max_concurrent": ("20", "main.infer:12, from `second`"),
        "serving.on_capacity_exhausted": ("reject", "main.infer:4, from `first`"),
    }
    assert values["runtime.retry.max_backoff"] == ("1m", "default")
    assert values["idempotent"] == ("true", "default")


def test_a_price_that_nobody_wrote_is_said_to_be_the_catalogue_s(project: Project) -> None:
    text = 'deployment gpt {{ model = "gpt-5.1", runtime = openai{} }}'
    known = find_model("gpt-5.1", "openai")
    assert known is not None
    values = origins(project, text.format(""))
    assert values["price.input"] == (str(known.input_price), "catalogue")
    assert values["price.flex"] == (str(known.flex), "catalogue")
    values = origins(project, text.format(", price { input = $1, output = $2 }"))
    assert values["price.input"] == ("$1", "main.infer:1")
    assert "price.flex" not in values


def test_a_runtime_that_nobody_wrote_is_said_to_be_inferred(project: Project) -> None:
    values = origins(project, 'deployment gpt { model = "mistral-7b" }')
    assert values["runtime"] == ("mistralrs", "inferred from the model's name")
    values = origins(project, 'deployment gpt { model = "mistral-7b", runtime = vllm }')
    assert values["runtime"] == ("vllm", "main.infer:1")
