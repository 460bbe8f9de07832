"""Replicas that come from installed packages: `custom("name")`.

A plugin is an entry point of the group `inferc.replicas`. Its object is called once for each replica, as
`factory(plan, placement, base_dir)`, and returns a `Replica`: `inferc.runtime.replicas.replica` says what
that is, `inferc.runtime.requests` has the requests and chunks it deals in. The plan carries all that the file
says, the block `settings` as it is; `base_dir` is the directory of the plan file. A plugin that cannot serve
its plan raises `inferc.runtime.requests.errors.StartError`, from the factory or from the replica's `start`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from ...compiler.plan import RemotePoolPlan, ReplicaPlacement
from ..requests.errors import StartError
from .replica import Replica

GROUP = "inferc.replicas"

ReplicaFactory = Callable[[RemotePoolPlan, ReplicaPlacement, Path], Replica]
"""What the entry point of a plugin names."""


def load_plugin(plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> Replica:
    """A replica made by the plugin that `plan` names. Raises StartError."""
    owner = f"deployment `{plan.deployment}`: the plugin `{plan.target}`"
    factory = _load(_find(plan.target or "", owner), owner)
    try:
        return factory(plan, placement, base_dir)
    except StartError:
        raise
    except Exception as error:
        raise StartError(f"{owner} cannot make a replica: {_what(error)}") from error


def _find(name: str, owner: str) -> EntryPoint:
    installed = entry_points(group=GROUP)
    if name not in installed.names:
        listed = ", ".join(f"`{other}`" for other in sorted(installed.names)) or "none"
        raise StartError(f"{owner} is not installed; the plugins here are: {listed}")
    return installed[name]


def _load(found: EntryPoint, owner: str) -> ReplicaFactory:
    try:
        factory: Any = found.load()
    except Exception as error:
        raise StartError(f"{owner} cannot be loaded from `{found.value}`: {_what(error)}") from error
    if not callable(factory):
        raise StartError(f"{owner} is no factory: `{found.value}` cannot be called")
    made: ReplicaFactory = factory
    return made


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
