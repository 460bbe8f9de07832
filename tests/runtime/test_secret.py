from __future__ import annotations

import base64
import json
from pathlib import Path
from time import perf_counter
from urllib.parse import quote

import pytest

from inferc.compiler.plan import SecretRef
from inferc.runtime.requests.errors import StartError
from inferc.runtime.secrets.secret import SHOWN, Secret, read_secret, scrub_all

from ..support.rows import each_row


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


VALUE = 'sk-Prov"ider+/4f1c09d2e7ab'
SECRET = Secret(VALUE, "the test")
FORMS = {
    "as it is": VALUE,
    "in capitals": VALUE.upper(),
    "percent-encoded": quote(VALUE, safe=""),
    "percent-encoded in lower case": quote(VALUE, safe="").lower(),
    "in JSON": json.dumps(VALUE)[1:-1],
    "in base64": base64.b64encode(VALUE.encode()).decode(),
    "behind a user name": base64.b64encode(f"user:{VALUE}".encode()).decode(),
    "behind another": base64.b64encode(f"me:{VALUE}".encode()).decode(),
    "in base64 for URLs": base64.urlsafe_b64encode(f"u:{VALUE}:".encode()).decode(),
    "its beginning": VALUE[:12],
    "its end": VALUE[-12:],
    "beginning and end": f"{VALUE[:10]}***{VALUE[-10:]}",
}


@each_row("form", FORMS)
def test_a_secret_is_hidden_in_every_form(form: str) -> None:
    shown = SECRET.scrub(f"before {FORMS[form]}, after {FORMS[form]}")
    assert shown.startswith("before ")
    assert ", after " in shown
    runs = {FORMS[form][at : at + 8] for at in range(len(FORMS[form]) - 7)}
    assert not any(run in shown for run in runs)


@each_row("before", ["", "!", "!!", "!!!"])
@each_row("at", range(len(VALUE) - 7))
def test_eight_characters_of_a_secret_are_found_wherever_they_stand(at: int, before: str) -> None:
    part = VALUE[at : at + 8]
    assert SECRET.is_in(f"{before}{part}")
    assert SECRET.is_in(f"req_{before}{part.upper()}_1")
    assert not SECRET.is_in(f"req_{before}{part[:7]}")


@pytest.mark.parametrize("text", ["", "short", "the provider says no", SHOWN, VALUE[:7]])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert SECRET.scrub(text) == text


def test_a_short_secret_is_hidden_where_it_is_whole() -> None:
    assert Secret("abc123", "x").scrub("the key abc123 and abc12") == f"the key {SHOWN} and abc12"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("many a company has one", "many a company has one"),
        ('{"key": "any"} sk-any any_ Bearer=any', f'{{"key": "{SHOWN}"}} sk-{SHOWN} {SHOWN}_ Bearer={SHOWN}'),
        ("anyé éany any1 any", f"anyé éany any1 {SHOWN}"),
    ],
)
def test_a_short_secret_is_not_looked_for_inside_of_words(text: str, shown: str) -> None:
    assert Secret("any", "x").scrub(text) == shown
    assert Secret("any", "x").is_in(text) is (shown != text)


def test_scrubbing_takes_time_that_grows_with_the_text_alone() -> None:
    began = perf_counter()
    Secret("a" * 4000, "x").scrub("ab" * 50_000)
    assert perf_counter() - began < 20


def test_all_secrets_in_use_are_hidden_together_and_words_are_not_taken_for_them() -> None:
    secrets = [SECRET, Secret("an0ther0ne0f0urs", "x"), Secret("word", "x")]
    assert scrub_all(f"{VALUE} an0ther0ne0f0urs word") == f"{SHOWN} {SHOWN} word"
    del secrets
