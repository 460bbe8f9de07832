"""`inferc run` in front of `inferc mock-provider --strict`, both as users start them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from . import covered
from .served import FILE, MODELS

ROOT = Path(__file__).parents[2]
INFERC = os.environ.get("INFERC", str(ROOT / ".venv/bin/inferc"))
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # which it would fetch from the internet
STARTS = 120
"""Seconds within which a server says where it listens."""


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[str]:
    """A command that serves, until the block ends; gives its address."""
    said = folder / f"{arguments[0]}.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [INFERC, *arguments],
            cwd=folder,
            env={**os.environ, "KEY": "k", "NO_COLOR": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + STARTS
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", said.read_text())):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"inferc {' '.join(arguments)} did not start:\n{said.read_text()}")
            time.sleep(0.05)
        yield found[0]
        assert process.poll() is None, said.read_text()
    finally:
        process.terminate()
        process.wait()
    assert "Traceback" not in said.read_text(), said.read_text()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway with deployments of every kind."""
    folder = tmp_path_factory.mktemp("served")
    python = Path(INFERC).with_name("python")
    subprocess.run([python, "-c", MODELS, folder], cwd=ROOT, check=True)
    for name in ("minilm.onnx", "tokenizer.json"):
        shutil.copy(ROOT / "samples/models" / name, folder)
    with started(folder, "mock-provider", "--strict", "--port", "0") as provider:
        (folder / "served.infer").write_text(FILE.format(url=provider))
        with started(folder, "run", "served.infer", "--port", "0") as gateway:
            yield gateway


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tries(client, *features): what a test tries of a client")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Notes what a test that passed has shown."""
    report = yield
    if report.when == "call" and report.passed:
        for mark in item.iter_markers("tries"):
            client, *features = mark.args
            values = {**mark.kwargs, **(item.callspec.params if hasattr(item, "callspec") else {})}
            covered.note(client.format(**values), features, values["model"])
    return report
