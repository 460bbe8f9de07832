"""Models that are not trusted: their first load is tried in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import re
import signal
from functools import partial
from pathlib import Path

import numpy
import pytest

from inferc.compiler.plan import OnnxServingPlan
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.loading import isolated_load
from inferc.runtime.replicas.onnx.remembered import Remembered
from inferc.runtime.requests.errors import StartError

from .plans import PLACEMENT
from .test_onnx_tensor import fp32, infer
from .toys import crashing, line, tensor_plan

ROW = numpy.ones((1, 2), numpy.float32)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(isolated_load, "_worked", Remembered("loaded"))


def untrusted(plan: OnnxServingPlan) -> OnnxReplica:
    return OnnxReplica(plan, PLACEMENT, Path(), trusted=False)


async def serves(plan: OnnxServingPlan) -> bool:
    replica = untrusted(plan)
    await replica.start()
    try:
        return bool((await infer(replica, fp32("x", ROW), fp32("shift", ROW)))["total"][0, 0] == 8.0)
    finally:
        await replica.stop()


traps = pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors compute -2^31 / -1")


@traps
async def test_a_changed_model_that_crashes_is_refused_with_the_signal_and_the_old_one_goes_on(
    tmp_path: Path,
) -> None:
    replica = untrusted(tensor_plan(line(tmp_path / "m.onnx", 2.0)))
    await replica.start()
    with pytest.raises(StartError) as caught:
        await replica.reload(tensor_plan(crashing(tmp_path / "bad.onnx")))
    [problem] = caught.value.problems
    assert "crashes (SIGFPE) when it loads" in problem
    assert str(tmp_path / "bad.onnx") in problem
    assert (await infer(replica, fp32("x", ROW), fp32("shift", ROW)))["total"][0, 0] == 8.0
    await replica.stop()


async def test_a_model_that_cannot_be_loaded_is_explained_as_if_it_had_not_been_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again: with more memory, or when what it lacks is there, it may crash."""
    caplog.set_level(logging.DEBUG, isolated_load.__name__)
    file = tmp_path / "m.onnx"
    file.write_bytes(line(file).read_bytes()[:100])
    for tries in (1, 2):
        with pytest.raises(StartError, match="cannot load"):
            await untrusted(tensor_plan(file)).start()
        assert len(caplog.records) == tries


@pytest.fixture
def trial_that_works(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What a process says that has loaded the model, without the time that it takes; each is logged."""
    monkeypatch.setattr(isolated_load, "_PROCESS", ("-c", ""))
    caplog.set_level(logging.DEBUG, isolated_load.__name__)


@pytest.mark.usefixtures("trial_that_works")
@pytest.mark.parametrize("home", ["/proc/nowhere", "relative", "/" + "x" * 5000])
async def test_where_nothing_can_be_kept_a_model_is_tried_once_in_each_process(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    plan = tensor_plan(line(tmp_path / "m.onnx", 2.0))
    assert await serves(plan)
    assert await serves(plan)
    assert ["is tried in" in record.getMessage() for record in caplog.records].count(True) == 1


@pytest.mark.usefixtures("trial_that_works")
async def test_replicas_that_start_together_try_their_model_once_and_later_processes_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan = tensor_plan(line(tmp_path / "m.onnx", 2.0))
    replicas = [untrusted(plan) for _ in range(3)]
    await asyncio.gather(*(replica.start() for replica in replicas))
    await asyncio.gather(*(replica.stop() for replica in replicas))
    monkeypatch.setattr(isolated_load, "_worked", Remembered("loaded"))  # as it is in another process
    assert await serves(plan)
    assert [record.getMessage().split(": ")[1][:14] for record in caplog.records] == ["the first load"]


@pytest.fixture
def killed_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated_load, "_PROCESS", ("-c", "import os; os.kill(os.getpid(), 9)"))


@pytest.mark.usefixtures("killed_process")
async def test_a_load_that_is_killed_speaks_of_memory(tmp_path: Path) -> None:
    with pytest.raises(
        StartError, match=r"was killed \(SIGKILL\), most likely because the memory is used up"
    ):
        await untrusted(tensor_plan(line(tmp_path / "m.onnx", 2.0))).start()


ENDINGS = {
    "os._exit(3)": "ended the process that loaded it, with status 3:",
    "os.kill(os.getpid(), signal.SIGRTMIN + 3)": f"crashes (signal {signal.SIGRTMIN + 3})",
    "subprocess.Popen(['sleep', '600']); os.kill(os.getpid(), signal.SIGSEGV)": "crashes (SIGSEGV)",
}


@pytest.mark.parametrize(("code", "said"), ENDINGS.items(), ids=["status", "signal", "child"])
async def test_a_load_that_ends_its_process_in_another_way_is_refused_too(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would end the server, too."""
    monkeypatch.setattr(isolated_load, "_PROCESS", ("-c", f"import os, signal, subprocess; {code}"))
    with pytest.raises(StartError, match=re.escape(said)):
        await untrusted(tensor_plan(line(tmp_path / "m.onnx", 2.0))).start()


async def test_what_a_load_leaves_behind_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    leave = "import subprocess; subprocess.Popen(['sleep', '600'], close_fds=False)"
    started = partial(asyncio.create_subprocess_exec, pass_fds=[theirs])
    monkeypatch.setattr(isolated_load.asyncio, "create_subprocess_exec", started)
    monkeypatch.setattr(isolated_load, "_PROCESS", ("-c", leave))
    assert await serves(tensor_plan(line(tmp_path / "m.onnx", 2.0)))
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        assert await asyncio.to_thread(pipe.read) == b""  # nobody holds the other end
