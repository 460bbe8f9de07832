"""Near matches for a name that is not there: ranked, at most four."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

MOST = 4
_LEAST = 4
"""So many letters of a name inside of another one are no chance."""

OPPOSITES = (
    {"min", "max"},
    {"second", "minute", "hour", "day", "week", "month", "year"},
    {"input", "output"},
    {"request", "response"},
    {"requests", "tokens"},
    {"include", "exclude"},
    {"enable", "disable"},
)
"""Parts of names that are no misspellings of each other."""

LOOKED_AT = 2000
"""How many names are compared with one that is not there."""


def near(name: str, known: Iterable[str]) -> list[str]:
    """The names of `known` that `name` was probably meant to be, best first."""
    wanted = name.casefold().replace("-", "_")
    limit = max(1, len(wanted) // 3) if len(wanted) > 1 else 0  # any letter is near any other
    ranked = []
    for candidate in dict.fromkeys(islice(known, LOOKED_AT)):
        other = candidate.casefold().replace("-", "_")
        steps = distance(wanted, other, limit)
        if steps > limit and len(wanted) >= 3 and (other.startswith(wanted) or other.endswith(wanted)):
            steps = limit
        if steps <= limit and not _is_opposite(wanted, other):
            ranked.append((steps, other[:1] != wanted[:1], candidate))
    ranked.sort()
    return [candidate for steps, _, candidate in ranked[:MOST] if not steps or ranked[0][0]]


def within(name: str, known: Iterable[str]) -> list[str]:
    """The names of `known` that `name` begins or ends with, as `cert_file` does with `cert`."""
    return [each for each in known if name.startswith(f"{each}_") or name.endswith(f"_{each}")]


def inside(text: str, known: Iterable[str]) -> list[str]:
    """The names of `known` that stand in a longer one, as `cuda` does in `CUDAExecutionProvider`."""
    return [name for name in known if len(name) >= _LEAST and name in text.lower()]


def _is_opposite(name: str, other: str) -> bool:
    """Whether two names mean different things where they differ: `min_size` is no `max_size`."""
    parts, others = set(name.split("_")), set(other.split("_"))
    return any(
        (mine := parts & words) and (theirs := others & words) and mine != theirs for words in OPPOSITES
    )


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A sentence that offers the near matches of `name`, None when there are none."""
    return offer(near(name, known))


def offer(names: Iterable[str]) -> str | None:
    """A sentence that offers `names`, None when there are none."""
    quoted = [f"`{name}`" for name in names]
    return f"did you mean {either(quoted)}?" if quoted else None


def either(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def every(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def distance(left: str, right: str, limit: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words.

    Stops counting above `limit`, so that long names stay cheap.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    letters, others = set(left), set(right)
    if max(len(letters - others), len(others - letters)) > limit:
        return limit + 1  # a letter that one word alone has is a step at least
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        above, before = before, row
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
