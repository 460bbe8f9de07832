"""Failing on demand: which answers go wrong, and how."""

from __future__ import annotations

from enum import StrEnum

from attrs import evolve

from ...compiler.plan.record import frozen


class FaultKind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    SLOW = "slow"
    STALL = "stall"
    CUT = "cut"
    SPLIT = "split"
    MALFORMED = "malformed"
    ERROR = "error"
    NO_DONE = "no_done"
    FAILED_CHOICE = "failed_choice"
    NO_CHOICES = "no_choices"


class RetryForm(StrEnum):
    """How an answer says when to come back."""

    SECONDS = "seconds"
    MILLISECONDS = "ms"
    DATE = "date"


@frozen
class Fault:
    """`count` answers that go wrong; None is all of them.

    status: of an error, or of the error inside a stream. retry_after: seconds, said in the `form` that was
    chosen. code: the error's code, as OpenAI calls it; empty is what goes with the status. after: pieces
    that are sent before it happens. seconds: how long it is slow, or silent. until_new_key: until a
    request comes with another key than the first.
    """

    status: int = 500
    count: int | None = 1
    retry_after: float | None = None
    code: str = ""
    kind: FaultKind = FaultKind.STATUS
    after: int = 2
    seconds: float = 60.0
    form: RetryForm = RetryForm.SECONDS
    until_new_key: bool = False


SPOILT = (FaultKind.FAILED_CHOICE, FaultKind.NO_CHOICES)
"""Answers that look like a success and are none."""

SETTINGS = "count, retry_after, form, code, status, after, seconds, until"


def parse_fault(text: str) -> Fault:
    """The fault that `WHAT` or `WHAT:key=value,…` describes. Raises ValueError.

    WHAT: an error status, or a kind: slow, stall, cut, split, malformed, error, no_done (a stream without end
    marker), failed_choice (an error in a choice), no_choices. Keys: `count` (a number, or
    `all`; 1 when unset), `retry_after` (seconds), `form` (seconds, ms, date), `code`, `status`, `after`
    (pieces), `seconds`, `until=new_key`.
    """
    what, _, rest = text.partition(":")
    fault = _what(what)
    for setting in filter(None, rest.split(",")):
        key, _, value = setting.partition("=")
        fault = _set(fault, key.strip(), value.strip())
    return fault


def _what(text: str) -> Fault:
    if text.isdecimal() and 400 <= int(text) <= 599:
        return Fault(int(text))
    kinds = [kind.value for kind in FaultKind if kind is not FaultKind.STATUS]
    if text in kinds:
        return Fault(kind=FaultKind(text))
    raise ValueError(
        f"`{text}` is no error status and no fault: write one from 400 to 599, as in 429:retry_after=1, "
        f"or one of {', '.join(kinds)}"
    )


def _set(fault: Fault, key: str, value: str) -> Fault:
    try:
        match key:
            case "count":
                return evolve(fault, count=None if value == "all" else int(value))
            case "retry_after":
                return evolve(fault, retry_after=float(value))
            case "form":
                return evolve(fault, form=RetryForm(value))
            case "code":
                return evolve(fault, code=value)
            case "status":
                return evolve(fault, status=int(value))
            case "after":
                return evolve(fault, after=int(value))
            case "seconds":
                return evolve(fault, seconds=float(value))
            case "until" if value == "new_key":
                return evolve(fault, until_new_key=True)
    except ValueError:
        raise ValueError(f"`{value}` is no value for `{key}`") from None
    raise ValueError(f"`{key}={value}` is no setting of a fault: {SETTINGS}")


class FaultPlan:
    """Hands out faults one after the other, each as often as it says; then none."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self._faults = list(faults)
        self._used = 0
        self._first_key: str | None = None

    def take(self, key: str) -> Fault | None:
        """The fault of the next answer, to a request with this key; None answers properly."""
        while self._faults:
            fault = self._faults[0]
            if fault.until_new_key:
                self._first_key = self._first_key or key
                if key == self._first_key:
                    return fault
            elif fault.count is None or self._used < fault.count:
                self._used += 1
                return fault
            self._faults.pop(0)
            self._used = 0
            self._first_key = None
        return None
