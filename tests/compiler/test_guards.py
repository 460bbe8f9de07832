"""Guards of the gateway: what a file may say of them, what a plan says, and ways that lead past them."""

from __future__ import annotations

import json

import pytest

from inferc.cli.main import main
from inferc.compiler.analysis.guards import EVERYONE, asked_of, ways_past
from inferc.compiler.plan import GuardAction, GuardPlan, dump_plan, load_plan
from inferc.compiler.plan.reach import only

from ..support.projects import Project
from ..support.rows import each_row

SHOP = """
extern hide(texts: list<text>) -> list<text> = python("guards:hide")
extern judge(texts: list<text>, model: text, key: text?, said: text)
  -> { texts: list<text>?, refuse: text? } = python("guards:judge")
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("K") }
  serving { on_capacity_exhausted = fallback(spare) }
}
deployment spare { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }
deployment alone { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }
route assistant = fallback [gpt]
pipeline shout(words: text) -> text { return assistant(words) }
"""


def gateway(body: str) -> str:
    return f"{SHOP}\ngateway {{\n{body}\n}}\n"


def test_a_plan_says_all_of_each_guard(project: Project) -> None:
    plan = project.plan(
        gateway(
            """
            guard first { request = hide, answer = judge, on_failure = pass, unreadable = pass, pieces = 80 }
            guard "the second" { answer = hide }
            """
        )
    )
    first, second = plan.gateway.guards
    assert first == GuardPlan(
        "first", "hide", "judge", on_failure=GuardAction.PASS, unreadable=GuardAction.PASS, pieces=80
    )
    assert second == GuardPlan("the second", None, "hide")
    assert load_plan(project.write("main.plan.json", dump_plan(plan))) == plan
    assert {each.extern for each in only(plan, "alone").externs} == {"hide", "judge"}


def test_an_extern_that_a_guard_calls_is_used(project: Project) -> None:
    assert project.codes(gateway("guard g { request = hide, answer = judge }")) == []


def test_a_guard_may_be_imported(project: Project) -> None:
    project.write("guards.infer", 'extern hide(texts: list<text>) -> bool = python("guards:hide")')
    text = (
        'import "guards.infer" as common\n'
        'deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }\n'
        "gateway { guard g { request = common.hide } }"
    )
    [guard] = project.plan(text).gateway.guards
    assert guard.request == "hide"


@each_row(
    ("body", "code", "says"),
    [
        ("guard { request = hide }", "E0205", "each `guard` has a name"),
        ("guard g { }", "E0305", "needs `request` or `answer`"),
        ("guard g { request = hid }", "E0201", "there is no extern `hid`"),
        ("guard g { request = gpt }", "E0209", "`gpt` is a deployment, not an extern"),
        ("guard g { request = 3 }", "E0301", "`request`"),
        ("guard g { request = hide, models = [gpd] }", "E0201", "there is no model `gpd`"),
        ("guard g { request = hide, keys = [team_a] }", "E0201", "there is no key `team_a`"),
        ("guard g { request = hide, pieces = 80 }", "E0305", "`pieces` says how answers are seen"),
        ("guard g { answer = hide, pieces = 0 }", "E0304", "`pieces`"),
        ("guard g { request = hide, on_failure = ignore }", "E0303", "`refuse`"),
        ("guard g { request = hide, on_fail = pass }", "E0204", "has no field `on_fail`"),
        ('guard "" { request = hide }', "E0304", "names of guards"),
        ("guard g { request = hide }\nguard g { answer = hide }", "E0203", "guard"),
    ],
)
def test_what_makes_no_sense_is_said(project: Project, body: str, code: str, says: str) -> None:
    errors = [item for item in project.findings(gateway(body)) if item.is_error]
    assert [item.code for item in errors] == [code], [item.message for item in errors]
    assert says in f"{errors[0].message} {errors[0].help}"


@each_row(
    ("signature", "says"),
    [
        ("(text: text) -> text", "it takes no `texts: list<text>`"),
        ("(texts: text) -> bool", "`texts` is list<text>, not text"),
        ("(texts: list<text>, who: text) -> bool", "nobody gives it `who`"),
        ("(texts: list<text>) -> int", "its result is int"),
        ("(texts: list<text>) -> { why: text }", "a field `why`"),
        ("(texts: list<text>) -> { refuse: bool }", "`refuse` of its result is text?, not bool"),
    ],
)
def test_an_extern_that_is_not_made_for_it_is_none(project: Project, signature: str, says: str) -> None:
    text = f'extern f{signature} = python("m:f")\n{gateway("guard g { request = f, answer = hide }")}'
    [error] = [item for item in project.findings(text) if item.is_error]
    assert error.code == "E0432"
    assert says in error.message


@each_row(
    ("body", "past"),
    [
        ("guard g { request = hide }", []),
        ("guard g { request = hide, models = [alone] }", []),
        ("guard g { request = hide, models = [shout, assistant, gpt, spare] }", []),
        (
            "guard g { request = hide, models = [spare] }",
            [("gpt", "spare"), ("assistant", "gpt", "spare"), ("shout", "assistant", "gpt", "spare")],
        ),
        ("guard g { request = hide, models = [shout] }", [("gpt",), ("spare",), ("assistant", "gpt")]),
        ('key a { secret = env("A"), models = [shout] }\nguard g { request = hide, models = [shout] }', []),
        (
            'key a { secret = env("A"), models = [shout] }\nkey b { secret = env("B"), models = ["s*"] }\n'
            "guard g { request = hide, models = [shout] }",
            [("spare",)],
        ),
        (
            'key a { secret = env("A"), models = [shout] }\nkey b { secret = env("B") }\n'
            "guard g { request = hide, models = [shout], keys = [a] }",
            [],
        ),
        (
            'auth = bearer(env("T"))\nkey a { secret = env("A"), models = [alone, gpt] }\n'
            "guard g { request = hide, models = [gpt, spare] }",
            [("assistant", "gpt"), ("shout", "assistant", "gpt")],
        ),
    ],
)
def test_ways_past_a_guard_are_found(project: Project, body: str, past: list[tuple[str, ...]]) -> None:
    found = project.findings(gateway(body))
    assert [item.code for item in found if item.is_error] == (["E0433"] if past else [])
    if not past:
        assert list(ways_past(project.plan(gateway(body)))) == []
        return
    [error] = [item for item in found if item.is_error]
    said = [" → ".join(f"`{name}`" for name in way) for way in past]
    assert [note.partition(" may ask ")[2] for note in error.notes] == said


def test_the_command_shows_who_is_seen_by_what(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("main.infer", gateway("guard g { request = hide }\nguard h { answer = judge }"))
    path = str(project.folder / "main.infer")
    assert main(["guards", path]) == 0
    shown = capsys.readouterr().out
    assert "no way leads past a guard" in shown
    assert main(["guards", path, "--json"]) == 0
    asked = {each["name"]: each for each in json.loads(capsys.readouterr().out)["asked"]}
    assert asked["shout"]["request"] == ["g"]
    assert asked["shout"]["reaches"] == ["gpt", "spare"]
    assert asked["assistant"]["by"] == [EVERYONE]
    assert [each.name for each in asked_of(project.plan())] == list(asked)


def test_a_guard_of_a_name_with_a_slash_sees_what_clients_say_behind_it() -> None:
    guard = GuardPlan("g", "hide", models=("any/small", "b?"))
    asked = ("any/small", "any/small/llama", "any/small/meta/llama", "bc/d/e", "any", "any/smaller", "b")
    assert [each for each in asked if guard.sees(each)] == [*asked[:4]]
