"""What all tests share: expected outputs that are kept in files."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """What commands say is as wide as everywhere, and no client looks for the servers of tests behind a proxy."""
    os.environ.pop("COLUMNS", None)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of every search for garbage, of which closing a model makes one."""
    gc.collect()
    gc.freeze()


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
