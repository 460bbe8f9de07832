"""What all tests share: the process that they run in, how much is tried, and expected outputs in files."""

from __future__ import annotations

import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from .support import ONE_THREAD

# However busy the machine is; the same examples each time; `--hypothesis-profile=new` tries many new ones.
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("new", BUSY, max_examples=2000)
settings.register_profile("same", BUSY, max_examples=100, derandomize=True)
settings.load_profile("same")


IN_MEMORY = Path("/dev/shm")
"""A file system on which a file costs half of what it costs on a disk, and to sync it nothing."""
ROOM = 4 << 30
"""Bytes that it must have left; what remains of three runs takes a few MB."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the processes that tests start the same everywhere.

    What commands say is as wide as anywhere; modules are compiled once instead of at each start of a
    command; no client looks for the servers of tests behind a proxy; and what inferc remembers of this
    machine is not what it remembers of its user's, but the same in all processes.
    """
    if "TMPDIR" not in os.environ and _takes_programs(IN_MEMORY):
        os.environ["TMPDIR"] = str(IN_MEMORY)
        tempfile.tempdir = None
    cache = os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="inferc-cache-")
    config.add_cleanup(partial(_remove, cache, os.getpid()))
    for name in ("COLUMNS", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)
    os.environ["INFERC_PROGRESS"] = "never"  # however long a test takes on a busy machine
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


pytest_plugins = ["tests.support.forks"]

NUMBERS = count()
"""They tell the folders of the tests of a process apart."""

os.environ |= ONE_THREAD  # before the `conftest.py` of a folder that is named, which may import them


def _takes_programs(folder: Path) -> bool:
    """Whether files can be put there and run, and there is room."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC


def _remove(folder: str, owner: int) -> None:
    """Remove a folder in the process that made it, which outlives those that are forked from it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Nothing that is made while tests are collected is garbage, so do not search it again and again.

    Meanwhile, on another core, what others are forked from imports, and tests are compiled in a new clone.
    """
    gc.disable()
    with ExitStack() as beside:
        if session.config.option.forks > 1 and hasattr(os, "fork"):
            from .support.compiling import compiled_beside
            from .support.forked import start_servers

            beside.enter_context(compiled_beside(session.config))
            start_servers()
        _prepare_hypothesis()
        return (yield)


HERE = Path(__file__).parent
WAITING = {path for each in ("*", "e2e/*", "faults/*", "runtime/test_store_*") for path in HERE.glob(each)}
"""Files whose tests wait longer than they compute: for processes, servers and time."""
EARLY = 0.6
"""The part of all other tests beside which those are run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread tests that wait among those that compute.

    Beside each other they would leave the cores nothing to do; for one that is begun last all others wait.
    """
    total = Counter(item.path in WAITING for item in items)
    before: Counter[bool] = Counter()
    place: dict[Path, float] = {}
    for item in items:
        waits = item.path in WAITING
        place.setdefault(item.path, before[waits] / total[waits] * (EARLY if waits else 1))
        before[waits] += 1
    items.sort(key=lambda item: place[item.path])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Do once what each process would do; leave the tests out of every later search for garbage."""
    if session.config.option.forks > 1 and "tests.support.forked" in sys.modules:
        from .support import fork_server

        fork_server.prepare()
    gc.freeze()
    gc.enable()
    for name in ONE_THREAD:
        del os.environ[name]


@given(st.integers(), st.text())
def _prepare_hypothesis(_: int, __: str) -> None:
    """Let Hypothesis find out what the characters are and make its random numbers, for which it searches all
    that lives: a second once tests are imported. Once they are frozen with what holds them, Python 3.14 says
    that nothing does, which it warns of.
    """


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Leave the collector as it was, and what a module keeps out of later searches.

    A command that runs in this process turns it off, and a server makes it rare: what later tests drop would
    stay, and each model that closes would search all of it.
    """
    usual = gc.get_threshold()
    done = yield
    gc.enable()
    gc.set_threshold(*usual)
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()
    return done


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record",
        action="store_true",
        help="write what golden tests produce into their files, instead of comparing it with them",
    )


@pytest.fixture(scope="session")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tests of this process have theirs."""
    return tmp_path_factory.mktemp("tests")


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, _folder: Path) -> Path:
    """As pytest's own, which looks through the folders of all earlier tests: 1.8 ms each time."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = _folder / f"{name}_{next(NUMBERS)}"
    path.mkdir(0o700)
    return path


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str | Path], Callable[[str], None]]:
    """`golden(path)(text)` compares `text` with a file; the path counts from the folder of the test.

    With `--record` it writes the file instead.
    """

    def expected_in(path: str | Path) -> Callable[[str], None]:
        file = request.path.parent / path

        def check(text: str) -> None:
            if request.config.getoption("--record"):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode())
            elif not file.exists():
                pytest.fail(f"{file} does not exist; `pytest {request.node.nodeid} --record` writes it")
            else:
                assert text == file.read_bytes().decode()

        return check

    return expected_in


@pytest.fixture
def socket_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where servers listen for commands: a folder whose name leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="i-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def workers_are_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that workers of pipelines come from need not import each time what they need.

    A server that a test starts does without this: it starts that process as users do.
    """
    from inferc.runtime.serving.pipelines.workers import forkserver

    from .support.forked import forked_workers

    popen = SimpleNamespace(**vars(subprocess) | {"Popen": forked_workers})
    monkeypatch.setattr(forkserver, "subprocess", popen)
