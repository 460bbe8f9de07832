"""A table that is one test is tried row by row, and what fails is told as a test of its own would tell it."""

from __future__ import annotations

import inspect

import pytest

from .support.rows import each_row


def test_every_row_is_tried_and_each_that_fails_is_named() -> None:
    tried = []

    @each_row("number", [1, 2, 3], ids=["one", "two", "three"])
    @each_row(("a", "b"), [(1, "x"), pytest.param(2, "y", id="second")])
    def test(number: int, a: int, b: str) -> None:
        tried.append((number, a, b))
        assert number != 2 or a == 1

    with pytest.raises(AssertionError) as failed:
        test()
    assert tried == [(number, a, b) for number in (1, 2, 3) for a, b in ((1, "x"), (2, "y"))]
    assert failed.value.__notes__ == ["in the row second", "in the row two"]


def test_several_that_fail_are_all_told() -> None:
    @each_row("text", ["a", "b", "c"])
    def test(text: str) -> None:
        if text != "b":
            pytest.fail(text)

    with pytest.raises(BaseExceptionGroup) as failed:
        test()
    assert [str(each) for each in failed.value.exceptions] == ["a", "c"]


def test_what_is_no_column_is_given_by_pytest() -> None:
    @each_row("text", ["a", "b"])
    def test(capsys: object, text: str) -> None: ...

    assert list(inspect.signature(test).parameters) == ["capsys"]


def test_a_table_without_rows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="rows"):
        each_row("text", [])
