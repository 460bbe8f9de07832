"""Which errors let a route ask another member: all are decided, and the documentation says the same."""

from __future__ import annotations

from inferc.runtime.requests import errors
from inferc.runtime.requests.errors import BadRequest, RateLimited, RequestError, ServerError
from inferc.runtime.serving.routes.failover import FAILS_OVER, STAYS, exhausted, fails_over

from ...support.rows import each_row

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RequestError) and "code" in vars(kind)
]
"""But those that go by the class above them."""


@each_row("kind", KINDS)
def test_of_every_error_it_is_decided_whether_another_member_may_be_asked(kind: type[RequestError]) -> None:
    assert (kind in FAILS_OVER) != (kind in STAYS)
    assert fails_over(kind("x")) == (kind in FAILS_OVER)


def test_an_error_that_is_in_no_table_goes_by_the_class_above_it() -> None:
    class Overheated(ServerError): ...

    class Refused(BadRequest): ...

    assert fails_over(Overheated("x"))
    assert not fails_over(Refused("x"))


def test_when_nobody_can_answer_the_error_says_what_each_said_and_when_to_come_back() -> None:
    failures = [RateLimited("a is limited", retry_after=7), ServerError("b failed", retry_after=3)]
    error = exhausted("r", failures)
    assert isinstance(error, ServerError)
    assert error.message == "route `r`: no member could answer: a is limited; b failed"
    assert (error.retry_after, error.attempts) == (3, 2)
    assert failures[1].message == "b failed"
