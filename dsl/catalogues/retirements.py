"""Models that were switched off, or will be, and what follows them: `retirements.json`, kept by hand.

Whether a day has passed, or is near, is judged by the day on which the table was read, not by today: the
same file is told the same on every day.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson

from ..kinds import ProviderKind, RuntimeKind
from ..patterns import fits_pattern
from ..record import frozen
from .bedrock_names import id_of
from .inference import WILDCARD, name_at

NEAR = timedelta(days=30)
"""How long before its end a check tells of it; hovers tell it always."""

_FILE = Path(__file__).parent / "retirements.json"
_ALL = ["*"]
"""The models of a provider that has ended altogether."""


@frozen(slots=False)
class Retirement:
    """The end of the models whose names match `models`, at one provider.

    day: on which it is, as 2026-01-05. successor: what the provider says is to be used instead. past: whether
    the day had come when the table was read; near: whether it was near then. service: the one of the
    provider's services that it is about, such as `vertex`; empty is its own API.
    """

    provider: ProviderKind
    models: tuple[str, ...]
    day: str
    successor: str | None
    source: str
    past: bool
    near: bool
    service: str = ""

    @property
    def is_of_all(self) -> bool:
        """Whether the provider has ended altogether."""
        return self.models == ("*",)


@lru_cache(maxsize=4096)
def find_retirement(model: str, runtime: RuntimeKind, service: str = "") -> Retirement | None:
    """When `model` behind `runtime` ends, at that service of it; None where nothing is known of an end."""
    name = name_at(runtime, model.lower())
    if runtime.provider is ProviderKind.BEDROCK:
        name = id_of(name)
    elif runtime.provider is ProviderKind.ANTHROPIC:
        name = name.replace("@", "-")  # as Vertex writes the date
    for row in _rows(runtime.provider):
        if row.get("service", "") != service:
            continue
        named = WILDCARD not in name and any(fits_pattern(name, pattern) for pattern in row["models"])
        if named or row["models"] == _ALL:
            return _retirement(row)
    return None


def retirements(provider: ProviderKind | None) -> tuple[Retirement, ...]:
    """Those at a provider, None for nobody's, in the order in which they are looked through."""
    return tuple(map(_retirement, _rows(provider)))


def _retirement(row: dict[str, Any]) -> Retirement:
    day, read = date.fromisoformat(row["day"]), date.fromisoformat(_table()["read"])
    return Retirement(
        ProviderKind(row["provider"]),
        tuple(row["models"]),
        row["day"],
        row.get("next"),
        row["source"],
        day <= read,
        day <= read + NEAR,
        row.get("service", ""),
    )


@cache
def _rows(provider: ProviderKind | None) -> list[dict[str, Any]]:
    return [row for row in _table()["models"] if row["provider"] == provider]


@cache
def _table() -> Any:
    return orjson.loads(_FILE.read_bytes())
