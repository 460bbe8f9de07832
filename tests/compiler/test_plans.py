"""What a plan says: everything, deterministically, without secrets; and how it is read back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, strategies as st

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import (
    ClientTimeouts,
    Duration,
    PlanError,
    RemotePoolPlan,
    RetryPolicy,
    SecretRef,
    SourceRef,
    dump_plan,
    load_plan,
)

from ..support.commands import INFERC, ROOT
from ..support.examples import FEWER
from ..support.projects import Project, chat
from ..support.rows import each_row

PIPELINES = (ROOT / "tests" / "dsl" / "data" / "pipelines.infer").read_text("utf-8")
EVERYTHING = """\
import "policies.infer" as shared
param region: text = "us-east-1"

## Answers customers.
deployment gpt from shared.careful {
  model = "gpt-4o-mini"
  replicas = 2
  idempotent = false
  runtime openai {
    api_key = [env("ONE"), file("keys/two")]
    endpoint = "https://${region}.example.com/v1/"
    organization = "org"
  }
  serving { max_concurrent = 4, on_capacity_exhausted = fallback(claude) }
  budget { max_spend_per_hour = $2.50, max_spend_per_day = $1k / 3, on_exceeded = throttle }
  price { input = $0.15, output = $0.60 }
}

deployment claude {
  model = "anthropic/claude-sonnet-4"
  runtime anthropic { api_key = env("ANTHROPIC_API_KEY"), timeouts { request = 10s / 3, read = 1.5ms } }
}

deployment gemini {
  model = "gemini-2.0-flash"
  runtime gemini { api_key = env("G"), safety { harassment = "block_none", dangerous = "block_few" } }
}

deployment local {
  model = "llama"
  runtime vllm {
    launch { command = ["vllm", "serve", "--port", "{port}"], env { CUDA_VISIBLE_DEVICES = "0" } }
  }
}

deployment odd {
  model = "x"
  runtime custom("plugin") { settings { a = 1, b = [1.5, true], c = "é", d = word } }
}

