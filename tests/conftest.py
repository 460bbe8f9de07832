"""What all tests share: expected outputs that are kept in files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Servers of tests are on this machine: no client may look for them behind a proxy."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What inferc remembers of this machine is not what it remembers of its user's."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record",
        action="store_true",
        help="write what golden tests produce into their files, instead of comparing it with them",
    )


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
