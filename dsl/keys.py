"""The keys of a gateway: who may call, what they may ask for, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .data_kinds import DataKind
from .fields import at_least, doc
from .gateway import Bounds
from .kinds import ClientProtocol, SecretSource
from .late_pattern import late_pattern
from .policies import Budget
from .record import frozen
from .runtimes import SecretRef

if TYPE_CHECKING:
    from datetime import datetime

HIGHEST_PRIORITY = 100

_HASH = late_pattern(r"sha256:[0-9a-f]{64}")


@frozen(slots=False)
class KeySecret(SecretRef):
    """Where the secret of a key comes from; or its hash, from which nobody can tell the secret."""

    @classmethod
    def hash(cls, digest: str) -> KeySecret:
        return cls(SecretSource.HASH, digest)


class NameOrPattern(str):
    """The name of a model, a route or a pipeline, or a pattern of names: `*` stands for anything."""

    __slots__ = ()


@frozen(slots=False)
class KeyLimits:
    """How much a key may ask for; None is no ceiling."""

    requests_per_minute: int | None = at_least(1, "requests per minute", at_most=100_000_000, default=None)
    tokens_per_minute: int | None = at_least(
        1, "tokens per minute, prompt and answer", at_most=500_000_000, default=None
    )
    concurrent_requests: int | None = at_least(
        1, "requests that are being answered at the same time", default=None
    )
    strict: bool = doc("exact across every process that shares the state", default=False)


@frozen(slots=False)
class Key:
    """Who may call with one secret, or with one of several while they are being exchanged."""

    secret: tuple[KeySecret, ...] = doc(
        'what clients send: `env(…)`, `file(…)`, or its hash: `hash("sha256:…")`; those that are made with '
        "`inferc key new` are accepted, too",
        default=(),
    )
    models: tuple[NameOrPattern, ...] = doc(
        "which deployments, routes and pipelines it may ask: names, or patterns such as "
        '`"embed*"`; unset: all',
        default=(),
    )
    protocols: tuple[ClientProtocol, ...] = doc("in which protocols it may ask; unset: in all", default=())
    rate_limits: KeyLimits = doc("how much it may ask for", factory=KeyLimits)
    budget: Budget | None = doc("what its requests may cost", default=None)
    priority: int = at_least(
        -HIGHEST_PRIORITY,
        "of its requests among those that wait for a slot; clients may ask for less, not for more",
        at_most=HIGHEST_PRIORITY,
        default=0,
    )
    expires: str | None = doc(
        'from when on it is refused, such as `"2027-01-31"`; UTC where nothing else is said', default=None
    )
    carries: tuple[DataKind, ...] = doc("kinds of data that its requests hold", default=())
    bounds: Bounds = doc(
        "the most that one of its requests may take; more is an error when checked", factory=Bounds
    )
    labels: dict[str, str] = doc("what else is known about it, such as a team; shown in status", factory=dict)


def is_hash(text: str) -> bool:
    """Whether `text` is what stands in `hash(…)`."""
    return _HASH.fullmatch(text) is not None


def read_moment(text: str) -> datetime | None:
    """The time that `text` names, a day being its start; None where it names none."""
    from datetime import UTC, datetime  # most files have no keys that expire

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
