"""Execution providers: what was asked for, under ONNX Runtime's names, and why one of them is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .....compiler.plan import ExecutionProvider, ProviderSpec, ReplicaPlacement
from .....compiler.plan.installing import pip_install

ORT_NAMES = {
    ExecutionProvider.TENSORRT: "TensorrtExecutionProvider",
    ExecutionProvider.CUDA: "CUDAExecutionProvider",
    ExecutionProvider.CPU: "CPUExecutionProvider",
}
GPU_PROVIDERS = frozenset({ExecutionProvider.TENSORRT, ExecutionProvider.CUDA})
TITLES = {
    ExecutionProvider.TENSORRT: "TensorRT",
    ExecutionProvider.CUDA: "CUDA",
    ExecutionProvider.CPU: "CPU",
}

_NEEDS = {
    ExecutionProvider.CUDA: "install CUDA and cuDNN in the versions this onnxruntime is built for",
    ExecutionProvider.TENSORRT: "install TensorRT and CUDA in the versions this onnxruntime is built for",
}
_COLOURS = re.compile(r"\x1b?\[[0-9;]*m")
_PROVIDER_LIBRARY = re.compile(r"onnxruntime_providers_(\w+)\.")
_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[.\d]*|[\w.+-]+\.dll): cannot open shared object")
_LOG_PREFIX = re.compile(r"^.*\[E:onnxruntime:[^\]]*\] ")
_VERSIONS = re.compile(r"Require (\S+ [\d.*]+ and \S+ [\d.*]*[\d*])\.")
_LONGEST_REASON = 300


def ort_providers(
    specs: Iterable[ProviderSpec], placement: ReplicaPlacement, base_dir: Path
) -> list[tuple[str, dict[str, str]]]:
    """`specs` as ONNX Runtime takes them, in their order; GPU providers get the placement's first GPU.

    base_dir: what options that are paths are relative to.
    """
    named = []
    for spec in specs:
        options = spec.options | {name: str(base_dir / path) for name, path in spec.paths.items()}
        if spec.name in GPU_PROVIDERS and placement.gpu_indices:
            options["device_id"] = str(placement.gpu_indices[0])
        named.append((ORT_NAMES[spec.name], options))
    return named


def has_cuda_graphs(specs: Iterable[ProviderSpec]) -> bool:
    """Whether runs are recorded and replayed on the GPU, which allows one at a time in a session."""
    return any(
        is_on(spec, option) for spec in specs for option in ("enable_cuda_graph", "trt_cuda_graph_enable")
    )


def is_on(spec: ProviderSpec, option: str) -> bool:
    """Whether that option, a flag, is set."""
    return spec.options.get(option, "0").lower() in ("1", "true")


def device_of(providers: Sequence[ExecutionProvider], placement: ReplicaPlacement) -> tuple[str, int]:
    """Where a model on `providers`, those really in use, keeps its values: "cpu" or "cuda", and its index."""
    if providers and providers[0] in GPU_PROVIDERS:
        return "cuda", placement.gpu_indices[0] if placement.gpu_indices else 0
    return "cpu", 0


def from_ort(names: Iterable[str]) -> tuple[ExecutionProvider, ...]:
    """ONNX Runtime's names as the plan's words, in the same order."""
    words = {name: word for word, name in ORT_NAMES.items()}
    return tuple(words[name] for name in names if name in words)


def why_missing(provider: ExecutionProvider, installed: Sequence[str], printed: str) -> str:
    """Why `provider` is not there, and what to do about it.

    installed: the providers in the installed ONNX Runtime. printed: what it said while it tried.
    """
    if ORT_NAMES[provider] not in installed:
        return (
            f"the installed onnxruntime is built without {TITLES[provider]}: uninstall it and run "
            f"`{pip_install('gpu')}`"
        )
    lines = [
        line for line in _COLOURS.sub("", printed).splitlines() if _concerns(provider, line) and line.strip()
    ]
    needs = _NEEDS[provider]
    if provider is ExecutionProvider.CUDA and (versions := _VERSIONS.search(printed)):
        needs = f"install {versions[1]}"
    if libraries := dict.fromkeys(_MISSING_LIBRARY.findall("\n".join(lines))):
        one = len(libraries) == 1
        return (
            f"the {'library' if one else 'libraries'} {', '.join(libraries)} cannot be found: "
            f"{needs}, or add {'its folder' if one else 'their folders'} to LD_LIBRARY_PATH"
        )
    errors = [_LOG_PREFIX.sub("", line) for line in lines if "[E:onnxruntime" in line]
    reason = (errors or lines or ["ONNX Runtime does not say why"])[-1]
    return f"{reason.strip()[:_LONGEST_REASON]} ({needs}, and check the driver with `nvidia-smi`)"


def _concerns(provider: ExecutionProvider, line: str) -> bool:
    """Whether a printed line may be about `provider`: it names no other one."""
    match = _PROVIDER_LIBRARY.search(line)
    return match is None or match[1] == provider.value
