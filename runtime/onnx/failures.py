"""What it means that ONNX Runtime failed to run a model: the caller's fault, or ours."""

from __future__ import annotations

from ..errors import BadRequest, RequestError

_LONGEST_REASON = 200
_SHAPES = ("Non-zero status code returned while running", "INVALID_ARGUMENT")
_OURS = ("alloc", "memory", "CUDA", "CUBLAS", "CUDNN", "TensorRT", "terminate")


def first_line(error: Exception) -> str:
    """The start of what `error` says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_LONGEST_REASON]


def explain(error: Exception, owner: str) -> RequestError:
    """The failure of a run on the caller's own tensors.

    A model need not say which sizes it takes: what an operator refuses is then found out by running it.
    """
    text = str(error)
    if any(sign in text for sign in _SHAPES) and not any(sign in text for sign in _OURS):
        return BadRequest(f"{owner}: the model cannot take these inputs: {first_line(error)}", param="inputs")
    return RequestError(f"{owner}: the model failed: {first_line(error)}")
