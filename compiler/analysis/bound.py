"""The most that something can take, why, and how people say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, inf

from attrs import evolve, field

from ...dsl.record import frozen

LARGEST = 1e300
"""More than that is without a limit."""


def _countable(number: float) -> float:
    """`number`, infinite where it is too large for a float: routes of routes multiply."""
    return inf if number > LARGEST else number


@frozen
class Bound:
    """The most that something can take; infinite: there is no limit. dollars: by the prices of the plan."""

    calls: float = field(default=0, converter=_countable)
    tokens: float = field(default=0, converter=_countable)
    dollars: float = field(default=0, converter=_countable)
    seconds: float = field(default=0, converter=_countable)

    def __add__(self, other: Bound) -> Bound:
        """One after the other."""
        return Bound(*(a + b for a, b in zip(_numbers(self), _numbers(other), strict=True)))

    def times(self, count: float) -> Bound:
        """So often, one after the other."""
        return Bound(*(number * count if number else 0 for number in _numbers(self)))

    def or_else(self, other: Bound) -> Bound:
        """The one or the other."""
        return Bound(*(max(a, b) for a, b in zip(_numbers(self), _numbers(other), strict=True)))


NOTHING = Bound()
QUANTITIES = ("calls", "tokens", "dollars", "seconds")


@frozen
class Part:
    """Why the bound of something is what it is. parts: what it is made of. ended_by: what cuts its time.

    per_search: dollars of each search of the web that a client may ask for, which the bound does not hold, as
    nothing says how many; 0: there are none.
    """

    name: str
    what: str
    bound: Bound
    parts: tuple[Part, ...] = ()
    ended_by: str = ""
    per_search: float = 0.0


def total(bounds: Iterable[Bound]) -> Bound:
    """One after the other."""
    return sum(bounds, NOTHING)


def either(bounds: Sequence[Bound]) -> Bound:
    """The one or the other of them."""
    found = NOTHING
    for bound in bounds:
        found = found.or_else(bound)
    return found


def until(part: Part, seconds: float, why: str) -> Part:
    """`part`, with an end to it."""
    if part.bound.seconds <= seconds:
        return part
    return evolve(part, bound=evolve(part.bound, seconds=seconds), ended_by=why)


def way_to(part: Part, quantity: str) -> list[str]:
    """What makes most of `quantity`, from what is asked down to one deployment: a line for each."""
    if quantity == "seconds" and part.ended_by:
        return [f"`{part.ended_by}` ends it, and nothing earlier"]
    way = [f"`{part.name}`: {part.what}"]
    while part.parts:
        part = max(part.parts, key=lambda each: float(getattr(each.bound, quantity)))
        way.append(f"`{part.name}`: {part.what}")
    return way


def spoken(quantity: str, number: float) -> str:
    """`number` as people say it."""
    if number == inf:
        return "no limit"
    match quantity:
        case "dollars":
            return f"${number:,.2f}" if number >= 1 else f"${number:.2g}"
        case "seconds":
            return _time(ceil(number))
    return f"{number:,.0f}"


def _time(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def _numbers(bound: Bound) -> tuple[float, ...]:
    return bound.calls, bound.tokens, bound.dollars, bound.seconds
