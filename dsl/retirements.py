"""Models that were switched off, or will be, and what follows them: `retirements.json`, kept by hand.

Whether a day has passed is judged by the day on which the table was read, not by today: the same file is
told the same on every day.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path

from .bedrock_names import id_of
from .inference import WILDCARD, name_at
from .kinds import ProviderKind, RuntimeKind
from .patterns import fits_pattern
from .record import frozen

_FILE = Path(__file__).parent / "retirements.json"


@frozen
class Retirement:
    """The end of the models whose names match `models`, at one provider.

    day: on which it is, as 2026-01-05. successor: what the provider says is to be used instead. past: whether
    the day had come when the table was read. service: the one of the provider's services that it is about,
    such as `vertex`; empty is its own API.
    """

    provider: ProviderKind
    models: tuple[str, ...]
    day: str
    successor: str | None
    source: str
    past: bool
    service: str = ""


@lru_cache(maxsize=4096)
def find_retirement(model: str, runtime: RuntimeKind, service: str = "") -> Retirement | None:
    """When `model` behind `runtime` ends, at that service of it; None where nothing is known of an end."""
    if WILDCARD in model or runtime.provider is None:
        return None
    name = name_at(runtime, model.lower())
    if runtime.provider is ProviderKind.BEDROCK:
        name = id_of(name)
    elif runtime.provider is ProviderKind.ANTHROPIC:
        name = name.replace("@", "-")  # as Vertex writes the date
    for each in retirements():
        if (
            each.provider is runtime.provider
            and each.service == service
            and any(fits_pattern(name, pattern) for pattern in each.models)
        ):
            return each
    return None


@cache
def retirements() -> tuple[Retirement, ...]:
    """All that are known, in the order in which they are looked through."""
    said = json.loads(_FILE.read_bytes())
    return tuple(
        Retirement(
            ProviderKind(row["provider"]),
            tuple(row["models"]),
            row["day"],
            row.get("next"),
            row["source"],
            row["day"] <= said["read"],
            row.get("service", ""),
        )
        for row in said["models"]
    )
