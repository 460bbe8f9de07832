"""Clients for Node, each with the tests in `node/`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
NODE = FOLDER / "node_modules/.bin/node"


@pytest.mark.skipif(not NODE.exists(), reason="there was no npm to install these clients with")
@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.test.mjs")))
def test_a_client_for_node(url: str, name: str) -> None:
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", name],
        cwd=FOLDER,
        env={**os.environ, "GATEWAY": url, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
