"""Models that change while they are served, and rewritten models that are kept."""

from __future__ import annotations

import asyncio
import gc
import shutil
import subprocess
import threading
import weakref
from pathlib import Path
from typing import Any

import aiohttp
import numpy
import onnx
import pytest
from attrs import evolve
from onnxruntime import InferenceSession

from inferc.compiler.plan import (
    Batching,
    ClassifySpec,
    GenerateSpec,
    OnnxServingPlan,
    ReplicaPlacement,
    RerankSpec,
    Serving,
    SessionOptions,
)
from inferc.runtime.executor import Executor
from inferc.runtime.reload import Reloader
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.runs.token_model import TokenModel
from inferc.runtime.replicas.onnx.sessions.shared import SharedSessions
from inferc.runtime.requests.errors import StartError
from inferc.runtime.requests.request import TensorRequest
from inferc.runtime.requests.tensor import Tensor

from ...support.commands import ROOT
from ...support.forked import PATIENCE, forked_program
from ...support.remote import eventually, executor_of, gateway_of, plan_of, until
from .plans import MODELS, PLACEMENT, embed, file_ref, onnx_plan, running
from .test_onnx_tensor import fp32, infer
from .toys import byte_tokenizer, causal_lm, echo, line, load, save_model, scorer, small_plan, tensor_plan

ROW = numpy.ones((1, 2), numpy.float32)
TASKS = "tensor", "embed", "rerank", "classify", "classify tensors", "generate"


async def total(replica: OnnxReplica) -> float:
    answer = await infer(replica, fp32("x", ROW), fp32("shift", ROW))
    return float(answer["total"][0, 0])


async def test_a_model_is_swapped_without_a_failed_request(tmp_path: Path) -> None:
    old = tensor_plan(line(tmp_path / "m1.onnx", 1.0))
    new = tensor_plan(line(tmp_path / "m2.onnx", 10.0))
    seen: list[float] = []
    async with running(old) as replica:
        stop = asyncio.Event()

        async def keep_asking() -> None:
            while not stop.is_set():
                seen.append(await total(replica))
                await asyncio.sleep(0.001)

        askers = [asyncio.create_task(keep_asking()) for _ in range(4)]
        await eventually(lambda: bool(seen))
        for plan, expected in (new, 40.0), (old, 4.0), (new, 40.0):
            await replica.reload(plan)
            await eventually(lambda expected=expected: seen[-1] == expected)  # type: ignore[misc]
        stop.set()
        await asyncio.gather(*askers)
        assert await total(replica) == 40.0
    assert set(seen) == {4.0, 40.0}


async def test_the_old_model_goes_once_its_last_request_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    compute = TokenModel.run

    def run(*of: Any) -> Any:
        if not begun.is_set():
            begun.set()
            assert go_on.wait(PATIENCE)
        return compute(*of)

    sessions = SharedSessions()
    plan = small_plan(tmp_path)
    replicas = [OnnxReplica(plan, ReplicaPlacement(i, None, ()), MODELS, sessions) for i in range(2)]
    await asyncio.gather(*(replica.start() for replica in replicas))
    monkeypatch.setattr(TokenModel, "run", run)
    slow = asyncio.create_task(embed(replicas[0], "a text"))
    await until(begun.is_set)
    changed = evolve(plan, session=SessionOptions(intra_op_threads=1))
    reloading = asyncio.create_task(replicas[0].reload(changed))
    await until(lambda: len(sessions) == 2)
    assert (await embed(replicas[1], "another")).vectors.shape == (1, 3)
    assert not slow.done()
    go_on.set()
    assert (await slow).vectors.shape == (1, 3)
    await reloading
    assert len(sessions) == 2
    await replicas[1].reload(changed)
    assert len(sessions) == 1
    await asyncio.gather(*(replica.stop() for replica in replicas))
    assert len(sessions) == 0


