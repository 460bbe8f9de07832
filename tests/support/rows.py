"""`each_row`: a table as one test, where pytest's `parametrize` makes a test of each row.

pytest takes 2.5 ms to make, run and report a test that does nothing. Rows that share no fixture and leave
nothing behind need none of that. All of them are run, and each that fails is told with its name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import pytest

FAILURES = (Exception, pytest.fail.Exception)
Named = type(pytest.param())


def each_row(
    names: str | Iterable[str],
    values: Iterable[Any],
    ids: Callable[[Any], object] | Iterable[object] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for each row, as `parametrize` with these arguments does; the test cannot be asynchronous.

    ids: how rows are called where one fails; what they hold, unless it is a list of names. Raises what a row
    raised, in a group where several did.
    """
    columns = names.replace(",", " ").split() if isinstance(names, str) else list(names)
    alone = isinstance(names, str) and len(columns) == 1
    table = [
        each if isinstance(each, Named) else pytest.param(*([each] if alone else each)) for each in values
    ]
    if not table or any(each.marks for each in table):
        raise ValueError("a table has rows, and none of them has marks of its own")
    called = None if ids is None or callable(ids) else list(ids)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def run(*args: Any, **given: Any) -> None:
            failed: list[Any] = []
            for number, row in enumerate(table):
                try:
                    test(*args, **given, **dict(zip(columns, row.values, strict=True)))
                except FAILURES as error:
                    error.add_note(f"in the row {called[number] if called else row.id or repr(row.values)}")
                    failed.append(error)
            if len(failed) > 1:
                raise BaseExceptionGroup(f"{len(failed)} of {len(table)} rows", failed)
            if failed:
                raise failed[0]

        signature = inspect.signature(test)
        rest = [each for each in signature.parameters.values() if each.name not in columns]
        run.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
        return run

    return decorate
