"""The keys of the gateway, as a plan says them."""

from __future__ import annotations

from attrs import field

from ...dsl.data_kinds import DataKind
from ...dsl.fields import doc, rare
from ...dsl.gateway import PROVED, Bounds
from ...dsl.keys import KeyLimits, KeySecret
from ...dsl.kinds import ClientProtocol
from ...dsl.policies import Budget
from ...dsl.record import frozen


@frozen
class KeyPlan:
    """Who may call with one secret, what they may ask for, and how much of it."""

    name: str = field(metadata={"doc": "what logs and metrics call it"})
    secret: tuple[KeySecret, ...] = field(metadata={"doc": "each of them is accepted"})
    models: tuple[str, ...] = doc("names, and patterns with `*`; empty: all", default=())
    protocols: tuple[ClientProtocol, ...] = doc("empty: all", default=())
    rate_limits: KeyLimits = doc("null in it: no limit", factory=KeyLimits)
    budget: Budget | None = doc("null: none", default=None)
    priority: int = doc("the highest that its requests have", default=0)
    expires: str | None = doc("from when on it is refused, as in RFC 3339; null: never", default=None)
    labels: dict[str, str] = doc("shown in status", factory=dict)
    carries: tuple[DataKind, ...] = rare("kinds of data that its requests hold; without it: none", default=())
    bounds: Bounds = rare(PROVED, default=Bounds())