async def test_a_model_that_cannot_be_loaded_leaves_the_old_one_serving(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07nothing")
    async with running(tensor_plan(line(tmp_path / "m.onnx"))) as replica:
        with pytest.raises(StartError, match="cannot load"):
            await replica.reload(tensor_plan(broken))
        assert replica.status().ready
        assert await total(replica) == 8.0


async def test_stopping_in_the_middle_of_a_reload_leaves_nothing_behind(tmp_path: Path) -> None:
    sessions = SharedSessions()
    replica = OnnxReplica(tensor_plan(line(tmp_path / "m.onnx")), PLACEMENT, MODELS, sessions)
    await replica.start()
    reloading = asyncio.create_task(replica.reload(tensor_plan(line(tmp_path / "other.onnx", 10.0))))
    await asyncio.sleep(0)
    assert not reloading.done()
    await replica.stop()
    await reloading
    assert len(sessions) == 0
    assert not replica.status().ready


async def test_models_are_exchanged_where_they_are_and_settings_by_another_deployment(tmp_path: Path) -> None:
    def plans(slope: float, **changes: Any) -> list[OnnxServingPlan]:
        model = line(tmp_path / f"m{slope}.onnx", slope)
        return [tensor_plan(model, "one"), evolve(tensor_plan(model, "two"), **changes)]

    async with executor_of(*plans(1.0)) as executor:
        before = dict(executor.deployments)
        await executor.reload(plan_of(*plans(10.0, serving=Serving(max_concurrent=7))))
        assert executor.deployment("one") is before["one"]
        assert executor.deployment("two") is not before["two"]
        assert [await asked(executor, name) for name in ("one", "two")] == [40.0, 40.0]


async def test_counts_go_on_where_a_deployment_is_made_anew(tmp_path: Path) -> None:
    before = tensor_plan(line(tmp_path / "m.onnx"), "one")
    async with executor_of(before) as executor:
        deployment = executor.deployment("one")
        await asked(executor, "one")
        changed = plan_of(evolve(before, serving=Serving(max_concurrent=5)))
        await Reloader(executor, lambda: changed).reload("a test")
        assert executor.deployment("one") is not deployment
        await asked(executor, "one")
        assert executor.deployment("one").counters.outcomes["ok"] == 2


async def test_where_one_model_cannot_be_loaded_none_is_exchanged(tmp_path: Path) -> None:
    good, broken = line(tmp_path / "m.onnx"), tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07nothing")
    old = [tensor_plan(good, "one"), tensor_plan(good, "two")]
    new = [tensor_plan(line(tmp_path / "m2.onnx", 10.0), "one"), tensor_plan(broken, "two")]
    async with executor_of(*old) as executor, gateway_of(executor) as url, aiohttp.ClientSession() as session:

        async def shown() -> tuple[list[str], str]:
            async with session.get(f"{url}/healthz") as answer:
                problems: list[str] = (await answer.json())["reload_problems"]
            async with session.get(f"{url}/metrics") as answer:
                [metric] = [
                    line for line in (await answer.text()).splitlines() if line.startswith("inferc_reload_")
                ]
            return problems, metric

        results = [plan_of(*new), plan_of(*old)]
        reloader = Reloader(executor, lambda: results.pop(0))
        await reloader.reload("a test")
        [problem], metric = await shown()
        assert problem.startswith("deployment `two`: ")
        assert metric.endswith(" 1.0")
        assert [await asked(executor, name) for name in ("one", "two")] == [8.0, 8.0]
        assert [executor.deployment(name).plan for name in ("one", "two")] == old
        await reloader.reload("a test")
        assert await shown() == ([], "inferc_reload_problems 0.0")


async def asked(executor: Executor, name: str) -> float:
    inputs = (Tensor("x", "FP32", ROW), Tensor("shift", "FP32", ROW))
    chunk = await executor.answer(name, TensorRequest(inputs))
    return float(chunk.outputs[0].values.item())  # type: ignore[union-attr]


def test_unloading_gives_memory_back() -> None:
    program = """
import asyncio, os
from pathlib import Path
from tests.runtime.onnx.plans import embed, onnx_plan, running

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

async def main():
    for times in (1, 8):
        async with running(onnx_plan(), anew=True) as replica:
            await embed(replica, *["some words " * 30] * times)
            if times == 1:
                print(resident())
    print(resident())

asyncio.run(main())
"""
    with forked_program(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        loaded, unloaded = map(int, process.communicate(timeout=200)[0].split())
    assert unloaded < loaded - 20


def _plans_of_each_task(folder: Path) -> dict[str, OnnxServingPlan]:
    words, letters = file_ref(MODELS / "tokenizer.json"), folder / "letters.json"
    byte_tokenizer(letters)
    written = GenerateSpec(tokenizer=file_ref(letters), temperature=0.0, max_new_tokens=1)
    return {
        "tensor": tensor_plan(line(folder / "m.onnx"), batching=Batching(max_size=8)),
        "embed": small_plan(folder, batching=Batching(max_size=8)),
        "rerank": onnx_plan(model=scorer(folder / "1.onnx", 1), task=RerankSpec(tokenizer=words)),
        "classify": onnx_plan(model=scorer(folder / "2.onnx", 2), task=ClassifySpec(tokenizer=words)),
        "classify tensors": onnx_plan(model=echo(folder / "3.onnx", "FP32"), task=ClassifySpec()),
        "generate": onnx_plan(model=causal_lm(folder / "lm.onnx"), task=written),
    }


@pytest.mark.parametrize("task", TASKS)
async def test_a_model_of_the_start_is_given_back_although_it_is_left_out_of_every_search_for_garbage(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[weakref.ref[object]] = []

    class Seen(InferenceSession):
        def __init__(self, *given: Any, **named: Any) -> None:
            opened.append(weakref.ref(self))
            super().__init__(*given, **named)

    monkeypatch.setattr("onnxruntime.InferenceSession", Seen)
    async with running(_plans_of_each_task(tmp_path)[task]):
        gc.collect()
        gc.freeze()  # as a server does that begins to serve
    for _ in range(500):  # a thread that ran the model may still be about to let go of it
        if opened[0]() is None:
            break
        await asyncio.sleep(0.01)
    assert [session() for session in opened] == [None]


async def test_a_rewritten_model_is_kept_and_used_by_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = SessionOptions(optimized_model_cache=str(tmp_path / "kept"))
    plan = tensor_plan(line(tmp_path / "m.onnx"), session=options)
    async with running(plan) as replica:
        assert await total(replica) == 8.0
    [kept] = (tmp_path / "kept").iterdir()
    written = kept.stat().st_mtime_ns
    async with running(plan) as replica:
        assert await total(replica) == 8.0
    assert [path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()] == [written]

    kept.write_bytes(b"damaged")
    async with running(plan) as replica:
        assert await total(replica) == 8.0
    assert "cannot be used, it is made again" in caplog.text
    assert kept.stat().st_size > 100

    other = evolve(plan, model=file_ref(line(tmp_path / "other.onnx", 3.0)))
    async with running(other) as replica:
        assert await total(replica) == 12.0
    assert len(list((tmp_path / "kept").iterdir())) == 2


async def test_a_rewritten_model_brings_the_weights_from_beside_the_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, weights = tmp_path / "m.onnx", tmp_path / "m.data"
    shape = ["N", 16]
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    save_model(model, [node], [("x", 1, shape)], [("y", 1, shape)], {"w": numpy.eye(16, dtype=numpy.float32)})
    onnx.save_model(
        load(model), str(model), save_as_external_data=True, location=weights.name, size_threshold=0
    )
    options = SessionOptions(optimized_model_cache=str(tmp_path / "kept"))
    plan = tensor_plan(model, session=options, external_data=(file_ref(weights),))
    for _ in range(2):
        async with running(plan) as replica:
            assert (await infer(replica, fp32("x", numpy.ones((1, 16)))))["y"].sum() == 16
    assert "cannot be used" not in caplog.text


async def test_a_folder_that_cannot_be_written_costs_no_more_than_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kept").write_text("a file")
    options = SessionOptions(optimized_model_cache=str(tmp_path / "kept"))
    async with running(tensor_plan(line(tmp_path / "m.onnx"), session=options)) as replica:
        assert await total(replica) == 8.0
    assert "no model can be kept there" in caplog.text


async def test_replicas_have_weights_of_their_own_when_asked(tmp_path: Path) -> None:
    sessions = SharedSessions()
    shutil.copy(MODELS / "magika.onnx", tmp_path / "m.onnx")
    plan = tensor_plan(tmp_path / "m.onnx", share_weights=False)
    replicas = [OnnxReplica(plan, ReplicaPlacement(i, None, ()), MODELS, sessions) for i in range(2)]
    await asyncio.gather(*(replica.start() for replica in replicas))
    assert len(sessions) == 2
    await asyncio.gather(*(replica.stop() for replica in replicas))
