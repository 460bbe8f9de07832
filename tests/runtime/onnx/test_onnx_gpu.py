"""What is decided for GPUs, from the file to what ONNX Runtime is given. No test here needs a GPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import pytest
from attrs import evolve

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import (
    Batching,
    ExecutionProvider,
    GenerateSpec,
    OnnxServingPlan,
    ProviderSpec,
    ReplicaPlacement,
    SessionOptions,
)
from inferc.runtime.replicas.onnx.loading.loaded_model import GPU_RUNS, LoadedModel, concurrent_runs
from inferc.runtime.replicas.onnx.model import OnnxModel, run_options
from inferc.runtime.replicas.onnx.sessions import io_binding as bound
from inferc.runtime.replicas.onnx.sessions.io_binding import BoundRuns
from inferc.runtime.replicas.onnx.sessions.providers import device_of, has_cuda_graphs, ort_providers
from inferc.runtime.replicas.onnx.sessions.shared import SharedSessions
from inferc.runtime.replicas.replica import RunSizes
from inferc.runtime.requests.errors import StartError

from ...support.forked import ROOT, ran
from ...support.rows import each_row
from .plans import MODELS, file_ref, onnx_plan, running
from .toys import causal_lm, line

CPU, CUDA, TENSORRT = ExecutionProvider.CPU, ExecutionProvider.CUDA, ExecutionProvider.TENSORRT
FILE = """\
cluster { node a { gpus = 2 }  node b { gpus = 2 } }
deployment embedder {
  model = "minilm.onnx"
  gpus = 1
  replicas = 3
  runtime tensorrt {
    providers = [tensorrt, cuda, cpu]
    cuda { gpu_mem_limit = 4GiB, use_tf32 = false, cudnn_conv_algo_search = "HEURISTIC" }
    tensorrt {
      trt_fp16_enable = true
      trt_engine_cache_enable = true
      trt_engine_cache_path = "engines"
      trt_timing_cache_enable = true
      trt_timing_cache_path = "timing"
      trt_profile_min_shapes = "input_ids:1x1,attention_mask:1x1,token_type_ids:1x1"
      trt_profile_opt_shapes = "input_ids:8x32,attention_mask:8x32,token_type_ids:8x32"
      trt_profile_max_shapes = "input_ids:32x256,attention_mask:32x256,token_type_ids:32x256"
    }
    batching { max_size = 32, preferred = [8, 16, 32] }
  }
  task embed { tokenizer = "tokenizer.json" }
}
"""


@pytest.fixture
def compiled(tmp_path: Path) -> OnnxServingPlan:
    for name in ("minilm.onnx", "tokenizer.json"):
        (tmp_path / name).symlink_to(MODELS / name)
    file = tmp_path / "gpu.infer"
    file.write_text(FILE)
    checked = check_file("gpu.infer", file)
    assert checked.ok, checked.diagnostics
    [plan] = compile_checked(checked, tmp_path).deployments
    assert isinstance(plan, OnnxServingPlan)
    return plan


def test_each_replica_gets_a_gpu_of_its_own_and_all_options_as_onnxruntime_writes_them(
    compiled: OnnxServingPlan, tmp_path: Path
) -> None:
    assert [(p.node, p.gpu_indices) for p in compiled.replicas] == [("a", (0,)), ("a", (1,)), ("b", (0,))]
    options = [dict(ort_providers(compiled.providers, p, tmp_path)) for p in compiled.replicas]
    assert [each["TensorrtExecutionProvider"]["device_id"] for each in options] == ["0", "1", "0"]
    assert [each["CUDAExecutionProvider"]["device_id"] for each in options] == ["0", "1", "0"]
    assert list(options[1]) == ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    assert options[1]["CUDAExecutionProvider"] == {
        "gpu_mem_limit": str(4 << 30),
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "device_id": "1",
    }
    tensorrt = options[1]["TensorrtExecutionProvider"]
    assert tensorrt["trt_fp16_enable"] == "1"
    assert tensorrt["trt_engine_cache_path"] == str(tmp_path / "engines")
    assert tensorrt["trt_timing_cache_path"] == str(tmp_path / "timing")
    assert tensorrt["trt_profile_max_shapes"].startswith("input_ids:32x256,")
    assert options[1]["CPUExecutionProvider"] == {}


@each_row(
    ("used", "gpus", "device"),
    [
        ((CPU,), (), ("cpu", 0)),
        ((CPU,), (3,), ("cpu", 0)),  # asked for a GPU, and serves on what is there
        ((CUDA, CPU), (3,), ("cuda", 3)),
        ((TENSORRT, CUDA, CPU), (1,), ("cuda", 1)),
        ((CUDA, CPU), (), ("cuda", 0)),
        ((), (1,), ("cpu", 0)),
    ],
)
def test_values_are_kept_where_the_model_really_runs(
    used: tuple[ExecutionProvider, ...], gpus: tuple[int, ...], device: tuple[str, int]
) -> None:
    assert device_of(used, ReplicaPlacement(0, None, gpus)) == device


@pytest.mark.parametrize(
    ("options", "graphs"),
    [
        ({}, False),
        ({"enable_cuda_graph": "0"}, False),
        ({"enable_cuda_graph": "1"}, True),
        ({"trt_cuda_graph_enable": "True"}, True),
    ],
)
def test_cuda_graphs_are_found_in_the_options_of_either_provider(
    options: dict[str, str], graphs: bool
) -> None:
    assert has_cuda_graphs([ProviderSpec(CPU), ProviderSpec(CUDA, options)]) is graphs


def gpu_plan(**options: str) -> OnnxServingPlan:
    return evolve(onnx_plan(), providers=(ProviderSpec(CUDA, options), ProviderSpec(CPU)))


def test_a_gpu_has_two_runs_at_a_time_and_one_with_graphs() -> None:
    assert concurrent_runs(gpu_plan(), cores=16) == GPU_RUNS
    assert concurrent_runs(gpu_plan(enable_cuda_graph="1"), cores=16) == 1
    assert (
        concurrent_runs(evolve(gpu_plan(), session=SessionOptions(intra_op_threads=4)), cores=16) == GPU_RUNS
    )


def test_runs_at_the_same_time_follow_threads_and_batching() -> None:
    assert concurrent_runs(onnx_plan(providers="cuda cpu"), cores=64) == 2
    assert concurrent_runs(onnx_plan(session=SessionOptions(intra_op_threads=4)), cores=16) == 4
    assert concurrent_runs(onnx_plan(session=SessionOptions(intra_op_threads=8)), cores=2) == 1
    assert concurrent_runs(onnx_plan(batching=Batching()), cores=16) == 2
    assert concurrent_runs(onnx_plan(batching=Batching()), cores=1) == 1
    assert concurrent_runs(onnx_plan(), cores=16) == 16


def test_replicas_on_one_gpu_share_a_session_but_not_with_graphs_and_not_across_gpus(tmp_path: Path) -> None:
    def key(plan: OnnxServingPlan, index: int, gpu: int) -> object:
        model = LoadedModel(
            plan, ReplicaPlacement(index, "a", (gpu,)), tmp_path, SharedSessions(), RunSizes()
        )
        return model.key

    assert key(gpu_plan(), 0, 0) == key(gpu_plan(), 1, 0)
    assert key(gpu_plan(), 0, 0) != key(gpu_plan(), 1, 1)
    graphs = gpu_plan(enable_cuda_graph="1")
    assert key(graphs, 0, 0) != key(graphs, 1, 0)
    alone = evolve(gpu_plan(), share_weights=False)
    assert key(alone, 0, 0) != key(alone, 1, 0)


@pytest.fixture
def session(tmp_path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(line(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])


def model_on(
    device: tuple[str, int], plan: OnnxServingPlan, session: Any, pool: ThreadPoolExecutor
) -> OnnxModel:
    return OnnxModel(plan, session, pool, 1, 1, Path(), device, "deployment `x`")


def test_memory_is_bound_on_a_gpu_with_graphs_and_nowhere_else(session: Any) -> None:
    graphs = gpu_plan(enable_cuda_graph="1")
    with ThreadPoolExecutor(1) as pool:
        is_bound = {
            (device[0], plan is graphs): isinstance(
                getattr(model_on(device, plan, session, pool).run, "__self__", None), BoundRuns
            )
            for device in (("cuda", 0), ("cpu", 0))
            for plan in (graphs, gpu_plan())
        }
    assert is_bound == {
        ("cuda", True): True,
        ("cuda", False): False,
        ("cpu", True): False,
        ("cpu", False): False,
    }


def feed(rows: int, start: float = 0.0) -> dict[str, Any]:
    values = numpy.arange(rows * 3, dtype=numpy.float32).reshape(rows, 3) + start
    return {"x": values, "shift": numpy.ones_like(values)}


def test_bound_runs_give_what_plain_ones_give_and_leave_earlier_answers_alone(session: Any) -> None:
    runs = BoundRuns(session, ("cpu", 0))
    names = ["total", "count"]
    kept = runs.run(names, feed(2), run_options())
    for rows, start in ((2, 5.0), (4, 0.0), (2, 7.0), (4, 1.0)):
        expected = session.run(names, feed(rows, start))
        for got, wanted in zip(runs.run(names, feed(rows, start), run_options()), expected, strict=True):
            numpy.testing.assert_array_equal(got, wanted)
    numpy.testing.assert_array_equal(kept[0], session.run(["total"], feed(2))[0])


def test_further_shapes_run_without_a_graph(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound, "MOST_SHAPES", 2)
    runs = BoundRuns(session, ("cpu", 0))
    graphs = []
    for rows in (1, 2, 3, 1):
        options = run_options()
        [total] = runs.run(["total"], feed(rows), options)
        numpy.testing.assert_array_equal(total, session.run(["total"], feed(rows))[0])
        graphs.append(options.get_run_config_entry("gpu_graph_id"))
    assert graphs == ["1", "2", "-1", "1"]


async def test_generation_with_cuda_graphs_is_refused(tmp_path: Path) -> None:
    spec = GenerateSpec(tokenizer=file_ref(MODELS / "tokenizer.json"))
    plan = onnx_plan(model=causal_lm(tmp_path / "lm.onnx"), task=spec)
    plan = evolve(plan, providers=(ProviderSpec(CPU, {"enable_cuda_graph": "1"}),))
    with pytest.raises(StartError, match="CUDA graphs need inputs of fixed sizes"):
        async with running(plan, anew=True):
            pass


def test_what_a_gpu_is_to_show_is_rehearsed_on_the_cpu() -> None:
    program = "import runpy; runpy.run_path('scripts/gpu.py', run_name='__main__')"
    words = ["--rehearse", "--times", "1", "--only", "embeddings", "graphs"]
    done = ran("-c", program, *words, cwd=ROOT, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    _, embeddings, graphs = done.stdout.splitlines()
    assert embeddings.startswith("ok       embeddings")
    assert graphs == "skipped  graphs      only CUDA records graphs"