gateway { bind = "[::1]:9000", auth = bearer(env("TOKEN")), timeout = 5m }
"""
LIMITED = """\
deployment limited {
  model = "gpt-4.1-mini"
  runtime openai {
    api_key = env("ONE")
    circuit_breaker { failure_threshold = 10, open_duration = 30s }
    rate_limits { requests_per_minute = 5k, tokens_per_minute = 2M, concurrent_requests = 64 }
  }
  serving { on_capacity_exhausted = queue }
}
"""
POLICIES = """\
template careful { runtime openai { retry { max_retries = 0, jitter = full, backoff_multiplier = 1.5 } } }
"""


@pytest.fixture(autouse=True)
def _policies(project: Project) -> None:
    project.write("policies.infer", POLICIES)


# ---- determinism


def test_the_same_file_gives_the_same_bytes_whatever_the_process_and_its_folder(project: Project) -> None:
    texts = {"deployments": EVERYTHING + LIMITED, "pipelines": PIPELINES}
    for name, text in texts.items():
        project.write(f"{name}.infer", text)
    (project.folder / "elsewhere").mkdir()
    done = subprocess.run(
        [*INFERC, "compile", *(f"../{name}.infer" for name in texts)],
        cwd=project.folder / "elsewhere",
        env=os.environ | {"PYTHONHASHSEED": "7"},  # this process has another one
        capture_output=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    for name, text in texts.items():
        written = (project.folder / f"{name}.plan.json").read_bytes()
        assert written == dump_plan(project.plan(text, f"{name}.infer")).encode()


def test_deployments_stand_in_the_order_of_the_file_and_keys_in_that_of_the_classes(
    project: Project,
) -> None:
    raw = json.loads(dump_plan(project.plan(EVERYTHING)))
    assert [each["deployment"] for each in raw["deployments"]] == [
        "gpt",
        "claude",
        "gemini",
        "local",
        "odd",
    ]
    assert list(raw)[:4] == ["schema", "compiler", "gateway", "deployments"]
    keys = [list(each) for each in raw["deployments"]]
    told = [each for each in keys if "batches_at" in each]  # of whose providers it is known
    assert told
    always = [[key for key in each if key != "batches_at"] for each in keys]
    assert all(each == always[0] for each in always)
    assert all(each == told[0] for each in told)
    assert keys[0][:3] == ["kind", "deployment", "source"]


# ---- contents


def test_every_default_is_filled_in(project: Project) -> None:
    plan = project.remote(chat("gpt"))
    assert plan.retry == RetryPolicy()
    raw = json.loads(dump_plan(project.plan(chat("gpt"))))["deployments"][0]
    assert raw["retry"] == {
        "max_retries": 3,
        "initial_backoff": "1s",
        "max_backoff": "1m",
        "backoff_multiplier": 2.0,
        "jitter": "equal",
        "respect_retry_after": True,
    }
    assert raw["timeouts"] == {"request": "30s", "read": "10s", "total": "30m"}
    assert raw["circuit_breaker"] == {
        "failure_threshold": 10,
        "open_duration": "30s",
        "half_open_max_probes": 1,
    }
    assert raw["rate_limits"] == {
        "requests_per_minute": None,
        "tokens_per_minute": None,
        "concurrent_requests": None,
        "strict": False,
        "max_hold": "5m",
    }
    assert raw["serving"] == {"max_concurrent": 32, "on_capacity_exhausted": "queue"}
    assert (len(raw["replicas"]), raw["idempotent"], raw["task"], raw["budget"]) == (1, True, "chat", None)


@each_row(
    ("block", "retries", "backoff"),
    [
        ("", 1, "1s"),
        ("runtime litellm { }", 1, "1s"),
        ("runtime litellm { retry { } }", 1, "1s"),
        ("runtime litellm { retry { initial_backoff = 2s } }", 1, "2s"),
        ("runtime litellm { retry { max_retries = 4 } }", 4, "1s"),
        ("runtime = litellm", 1, "1s"),
    ],
)
def test_litellm_retries_once_unless_told_otherwise(
    project: Project, block: str, retries: int, backoff: str
) -> None:
    plan = project.remote(f'deployment it {{ model = "litellm/gpt-4o", {block} }}')
    assert (plan.retry.max_retries, str(plan.retry.initial_backoff)) == (retries, backoff)
    assert plan.model == "gpt-4o"


def test_a_plan_says_where_things_were_declared_from_where_the_plan_is(project: Project) -> None:
    project.write("lib/more.infer", f"let x = 1\n\n  {chat('far')}")
    text = f'import "lib/more.infer" as more\n{chat("near", "replicas = more.x")}gateway {{ }}\n'
    plan = project.plan(text)
    assert [each.source for each in plan.deployments] == [
        SourceRef("main.infer", 2, 12),
        SourceRef("lib/more.infer", 3, 14),
    ]
    assert plan.gateway.source == SourceRef("main.infer", 3, 1)
    elsewhere = project.plan(text, base="build/plans")
    assert [each.source.file for each in elsewhere.deployments] == [
        "../../main.infer",
        "../../lib/more.infer",
    ]


def test_secrets_stay_references_and_are_never_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ONE", "ANTHROPIC_API_KEY", "G", "TOKEN"):
        monkeypatch.setenv(name, "the-secret-itself")
    project.write("keys/two", "the-secret-itself")
    text = dump_plan(project.plan(EVERYTHING))
    assert "the-secret-itself" not in text
    raw = json.loads(text)
    assert raw["deployments"][0]["api_key"] == [{"env": "ONE"}, {"file": "keys/two"}]
    assert raw["gateway"]["auth"] == {"env": "TOKEN"}


def test_a_price_comes_from_the_file_or_else_from_the_catalogue(project: Project) -> None:
    known = project.remote(chat("it"))
    assert known.price is not None
    own = project.remote(chat("it", "price { input = $1, output = $2 }"))
    assert own.price is not None
    assert (str(own.price.input), str(own.price.output)) == ("$1", "$2")
    assert project.remote(chat("it").replace("gpt-4o-mini", "gpt-4-unheard-of")).price is None


@each_row(
    ("bind", "host", "port"),
    [
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("[::1]:8080", "::1", 8080),
        ("localhost:0", "localhost", 0),
    ],
)
def test_the_gateway_listens_where_the_file_says(project: Project, bind: str, host: str, port: int) -> None:
    gateway = project.plan(f'{chat("it")}gateway {{ bind = "{bind}", auth = none }}').gateway
    assert (gateway.host, gateway.port, gateway.auth, gateway.open) == (host, port, None, True)


@each_row("bind", ["0.0.0.0:80", "[::]:80", "192.168.0.1:80", "example.com:80", "127.0.0.1.example:80"])
def test_where_other_machines_come_in_the_file_says_who_may(project: Project, bind: str) -> None:
    assert project.codes(f'{chat("it")}gateway {{ bind = "{bind}" }}') == ["E0317"]
    gateway = project.plan(f'{chat("it")}gateway {{ bind = "{bind}", auth = bearer(env("T")) }}').gateway
    assert (gateway.auth, gateway.open) == (SecretRef.env("T"), False)


@each_row("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost", "LOCALHOST", "app.localhost"])
def test_on_this_machine_nobody_needs_a_token(project: Project, host: str) -> None:
    gateway = project.plan(f'{chat("it")}gateway {{ bind = "{host}:1" }}').gateway
    assert (gateway.auth, gateway.open) == (None, False)


def test_what_clients_may_take_is_said_in_the_plan(project: Project) -> None:
    block = """timeouts { header = 1s, body = 2s, write = 3s }, max_body = 4MiB, max_body_memory = 5MiB
      cors { origins = ["https://a.example", "http://localhost:3000", "*"] }"""
    gateway = project.plan(f"{chat('it')}gateway {{ {block} }}").gateway
    assert gateway.timeouts == ClientTimeouts(Duration(1), Duration(2), Duration(3), Duration(75))
    assert (gateway.max_body, gateway.max_body_memory) == (4 << 20, 5 << 20)
    assert gateway.cors.origins == ("https://a.example", "http://localhost:3000", "*")


@each_row(
    ("setting", "code"),
    [
        ("timeout = 0s", "E0304"),
        ("timeouts { write = 0s }", "E0304"),
        ("max_body = 0KiB", "E0304"),
        ("max_body = 8", "E0302"),
        ("timeouts { wirte = 1s }", "E0204"),
        ('cors { origins = ["a.example"] }', "E0318"),
        ('cors { origins = ["https://a.example/"] }', "E0318"),
    ],
)
def test_a_setting_of_the_gateway_that_makes_no_sense_is_an_error(
    project: Project, setting: str, code: str
) -> None:
    assert project.codes(f"{chat('it')}gateway {{ {setting} }}") == [code]


@each_row("bind", ["", "8080", ":8080", "host:", "host:99999", "host:-1", "host:http"])
def test_an_address_that_is_none_is_an_error(project: Project, bind: str) -> None:
    assert project.codes(f'{chat("it")}gateway {{ bind = "{bind}" }}') == ["E0312"]


def test_the_state_is_that_of_all_files_of_the_same_name_unless_one_is_given(project: Project) -> None:
    plan = project.plan(chat("it"))
    assert (plan.state.name, plan.state.on_unavailable) == ("main", "refuse")
    plan = project.plan(f'{chat("it")}gateway {{ state {{ name = "shop", on_unavailable = serve }} }}')
    assert (plan.state.name, plan.state.on_unavailable) == ("shop", "serve")


@each_row("name", ["", "a/b", "a\\nb", "x" * 101])
def test_a_name_of_a_state_that_is_none_is_an_error(project: Project, name: str) -> None:
    assert project.codes(f'{chat("it")}gateway {{ state {{ name = "{name}" }} }}') == ["E0304"]


# ---- reading back


def amount(choose: Random) -> str:
    return f"${choose.randint(1, 10**8) / 100:.2f}"


def duration(choose: Random) -> str:
    unit, part = choose.choice(["ms", "s", "m", "h"]), choose.choice(["", " / 3", " * 0.7"])
    return f"{choose.randint(1, 8000)}{unit}{part}"


def count(choose: Random) -> str:
    return str(choose.randint(1, 1000))


SETTINGS: dict[str, Callable[[Random], str]] = {
    "retry.max_retries": count,
    "retry.max_backoff": duration,
    "retry.initial_backoff": duration,
    "retry.backoff_multiplier": lambda choose: f"{choose.uniform(1, 100):.6f}",
    "retry.jitter": lambda choose: choose.choice(["none", "equal", "full"]),
    "timeouts.request": duration,
    "timeouts.read": duration,
    "circuit_breaker.open_duration": duration,
    "rate_limits.tokens_per_minute": count,
    "rate_limits.strict": lambda choose: choose.choice(["true", "false"]),
}


def file(choose: Random, text: str) -> str:
    """A remote deployment with some settings."""
    blocks: dict[str, list[str]] = {}
    for path in choose.sample(sorted(SETTINGS), choose.randint(0, len(SETTINGS))):
        block, name = path.split(".")
        blocks.setdefault(block, []).append(f"{name} = {SETTINGS[path](choose)}")
    body = "\n".join(f"{block} {{ {', '.join(fields)} }}" for block, fields in blocks.items())
    hour = amount(choose)
    return f"""\
