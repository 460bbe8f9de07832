"""Lines of the access log, where several processes write to the same place."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from inferc.runtime.gateway.telemetry import access_log
from inferc.runtime.gateway.telemetry.access_log import LARGE_PIECE, PIECE, AccessLog, LogForm

LINES = 2000


@frozen
class Said:
    """A line of about 300 bytes."""

    by: int
    number: int

    def as_json(self) -> dict[str, Any]:
        return {"by": self.by, "number": self.number, "padding": "x" * 270}


@frozen
class Padded:
    """A line of another length."""

    padding: str

    def as_json(self) -> dict[str, Any]:
        return {"padding": self.padding}


class Counted(io.FileIO):
    """A file or a pipe that knows the size of each write."""

    def __init__(self, at: int | Path) -> None:
        super().__init__(at, "w")
        self.sizes: list[int] = []

    def write(self, data: Any) -> int | None:
        self.sizes.append(len(data))
        return super().write(data)


def _all_of(pipe: int) -> bytes:
    with open(pipe, "rb") as reader:
        return reader.read()


def _expected() -> list[tuple[int, int]]:
    return [(by, number) for by in range(2) for number in range(LINES)]


async def _write(*logs: AccessLog) -> None:
    for number in range(LINES):
        for by, log in enumerate(logs):
            log.write(Said(by, number))
    for log in logs:
        await log.stop()


def _read(data: bytes) -> list[tuple[int, int]]:
    return sorted((line["by"], line["number"]) for line in map(json.loads, data.splitlines()))


async def test_lines_of_two_processes_come_whole_out_of_one_pipe_that_is_read_slowly() -> None:
    ours, theirs = os.pipe()
    raws = Counted(theirs), Counted(os.dup(theirs))
    read = asyncio.create_task(asyncio.to_thread(_all_of, ours))
    await _write(*(AccessLog(each, LogForm.JSON) for each in raws))
    for each in raws:
        each.close()
    assert _read(await read) == _expected()
    assert max(raws[0].sizes + raws[1].sizes) <= PIECE


async def test_a_file_that_processes_share_is_written_in_fewer_steps_and_lines_stay_whole(
    tmp_path: Path,
) -> None:
    raw = Counted(tmp_path / "log")
    raws = raw, Counted(os.dup(raw.fileno()))
    await _write(*(AccessLog(each, LogForm.JSON) for each in raws))
    for each in raws:
        each.close()
    data = (tmp_path / "log").read_bytes()
    assert _read(data) == _expected()
    sizes = raws[0].sizes + raws[1].sizes
    assert max(sizes) <= LARGE_PIECE
    assert len(sizes) < len(data) / PIECE / 2


async def test_a_line_that_is_longer_than_a_piece_is_written_by_itself(tmp_path: Path) -> None:
    class Long:
        def as_json(self) -> dict[str, Any]:
            return {"padding": "x" * 2 * LARGE_PIECE}

    raw = Counted(tmp_path / "log")
    log = AccessLog(raw, LogForm.JSON)
    for line in (Said(0, 0), Long(), Said(0, 1)):
        log.write(line)
    await log.stop()
    raw.close()
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert [len(json.loads(line)["padding"]) for line in lines] == [270, 2 * LARGE_PIECE, 270]
    assert raw.sizes == [len(line) + 1 for line in lines]


async def test_a_log_that_is_told_to_end_when_its_lines_are_due_ends(tmp_path: Path) -> None:
    class LateEvent(threading.Event):
        """Whose time is over just when it is set."""

        def wait(self, timeout: float | None = None) -> bool:
            super().wait()
            while not log._waiting.qsize():
                time.sleep(0.001)
            return False

    with (tmp_path / "log").open("wb", 0) as text:
        log = AccessLog(text, LogForm.JSON)
        log._ends = LateEvent()
        log.write(Said(0, 0))
        await asyncio.wait_for(log.stop(), 30)
    assert _read((tmp_path / "log").read_bytes()) == [(0, 0)]


@pytest.mark.parametrize("padding", ["x" * 270, "x" * 6000, "\u65e5" * 9000])
async def test_a_log_that_nobody_reads_does_not_keep_a_server_from_its_end(
    padding: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "LAST", 0.1)
    ours, theirs = os.pipe()
    text = Counted(theirs)
    with caplog.at_level(logging.WARNING):
        log = AccessLog(text, LogForm.JSON)
        for _ in range(500):
            log.write(Padded(padding))
        try:
            await asyncio.wait_for(log.stop(), 30)
        finally:
            os.close(ours)  # whatever still writes hears of it
    with suppress(OSError):
        text.close()
    assert caplog.messages == ["the access log is not read: its last lines are left out"]


@pytest.mark.parametrize("size", [6000, 3 * LARGE_PIECE])
async def test_a_long_line_comes_whole_out_of_a_pipe_in_one_write_where_that_waits_for_nobody(
    size: int,
) -> None:
    ours, theirs = os.pipe()
    raw = Counted(theirs)
    read = asyncio.create_task(asyncio.to_thread(_all_of, ours))
    with raw as text:
        log = AccessLog(text, LogForm.JSON)
        log.write(Padded("\u65e5" * (size // 3)))
        await log.stop()
    [line] = (await read).splitlines()
    assert json.loads(line) == {"padding": "\u65e5" * (size // 3)}
    assert len(raw.sizes) == 1 if size < LARGE_PIECE else max(raw.sizes) <= PIECE


async def test_lines_that_come_while_a_log_is_stopped_are_written_and_do_not_keep_it_from_its_end() -> None:
    for _ in range(20):
        ours, theirs = os.pipe()
        with Counted(theirs) as text:
            log = AccessLog(text, LogForm.JSON)
            log.write(Said(0, 0))
            stopping = asyncio.create_task(log.stop())
            for number in range(1, 20):
                await asyncio.sleep(0)
                log.write(Said(0, number))
            await asyncio.wait_for(stopping, 30)
            log.write(Said(0, 20))
            await asyncio.wait_for(log.stop(), 30)
        assert [json.loads(line)["number"] for line in _all_of(ours).splitlines()] == list(range(21))


async def test_all_who_stop_a_log_wait_until_it_is_written_whoever_of_them_gives_up() -> None:
    ours, theirs = os.pipe()
    with Counted(theirs) as text:
        log = AccessLog(text, LogForm.JSON)
        for number in range(100):
            log.write(Said(0, number))
            if number % 10 == 9:
                first, second = asyncio.create_task(log.stop()), asyncio.create_task(log.stop())
                await asyncio.sleep(0)
                first.cancel()
                await asyncio.wait_for(second, 30)
                assert log._thread is None
                await log.stop()
    assert [json.loads(line)["number"] for line in _all_of(ours).splitlines()] == list(range(100))


class Disk(io.FileIO):
    """A file on a disk that has room for so many bytes."""

    room = 0

    def write(self, data: Any) -> int | None:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(data[: self.room])
        self.room -= written or 0
        return written


async def test_a_full_disk_is_told_once_and_cuts_no_line_that_comes_when_there_is_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Disk(tmp_path / "log", "w") as disk:
        log = AccessLog(disk, LogForm.JSON)
        for number, disk.room in enumerate((1000, 400, 0, 0, 1000, 1000)):
            for _ in range(2):
                log.write(Said(0, number))
            await asyncio.wait_for(log.stop(), 30)
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert [json.loads(each)["number"] for each in lines if each.endswith(b"}")] == [0, 0, 1, 4, 4, 5, 5]
    assert next(each for each in lines if not each.endswith(b"}")).startswith(b'{"by":0,"number":1')
    assert caplog.messages == [
        "the access log cannot be written, and lines are left out: [Errno 28] No space left on device",
        "the access log is written again; 6 lines are left out",
    ]


async def test_a_log_that_cannot_be_written_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    text = Counted(theirs)
    log = AccessLog(text, LogForm.JSON)
    try:
        for number in range(5):
            log.write(Said(0, number))
            await asyncio.wait_for(log.stop(), 30)
    finally:
        with suppress(OSError):
            text.close()
    assert caplog.messages == [
        "the access log cannot be written, and lines are left out: [Errno 32] Broken pipe"
    ]


async def test_a_line_for_which_there_is_no_thread_is_written_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "log").open("wb", 0) as out:
        log = AccessLog(out, LogForm.JSON)
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", _no_thread)
            log.write(Said(0, 0))
        log.write(Said(0, 1))
        await asyncio.wait_for(log.stop(), 30)
    assert _read((tmp_path / "log").read_bytes()) == [(0, 0), (0, 1)]


def _no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
