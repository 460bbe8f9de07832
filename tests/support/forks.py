"""`--forks N`: tests are collected once, and run in N processes that are forked then.

To collect imports all tests and what they need, which costs each process as much as it costs the first. Each
process takes the next tests of a module when it has one left, and tells the one that collected them how they
ended; that one runs none, and reports. A process that a test ends is a failure of that test, and another one
goes on with those behind it. So is one in which a test takes too long: it says where it stands, and is ended.
"""

from __future__ import annotations

import mmap
import os
import selectors
import signal
import struct
import time
import warnings
from collections.abc import Iterator
from itertools import chain, groupby, pairwise
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

MOST = 40
"""Tests that a process takes together: all of a module, or so many of them."""
LAST = 10
"""Seconds that a process has to end in when it has closed what it talks through."""
NUMBER = struct.Struct("I")
THREADS = Path("/proc/self/task")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forks", type=int, default=0, metavar="N", help="run tests in N forked processes")
    parser.addoption(
        "--longest", type=float, default=300, metavar="S", help="end a process whose test takes so long"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object | None:
    """Run what was collected, or leave that to pytest, which does it in this process."""
    option = session.config.option
    batches = list(_batches(session.items))
    count = min(option.forks, len(batches))
    if count < 2 or option.collectonly or option.usepdb or session.testsfailed or not hasattr(os, "fork"):
        return None
    if option.basetemp:
        raise pytest.UsageError("each process would empty the folder of --basetemp: give --forks 0")
    if THREADS.exists() and len(list(THREADS.iterdir())) > 1:  # they are lost where a process is forked
        raise pytest.UsageError("a module starts threads while it is imported: let it, or give --forks 0")
    return Forks(session, batches).run(count)


def _batches(items: list[pytest.Item]) -> Iterator[list[pytest.Item]]:
    for _, module in groupby(items, key=lambda item: item.path):
        tests = list(module)
        for start in range(0, len(tests), MOST):
            yield tests[start : start + MOST]


@define
class Worker:
    """A process, as the one that forked it sees it: its tests, and how many of those it has begun."""

    pid: int
    tests: list[pytest.Item]
    begun: int = 0
    done: bool = False
    heard: float = field(factory=time.monotonic)
    """When it last said something: that it begins a test, and how that ended."""


@define
class Forks:
    session: pytest.Session
    batches: list[list[pytest.Item]]
    workers: dict[Connection, Worker] = field(factory=dict)
    waiting: selectors.BaseSelector = field(factory=selectors.PollSelector)
    """For what `workers` say."""
    tickets: int = -1
    """A pipe with the numbers of the batches that nobody has taken."""
    stopped: mmap.mmap = field(factory=lambda: mmap.mmap(-1, 1))
    """One byte that all processes see: whether no more tests are to be run."""

    def run(self, count: int) -> bool:
        """Returns in this process and in each that is forked: all of them end as pytest does."""
        self.tickets, full = os.pipe()
        os.write(full, b"".join(map(NUMBER.pack, range(len(self.batches)))))
        os.close(full)
        for _ in range(count):
            if self._fork([]):
                return True
        try:
            while self.workers:
                for key, _ in self.waiting.select(1):
                    assert isinstance(key.fileobj, Connection)
                    if self._hear(key.fileobj):
                        return True
                if self._end_overdue():
                    return True
        except BaseException:
            for worker in self.workers.values():
                os.kill(worker.pid, signal.SIGINT)
                _status(worker.pid, LAST)
            raise
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)
        return True

    def _fork(self, tests: list[pytest.Item]) -> bool:
        """Another process, which begins with `tests`; whether this is that one, at the end of its work."""
        said, tell = Pipe(duplex=False)
        if pid := os.fork():
            tell.close()
            self.workers[said] = Worker(pid, tests)
            self.waiting.register(said, selectors.EVENT_READ)
            return False
        for each in (said, *self.workers):
            each.close()
        self.workers.clear()
        _work(self.session, chain(tests, chain.from_iterable(self._taken(tell))), tell, self.stopped)
        return True

    def _taken(self, tell: Connection) -> Iterator[list[pytest.Item]]:
        while ticket := os.read(self.tickets, NUMBER.size):
            (number,) = NUMBER.unpack(ticket)
            tell.send(("taken", number))
            yield self.batches[number]

    def _hear(self, said: Connection) -> bool:
        """Take in one thing that a process says; gives what `_fork` does."""
        worker, config = self.workers[said], self.session.config
        worker.heard = time.monotonic()
        kind, what = _next(said)
        if kind == "taken":
            worker.tests = worker.tests[worker.begun :] + self.batches[what]
            worker.begun = 0
        elif kind == "begun":
            worker.begun += 1
            config.hook.pytest_runtest_logstart(**what)
        elif kind == "reports":
            read = config.hook.pytest_report_from_serializable
            for each in what:
                is_report = isinstance(each, pytest.TestReport)
                self._report(each if is_report else read(config=config, data=each))
        elif kind == "warning":
            config.hook.pytest_warning_recorded.call_historic(kwargs=what)
        elif kind == "done":
            worker.done = True
        else:
            return self._ended(said)
        return False

    def _report(self, report: Any) -> None:
        self.session.config.hook.pytest_runtest_logreport(report=report)
        self.stopped[0] = bool(self.session.shouldfail or self.session.shouldstop)

    def _end_overdue(self) -> bool:
        """End each process that has said nothing for too long, and go on behind what it ran.

        pytest has `faulthandler` write where its threads stand. Gives what `_fork` does.
        """
        oldest = time.monotonic() - self.session.config.option.longest
        for said in [said for said, worker in self.workers.items() if worker.heard < oldest]:
            os.kill(self.workers[said].pid, signal.SIGABRT)
            if self._ended(said, overdue=True):
                return True
        return False

    def _ended(self, said: Connection, *, overdue: bool = False) -> bool:
        worker = self.workers.pop(said)
        self.waiting.unregister(said)
        said.close()
        longest = self.session.config.option.longest / 2  # meanwhile, what others say is not heard
        status, hung = _status(worker.pid, min(LAST, longest))
        if worker.done and not (overdue or hung):
            return False
        why = f"the process that ran it ended: {os.waitstatus_to_exitcode(status)}"
        if worker.done:
            why = "its process did not end after it: this or another test left a thread or a child there"
        if not worker.begun:
            raise RuntimeError(f"a process of the tests ended before its first one: {why}")
        test = worker.tests[worker.begun - 1]
        self._report(pytest.TestReport(test.nodeid, test.location, {}, "failed", why, "call"))
        return not (worker.done or self.stopped[0]) and self._fork(worker.tests[worker.begun :])


