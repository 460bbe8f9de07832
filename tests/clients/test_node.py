"""Clients for Node, each with the tests in `node/`."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from . import covered
from .served import CHATS, SHAPERS, TALKERS

FOLDER = Path(__file__).parent / "node"
NODE = FOLDER / "node_modules/.bin/node"
PASSED = re.compile(r"^ok \d+ - (?P<model>[\w-]+): (?P<client>.+): (?P<features>.+)$", re.MULTILINE)
"""The name of a test that is noted, as `tries` in `node/served.mjs` writes it."""


@pytest.mark.skipif(not NODE.exists(), reason="there was no npm to install these clients with")
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.test.mjs")))
def test_a_client_for_node(url: str, name: str) -> None:
    served = {"TALKERS": TALKERS, "SHAPERS": SHAPERS, "CHATS": CHATS}
    names = {key: " ".join(each) for key, each in served.items()}
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", name],
        cwd=FOLDER,
        env={**os.environ, **names, "GATEWAY": url, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    for found in PASSED.finditer(done.stdout):
        covered.note(found["client"], found["features"].split(", "), found["model"])
    assert done.returncode == 0, done.stdout + done.stderr
