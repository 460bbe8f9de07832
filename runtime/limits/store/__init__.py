"""What must survive a restart, or be shared between processes: spend, limits, and providers' health."""

from __future__ import annotations

from pathlib import Path

from ...requests.errors import StartError
from .memory import MemoryStore
from .problems import StoreError
from .protocol import Opening, SharedHealth, SharedLimits, SharedSpend, SharedValues, Store

__all__ = [
    "Opening",
    "SharedHealth",
    "SharedLimits",
    "SharedSpend",
    "SharedValues",
    "Store",
    "StoreError",
    "is_on_redis",
    "open_store",
]

_REDIS = ("redis://", "rediss://", "unix://")


def is_on_redis(state: str | Path | None) -> bool:
    """Whether `state` names a server that several machines may share."""
    return isinstance(state, str) and state.startswith(_REDIS)


def open_store(state: str | Path | None, *, several: bool = False) -> Store:
    """The store that `state` names, not started yet.

    None: memory, which is gone with the process. A `redis://` URL: shared by all processes that
    use it. Anything else: a directory with a SQLite file. several: processes of this machine share it, and
    limits and circuits, too. Raises StartError.
    """
    if state is None:
        return MemoryStore()
    if isinstance(state, str) and is_on_redis(state):
        from .redis import RedisStore

        return RedisStore(state)
    if isinstance(state, str) and "://" in state:
        kinds = ", ".join(f"{kind}…" for kind in _REDIS)
        raise StartError(f"the state cannot be at {state.partition('://')[0]}://…: name a folder, or {kinds}")
    from .sqlite import SqliteStore

    return SqliteStore(Path(state), several=several)
