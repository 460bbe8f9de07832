"""What the C library is told about memory that is free again."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from inferc.runtime.concurrency.freed_memory import LARGEST_KEPT, MOST_KEPT, keep_blocks


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What `mallopt` hears."""
    heard: list[tuple[int, int]] = []

    class Library:
        def __init__(self, name: Any) -> None: ...

        def mallopt(self, number: int, value: int) -> int:
            heard.append((number, value))
            return 1

    for name in ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", Library)
    return heard


def test_blocks_of_usual_tensors_are_kept(told: list[tuple[int, int]]) -> None:
    keep_blocks()
    assert told == [(-3, LARGEST_KEPT), (-1, MOST_KEPT)]


def test_what_the_environment_says_goes_first(
    told: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    keep_blocks()
    assert told == []


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_blocks()
