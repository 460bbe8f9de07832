"""Tests in files, checked: what is said about those that cannot be played, or cannot hold."""

from __future__ import annotations

from inferc.compiler.compile import Checked, check_file
from inferc.compiler.plan.scenarios import AskPlan, FailurePlan, LoadPlan, Shape, Spread, TrafficPlan

from ..support.rows import each_row

FILE = """\
deployment gpt {
  model = "gpt-4o"
  runtime openai { api_key = env("KEY") }
  serving { on_capacity_exhausted = fallback(spare) }
}
deployment spare { model = "gpt-4o-mini", runtime openai { api_key = env("KEY") } }
deployment claude { model = "claude-sonnet-4-6", runtime anthropic { api_key = env("KEY") } }
route assistant = fallback [gpt, claude]
pipeline p(message: text, n: int?) -> text { return gpt(message) }
let limit = 3s
"""


def check(statements: str) -> Checked:
    return check_file("shop.infer", None, text=f'{FILE}test "it" {{\n{statements}\n}}\n')


def errors(statements: str) -> list[tuple[str, str, str]]:
    """The code of each error, what it says, and the text that it is about."""
    return [
        (each.code, each.message, each.primary.span.text if each.primary is not None else "")
        for each in check(statements).diagnostics
        if each.is_error
    ]


@each_row(
    ("statement", "code", "place"),
    [
        ('ask nobody "x"', "E0201", "nobody"),
        ('ask gpt "x" with { strem = true }', "E0701", "strem"),
        ('ask gpt "x" with { stream = 1 }', "E0702", "1"),
        ('ask gpt "x" with { count = 1M }', "E0704", "1M"),
        ('ask gpt "x" with { key = nobody }', "E0201", "nobody"),
        ('ask p(msg = "x")', "E0702", 'msg = "x"'),
        ('ask p("x", 3, 4)', "E0702", "4"),
        ("ask p()", "E0702", "p()"),
        ("ask p(3)", "E0702", "3"),
        ("world { gpt { service = 3s } }", "E0702", "service = 3s"),
        ('world { gpt fails 503 at 9h }\nask gpt "x"', "E0703", "gpt fails 503 at 9h"),
        (
            "world { gpt fails 503 at 2d for 1h }\nload { gpt = 1 per minute for 1d }",
            "E0703",
            "gpt fails 503 at 2d for 1h",
        ),
        ('ask gpt("x")', "E0702", 'gpt("x")'),
        ("wait 3", "E0702", "3"),
        ("wait -3s", "E0702", "-3s"),
        ("worlds { gpt fails 503 }", "E0701", "worlds"),
        ("world { nobody fails 503 }", "E0201", "nobody"),
        ("world { assistant fails 503 }", "E0201", "assistant"),
        ("world { gpt fails }", "E0701", "gpt fails"),
        ("world { gpt fails 200 }", "E0702", "200"),
        ("world { gpt fails cutt }", "E0701", "cutt"),
        ("world { gpt fails 503 for }", "E0702", "for"),
        ("world { gpt fails 503 for 3 }", "E0702", "3"),
        ("world { gpt fails 503 3 }", "E0702", "3"),
        ("world { gpt fails 503 150% }", "E0702", "150%"),
        ("world { gpt fails 503 for 1m for 2m }", "E0703", "for"),
        ("world { gpt answers yes }", "E0702", "yes"),
        ("world { gpt with real }", "E0702", "gpt with real"),
        ("world { gpt { first_token = 3 } }", "E0702", "3"),
        ("world { gpt { first_token = 3s ~ 1s } }", "E0702", "1s"),
        ("world { gpt { first_tokens = 3s } }", "E0701", "first_tokens"),
        ("world { gpt { rate = 80 } }", "E0702", "80"),
        ("world { gpt { rate = 80 per day } }", "E0702", "day"),
        (
            "world { gpt { rate = 1 per second }, gpt { rate = 2 per second } }",
            "E0703",
            "rate = 2 per second",
        ),
        ("world { gpt fails 503, gpt fails 429 at 5m }", "E0703", "gpt fails 429 at 5m"),
        ("world { gpt = 3 }", "E0702", "gpt = 3"),
        ("world { 503 }", "E0702", "503"),
        ("load { gpt = 5 }", "E0702", "5"),
        ("load { gpt = 5 per second }", "E0704", "gpt = 5 per second"),
        ("load { gpt = 5 per second for 0s }", "E0702", "0s"),
        ("load { gpt = 5 per second for 500d }", "E0702", "500d"),
        ("load { gpt = 5 per second for 1h, shape = nigth }", "E0702", "nigth"),
        ("load { }", "E0702", "load { }"),
    ],
)
def test_what_cannot_be_played(statement: str, code: str, place: str) -> None:
    found = errors(f'{statement}\nask gpt "x"\nexpect ok')
    assert [(found[0][0], found[0][2])] == [(code, place)]
    assert len(found) == 1


