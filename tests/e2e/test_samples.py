"""The other samples, compiled and run for real."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import openai
import pytest
from openai import OpenAI

from inferc.cli.main import main

from ..support.commands import ROOT, Running, serving

KEYS = {"OPENAI_API_KEY": "key-one", "OPENAI_API_KEY_2": "key-two"}
MESSAGES: Any = [{"role": "user", "content": "hello"}]


def stats(mock: Running) -> Any:
    with urllib.request.urlopen(f"{mock.url}/__mock__/stats", timeout=30) as response:
        return json.load(response)


def test_the_local_sample_embeds_without_a_key() -> None:
    with (
        serving("run", "samples/onnx.infer", "--port", "0", environment={"OPENAI_API_KEY": ""}) as gateway,
        OpenAI(base_url=f"{gateway.url}/v1", api_key="unused") as client,
    ):
        one, same, other = client.embeddings.create(
            model="embedder", input=["a cat", "a cat", "tax law"]
        ).data
    assert one.embedding == pytest.approx(same.embedding, abs=1e-3)
    assert one.embedding != pytest.approx(other.embedding, abs=1e-1)


def test_the_remote_sample_answers_after_a_failure_of_its_provider() -> None:
    with (
        serving("mock-provider", "--port", "0", "--gap", "0", "--fault", "503:retry_after=0") as mock,
        serving(
            "run", "samples/remote.infer", "--port", "0",
            "--set", f"provider_url={mock.url}/v1", environment=KEYS,
        ) as gateway,
        OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client,
    ):  # fmt: skip
        for name in ("chat", "spare"):
            answer = client.chat.completions.create(model=name, messages=MESSAGES)
            assert answer.choices[0].message.content == "You said: hello"
        counted = stats(mock)
    assert (counted["requests"], counted["faults"], counted["answered"]) == (3, 1, 2)


def test_the_remote_sample_does_not_repeat_what_cannot_succeed() -> None:
    with (
        serving("mock-provider", "--port", "0", "--fault", "400:code=context_length_exceeded") as mock,
        serving(
            "run",
            "samples/remote.infer",
            "--port",
            "0",
            "--set",
            f"provider_url={mock.url}/v1",
            environment=KEYS,
        ) as gateway,
        OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client,
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="chat", messages=MESSAGES)
        counted = stats(mock)
    assert refused.value.code == "context_length_exceeded"
    assert counted["requests"] == 1


def test_the_remote_sample_names_the_second_key_when_it_is_missing() -> None:
    keys = KEYS | {"OPENAI_API_KEY_2": ""}
    with (
        pytest.raises(pytest.fail.Exception, match=r"deployment `chat`.*OPENAI_API_KEY_2 is empty"),
        serving("run", "samples/remote.infer", "--port", "0", environment=keys),
    ):
        pytest.fail("it started without the key")


def test_the_sample_of_a_team_asks_the_cheapest_and_answers_again() -> None:
    with serving("mock-provider", "--port", "0", "--gap", "0") as mock:
        variables = {"OPENAI_API_KEY": "any", "MODELS_URL": f"{mock.url}/v1", "BIND": "127.0.0.1:0"}
        with (
            serving("run", "samples/team.infer", environment=variables) as gateway,
            OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client,
        ):
            told = []
            for name in ("assistant", "assistant", "thorough"):
                answer = client.chat.completions.with_raw_response.create(
                    model=name, messages=MESSAGES, temperature=0
                )
                told.append(
                    [answer.headers.get(f"x-inferc-{what}") for what in ("deployment", "cache", "adapted")]
                )
        assert told == [["quick", None, None], ["quick", "hit", None], ["thorough", None, "temperature"]]
        assert stats(mock)["requests"] == 2


def test_what_the_samples_promise_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(ROOT / "samples")]) == 0
    said = capsys.readouterr().out
    assert said.count("ok  ") >= 25
    assert "all passed" in said
    tests = sorted((ROOT / "samples").rglob("*_test.infer"))
    samples = [each for each in (ROOT / "samples").rglob("*.infer") if each not in tests]
    assert {each.stem for each in samples} == {each.stem.removesuffix("_test") for each in tests}
    assert main(["check", *map(str, tests)]) == 0
    assert "W0211" not in capsys.readouterr().out
