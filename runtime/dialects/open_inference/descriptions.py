"""What Triton's clients ask of a model beside its answers: configuration and statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....compiler.plan.record import frozen
from ...requests.tensor import TensorInfo

PLATFORM = "onnxruntime_onnx"
VERSION = "1"
"""The version that every model has: the one that is served."""

_TYPES = {"BYTES": "TYPE_STRING"}


@frozen
class Served:
    """A local model as its deployment serves it. max_batch_size: 0 where requests share no run."""

    name: str
    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]
    max_batch_size: int = 0


@frozen
class Counted:
    """What became of its requests. runs: how many had so many rows. Times are in seconds."""

    succeeded: int
    failed: int
    seconds: float
    waited: float
    runs: Mapping[int, int]


def metadata(model: Served) -> dict[str, Any]:
    """Sizes that may be any are -1."""
    return {
        "name": model.name,
        "versions": [VERSION],
        "platform": PLATFORM,
        "inputs": [_described(info) for info in model.inputs],
        "outputs": [_described(info) for info in model.outputs],
    }


def config(model: Served) -> dict[str, Any]:
    """In the words of Triton's `config.pbtxt`: with a batch size, dims are those of one row."""
    skipped = 1 if model.max_batch_size else 0
    return {
        "name": model.name,
        "platform": PLATFORM,
        "backend": "onnxruntime",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": model.max_batch_size,
        "input": [_configured(info, skipped) for info in model.inputs],
        "output": [_configured(info, skipped) for info in model.outputs],
    }


def statistics(name: str, counted: Counted) -> dict[str, Any]:
    """Times of parts of a run are not told apart: all of it is `compute_infer`."""
    rows = sum(size * count for size, count in counted.runs.items())
    runs = sum(counted.runs.values())
    nothing = _duration(0, 0.0)
    each = counted.seconds / (counted.succeeded + counted.failed or 1)
    answered = counted.succeeded
    return {
        "name": name,
        "version": VERSION,
        "last_inference": 0,
        "inference_count": rows or answered,
        "execution_count": runs or answered,
        "inference_stats": {
            "success": _duration(answered, each * answered),
            "fail": _duration(counted.failed, each * counted.failed),
            "queue": _duration(answered, counted.waited),
            "compute_input": nothing,
            "compute_infer": _duration(answered, max(each * answered - counted.waited, 0)),
            "compute_output": nothing,
            "cache_hit": nothing,
            "cache_miss": nothing,
        },
        "batch_stats": [
            {
                "batch_size": size,
                "compute_input": nothing,
                "compute_infer": _duration(count, 0.0),
                "compute_output": nothing,
            }
            for size, count in sorted(counted.runs.items())
        ],
    }


def state(name: str, *, is_ready: bool) -> dict[str, str]:
    """One entry of the index of the repository."""
    if is_ready:
        return {"name": name, "version": VERSION, "state": "READY", "reason": ""}
    return {"name": name, "version": VERSION, "state": "UNAVAILABLE", "reason": "unloaded"}


def _described(info: TensorInfo) -> dict[str, Any]:
    return {"name": info.name, "datatype": info.datatype, "shape": _shape(info)}


def _configured(info: TensorInfo, skipped: int) -> dict[str, Any]:
    kind = _TYPES.get(info.datatype, f"TYPE_{info.datatype}")
    return {"name": info.name, "data_type": kind, "dims": _shape(info)[skipped:]}


def _shape(info: TensorInfo) -> list[int]:
    return [-1 if size is None else size for size in info.shape or ()]


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
