"""What has worked is believed by whoever comes next only where nobody else can have said so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inferc.runtime.replicas.onnx import remembered
from inferc.runtime.replicas.onnx.remembered import Remembered

KEY = "0123456789abcdef"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a key that has worked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    Remembered("tried").add(KEY)
    return tmp_path / "inferc" / "tried" / KEY


def linked(kept: Path) -> None:
    kept.rename(kept.with_name("other"))
    kept.symlink_to("other")


def folder_instead(kept: Path) -> None:
    kept.unlink()
    kept.mkdir()


def file_instead_of_folder(kept: Path) -> None:
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.touch()


def endless_link(kept: Path) -> None:
    kept.unlink()
    kept.symlink_to(kept)


def open_to_all(kept: Path) -> None:
    kept.parent.chmod(0o777)


@pytest.mark.parametrize(
    "change", [Path.unlink, linked, folder_instead, file_instead_of_folder, endless_link, open_to_all]
)
def test_what_others_may_have_put_there_is_not_believed(kept: Path, change: Callable[[Path], None]) -> None:
    assert Remembered("tried").has(KEY)
    change(kept)
    found = Remembered("tried")
    assert not found.has(KEY)
    found.add(KEY)
    assert found.has(KEY)


def test_what_another_user_put_there_is_not_believed(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = kept.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert not Remembered("tried").has(KEY)


def test_a_cache_that_may_not_be_read_is_no_error(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in ("stat", "lstat", "mkdir", "utime", "open"):
        monkeypatch.setattr(os, name, refuse)
    found = Remembered("tried")
    assert not found.has(KEY)
    found.add(KEY)
    assert found.has(KEY)


def test_the_oldest_are_forgotten(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST", 3)
    os.utime(kept, (1, 1))
    for number in range(3):
        Remembered("tried").add(str(number))
    found = Remembered("tried")
    assert [found.has(each) for each in (KEY, "0", "1", "2")] == [False, True, True, True]
