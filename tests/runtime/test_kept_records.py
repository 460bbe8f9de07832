"""What is known of requests outlasts a restart, in a folder."""

from __future__ import annotations

import asyncio
import errno
import fnmatch
import logging
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

from inferc.compiler.plan import Plan
from inferc.runtime.executor import Executor
from inferc.runtime.gateway.exchange import Exchange
from inferc.runtime.gateway.telemetry import kept_records
from inferc.runtime.gateway.telemetry.accounting import Spend
from inferc.runtime.gateway.telemetry.kept_records import KeepingRecords, KeptRecords
from inferc.runtime.gateway.telemetry.request_records import WRITTEN, Records
from inferc.runtime.requests.errors import RequestError, ServerError
from inferc.runtime.requests.trace import Note, Span, Trace
from inferc.runtime.requests.usage import Usage

from ..support.remote import eventually, plan_of, remote_plan


@pytest.fixture
def plan() -> Plan:
    return plan_of(remote_plan("gpt"))


def ended(records: Records, plan: Plan, name: str, error: RequestError | None = None) -> None:
    """A request that took a second and cost a dollar."""
    exchange = Exchange(Executor(plan, Path.cwd()), name)
    exchange.asked, exchange.user = "gpt", "ada"
    span = Span(None, "gpt", exchange.began, exchange.began + 1, Usage(3, 4), 10**12, error is None, 0)
    exchange.spans = [span]
    exchange.trace = Trace("gpt", spans=exchange.spans)
    exchange.trace.notes.append(Note(exchange.began, "noted"))
    outcome = "ok" if error is None else type(error).code
    records.end(exchange, ("POST", "/v1", 200, outcome, error), exchange.began + 1)


def spent(records: Records) -> dict[Any, Spend]:
    return records.accounting.since(3600)


async def test_stories_and_costs_outlast_a_restart(tmp_path: Path, plan: Plan) -> None:
    before = Records()
    keeping = KeepingRecords(before, tmp_path / "state", "shop")
    await keeping.start()
    ended(before, plan, "req_1")
    ended(before, plan, "req_2", ServerError("broken"))
    await keeping.stop()

    after = Records()
    keeping = KeepingRecords(after, str(tmp_path / "state"), "shop")
    await keeping.start()
    ended(after, plan, "req_3")
    story = after.story("req_2")
    assert story is not None
    assert (story["outcome"], story["error"]) == ("server_error", "broken")
    assert any(event.get("text") == "noted" for event in story["events"])
    assert [each["id"] for each in after.troubled(5)] == ["req_2"]
    assert "events" not in after.troubled(5)[0]
    [(row, spend)] = spent(after).items()
    assert row == ("", "gpt", "gpt", "ada")
    assert (spend.requests, spend.prompt_tokens, spend.cost) == (3, 9, 3 * 10**12)
    assert after.accounting.began == before.accounting.began
    await keeping.stop()


async def test_costs_are_written_before_the_end_too(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_records, "SAVE_EVERY", 0.0)
    records = Records()
    keeping = KeepingRecords(records, tmp_path, "shop")
    await keeping.start()
    ended(records, plan, "req_1")
    file = tmp_path / "requests-shop-0.json"
    await eventually(lambda: file.exists() and bool(orjson.loads(file.read_bytes())["spent"]))
    await keeping.stop()


