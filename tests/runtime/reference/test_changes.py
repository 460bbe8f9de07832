"""Each entry of the providers' change logs: what is said to be done about it is there."""

from __future__ import annotations

from datetime import date

import pytest

from ...support.rows import each_row
from .changes import NAMES, claims, holds, read


@each_row("name", NAMES)
def test_what_is_said_of_each_entry_is_there(name: str) -> None:
    said = [(entry["date"], claim) for entry in read(name)["entries"] for claim in claims(entry)]
    assert [each for each in said if not holds(name, each[1])] == []


@each_row("name", NAMES)
def test_entries_are_in_order_and_say_when_and_what(name: str) -> None:
    said = read(name)
    days = [entry["date"] for entry in said["entries"]]
    assert days == sorted(days)
    assert all(date.fromisoformat(f"{day}-01-01"[:10]) for day in [*days, said["until"]])
    assert not days or said["until"] >= days[-1][:10]
    assert date.fromisoformat(said["read"])
    assert said["sources"]
    assert all(entry["what"] and claims(entry) for entry in said["entries"])


@each_row(
    "claim",
    [
        "field chat.no_such_field",
        "shape chat.no_such_field",
        "answer no.such.place",
        "fact gpt-4o no_such_fact",
        'fact gpt-4o thinks="budget"',
        "model no-such-model",
        "price gpt-4o cache_write",
        "retired gpt-4o 2026-01-01",
        "error no_such_code",
        "says no such words in pyproject.toml",
        "preset",
        "test tests/runtime/reference/test_changes.py::test_of_nothing",
    ],
)
def test_a_claim_about_what_is_not_there_is_found(claim: str) -> None:
    assert not holds("openai", claim)


def test_a_claim_needs_a_word_that_is_known() -> None:
    with pytest.raises(ValueError, match="known"):
        holds("openai", "done somehow")
