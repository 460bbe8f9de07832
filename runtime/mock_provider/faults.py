"""Failing on demand: which answers are errors, and which."""

from __future__ import annotations

from attrs import frozen

_DEFAULT_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "forbidden",
    404: "model_not_found",
    429: "rate_limit_exceeded",
    500: "server_error",
    503: "server_is_overloaded",
}


@frozen
class Fault:
    """`count` answers with this status; None is all of them.

    retry_after: seconds, for the header of that name. code: the error's code in the body.
    """

    status: int
    count: int | None = 1
    retry_after: float | None = None
    code: str = ""


def parse_fault(text: str) -> Fault:
    """The fault that `STATUS` or `STATUS:key=value,…` describes. Raises ValueError.

    Keys: `count` (a number, or `all`; 1 when unset), `retry_after` (seconds), `code`.
    """
    head, _, rest = text.partition(":")
    if not (head.isdecimal() and 400 <= int(head) <= 599):
        raise ValueError(f"`{head}` is no error status: write one from 400 to 599, as in 429:retry_after=1")
    status = int(head)
    count: int | None = 1
    retry_after: float | None = None
    code = _DEFAULT_CODES.get(status, "error")
    for setting in filter(None, rest.split(",")):
        key, _, value = setting.partition("=")
        try:
            match key.strip():
                case "count":
                    count = None if value == "all" else int(value)
                case "retry_after":
                    retry_after = float(value)
                case "code":
                    code = value
                case unknown:
                    raise ValueError(f"`{unknown}` is no setting of a fault: count, retry_after, code")
        except ValueError as error:
            if "setting" in str(error):
                raise
            raise ValueError(f"`{value}` is no value for `{key}`: write a number") from None
    return Fault(status, count, retry_after, code)


class FaultPlan:
    """Hands out faults one after the other, each as often as it says; then none."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self._faults = list(faults)
        self._used = 0

    def take(self) -> Fault | None:
        """The fault of the next answer; None answers properly."""
        while self._faults:
            fault = self._faults[0]
            if fault.count is None or self._used < fault.count:
                self._used += 1
                return fault
            self._faults.pop(0)
            self._used = 0
        return None
