"""Objects with some of their fields, in any order: one number is drawn for which fields, their order and the
values that are chosen from a list, as it costs less than to draw each."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

NUMBERS = st.integers(0, 2**16 - 1)


@st.composite
def objects(draw: st.DrawFn, needed: Json, /, **optional: Any) -> Json:
    """An object with all needed and some of the optional fields; Hypothesis shrinks to one without these.

    Values are strategies, lists to choose from, or anything else as it is."""
    number = draw(NUMBERS)
    chosen = Random(number)
    names = list(needed)
    if number:
        names += chosen.sample([*optional], chosen.randint(0, len(optional)))
        chosen.shuffle(names)
    made: Json = {}
    for name in names:
        match needed[name] if name in needed else optional[name]:
            case st.SearchStrategy() as strategy:
                made[name] = draw(strategy)
            case list(values):
                made[name] = chosen.choice(values)
            case value:
                made[name] = value
    return made