async def test_what_is_being_written_at_the_end_is_followed_by_the_last(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, goes_on = threading.Event(), threading.Event()

    class Slow(Records):
        def as_json(self) -> dict[str, Any]:
            said = super().as_json()
            if not began.is_set():
                began.set()
                goes_on.wait(20)
            return said

    monkeypatch.setattr(kept_records, "SAVE_EVERY", 0.0)
    records = Slow()
    keeping = KeepingRecords(records, tmp_path, "shop")
    await keeping.start()
    await eventually(began.is_set)
    ended(records, plan, "req_1")
    stopping = asyncio.create_task(keeping.stop())
    await asyncio.wait([stopping], timeout=0.1)
    goes_on.set()
    await stopping
    await asyncio.get_running_loop().shutdown_default_executor()
    after = Records()
    kept = KeptRecords(tmp_path, "shop")
    kept.take_over(after)
    kept.close()
    assert after.story("req_1") is not None
    assert [spend.requests for spend in spent(after).values()] == [1]


async def test_a_process_takes_over_what_others_left(tmp_path: Path, plan: Plan) -> None:
    processes = [KeptRecords(tmp_path, "shop") for _ in range(3)]
    known = [Records() for _ in processes]
    for index, (kept, records) in enumerate(zip(processes, known, strict=True)):
        kept.take_over(records)
        ended(records, plan, f"req_{index}")
        records.accounting.sort_in()
        kept.save(records)
    processes[0].close()
    processes[1].close()
    late = Records()
    heir = KeptRecords(tmp_path, "shop")
    heir.take_over(late)
    assert [late.story(f"req_{index}") is not None for index in range(3)] == [True, True, False]
    assert sum(spend.requests for spend in spent(late).values()) == 2
    assert len(fnmatch.filter(os.listdir(tmp_path), "*.json")) == 2, (
        "that of the heir, and that which is held"
    )
    other = Records()
    elsewhere = KeptRecords(tmp_path, "another")
    elsewhere.take_over(other)
    assert not spent(other)
    for kept in (*processes, heir, elsewhere):
        kept.close()


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"began": 1}', '{"began":1,"spent":[[1]],"recent":[],"troubled":[]}']
)
async def test_a_damaged_file_is_begun_anew(
    tmp_path: Path, damage: str, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "requests-shop-0.json").write_text(damage)
    records = Records()
    kept = KeptRecords(tmp_path, "shop")
    with caplog.at_level(logging.WARNING):
        kept.take_over(records)
    assert "is begun anew" in caplog.text
    ended(records, plan, "req_1")
    kept.save(records)
    kept.close()
    again = Records()
    kept = KeptRecords(tmp_path, "shop")
    kept.take_over(again)
    assert again.story("req_1") is not None
    kept.close()


async def test_what_is_kept_is_bounded(plan: Plan) -> None:
    records = Records()
    for index in range(WRITTEN + 10):
        ended(records, plan, f"req_{index}", ServerError("broken"))
    known = records.as_json()
    assert (len(known["recent"]), len(known["troubled"])) == (WRITTEN, WRITTEN)
    assert known["recent"][-1]["id"] == f"req_{WRITTEN + 9}"


async def test_a_folder_that_cannot_be_used_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    keeping = KeepingRecords(Records(), tmp_path / "file" / "state", "shop")
    with caplog.at_level(logging.WARNING):
        await keeping.start()
        await keeping.stop()
    assert "cannot be kept in" in caplog.text


async def test_a_full_disk_is_told_once_and_nothing_is_left_on_it(
    tmp_path: Path, plan: Plan, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [0, 0, 1 << 20, 0]
    write_bytes = Path.write_bytes

    def write(path: Path, data: bytes) -> int:
        most = room.pop(0)
        written = write_bytes(path, data[:most])
        if len(data) > most:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written

    monkeypatch.setattr(Path, "write_bytes", write)
    records = Records()
    kept = KeptRecords(tmp_path / "state", "shop")
    kept.take_over(records)
    told = []
    for number in range(4):
        if number == 2:
            shutil.rmtree(tmp_path / "state")  # it is made again
        ended(records, plan, f"req_{number}")
        with caplog.at_level(logging.WARNING):
            kept.save(records)
        told.append(len(caplog.messages))
        left = [path.suffix for path in (tmp_path / "state").iterdir() if path.suffix != ".lock"]
        assert left == ([".json"] if number >= 2 else [])
    kept.close()
    assert told == [1, 1, 1, 2]
