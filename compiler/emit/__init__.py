"""Files for the platforms that people run things on, made from a plan.

A plan becomes data about what runs (`workloads`), and templates write that down; whatever they are given is
quoted for the language of the file (`quoting`). The same plan gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from ..plan import Plan
from .checks import EmitError
from .compose import compose
from .dockerfile import dockerfile
from .grafana import grafana
from .helm import helm
from .kserve import kserve
from .kubernetes import kubernetes
from .prometheus import prometheus
from .rayservice import rayservice
from .systemd import systemd
from .workloads import Options

__all__ = ["TARGETS", "EmitError", "Options", "emit"]

TARGETS: dict[str, Callable[[str, Plan, Options], dict[str, str]]] = {
    "kubernetes": kubernetes,
    "helm": helm,
    "kserve": kserve,
    "rayservice": rayservice,
    "compose": compose,
    "systemd": systemd,
    "prometheus": prometheus,
    "grafana": grafana,
    "dockerfile": dockerfile,
}
"""By the name of a platform: what makes its files, by their paths."""


def emit(target: str, name: str, plan: Plan, options: Options) -> dict[str, str]:
    """The files for `target`; name: of the file that the plan was made from. Raises EmitError."""
    return TARGETS[target](name, plan, options)
