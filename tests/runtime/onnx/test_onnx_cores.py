"""How many cores ONNX Runtime gets: what a container may use counts, not what the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inferc.runtime.replicas.onnx.sessions.cores import usable_cores, usable_physical_cores


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_a_limit_all_cores_that_the_process_is_allowed_on_are_used(tmp_path: Path) -> None:
    group = write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"})
    assert usable_cores(group) == usable_physical_cores(group) == 8
    assert usable_cores(tmp_path / "no such system") == 8


@pytest.mark.parametrize(
    ("limit", "cores"), [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1)]
)
def test_the_limit_of_a_container_counts(tmp_path: Path, limit: str, cores: int) -> None:
    group = write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": limit + "\n"})
    assert usable_cores(group) == usable_physical_cores(group) == cores


def test_the_least_limit_of_all_groups_around_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/pod/box\n",
        "sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/pod/box/cpu.max": "max 100000\n",
    }
    assert usable_cores(write(tmp_path, files)) == 3


def test_the_first_version_of_control_groups_is_read_too(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:memory:/box\n3:cpu,cpuacct:/box\n0::/\n",
        "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "400000\n",
        "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    assert usable_cores(write(tmp_path, files)) == 4


def test_two_threads_of_one_core_share_a_thread_of_onnx_runtime(tmp_path: Path) -> None:
    folder = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    root = write(tmp_path, {folder.format(cpu): f"{cpu % 4},{cpu % 4 + 4}\n" for cpu in range(8)})
    assert usable_physical_cores(root) == 4
    assert usable_cores(root) == 8
