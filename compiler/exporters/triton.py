"""Models of ONNX Runtime as Triton's `config.pbtxt`, one in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ...dsl.deployment import Deployment
from ...dsl.kinds import ExecutionProvider, GraphOptimization
from ...dsl.runtimes import Batching, OrtConfig
from ..onnx_model.provider_options import as_text, options_of
from ..onnx_model.signature import DType
from .values import Lost, Values, beside, fixed_replicas

if TYPE_CHECKING:
    from ..program import Program

_LEVELS = {GraphOptimization.BASIC: -1, GraphOptimization.EXTENDED: 1, GraphOptimization.NONE: 2}
_TYPES: dict[DType | None, str] = {
    DType.BOOL: "TYPE_BOOL",
    DType.TEXT: "TYPE_STRING",
    DType.BF16: "TYPE_BF16",
    **{DType(f"f{bits}"): f"TYPE_FP{bits}" for bits in (16, 32, 64)},
    **{DType(f"i{bits}"): f"TYPE_INT{bits}" for bits in (8, 16, 32, 64)},
    **{DType(f"u{bits}"): f"TYPE_UINT{bits}" for bits in (8, 16, 32, 64)},
}
_ELSEWHERE = "Triton runs models of its own: only those of ONNX Runtime are written"


def triton(program: Program, lost: list[Lost]) -> dict[str, str]:
    """A file for each ONNX model, and the place where the model has to be."""
    files: dict[str, str] = {}
    for declared, deployment in program.deployments:
        config = deployment.effective_config
        if not isinstance(config, OrtConfig):
            lost.append(Lost(deployment.name, _ELSEWHERE))
            continue
        model = program.models.open(declared.file(deployment.model, "model")) if config.warm_up else ""
        types = {} if isinstance(model, str) else {each.name: each.dtype for each in model.signature.inputs}
        lines = _model(deployment, config, types, lost)
        files[f"{deployment.name}/config.pbtxt"] = "\n".join(lines) + "\n"
    for route in program.graph.routes if program.graph is not None else ():
        lost.append(Lost(route.name, "Triton has no routes"))
    lost += beside(program)
    return files


def _model(
    deployment: Deployment, config: OrtConfig, types: Mapping[str, DType | None], lost: list[Lost]
) -> list[str]:
    values = Values(deployment)
    file = PurePosixPath(deployment.model)
    out = [
        f"# The model belongs into the folder `1` beside this file: {deployment.model}",
        f"name: {_text(deployment.name)}",
        'backend: "onnxruntime"',
        f"default_model_filename: {_text(file.name)}",
    ]
    if config.batching is not None:
        out += _batching(config.batching, values)
    out += _instances(deployment, config, values, lost)
    out += _optimization(config, values)
    out += _parameters(config, values)
    if all(types.get(name) in _TYPES for name in config.warm_up):
        out += _warm_up(values, types, is_batched=config.batching is not None)
    values.take("outside_project")
    lost.extend(values.rest())
    return out


def _batching(batching: Batching, values: Values) -> list[str]:
    for name in ("batching.max_size", "batching.max_delay", "batching.preferred"):
        values.take(name)
    inner = [f"max_queue_delay_microseconds: {round(float(batching.max_delay) * 1_000_000)}"]
    if batching.preferred:
        inner.insert(0, f"preferred_batch_size: [ {', '.join(map(str, batching.preferred))} ]")
    return [f"max_batch_size: {batching.max_size}", f"dynamic_batching {{ {' '.join(inner)} }}"]


def _instances(deployment: Deployment, config: OrtConfig, values: Values, lost: list[Lost]) -> list[str]:
    values.take("gpus")
    replicas = fixed_replicas(deployment, values, lost)
    only_cpu = config.providers == (ExecutionProvider.CPU,)
    kind = "KIND_GPU" if deployment.gpus is not None else "KIND_CPU"
    if deployment.gpus is None and replicas == 1 and not only_cpu:
        return []
    return [f"instance_group [ {{ count: {replicas} kind: {kind} }} ]"]


def _optimization(config: OrtConfig, values: Values) -> list[str]:
    """The graph's level, and the execution providers with their options."""
    inner: list[str] = []
    level = values.take("session.graph_optimization")
    if level in _LEVELS:
        inner.append(f"graph {{ level: {_LEVELS[level]} }}")
    values.take("providers")
    accelerators = []
    tensorrt = values.take("tensorrt") or {}
    if ExecutionProvider.TENSORRT in (config.providers or ()) or tensorrt:
        accelerators.append(_accelerator("tensorrt", tensorrt))
    cuda = values.take("cuda") or {}
    if cuda:
        accelerators.append(_accelerator("cuda", cuda))
    if accelerators:
        listed = ", ".join(accelerators)
        inner.append(f"execution_accelerators {{ gpu_execution_accelerator: [ {listed} ] }}")
    return [f"optimization {{ {' '.join(inner)} }}"] if inner else []


def _accelerator(name: str, options: dict[str, Any]) -> str:
    """An execution provider, its options under the names that Triton has for them."""
    named = dict(options)
    pairs: list[tuple[str, str]] = []
    for option, mode in (("trt_fp16_enable", "FP16"), ("trt_int8_enable", "INT8")):
        if named.get(option) is True:
            named.pop(option)
            pairs.append(("precision_mode", mode))
            break
    for option, value in named.items():
        key = "max_workspace_size_bytes" if option == "trt_max_workspace_size" else option
        pairs.append((key, as_text(options_of(name)[option], value)))
    inner = " ".join(f"parameters {{ key: {_text(key)} value: {_text(value)} }}" for key, value in pairs)
    return f"{{ name: {_text(name)} {inner} }}"


def _parameters(config: OrtConfig, values: Values) -> list[str]:
    given: dict[str, str] = {}
    for ours, theirs in (
        ("intra_op_threads", "intra_op_thread_count"),
        ("inter_op_threads", "inter_op_thread_count"),
    ):
        if (value := values.take(f"session.{ours}")) is not None:
            given[theirs] = str(value)
    if values.take("session.memory_pattern") is False:
        given["enable_mem_pattern"] = "0"
    return [
        f"parameters {{ key: {_text(key)} value: {{ string_value: {_text(value)} }} }}"
        for key, value in given.items()
    ]


def _warm_up(values: Values, types: Mapping[str, DType | None], *, is_batched: bool) -> list[str]:
    """One warm-up for each place in the lists; the batch is no part of a shape where Triton makes batches."""
    shapes: dict[str, Any] = values.take("warm_up") or {}
    runs: list[dict[str, list[int]]] = []
    for name, given in shapes.items():
        several = given if given and isinstance(given[0], list | tuple) else [given]
        for place, shape in enumerate(several):
            while len(runs) <= place:
                runs.append({})
            runs[place][name] = list(shape)
    out = []
    for place, run in enumerate(runs, 1):
        batch = next(iter(run.values()))[0] if is_batched else 1
        inputs = " ".join(
            f"inputs {{ key: {_text(name)} value: {{ data_type: {_TYPES[types[name]]} "
            f"dims: [ {', '.join(map(str, shape[is_batched:]))} ] zero_data: true }} }}"
            for name, shape in run.items()
        )
        out.append(f"model_warmup [ {{ name: {_text(f'run {place}')} batch_size: {batch} {inputs} }} ]")
    return out


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
