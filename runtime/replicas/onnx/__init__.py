"""ONNX models in this process, run by ONNX Runtime."""

from .replica import OnnxReplica

__all__ = ["OnnxReplica"]
