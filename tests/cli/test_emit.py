"""`inferc emit`: what is written where, and what would change; `inferc run` of what several machines run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..support.rows import each_row
from .conftest import Command

FILE = """\
deployment gpt {
  model = "gpt-4o-mini"
  runtime openai { api_key = env("KEY") }
}
gateway {
  bind = "0.0.0.0:8080"
  auth = bearer(env("TOKEN"))
}
"""
CLUSTER = """\
cluster {
  node a { gpus = 1 }
  node b { gpus = 1 }
}
deployment llama {
  model = "llama"
  gpus = 1
  replicas = 2
  runtime vllm { launch { command = ["vllm", "serve", "{model}", "--port", "{port}"] } }
}
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prod.infer").write_text(FILE, "utf-8")


def test_files_are_written_and_a_difference_is_shown(inferc: Command) -> None:
    written = inferc("emit", "kubernetes", "prod.infer", "-o", "out")
    assert written.status == 0
    assert "wrote out/prod-gateway.yaml" in written.err
    same = inferc("emit", "kubernetes", "prod.infer", "-o", "out", "--diff")
    assert (same.status, same.out) == (0, "")
    changed = inferc("emit", "kubernetes", "prod.infer", "-o", "out", "--diff", "--gateways", "5")
    assert changed.status == 1
    assert "+  minReplicas: 5\n" in changed.out
    new = inferc("emit", "prometheus", "prod.infer", "-o", "elsewhere", "--diff")
    assert new.status == 1
    assert "--- /dev/null\n+++ elsewhere/rules.yaml\n" in new.out
    assert not Path("elsewhere").exists()


def test_what_is_not_needed_any_more_is_named_and_stays(inferc: Command) -> None:
    one = 'deployment local {\n  model = "m"\n  runtime vllm { launch { command = ["m", "{port}"] } }\n}\n'
    Path("prod.infer").write_text(FILE + one, "utf-8")
    assert inferc("emit", "kubernetes", "prod.infer", "-o", "out").status == 0
    Path("prod.infer").write_text(FILE, "utf-8")
    changed = inferc("emit", "kubernetes", "prod.infer", "-o", "out", "--diff")
    assert (changed.status, "not needed any more: out/local.yaml\n" in changed.out) == (1, True)
    assert (
        "not needed any more: out/local.yaml" in inferc("emit", "kubernetes", "prod.infer", "-o", "out").err
    )
    assert Path("out/local.yaml").exists()


def test_code_beside_the_file_goes_into_the_image(inferc: Command) -> None:
    Path("mine.py").write_text("def f(x: str) -> str: return x\n", "utf-8")
    code = 'extern f(x: text) -> text = python("mine:f")\npipeline p(x: text) -> text { return f(x) }\n'
    Path("prod.infer").write_text(FILE + code, "utf-8")
    assert inferc("emit", "dockerfile", "prod.infer", "-o", "out").status == 0
    assert 'COPY ["mine.py", "/srv/infer/mine.py"]' in Path("out/Dockerfile").read_text("utf-8")


def test_what_gateways_count_together_needs_a_server_that_they_share(inferc: Command) -> None:
    budget = FILE.replace("  bind", "  budget { max_spend_per_day = $5, on_exceeded = reject }\n  bind")
    Path("prod.infer").write_text(budget, "utf-8")
    for state in ((), ("--state", "here")):
        done = inferc("run", "prod.infer", "--shared", *state)
        assert done.status == 1
        assert "name a Redis server that all of them reach" in done.err


@each_row(
    ("arguments", "said"),
    [
        (("nomad", "prod.infer", "-o", "out"), "invalid choice: 'nomad'"),
        (("kubernetes", "prod.infer"), "-o/--output"),
        (("kubernetes", "prod.infer", "-o", "out", "--namespace", "Prod_1"), "--namespace Prod_1"),
        (("kubernetes", "prod.infer", "-o", "out", "--gateways", "0"), "--gateways 0: at least 1"),
        (("kubernetes", "none.infer", "-o", "out"), "none.infer"),
        (("kubernetes", "prod.infer", "-o", "prod.infer"), "cannot write prod.infer"),
        (("kserve", "prod.infer", "-o", "out"), "emit `kubernetes` instead"),
    ],
)
def test_a_wrong_call_writes_nothing(inferc: Command, arguments: tuple[str, ...], said: str) -> None:
    done = inferc("emit", *arguments)
    assert done.status != 0
    assert said in done.err
    assert not Path("out").exists()


def test_a_file_for_several_machines_is_not_run_on_one(inferc: Command) -> None:
    Path("cluster.infer").write_text(CLUSTER, "utf-8")
    done = inferc("run", "cluster.infer")
    assert done.status == 1
    assert "cluster.infer places models on 2 machines (a, b), and this is one" in done.err
    assert "inferc emit kubernetes" in done.err
