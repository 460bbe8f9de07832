"""How many cores this process may use, which in a container are fewer than the machine has."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that the process is allowed on, and no more of them than the limit of its control group.

    root: where `/proc` and `/sys` are.
    """
    return int(min(len(_allowed()), _limit(root)))


def usable_physical_cores(root: Path = Path("/")) -> int:
    """As `usable_cores`, but two that are one core with hyper-threading count as one."""
    topology = root / "sys" / "devices" / "system" / "cpu"
    siblings: set[str] = set()
    for cpu in _allowed():
        try:
            siblings.add((topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text())
        except OSError:
            siblings.add(f"cpu{cpu}")
    return int(min(len(siblings), _limit(root)))


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _limit(root: Path) -> float:
    """What the control groups of this process allow, in cores, rounded up."""
    return min(_quotas(root), default=math.inf)


def _quotas(root: Path) -> Iterator[int]:
    """The limit of the process's own control group, and of those around it."""
    groups = root / "sys" / "fs" / "cgroup"
    with contextlib.suppress(OSError):
        for line in (root / "proc" / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            folder = groups if not controllers else groups / controllers
            if not controllers or "cpu" in controllers.split(","):
                parts = Path(path.lstrip("/")).parts
                for depth in range(len(parts) + 1):
                    yield from _quota(folder.joinpath(*parts[:depth]))


def _quota(folder: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        if int(quota) > 0:
            yield math.ceil(int(quota) / int(period))
