"""Files of secrets that are none: an error at once, never a wait and never all memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inferc.compiler.plan import SecretRef, SecretSource
from inferc.runtime.issued_keys.file import BrokenKeys, read_keys
from inferc.runtime.mock_provider.scripted_answers import ScriptError, load_script
from inferc.runtime.requests.errors import StartError
from inferc.runtime.secrets.secret import read_secret
from inferc.runtime.simulation.replays import BadLog, read_log


def test_only_regular_files_of_a_bounded_size_hold_secrets(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"a" * (2 << 20))
    for name, says in (
        ("pipe", "no regular file"),
        ("/dev/zero", "no regular file"),
        ("big", "larger than 1 MiB"),
    ):
        with pytest.raises(StartError, match=says):
            read_secret(SecretRef(SecretSource.FILE, name), tmp_path, "deployment `m`")


def test_other_files_that_somebody_names_are_regular_ones_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ScriptError, match="it is no regular file"):
        load_script(tmp_path / "fifo")
    with pytest.raises(BrokenKeys, match="it is no regular file"):
        read_keys(tmp_path / "fifo")


def test_brackets_without_an_end_are_no_json(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("[" * 100_000)
    with pytest.raises(ScriptError, match="no JSON"):
        load_script(tmp_path / "deep")
    with pytest.raises(BrokenKeys, match="holds no keys"):
        read_keys(tmp_path / "deep")
    with pytest.raises(BadLog, match="line 1 is no access line"):
        read_log(["[" * 100_000], ["r"], [])