@each_row(
    ("condition", "code", "place"),
    [
        ("okk", "E0701", "okk"),
        ("seconds", "E0702", "seconds"),
        ("cost <= 3", "E0702", "cost <= 3"),
        ("answered_by == nobody", "E0201", "nobody"),
        ("answered_by == claude", "E0705", "claude"),
        ("answered_by < gpt", "E0702", "answered_by < gpt"),
        ("circuit(gpt) == opened", "E0701", "opened"),
        ("calls() == 3", "E0702", "calls()"),
        ("p99 <= 3s", "E0702", "p99"),
        ("1 == 1", "E0705", "1 == 1"),
        ("seconds < 0s", "E0705", "seconds < 0s"),
        ("status == 700", "E0705", "status == 700"),
        ("$0 > cost", "E0705", "$0 > cost"),
        ("calls(gpt) <= -1", "E0705", "calls(gpt) <= -1"),
        ("ok || seconds", "E0702", "seconds"),
        ("contains(3)", "E0702", "3"),
        ("match ok { _ => true }", "E0702", "match ok { _ => true }"),
        ("calls(gpt) + seconds == 3", "E0702", "calls(gpt) + seconds"),
    ],
)
def test_what_cannot_be_expected(condition: str, code: str, place: str) -> None:
    assert [(each[0], each[2]) for each in errors(f'ask gpt "x"\nexpect {condition}')] == [(code, place)]


@each_row(
    "statements",
    [
        'ask gpt "x"\nexpect answered_by == spare || seconds <= limit',
        'ask assistant "x"\nexpect answered_by == claude && !(cost > $1)',
        'ask p("x")\nexpect answer == "y" || error == rate_limit_exceeded',
        'ask gpt "x" with { count = 10 }\nexpect p99 <= 3s && success == 100%',
        "load { gpt = 60 per minute at 1h for 2h }\nexpect calls(gpt) / requests < 1.5",
    ],
)
def test_what_is_right(statements: str) -> None:
    assert errors(statements) == []


def test_titles_are_told_apart() -> None:
    text = FILE + 'test "it" { ask gpt "x", expect seconds < limit }\n' * 2
    found = [each for each in check_file("shop.infer", None, text=text).diagnostics if each.is_error]
    assert [(each.code, each.message) for each in found] == [("E0202", "a test `it` is there already")]


def test_tests_are_no_part_of_a_plan_and_name_nothing() -> None:
    text = FILE.replace("gpt {", "test {").replace("gpt(", "test(").replace("[gpt", "[test")
    text += 'test "test" { ask test "test", expect seconds < limit && answered_by == test }\n'
    assert [each.message for each in check_file("shop.infer", None, text=text).diagnostics] == []


def test_what_phrases_mean() -> None:
    checked = check(
        "world {\n  gpt { first_token = 300ms ~ 2s, rate = 1200 per minute }\n"
        "  gpt fails cut 5% at 1h for 10m after 3\n  claude fails 429 2 times retry_after 20s\n}\n"
        "load { gpt = 20 per second for 8h, prompt = 500 tokens, shape = day }\n"
        'ask assistant "hi" with { stream = true, every = 2s, count = 3 }\nexpect p50 < limit'
    )
    assert checked.program is not None
    [test] = checked.program.tests
    gpt, claude = test.scenario.world["gpt"], test.scenario.world["claude"]
    assert (gpt.first_token, gpt.rate) == (Spread(0.3, 2.0), 20.0)
    assert gpt.failures == (FailurePlan("cut", start=3600.0, seconds=600.0, share=0.05, after=3),)
    assert claude.failures == (FailurePlan("status", 429, times=2, retry_after=20.0),)
    load, ask, _ = test.scenario.steps
    assert load == LoadPlan((TrafficPlan("gpt", 20.0, 28_800.0),), prompt=500, shape=Shape.DAY)
    assert ask == AskPlan("assistant", "hi", stream=True, count=3, every=2.0)
