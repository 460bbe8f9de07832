"""Tables that say what each setting of a format is called here, and how they are gone through.

A table maps paths to rules: `"litellm_params.rpm": To("runtime.rate_limits.requests_per_minute", whole)`.
A `*` in a path stands for any one key, or a part of it, and `**` at its end for all that lies below. What no
rule speaks of is lost, and said so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from ...dsl.record import frozen
from ...dsl.units import Duration, Money, Size
from .draft import Block, Draft
from .foreign import Node
from .literals import Code

NO_WORD = "nothing here stands for it"


class Unfit(Exception):
    """A value cannot be said here; the text tells why."""


Reader = Callable[[Node], object]
"""Gives the value to write. Raises Unfit."""


@frozen
class To:
    """The setting goes to the field at `path`. changed: how its meaning differs; empty: it is the same."""

    path: str
    read: Reader
    changed: str = ""
    replace: bool = True


@frozen
class Lost:
    """Nothing stands for it. why: and what to do."""

    why: str = NO_WORD


@frozen
class Kept:
    """It needs no word here: what it says holds anyway."""


@frozen
class Form:
    """It only says what the file is."""


Special = Callable[[Draft, Any, Node], None]
"""Puts what `node` says into the draft, or the block, by itself."""

Rule = To | Lost | Kept | Form | Special
Table = Mapping[str, Rule]


def follow(table: Table, node: Node, draft: Draft, block: Block) -> None:
    """Go through all settings below `node`, and put each where the table says."""
    _walk(table, node, (), draft, block)


def share(table: Table, node: Node, draft: Draft, blocks: Sequence[Block]) -> None:
    """The same for what counts for several deployments: each gets it, and the first says what came of it."""
    for block in blocks[1:]:
        before = list(block.remarks)
        follow(table, node, Draft(draft.title), block)
        block.remarks = before
    if blocks:
        follow(table, node, draft, blocks[0])


def _walk(table: Table, node: Node, keys: tuple[str, ...], draft: Draft, block: Block) -> None:
    if draft.report.is_marked(node):
        return
    if keys:
        if node.value is None:  # `null` sets nothing
            draft.kept(node)
            return
        rule = _rule(table, keys)
        if rule is not None:
            apply(rule, node, draft, block)
            return
        if node.is_leaf:
            draft.lost(node, NO_WORD, block.remarks)
            return
    for key, inner in node.entries.items():
        _walk(table, inner, (*keys, key), draft, block)
    for index, inner in enumerate(node.items):
        _walk(table, inner, (*keys, f"[{index}]"), draft, block)


def _rule(table: Table, keys: tuple[str, ...]) -> Rule | None:
    exact = table.get(".".join(keys))
    if exact is not None:
        return exact
    below = ".".join(keys) + "."
    if any(each.startswith(below) for each in table):
        return None  # what lies below has rules of its own
    return next((table[each] for each in table if "*" in each and _matches(each, keys)), None)


@lru_cache(maxsize=1024)
def _matches(pattern: str, keys: tuple[str, ...]) -> bool:
    parts = pattern.split(".")
    if parts[-1] == "**":
        parts, keys = parts[:-1], keys[: len(parts) - 1]
    return len(parts) == len(keys) and all(map(fnmatchcase, keys, parts))


def apply(rule: Rule, node: Node, draft: Draft, block: Block) -> None:
    """Do with one setting what its rule says."""
    match rule:
        case Lost(why):
            draft.lost(node, why, block.remarks)
        case Kept():
            draft.kept(node)
        case Form():
            draft.report.form(node)
        case To() if node.value is None:
            draft.kept(node)  # it says nothing, as where it is left out
        case To(path, read, changed, replace):
            try:
                value = read(node)
            except Unfit as unfit:
                draft.lost(node, str(unfit), block.remarks)
                return
            if not replace and block.has(path):
                draft.lost(node, f"`{path}` is said already", block.remarks)
                return
            block.put(path, value, node)
            if changed:
                draft.changed(node, changed, block.remarks)
            else:
                draft.kept(node)
        case _:
            rule(draft, block, node)


# ---- readers


def whole(node: Node) -> int:
    """A whole number, also one in a text."""
    number = _decimal(node)
    if number != number.to_integral_value():
        raise Unfit("it is no whole number")
    return int(number)


def positive(node: Node) -> int:
    number = whole(node)
    if number < 1:
        raise Unfit(f"{number} stands for no limit, or for none at all: here, leave it out")
    return number


def number(node: Node) -> int | float:
    decimal = _decimal(node)
    return int(decimal) if decimal == decimal.to_integral_value() else float(decimal)


_MOST_SHARE = 10**12


def weight(node: Node | None) -> float:
    """A share beside others; 1 where none is written, or what is none."""
    value = node.value if node is not None else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 1.0
    return float(value) if 0 <= value < _MOST_SHARE else 1.0


def truth(node: Node) -> bool:
    if isinstance(node.value, bool):
        return node.value
    if isinstance(node.value, str) and node.value.lower() in ("true", "false"):
        return node.value.lower() == "true"
    raise Unfit("it is neither true nor false")


def is_false(node: Node | None) -> bool:
    """Whether a setting is there, and `false`."""
    return node is not None and node.value is False


def text(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return str(node.value)
    raise Unfit("it is no text")


def texts(node: Node) -> list[str]:
    return [text(item) for item in node.items] if not isinstance(node.value, str) else [node.value]


def seconds(node: Node) -> Duration:
    return _duration(node, Decimal(1))


def milliseconds(node: Node) -> Duration:
    return _duration(node, Decimal("0.001"))


def _duration(node: Node, unit: Decimal) -> Duration:
    found = Duration(float(_decimal(node) * unit))
    if found <= 0:
        raise Unfit("a time of nothing cannot be said here")
    return found


_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|mo|s|m|h|d|w|M|Y)")
_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "mo": 2592000.0,
    "M": 2592000.0,
    "Y": 31536000.0,
}


def span(node: Node) -> Duration:
    """`90s`, `1m30s`, `250ms`, `30d`, `1mo`."""
    written = str(node.value).strip()
    parts = _SPAN.findall(written)
    if not parts or "".join(n + u for n, u in parts) != written:
        raise Unfit("it is no length of time")
    found = Duration(sum(float(n) * _UNITS[u] for n, u in parts))
    if found <= 0:
        raise Unfit("a time of nothing cannot be said here")
    return found


def dollars(node: Node) -> Money:
    return Money(_decimal(node))


def per_token(node: Node) -> Money:
    """Dollars per token, as dollars per million."""
    return Money((_decimal(node) * 1_000_000).normalize())


def per_million(node: Node) -> Money:
    """Dollars per million tokens, as short as they can be written."""
    return Money(_decimal(node).normalize())


def budget_period(length: Duration) -> str | None:
    """The ceiling of a budget that is renewed after `length`, None where there is none."""
    days = length / 86400
    if days == 1 / 24:
        return "max_spend_per_hour"
    found = {1: "day", 7: "week", 28: "month", 29: "month", 30: "month", 31: "month"}.get(round(days))
    return f"max_spend_per_{found}" if found is not None and days == round(days) else None


def mebibytes(node: Node) -> Size:
    return Size(whole(node) << 20)


def words(**meanings: str) -> Reader:
    """One of a few words, each under its name here."""

    def read(node: Node) -> Code:
        found = meanings.get(str(node.value))
        if found is None:
            raise Unfit(
                f"there is no such word here: {' or '.join(f'`{each}`' for each in meanings.values())}"
            )
        return Code(found)

    return read


def _decimal(node: Node) -> Decimal:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit("it is no number")
    try:
        found = Decimal(str(value).strip().replace("_", ""))
    except InvalidOperation:
        raise Unfit("it is no number") from None
    if not found.is_finite() or abs(found) >= Decimal(10) ** 30:
        raise Unfit("it is no number that can be written")
    return found
