"""Worlds that are played: what each phrase makes the executor meet."""

from __future__ import annotations

from inferc.compiler.scenarios.words import FAULTS
from inferc.runtime.mock_provider.faults import FaultKind
from tests.support.played import failed, played
from tests.support.rows import each_row

DEPLOYMENTS = """\
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("NO_SUCH_KEY"), retry { max_retries = 1, jitter = none } }
}
deployment claude { model = "claude-sonnet-4", runtime anthropic { api_key = env("NO_SUCH_KEY") } }
deployment gemini { model = "gemini-2.5-flash", runtime gemini { api_key = env("NO_SUCH_KEY") } }
deployment nova { model = "amazon.nova-lite-v1:0", runtime bedrock { region = "eu-central-1" } }
deployment vectors {
  model = "text-embedding-3-small"
  runtime openai { api_key = env("NO_SUCH_KEY") }
  task  = embed
}
route assistant = fallback [gpt, claude]

"""


def holds(statements: str, seed: int = 0) -> bool:
    return failed(f'{DEPLOYMENTS}test "it" {{\n{statements}\n}}\n', seed) == []


def test_all_faults_of_the_mock_provider_can_be_played() -> None:
    own = {kind.value for kind in FaultKind} - {FaultKind.STATUS}
    assert FAULTS.keys() == own | {"unreachable"}


@each_row("name", ["gpt", "claude", "gemini", "nova"])
@each_row("stream", ["true", "false"])
def test_every_provider_answers_over_its_own_wire(name: str, stream: str) -> None:
    assert holds(f'ask {name} "hello"  with {{ stream = {stream} }}\nexpect answer == "You said: hello"')


def test_vectors_are_asked_for_in_the_same_way() -> None:
    assert holds('ask vectors "hello"\nexpect ok && answered_by == vectors && tokens == 1')


@each_row("fault", sorted(FAULTS.keys() - {"slow", "split", "no_done", "stall", "no_choices"}))
@each_row("stream", ["true", "false"])
def test_a_fault_of_one_provider_is_answered_by_another(fault: str, stream: str) -> None:
    if stream == "true" and fault in ("cut", "malformed", "error", "failed_choice", "no_choices"):
        said = 'ask gpt "a b c" with { stream = true }\nexpect !ok && calls(gpt) >= 1'
    else:
        said = f'ask assistant "hello" with {{ stream = {stream} }}\nexpect answered_by == claude'
    if stream == "false" and fault in ("failed_choice", "error", "malformed"):
        said = 'ask assistant "hello"\nexpect calls(gpt) >= 1 && (answered_by == claude || !ok)'
    assert holds(f"world {{ gpt fails {fault} }}\n{said}")


def test_times_are_those_of_the_world() -> None:
    assert holds(
        "world { gpt { first_token = 2s, rate = 10 per second, answer = 30 tokens } }\n"
        'ask gpt "hello"\nexpect seconds == 5 && cost > $0\n'
        'ask gpt "hello" with { stream = true }\nexpect first_token == 2s && seconds > 4 && seconds < 5.1'
    )


def test_failures_begin_last_and_end() -> None:
    assert holds(
        "world { gpt fails 503 at 10s for 1m, gpt { first_token = 100ms } }\n"
        'ask gpt "before"\nexpect ok\nwait 15s\n'
        'ask gpt "in it"\nexpect error == server_is_overloaded && calls(gpt) == 2\n'
        'wait 1m\nask gpt "after"\nexpect ok'
    )


def test_some_of_many_fail() -> None:
    assert holds(
        "world { gpt fails 500 20% }\n"
        'ask gpt "hello" with { count = 500, every = 1s }\nexpect calls(gpt) > 570 && calls(gpt) < 630'
    )


def test_a_provider_says_when_to_come_back_and_is_left_alone_until_then() -> None:
    assert holds(
        "world { gpt fails 429 1 times retry_after 20s }\n"
        'ask gpt "hello"\nexpect ok && seconds > 20 && attempts == 2'
    )


def test_a_provider_has_limits_of_its_own() -> None:
    assert holds(
        "world { gpt { requests_per_minute = 10 } }\n"
        "load { gpt = 1 per second for 1m }\nexpect success > 15% && success < 50% && calls(gpt) > 60"
    )


def test_a_circuit_opens_and_half_opens() -> None:
    assert holds(
        'world { gpt fails unreachable }\nask gpt "x" with { count = 20, every = 1s }\n'
        "expect success == 0% && circuit(gpt) == open\nwait 10m\nexpect circuit(gpt) == half_open"
    )


def test_scripted_answers_come_as_often_as_they_say() -> None:
    assert holds(
        'world { gpt answers "yes" 1 times }\nask gpt "x"\nexpect answer == "yes"\n'
        'ask gpt "x"\nexpect contains("You said")'
    )


def test_keys_and_their_budgets_are_those_of_the_gateway() -> None:
    text = (
        'gateway {\n  key team {\n    secret = env("NO_SUCH")\n'
        "    budget { max_spend_per_day = $0.1, on_exceeded = reject }\n  }\n}\n"
        'deployment gpt { model = "gpt-4o", runtime openai { api_key = env("NO_SUCH_KEY") } }\n'
        'test "it" {\n'
        "  load { gpt = 1 per second for 2m, prompt = 500 tokens, answer = 500 tokens, key = team }\n"
        '  expect errors("budget_exceeded") > 10 && spent(team) <= $0.1 && spent(team) > $0.05\n}\n'
    )
    assert failed(text) == []


def test_pipelines_are_run_with_their_prompts() -> None:
    text = (
        DEPLOYMENTS + "pipeline shout(message: text) -> text {\n  said = gpt(message)\n"
        '  return gpt(prompt "{{ said | upper }}")\n}\n'
        'test "it" { ask shout(message = "hello"), expect answer == "You said: YOU SAID: HELLO" }\n'
    )
    assert failed(text) == []


def test_the_same_seed_plays_the_same() -> None:
    text = (
        DEPLOYMENTS + 'test "it" {\n  world { gpt fails 500 30% }\n'
        "  load { assistant = 5 per second for 2m }\n  expect p50 < 1ms\n}\n"
    )
    one, two, other = (played(text, seed)["it"] for seed in (1, 1, 2))
    seen = [each.failures[0].broken.seen for each in (one, two, other)]
    assert seen[0] == seen[1] != seen[2]
