from __future__ import annotations

from pathlib import Path

import pytest

from inferc.compiler.plan import SecretRef
from inferc.runtime.requests.errors import StartError
from inferc.runtime.secret import read_secret


def test_an_environment_variable_is_read_without_the_white_space_around_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("A_KEY", " abc\n")
    assert read_secret(SecretRef.env("A_KEY"), tmp_path, "x").reveal() == "abc"


def test_a_file_is_read_relative_to_the_plan(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc\n")
    assert read_secret(SecretRef.file("key"), tmp_path, "x").reveal() == "abc"


def test_a_secret_shows_its_origin_and_never_itself(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden")
    secret = read_secret(SecretRef.file("key"), tmp_path, "x")
    assert f"{secret} {secret!r}" == "Secret(from the file key) Secret(from the file key)"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "the file key is not there"),
        (b" \n", "the file key is empty"),
        (b"\xff", "the file key is not UTF-8 text"),
        (b"two\nlines", "characters that no HTTP header can carry"),
    ],
)
def test_an_unusable_file_is_named_with_its_owner(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(StartError, match=f"^deployment `gpt`: .*{says}"):
        read_secret(SecretRef.file("key"), tmp_path, "deployment `gpt`")


@pytest.mark.parametrize(("value", "says"), [(None, "is not set"), ("", "is empty")])
def test_an_unset_variable_is_named_with_its_owner(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None, says: str
) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("A_KEY", value)
    with pytest.raises(StartError, match=f"^deployment `gpt`: the environment variable A_KEY {says}"):
        read_secret(SecretRef.env("A_KEY"), tmp_path, "deployment `gpt`")
