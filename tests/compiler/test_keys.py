"""The keys of a gateway: what a file may say of them, and what the plan says."""

from __future__ import annotations

from inferc.compiler.plan import KeySecret, SecretSource, dump_plan, load_plan
from inferc.compiler.plan.guards import Meant

from ..support.projects import Project
from ..support.rows import each_row

CHAT = """
deployment gpt { model = "gpt-4o-mini", runtime openai { api_key = env("K") } }
deployment unknown { model = "m", runtime openai_compatible { endpoint = "http://127.0.0.1:1/v1" } }
route assistant = fallback [gpt]
pipeline shout(words: text) -> text { return gpt(words) }
"""
SECRET, DAY = 'secret = env("A")', "max_spend_per_day = $1"
HASH = "sha256:" + "0a" * 32


def gateway(body: str) -> str:
    return f"{CHAT}\ngateway {{\n{body}\n}}\n"


def test_a_plan_says_all_of_each_key(project: Project) -> None:
    project.write("keys/a.key", "never read")
    plan = project.plan(
        gateway(
            f"""
            key a {{
              secret = [env("A"), file("keys/a.key"), hash("{HASH}")]
              models = [assistant, shout, "g*"]
              protocols = [openai, anthropic]
              rate_limits {{ requests_per_minute = 5, strict = true }}
              budget {{ max_spend_per_day = $5, on_exceeded = warn }}
              priority = -3
              expires = "2027-01-31T18:00:00+01:00"
              labels {{ team = "a" }}
            }}
            key "the other one" {{ secret = env("B"), expires = "2027-01-31" }}
            """
        )
    )
    first, second = plan.gateway.keys
    assert first.secret == (
        KeySecret(SecretSource.ENV, "A"),
        KeySecret(SecretSource.FILE, "keys/a.key"),
        KeySecret(SecretSource.HASH, HASH),
    )
    assert (first.models, first.priority, first.labels) == (("assistant", "shout", "g*"), -3, {"team": "a"})
    assert first.expires == "2027-01-31T18:00:00+01:00"
    assert (second.name, second.expires) == ("the other one", "2027-01-31T00:00:00+00:00")
    assert load_plan(project.write("main.plan.json", dump_plan(plan))) == plan


@each_row(
    ("body", "code", "says"),
    [
        ('key { secret = env("A") }', "E0205", "each `key` has a name"),
        ("key = 3", "E0205", "`key` is a block"),
        ('key a { secret = "sk-1" }', "E0306", "secret"),
        ('key a { secret = hash("abc") }', "E0301", "64 hexadecimal digits"),
        ('key a { secret = env("A") } key a { secret = env("B") }', "E0203", "`key a` is given twice"),
        ('key a { secret = env("A"), models = [asistant] }', "E0201", "there is no model `asistant`"),
        ('key a { secret = env("A"), models = ["gpt-5"] }', "E0201", "there is no model `gpt-5`"),
        ('key a { secret = env("A"), expires = "soon" }', "E0304", "`soon` is no date"),
        ('key a { secret = env("A"), priority = 101 }', "E0304", "at most 100"),
        ('key a { secret = env("A"), limits { } }', "E0204", "the key `a` has no block `limits`"),
        ('key a { secret = env("A"), budget { on_exceeded = reject } }', "E0305", "no ceiling"),
        (
            f"key a {{ {SECRET}, models = [gpt], budget {{ {DAY}, on_exceeded = throttle }} }}",
            "E0303",
            "cannot be throttled",
        ),
        (
            'key a { secret = env("A"), budget { max_spend_per_day = $1, on_exceeded = reject } }',
            "E0413",
            "the price of `m` is not known",
        ),
        (
            f"key a {{ {SECRET}, models = [unknown], budget {{ {DAY}, on_exceeded = warn }} }}",
            "W0421",
            "the price of `m` is not known",
        ),
    ],
)
def test_what_is_wrong_with_a_key_is_said_once(project: Project, body: str, code: str, says: str) -> None:
    [finding] = project.findings(gateway(body))
    assert finding.code == code
    assert says in finding.message


def test_a_budget_needs_the_prices_of_what_its_key_may_ask_and_no_others(project: Project) -> None:
    budget = "budget { max_spend_per_day = $1, on_exceeded = reject }"
    key = f'key a {{ secret = env("A"), models = [assistant], {budget} }}'
    assert project.codes(gateway(key)) == []


