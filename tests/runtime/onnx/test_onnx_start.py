from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path

import pytest
from attrs import evolve

from inferc.compiler.plan import (
    ExecutionProvider,
    FileRef,
    MissingProviderAction,
    OnnxServingPlan,
    Pooling,
    ProviderSpec,
    ReplicaPlacement,
)
from inferc.compiler.plan.installing import pip_install
from inferc.runtime.replicas.onnx.sessions.providers import ort_providers, why_missing
from inferc.runtime.requests.errors import StartError

from .plans import MODELS, PLACEMENT, embed, embed_spec, file_ref, onnx_plan, running
from .toys import small_plan

ON_GPU = ReplicaPlacement(0, None, (0,))
no_gpu = pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")


async def start_error(plan: OnnxServingPlan, placement: ReplicaPlacement = PLACEMENT) -> str:
    with pytest.raises(StartError) as caught:
        async with running(plan, placement, anew=True):
            pass
    return str(caught.value)


@no_gpu
@pytest.mark.parametrize(("providers", "title"), [("cuda cpu", "CUDA"), ("tensorrt cpu", "TensorRT")])
async def test_a_missing_gpu_provider_is_an_error_that_names_it_and_the_deployment(
    providers: str, title: str, tmp_path: Path
) -> None:
    message = await start_error(small_plan(tmp_path, providers=providers), ON_GPU)
    assert message.startswith(f"deployment `embedder` asks for {title} ")
    assert "on_missing_provider = warn" in message
    assert "\n" not in message


@no_gpu
async def test_each_missing_provider_is_a_problem_of_its_own(tmp_path: Path) -> None:
    message = await start_error(small_plan(tmp_path, providers="tensorrt cuda cpu"), ON_GPU)
    assert [line.split(" (")[0] for line in message.splitlines()] == [
        "deployment `embedder` asks for TensorRT",
        "deployment `embedder` asks for CUDA",
    ]


@no_gpu
async def test_with_warn_a_missing_provider_is_logged_and_the_real_one_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = small_plan(tmp_path, providers="tensorrt cuda cpu", on_missing_provider=MissingProviderAction.WARN)
    with caplog.at_level(logging.WARNING):
        async with running(plan, ON_GPU, anew=True) as replica:
            assert replica.status().providers == ("cpu",)
            assert (await embed(replica, "still served")).vectors.shape == (1, 3)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2
    assert all("deployment `embedder`" in each and "it runs on CPU instead" in each for each in warnings)


@no_gpu
async def test_nothing_is_printed_when_gpu_providers_are_missing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = small_plan(tmp_path, providers="tensorrt cuda cpu", on_missing_provider=MissingProviderAction.WARN)
    async with running(plan, ON_GPU, anew=True):
        pass
    assert capfd.readouterr() == ("", "")
    os.write(1, b"both streams ")
    os.write(2, b"work afterwards")
    assert capfd.readouterr() == ("both streams ", "work afterwards")


def test_the_missing_library_is_read_from_what_onnxruntime_prints() -> None:
    installed = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    printed = (
        "\x1b[1;31m2026-01-01 [E:onnxruntime:Default, bridge.cc:2458 operator()] Failed to load "
        "library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared "
        "object file: No such file or directory\x1b[m\n"
        "2026-01-01 [W:onnxruntime:Default] Failed to create CUDAExecutionProvider. Require cuDNN 9.* and "
        "CUDA 13.*. Please install all dependencies\n"
    )
    reason = why_missing(ExecutionProvider.CUDA, installed, printed)
    assert reason == (
        "the library libcublasLt.so.13 cannot be found: install cuDNN 9.* and CUDA 13.*, or add its folder "
        "to LD_LIBRARY_PATH"
    )
    assert "libcublasLt" not in why_missing(ExecutionProvider.TENSORRT, installed, printed)


def test_other_reasons_of_onnxruntime_are_passed_on() -> None:
    installed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    printed = "x [E:onnxruntime:Default, a.cc:1 f()] CUDA failure 35: driver version is insufficient\n"
    reason = why_missing(ExecutionProvider.CUDA, installed, printed)
    assert reason.startswith("CUDA failure 35: driver version is insufficient")
    assert "nvidia-smi" in reason


