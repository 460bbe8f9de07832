"""Modules of users, and the processes that run them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ...support.externs import Externs, Write


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a module beside the plan; gives its name."""
    names = []
    monkeypatch.setattr("sys.path", sys.path.copy())

    def write(text: str) -> str:
        name = f"extern_{tmp_path.name.replace('-', '_')}_{len(names)}"
        names.append(name)
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


@pytest.fixture(autouse=True)
def _forked_workers(workers_are_forked: None) -> None: ...


@pytest.fixture
async def externs(tmp_path: Path) -> AsyncIterator[Externs]:
    made = Externs(tmp_path)
    yield made
    made.threads.stop()
    await made.workers.stop()
