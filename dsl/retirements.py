"""Models that were switched off, or will be, and what follows them: `retirements.json`, kept by hand.

Whether a day has passed, or is near, is judged by the day on which the table was read, not by today: the
same file is told the same on every day.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache
from pathlib import Path

import orjson

from .bedrock_names import id_of
from .inference import WILDCARD, name_at
from .kinds import ProviderKind, RuntimeKind
from .patterns import fits_pattern
from .record import frozen

NEAR = timedelta(days=30)
"""How long before its end a check tells of it; hovers tell it always."""

_FILE = Path(__file__).parent / "retirements.json"


@frozen
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
    for each in retirements(runtime.provider):
        if each.service != service:
            continue
        named = WILDCARD not in name and any(fits_pattern(name, pattern) for pattern in each.models)
        if named or each.is_of_all:
            return each
    return None


@cache
def retirements(provider: ProviderKind | None) -> tuple[Retirement, ...]:
    """Those at a provider, None for nobody's, in the order in which they are looked through."""
    said = orjson.loads(_FILE.read_bytes())
    read = date.fromisoformat(said["read"])
    return tuple(
        Retirement(
            ProviderKind(row["provider"]),
            tuple(row["models"]),
            row["day"],
            row.get("next"),
            row["source"],
            date.fromisoformat(row["day"]) <= read,
            date.fromisoformat(row["day"]) <= read + NEAR,
            row.get("service", ""),
        )
        for row in said["models"]
        if row["provider"] == provider
    )
