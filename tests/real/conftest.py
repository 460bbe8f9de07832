"""What is seen of real servers, and the page that it is written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import page
from .served import Served
from .servers import Server

Note = Callable[[str], None]
SEEN = pytest.StashKey[dict[str, page.Section]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write docs/servers.md")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SEEN] = {}


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--record") and exitstatus == 0:
        page.write(session.config.stash[SEEN])


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest) -> Server:
    """The one that the class is about."""
    found: Server = request.cls.server
    return found


@pytest.fixture(scope="class")
def folder(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(server.name)


@pytest.fixture(scope="class")
def words(server: Server, folder: Path) -> Iterator[dict[str, str]]:
    """Where the programs listen that run beside the server."""
    with server.upstreams(folder) as words:
        yield words


@pytest.fixture(scope="class")
def served(server: Server, folder: Path, words: dict[str, str]) -> Iterator[Served]:
    """A gateway that has launched the server."""
    file = folder / "served.infer"
    file.write_text(server.text(folder, words))
    running = Served(folder, file, server.environ(folder, words))
    try:
        yield running
    finally:
        running.end()


@pytest.fixture
def note(request: pytest.FixtureRequest, server: Server) -> Iterator[Note]:
    """Says what a test saw; its docstring says what was tried."""
    said: list[str] = []
    yield said.append
    sections = request.config.stash[SEEN]
    section = sections.setdefault(server.name, page.Section(server.title, server.version()))
    tried = " ".join((request.function.__doc__ or request.function.__name__).split())
    section.rows.append((tried, "; ".join(said)))