def test_a_certificate_is_a_file(project: Project) -> None:
    tls = 'tls { cert = file("tls.crt"), key = file("tls.key") }'
    plan = project.plan(gateway(tls), base="plans")
    assert plan.gateway.tls is not None
    assert (plan.gateway.tls.cert.name, plan.gateway.tls.client_ca) == ("../tls.crt", None)
    assert load_plan(project.write("main.plan.json", dump_plan(plan))) == plan
    assert project.codes(gateway('tls { cert = file("tls.crt"), key = env("KEY") }')) == ["E0301"]
    assert project.codes(gateway('tls { cert = file("tls.crt") }')) == ["E0305"]


JWT = 'issuer = "https://a", audience = "b", claim = "team"'


@each_row(
    ("body", "codes"),
    [
        (f'jwt {{ {JWT}, jwks = "https://a/keys" }} key a {{ }}', []),
        (f'jwt {{ {JWT}, jwks = "http://127.0.0.1:9/keys" }} key a {{ }}', []),
        (f'jwt {{ {JWT}, jwks = "http://example.com/keys" }} key a {{ }}', ["E0304"]),
        (f'jwt {{ {JWT}, jwks = "keys.json" }} key a {{ }}', ["E0304"]),
        (f'jwt {{ {JWT}, jwks = "https://a/keys" }}', ["E0305"]),
        (f"jwt {{ {JWT} }} key a {{ }}", ["E0305"]),
    ],
)
def test_tokens_name_keys_and_their_issuer_is_asked_safely(
    project: Project, body: str, codes: list[str]
) -> None:
    assert project.codes(gateway(body)) == codes


def test_with_keys_other_machines_may_be_served(project: Project) -> None:
    assert project.codes(gateway('bind = "0.0.0.0:80", key a { secret = env("A") }')) == []


@each_row(
    ("pattern", "name", "all_of_it", "some_of_it"),
    [
        ("claude-*", "claude-*", True, True),
        ("c*", "claude-*", True, True),
        ("*", "*", True, True),
        ("claude-opus", "claude-*", False, True),
        ("claude-opus*", "claude-*", False, True),
        ("claude-?", "claude-*", False, True),
        ("claude-?*", "claude-*", False, True),
        ("*-mini", "claude-*", False, True),
        ("gpt-*", "claude-*", False, False),
        ("gpt-5", "claude-*", False, False),
        ("*-mini", "*-nano", False, False),
        ("claude-*", "claude-opus", True, True),
        ("any/x", "any", False, True),
        ("any/x*", "any", False, True),
        ("a*/x", "any", False, True),
        ("b*/x", "any", False, False),
        ("any", "any", True, True),
        ("*-mini", "any", False, False),
        ("any/x/*", "any/x", False, True),
        ("any/*/x", "any/x", False, True),
        ("[!g]*", "*-mini", False, True),
        ("??", "*/mini", False, True),
        ("b*c", "b*c/mini", False, False),
    ],
)
def test_a_pattern_means_all_that_clients_ask_of_a_name_or_a_part(
    pattern: str, name: str, all_of_it: bool, some_of_it: bool
) -> None:
    meant = Meant((pattern,))
    assert (name in meant, meant.meets(name)) == (all_of_it, some_of_it)


def test_a_pattern_without_a_slash_means_no_model_behind_one(project: Project) -> None:
    text = """
deployment any { model = "openrouter/*", runtime openrouter { api_key = env("K") } }
gateway { key a { secret = env("A"), models = ["*-mini"] } }
"""
    assert project.codes(text) == ["W0430"]


def test_bounds_of_a_route_hold_for_it_alone(project: Project) -> None:
    text = """
deployment "*" { model = "gpt-4o", runtime openai { api_key = env("K") } }
deployment small { model = "gpt-4o", runtime openai { api_key = env("K"), retry { max_retries = 0 } } }
route "gpt-*" = fallback [small] with { bounds { max_calls = 2 } }
"""
    assert project.codes(text) == []
    of_key = 'gateway { key a { secret = env("A"), models = ["gpt-5"], bounds { max_calls = 2 } } }'
    assert project.codes(text + of_key) == ["E0427"]