def test_an_onnxruntime_without_gpu_support_is_told() -> None:
    assert pip_install("gpu") in why_missing(ExecutionProvider.CUDA, ["CPUExecutionProvider"], "")


def test_gpu_providers_get_the_gpu_of_their_replica() -> None:
    specs = [ProviderSpec(ExecutionProvider.CUDA, {"use_tf32": "0"}), ProviderSpec(ExecutionProvider.CPU)]
    assert ort_providers(specs, ReplicaPlacement(1, None, (3,)), Path()) == [
        ("CUDAExecutionProvider", {"use_tf32": "0", "device_id": "3"}),
        ("CPUExecutionProvider", {}),
    ]
    assert specs[0].options == {"use_tf32": "0"}


def test_options_that_are_paths_count_from_the_folder_of_the_plan() -> None:
    spec = ProviderSpec(ExecutionProvider.TENSORRT, {}, {"trt_engine_cache_path": "engines"})
    [(_, options)] = ort_providers([spec], PLACEMENT, Path("/plans"))
    assert options == {"trt_engine_cache_path": "/plans/engines"}


async def test_a_model_that_is_not_there_is_told() -> None:
    plan = onnx_plan(model=MODELS / "minilm.onnx")
    message = await start_error(_with_model(plan, FileRef("nowhere.onnx", "0" * 64, 5)))
    assert message.startswith(f"deployment `embedder`: its model {MODELS / 'nowhere.onnx'} is not there")


async def test_a_model_with_other_contents_than_compiled_asks_to_compile_again(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    shutil.copy(MODELS / "magika.onnx", path)
    plan = onnx_plan(model=path)
    contents = path.read_bytes()
    path.write_bytes(contents[:-1] + b"\0")
    message = await start_error(plan)
    assert "has changed since the plan was compiled" in message
    assert "inferc compile" in message


async def test_a_truncated_model_is_told_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    shutil.copy(MODELS / "magika.onnx", path)
    plan = onnx_plan(model=path)
    os.truncate(path, 1_000_000)
    message = await start_error(plan)
    assert "has 1,000,000 bytes, 3,163,737 when the plan was compiled" in message


@pytest.mark.parametrize("contents", [b"hello\n", b"", b"\x08\x08\x3a\xff\x01"])
async def test_a_file_that_is_no_model_is_told_in_one_line(
    tmp_path: Path, contents: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(contents)
    message = await start_error(onnx_plan(model=path))
    assert message.startswith("deployment `embedder`: ONNX Runtime ")
    assert f"cannot load {path}: " in message
    assert "\n" not in message
    assert "[ONNXRuntimeError]" not in message
    assert capfd.readouterr() == ("", "")


async def test_a_fifo_instead_of_a_model_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.onnx")
    ref = FileRef(str(tmp_path / "model.onnx"), "0" * 64, 0)
    assert "is no regular file" in await start_error(_with_model(onnx_plan(), ref))


async def test_a_model_without_token_inputs_shows_its_real_signature() -> None:
    message = await start_error(onnx_plan(model=MODELS / "magika.onnx"))
    assert "needs a model that takes input_ids and attention_mask" in message
    assert "this one takes bytes int32[" in message
    assert "2048] and gives target_label float[" in message


async def test_pooling_that_does_not_fit_the_model_is_told() -> None:
    message = await start_error(onnx_plan(task=embed_spec(pooling=Pooling.NONE)))
    assert "set `pooling = mean`" in message
    assert "last_hidden_state float[batch, sequence, 384]" in message


async def test_a_tokenizer_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"a": 1}')
    plan = small_plan(tmp_path)
    task = evolve(plan.task, tokenizer=file_ref(tmp_path / "tokenizer.json"))
    message = await start_error(evolve(plan, task=task))
    assert message.startswith(f"deployment `embedder`: its tokenizer {tmp_path / 'tokenizer.json'} is no ")


@pytest.mark.parametrize(("module", "extra"), [("tokenizers", "embed"), ("onnxruntime", "cpu")])
async def test_a_missing_package_says_what_to_install(
    module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    message = await start_error(plan)
    assert pip_install(extra) in message


def _with_model(plan: OnnxServingPlan, model: FileRef) -> OnnxServingPlan:
    return evolve(plan, model=model)
