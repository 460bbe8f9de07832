"""The samples with pipelines, run for real: models of this machine, and the mock provider."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from inferc.cli.main import main

from ..support.commands import PATIENCE, ROOT, SAMPLES, Running, serving
from ..support.forked import ran

KEYS = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "VLLM_API_KEY"), "any-key")


@contextmanager
def provider(*arguments: str) -> Iterator[Running]:
    with serving("mock-provider", "--port", "0", "--gap", "0", *arguments) as mock:
        yield mock


def scripted(name: str) -> tuple[str, str]:
    return "--script", f"samples/{name}/provider.json"


@contextmanager
def sample(name: str, mock: Running, *arguments: str) -> Iterator[Running]:
    """The sample behind its gateway; no state is left beside it."""
    file = f"samples/{name}/{name}.infer"
    urls = {"support": mock.url, "assistant": mock.url}
    setting = f"provider={urls[name]}" if name in urls else f"provider_url={mock.url}/v1"
    with serving("run", file, "--port", "0", "--set", setting, *arguments, environment=KEYS) as gateway:
        yield gateway


def post(url: str, body: dict[str, Any]) -> tuple[Any, dict[str, str]]:
    """The answer to a request, and its headers."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response), dict(response.headers)


def ask(gateway: Running, pipeline: str, **values: Any) -> Any:
    """What a pipeline gives."""
    answer, _ = post(f"{gateway.url}/v1/pipelines/{pipeline}", values)
    assert answer["pipeline"] == pipeline
    return answer["result"]


def chat(gateway: Running, model: str, text: str) -> tuple[str, str]:
    """What a route says, and who of its members said it."""
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    answer, headers = post(f"{gateway.url}/v1/chat/completions", body)
    return answer["choices"][0]["message"]["content"], headers["x-inferc-deployment"]


def stats(mock: Running) -> Any:
    with urllib.request.urlopen(f"{mock.url}/__mock__/stats", timeout=PATIENCE) as response:
        return json.load(response)


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return ran("call", *arguments, cwd=ROOT, env=os.environ | KEYS | {"NO_COLOR": "1"}, text=True)


# ---- support


@pytest.fixture(scope="module")
def support() -> Iterator[tuple[Running, Running]]:
    with provider(*scripted("support")) as mock, sample("support", mock) as gateway:
        yield gateway, mock


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        ("Please give me back what I paid for the lamp.", "refund"),
        ("My package still has not arrived. When does it come?", "delivery"),
        ("The lamp that I bought stopped working after a day.", "defect"),
        ("Tell me a joke about penguins.", "other"),
    ],
)
def test_support_tells_on_this_machine_what_a_message_is_about(
    support: tuple[Running, Running], message: str, topic: str
) -> None:
    gateway, mock = support
    before = stats(mock)["requests"]
    assert ask(gateway, "topic", message=message) == topic
    assert stats(mock)["requests"] == before


def test_support_asks_the_small_model_what_it_can_answer(support: tuple[Running, Running]) -> None:
    gateway, mock = support
    before = stats(mock)["models"]
    said = ask(gateway, "support", message="Please give me back what I paid for the lamp.")
    assert said == "A refund takes up to five days. What is your order number?"
    assert _asked(before, stats(mock)["models"]) == {"gpt-4o-mini": 1}


def test_support_asks_the_large_model_when_an_answer_was_cut_off(support: tuple[Running, Running]) -> None:
    gateway, mock = support
    before = stats(mock)["models"]
    said = ask(gateway, "support", message="What are the terms of your contract?")
    assert said == "You may end the contract at any time."
    assert _asked(before, stats(mock)["models"]) == {"gpt-4o-mini": 1, "gpt-4o": 1}


def _asked(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """How often each model was asked in between."""
    counted = {model: count - before.get(model, 0) for model, count in after.items()}
    return {model: count for model, count in counted.items() if count}


def test_support_is_a_chat_model_whose_answer_is_streamed(support: tuple[Running, Running]) -> None:
    gateway, _ = support
    messages: Any = [{"role": "user", "content": "My package still has not arrived. When does it come?"}]
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="unused") as client:
        stream = client.chat.completions.create(model="support", messages=messages, stream=True)
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(pieces) == "I am sorry. What is your tracking number?"
    assert len([piece for piece in pieces if piece]) > 2


def test_support_goes_to_the_other_provider_when_the_first_one_is_down(
    support: tuple[Running, Running],
) -> None:
    gateway, mock = support
    before = stats(mock)["apis"]
    post(f"{mock.url}/__mock__/faults", {"faults": ["503:retry_after=0,count=4"]})
    try:
        assert chat(gateway, "agent", "hello") == ("You said: hello", "other")
        assert _asked(before, stats(mock)["apis"]) == {"openai": 4, "anthropic": 1}
    finally:
        post(f"{mock.url}/__mock__/faults", {"faults": []})


# ---- retrieval

PASSAGES = [
    "The Eiffel Tower is 330 metres high.",
    "Penguins are birds that swim, and cannot fly.",
    "The ostrich runs fast; it is the largest bird.",
    "Bread is made of flour, water and salt.",
    "Bats are mammals with wings.",
]


