"""Which errors let a route ask another member: all are decided, and the documentation says the same."""

from __future__ import annotations

import pytest

from inferc.runtime import errors
from inferc.runtime.errors import BadRequest, RateLimited, RequestError, ServerError
from inferc.runtime.routes.moving_on import MOVES_ON, STAYS, exhausted, moves_on

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RequestError)]


@pytest.mark.parametrize("kind", KINDS)
def test_of_every_error_it_is_decided_whether_another_member_may_be_asked(kind: type[RequestError]) -> None:
    assert (kind in MOVES_ON) != (kind in STAYS)
    assert moves_on(kind("x")) == (kind in MOVES_ON)


def test_an_error_that_is_in_no_table_goes_by_the_class_above_it() -> None:
    class Overheated(ServerError): ...

    class Refused(BadRequest): ...

    assert moves_on(Overheated("x"))
    assert not moves_on(Refused("x"))


def test_when_nobody_can_answer_the_error_says_what_each_said_and_when_to_come_back() -> None:
    failures = [RateLimited("a is limited", retry_after=7), ServerError("b failed", retry_after=3)]
    error = exhausted("r", failures)
    assert isinstance(error, ServerError)
    assert error.message == "route `r`: no member could answer: a is limited; b failed"
    assert (error.retry_after, error.attempts) == (3, 2)
    assert failures[1].message == "b failed"
