"""Skipping what needs a program that is not installed; in CI nothing may be missing."""

from __future__ import annotations

import os

import pytest

from .engines import VSCODE, missing

NEEDS = {
    "node": lambda: missing("node") or (None if (VSCODE / "node_modules").exists() else "run `make editors`"),
    "cc": lambda: missing("cc"),
    "vim": lambda: missing("vim"),
}
"""What a test may need, and why it is not there."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(program): the test runs a program that may not be installed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        reason = NEEDS[marker.args[0]]()
        if reason and os.environ.get("CI"):
            pytest.fail(f"CI must have it: {reason}")
        elif reason:
            pytest.skip(reason)