def test_retrieval_answers_from_the_closest_passages_and_sends_what_is_no_json_back_once(
    tmp_path: Path,
) -> None:
    script = json.loads((SAMPLES / "retrieval" / "provider.json").read_text())
    script["answers"].insert(0, {"say": "It is the penguins.", "times": 1})
    (tmp_path / "script.json").write_text(json.dumps(script))
    with provider("--script", str(tmp_path / "script.json")) as mock, sample("retrieval", mock) as gateway:
        found = ask(gateway, "ask", question="Which birds cannot fly?", passages=PASSAGES)
        assert (found["answer"], found["cited"]) == ("example", [1])
        assert stats(mock)["requests"] == 2
        found = ask(gateway, "ask", question="Which birds cannot fly?", passages=PASSAGES)
        assert (found["answer"], found["cited"]) == ("Penguins cannot fly.", [1])
        assert found["sources"][0]["index"] == 1
        assert {source["item"] for source in found["sources"]} == {PASSAGES[i] for i in (1, 2, 4)}
        scores = [source["score"] for source in found["sources"]]
        assert scores == sorted(scores, reverse=True)
        whole = "\n\n".join(PASSAGES * 4)
        found = ask(gateway, "ask_document", question="Which birds cannot fly?", document=whole)
        assert len(found["sources"]) == 3


# ---- triage


@pytest.fixture(scope="module")
def triage() -> Iterator[tuple[Running, Running]]:
    with provider() as mock, sample("triage", mock) as gateway:
        yield gateway, mock


@pytest.mark.parametrize(
    ("file", "label", "summary"),
    [
        ("samples/triage/features.py", "python", "You said: Review this python code"),
        ("samples/fetch_models.py", "python", "You said: Review this python code"),
        ("samples/support/provider.json", "json", "You said: Describe the data in this json file"),
        ("README.md", "markdown", "You said: Summarise in one sentence"),
        ("samples/models/minilm.onnx", "onnx", "Nothing to read: onnx."),
    ],
)
def test_triage_sorts_files_by_what_is_in_them(
    triage: tuple[Running, Running], file: str, label: str, summary: str
) -> None:
    data = (ROOT / file).read_bytes()
    found = ask(triage[0], "triage", data=b64encode(data).decode())
    assert found["label"] == label
    assert found["confidence"] > 0.5
    assert found["summary"].startswith(summary)


def test_triage_sends_no_program_anywhere(triage: tuple[Running, Running]) -> None:
    gateway, mock = triage
    before = stats(mock)["requests"]
    program = Path("/bin/sh").read_bytes()
    found = ask(gateway, "triage", data=b64encode(program).decode())
    assert (found["label"], found["summary"]) == ("elf", "A program: it is not opened.")
    assert stats(mock)["requests"] == before


def test_triage_takes_a_file_on_the_command_line_and_shows_each_step() -> None:
    with provider() as mock:
        setting = ("--set", f"provider_url={mock.url}/v1")
        file = "data=@samples/triage/features.py"
        done = call("samples/triage/triage.infer", "triage", file, "--trace", *setting)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] == "python"
    steps = [line.split()[:2] for line in done.stderr.splitlines()]
    assert steps[1:4] == [["kind", "features"], ["kind", "magika"], ["summary", "gpt"]]


# ---- assistant


def test_assistant_is_answered_by_the_second_provider_when_the_first_is_slow(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    patience = ("--set", "patience=50ms")
    with (
        provider("--fault", "slow:seconds=30,count=1") as mock,
        sample("assistant", mock, *state, *patience) as gateway,
    ):
        assert chat(gateway, "assistant", "hello") == ("You said: hello", "second")
        deadline = time.monotonic() + PATIENCE
        while stats(mock)["cancelled"] == 0:
            assert time.monotonic() < deadline, "the slow provider was not told that nobody waits"
            time.sleep(0.01)


def test_assistant_falls_back_to_a_server_without_a_price_when_the_budgets_are_spent(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with provider() as mock, sample("assistant", mock, *state, "--set", "daily=$0.000001") as gateway:
        assert chat(gateway, "assistant", "hello") == ("You said: hello", "spare")


def test_assistant_makes_title_and_translation_and_does_without_them_when_they_fail(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    faulty = [
        {"when": "A title", "fault": "400", "times": 1},
        {"when": "Translate", "fault": "400", "times": 1},
    ]
    script.write_text(json.dumps({"answers": faulty}))
    state = ("--state", str(tmp_path / "state"))
    with provider("--script", str(script)) as mock, sample("assistant", mock, *state) as gateway:
        without = ask(gateway, "translate", message="hello")
        assert without == "Answer\n\nYou said: hello\n\n(no translation today)"
        title, draft, german = ask(gateway, "translate", message="hello").split("\n\n")
    assert title == "You said: A title of three words for: You said: hello"
    assert draft == "You said: hello"
    assert german == "You said: Translate into German: You said: hello"


# ---- all of them


def test_the_samples_are_in_the_one_style_and_without_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["support", "retrieval", "triage", "assistant", "ocr", "voice"]
    files = [str(SAMPLES / name / f"{name}.infer") for name in names]
    for command in (["check", "--deny", "warnings"], ["fmt", "--check"]):
        assert main([*command, *files]) == 0, capsys.readouterr().err