deployment "{choose.choice(["a", "b c", "é", "x/y"])}" {{
  model = "gpt-4o"
  replicas = {choose.randint(1, 5)}
  runtime custom("plugin") {{ {body}
    settings {{ a = "{text}", b = {choose.randint(-(10**9), 10**9)} }} }}
  price {{ input = {hour}, output = {amount(choose)} / 7 }}
  budget {{ max_spend_per_hour = {hour}, max_spend_per_day = {hour} * 24, on_exceeded = warn }}
}}
"""


@FEWER
@given(
    seed=st.integers(0, 2**32),
    text=st.text(st.characters(exclude_characters='"\\$', exclude_categories=["Cs", "Cc"])),
)
def test_a_plan_that_was_written_is_read_back_as_it_was(
    seed: int, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checked = check_file("main.infer", Path("main.infer"), text=file(Random(seed), text))
    errors = {item.code for item in checked.diagnostics if item.is_error}
    assert errors <= {"E0407", "E0306"}
    if errors:
        return
    plan = compile_checked(checked, Path())
    path = tmp_path_factory.getbasetemp() / "main.plan.json"
    path.write_text(dump_plan(plan), "utf-8")
    assert load_plan(path) == plan
    assert dump_plan(load_plan(path)) == dump_plan(plan)


def test_a_plan_with_everything_in_it_is_read_back_as_it_was(project: Project) -> None:
    plan = project.plan(EVERYTHING)
    assert load_plan(project.write("p.json", dump_plan(plan))) == plan
    [_, claude, *_] = plan.deployments
    assert isinstance(claude, RemotePoolPlan)
    assert claude.timeouts.request == Duration(3.333333333)


# ---- plans that cannot be read


def changed(change: Callable[[Any], object]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        raw = json.loads(text)
        change(raw["deployments"][0])
        return json.dumps(raw)

    return edit


@each_row(
    ("damage", "says"),
    [
        (lambda text: "", "p.json:1:1: the plan is damaged"),
        (lambda text: text[:-20], "the plan is damaged"),
        (lambda text: "{}", "it has no `schema`"),
        (lambda text: "null", "it has no `schema`"),
        (lambda text: '{"schema": 1}', "it has no `schema`"),
        (lambda text: text.replace("inferc.plan/1", "inferc.plan/2"), "its schema is `inferc.plan/2`"),
        (lambda text: "[" * 200_000, "nested too deeply"),
        (lambda text: '{"schema": ' + "[" * 200_000, "nested too deeply"),
        (changed(lambda each: each.update(kind="magic")), "magic"),
        (changed(lambda each: each.pop("kind")), "kind"),
        (changed(lambda each: each.pop("retry")), "retry"),
        (changed(lambda each: each.update(surprise=1)), "surprise"),
        (changed(lambda each: each.update(idempotent="yes")), "idempotent"),
        (changed(lambda each: each.update(replicas=3)), "replicas"),
        (changed(lambda each: each["timeouts"].update(read=10)), "read"),
        (changed(lambda each: each["timeouts"].update(read="10 parsecs")), "10 parsecs"),
        (changed(lambda each: each["retry"].update(jitter="some")), "jitter"),
        (changed(lambda each: each.update(api_key=["sk-proj-0123456789abcdef"])), "api_key"),
        (changed(lambda each: each["serving"].update(on_capacity_exhausted={"fall": "b"})), "serving"),
    ],
    ids=[
        "empty",
        "cut",
        "no schema",
        "null",
        "a number as schema",
        "another schema",
        "nested",
        "nested later",
        "unknown kind",
        "no kind",
        "key missing",
        "unknown key",
        "text for a truth",
        "number for a list",
        "no unit",
        "unknown unit",
        "unknown word",
        "a key in it",
        "a wrong block",
    ],
)
def test_a_plan_that_cannot_be_used_says_where_and_why(
    project: Project, damage: Callable[[str], str], says: str
) -> None:
    path = project.write("p.json", damage(dump_plan(project.plan(chat("it")))))
    with pytest.raises(PlanError) as raised:
        load_plan(path)
    assert str(raised.value).startswith(f"{path}")
    assert says in str(raised.value)
    assert "`inferc compile`" in str(raised.value)
    assert "sk-proj" not in str(raised.value)


@each_row(
    ("change", "says"),
    [
        (lambda plan: plan["routes"][0]["members"].append("gone"), "`r` needs `gone`, which is not there"),
        (lambda plan: plan["routes"][0]["members"].append("r"), "`r` leads back to itself"),
        (
            lambda plan: plan["deployments"][0]["serving"]["on_capacity_exhausted"].update(fallback="gone"),
            "`it` needs `gone`",
        ),
        (lambda plan: plan["pipelines"][0]["nodes"][0].update(block="gone"), "a block that is not there"),
        (lambda plan: the_if(plan).update(otherwise=""), "leads back to itself"),
        (lambda plan: plan["deployments"][0]["retry"].update(max_retries=10**400), "a number of 401 digits"),
    ],
    ids=["no member", "a route of itself", "no fallback", "no block", "a block in itself", "a vast number"],
)
def test_a_plan_that_does_not_hang_together_says_what_is_wrong(
    project: Project, change: Callable[[Any], object], says: str
) -> None:
    text = f"""
        {chat("it", "serving { max_concurrent = 1, on_capacity_exhausted = fallback(other) }")}
        {chat("other")}
        route r = fallback [it, other]
        pipeline p(x: text) -> text {{ return if x == "a" {{ r(x) }} else {{ it(x) }} }}
    """
    path = project.write("p.json", dump_plan(project.plan(text)))
    assert load_plan(path) == project.plan(text)
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))
    with pytest.raises(PlanError, match="is damaged") as raised:
        load_plan(path)
    assert says in str(raised.value)
    assert "`inferc compile`" in str(raised.value)


def the_if(plan: Any) -> Any:
    return next(node for node in plan["pipelines"][0]["nodes"] if node["kind"] == "if")


@each_row(
    ("name", "contents", "says"),
    [
        ("none.json", None, "there is no such file"),
        (".", None, "cannot be read"),
        ("latin.json", b'{"schema": "\xe9"}', "not UTF-8"),
        ("utf16.json", '{"schema": "x"}'.encode("utf-16"), "not UTF-8"),
        ("nul.json", b"\0\0\0", "damaged"),
    ],
)
def test_a_file_that_is_no_plan_says_so(
    project: Project, name: str, contents: bytes | None, says: str
) -> None:
    path = project.folder / name if contents is None else project.write(name, contents)
    with pytest.raises(PlanError, match=says):
        load_plan(path)


def test_the_address_of_grpc_is_checked_with_the_file(project: Project) -> None:
    assert project.plan('gateway { grpc = "127.0.0.1:8001" }\n').gateway.grpc == "127.0.0.1:8001"
    assert project.codes('gateway { grpc = "8001" }\n') == ["E0312"]
    assert project.codes('gateway { grpc = "0.0.0.0:8001" }\n') == ["E0317"]