def _status(pid: int, seconds: float) -> tuple[int, bool]:
    """How a process ended that has no more to say, and whether it had to be ended.

    One that has closed all that it had may still hang, as in a library whose threads were lost at the fork.
    """
    latest = time.monotonic() + seconds
    while not (found := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > latest:
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1], True
        time.sleep(0.01)
    return found[1], False


def _next(said: Connection) -> tuple[str, Any]:
    try:
        kind, what = said.recv()
    except EOFError:
        return "end", None
    return kind, what


def _work(
    session: pytest.Session, tests: Iterator[pytest.Item], tell: Connection, stopped: mmap.mmap
) -> None:
    """Run `tests` as pytest does, in a process that shows nothing itself."""
    manager = session.config.pluginmanager
    manager.unregister(name="terminalreporter")
    capture = manager.getplugin("capturemanager")
    capture.stop_global_capturing()  # its files are shared by all who were forked with them
    capture.start_global_capturing()
    capture.suspend_global_capture()
    manager.register(telling := Telling(session.config, tell))
    telling.live = True
    for test, following in pairwise(chain(tests, [None])):
        assert test is not None
        session.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
        if stopped[0] or session.shouldfail or session.shouldstop:
            break
    tell.send(("done", None))


@define(eq=False)
class Telling:
    """A plugin that hands on what the process that collected the tests is to show."""

    config: pytest.Config
    tell: Connection
    live: bool = False
    """What was warned of before is told again to each new plugin, and not shown twice."""
    reports: list[Any] = field(factory=list)
    """Of the test that runs."""

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self.tell.send(("begun", {"nodeid": nodeid, "location": location}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        write = self.config.hook.pytest_report_to_serializable
        is_plain = report.longrepr is None  # as most are: it can be sent as it is, which is cheaper
        self.reports.append(report if is_plain else write(config=self.config, report=report))

    def pytest_runtest_logfinish(self) -> None:
        self.tell.send(("reports", self.reports))
        self.reports = []

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: Any
    ) -> None:
        if self.live:
            it = warning_message
            plain = warnings.WarningMessage(str(it.message), it.category, it.filename, it.lineno)
            what = {"warning_message": plain, "when": when, "nodeid": nodeid, "location": location}
            self.tell.send(("warning", what))
