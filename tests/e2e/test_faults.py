"""What a client sees of each fault of a provider: the table in docs/operations.md, row by row."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from inferc.compiler.plan import CircuitBreakerConfig, RetryPolicy, SecretRef
from inferc.runtime.mock_provider import MockOptions
from inferc.runtime.mock_provider.faults import parse_fault

from ..support.commands import ROOT, Running, serving
from ..support.remote import executor_of, gateway_of, impatient, mock_provider, remote_plan

THRESHOLD = 2


@frozen
class Row:
    """One row. sent: how often the request reaches the provider, where it may be repeated once."""

    fault: str
    stream: bool
    status: int
    type: str
    code: str
    sent: int
    counts: bool
    logged: bool

    @property
    def body(self) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": "one two three four"}], "stream": self.stream}


def documented() -> list[Row]:
    """The rows of the table."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    table = text.partition("| fault | answer |")[2].partition("\n\n")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    return [
        Row(fault, kind == "stream", int(status), type_, code, int(sent), counts == "yes", logged == "yes")
        for fault, kind, status, type_, code, sent, counts, logged in rows
    ]


ROWS = documented()
NAMED = pytest.mark.parametrize(
    "row", ROWS, ids=[f"{row.fault} {'stream' if row.stream else 'whole'}" for row in ROWS]
)


def error_of(text: str, row: Row) -> dict[str, Any]:
    """The error in an answer, which is the last event of a stream that had begun."""
    if text.startswith("data: "):
        events = text.strip().split("\n\n")
        assert row.stream
        assert '"content":"You' in events[1]
        assert "[DONE]" not in text
        text = events[-1].removeprefix("data: ")
    found: dict[str, Any] = json.loads(text)["error"]
    assert set(found) == {"message", "type", "param", "code"}
    return found


def test_the_table_has_all_kinds_of_faults() -> None:
    kinds = {row.fault.partition(":")[0] for row in ROWS}
    assert {"429", "500", "503", "529", "401", "slow", "stall", "cut", "malformed", "error"} <= kinds
    assert len(ROWS) > 20


@pytest.fixture(scope="module")
def mock() -> Iterator[Running]:
    with serving("mock-provider", "--port", "0", "--gap", "0") as running:
        yield running


async def test_inferc_run_answers_and_logs_as_documented(mock: Running, tmp_path: Path) -> None:
    shared = f"""
template shared {{
  runtime openai_compatible {{
    endpoint = "{mock.url}/v1"
    api_key = env("OPENAI_API_KEY")
    retry {{ max_retries = 1, initial_backoff = 10ms, max_backoff = 1s }}
    circuit_breaker {{ failure_threshold = 1000 }}
  }}
}}
"""
    rows = ""
    for index, row in enumerate(ROWS):
        timeouts = impatient(row.fault, 0.4)  # little time only where it is to run out
        times = f"timeouts {{ request = {timeouts.request}, read = {timeouts.read} }}"
        runtime = f"runtime openai_compatible {{ {times} }}"
        rows += f'deployment row{index} from shared {{ model = "m{index}", {runtime} }}\n'
    (tmp_path / "app.infer").write_text(shared + rows)
    with serving("run", str(tmp_path / "app.infer"), "--port", "0") as gateway:
        async with aiohttp.ClientSession() as http:
            for index, row in enumerate(ROWS):
                script = {"faults": [fault_of(row)]}
                async with http.post(f"{mock.url}/__mock__/reset", json=script) as answer:
                    assert answer.status == 200
                body = row.body | {"model": f"row{index}"}
                async with http.post(f"{gateway.url}/v1/chat/completions", json=body) as answer:
                    error = error_of(await answer.text(), row)
                    assert (answer.status, error["type"], error["code"]) == (
                        row.status,
                        row.type,
                        row.code,
                    ), row
                    assert f"`row{index}`" in error["message"]
                async with http.get(f"{mock.url}/__mock__/stats") as answer:
                    assert (await answer.json())["requests"] == row.sent, row
        _, said = gateway.stop()
    for index, row in enumerate(ROWS):
        lines = [line for line in said.splitlines() if f"(deployment `row{index}`)" in line]
        assert len(lines) == row.logged, (row, lines)
        assert not lines or row.code in lines[0]
        assert not lines or f"attempts: {row.sent}" in lines[0]
    assert "Traceback" not in said


@NAMED
async def test_the_circuit_breaker_counts_what_is_documented(
    row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "key")
    options = MockOptions(gap=0, faults=(parse_fault(fault_of(row)),))
    async with mock_provider(options) as mock:
        plan = remote_plan(
            "gpt",
            mock.endpoint,
            key=SecretRef.env("TEST_KEY"),
            retry=RetryPolicy(max_retries=0, respect_retry_after=False),
            timeouts=impatient(row.fault, 0.05),
            circuit_breaker=CircuitBreakerConfig(failure_threshold=THRESHOLD),
        )
        async with (
            executor_of(plan) as executor,
            gateway_of(executor) as url,
            aiohttp.ClientSession() as http,
        ):
            codes = []
            for _ in range(THRESHOLD + 1):
                async with http.post(
                    f"{url}/v1/chat/completions", json=row.body | {"model": "gpt"}
                ) as answer:
                    codes.append(error_of(await answer.text(), row)["code"])
    assert codes == [row.code] * THRESHOLD + ["circuit_open" if row.counts else row.code]


def fault_of(row: Row) -> str:
    """The fault, every time."""
    return f"{row.fault}{',' if ':' in row.fault else ':'}count=all"


async def test_a_provider_that_is_not_there_is_a_network_error_and_said_at_the_start(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    (tmp_path / "app.infer").write_text(
        f'deployment gone {{\n  model = "m"\n  runtime openai_compatible {{ endpoint = "{nobody}", '
        "retry { max_retries = 0 } }\n}\n"
    )
    with serving("run", str(tmp_path / "app.infer"), "--port", "0") as gateway:
        body = {"model": "gone", "messages": [{"role": "user", "content": "hello"}]}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{gateway.url}/v1/chat/completions", json=body) as answer,
        ):
            assert answer.status == 502
            assert (await answer.json())["error"]["code"] == "network_error"
        _, said = gateway.stop()
    assert len(re.findall(r"connection refused; its requests will fail", said)) <= 1
    assert len([line for line in said.splitlines() if "(network_error, attempts: 1)" in line]) == 1


async def test_a_401_is_over_once_the_key_file_holds_a_new_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("old-key")
    with serving("mock-provider", "--port", "0", "--gap", "0", "--fault", "401:until=new_key") as mock:
        (tmp_path / "app.infer").write_text(
            f'deployment gpt {{\n  model = "m"\n  runtime openai_compatible {{ endpoint = "{mock.url}/v1", '
            'api_key = file("key") }\n}\n'
        )
        with serving("run", str(tmp_path / "app.infer"), "--port", "0") as gateway:
            body = {"model": "gpt", "messages": [{"role": "user", "content": "hello"}]}
            url = f"{gateway.url}/v1/chat/completions"
            async with aiohttp.ClientSession() as http:
                async with http.post(url, json=body) as answer:
                    assert answer.status == 401
                    assert "old-key" not in await answer.text()
                (tmp_path / "key").write_text("new-key")
                async with http.post(url, json=body) as answer:
                    assert answer.status == 200
                async with http.get(f"{mock.url}/__mock__/stats") as answer:
                    counted = await answer.json()
    assert counted["unauthorized"] >= 2
    assert counted["answered"] == 1
