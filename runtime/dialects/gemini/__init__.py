"""Gemini: `generateContent` and embeddings, on AI Studio and on Vertex AI."""

from .read_answer import GeminiReader
from .write_request import DIALECT, write_request

__all__ = ["DIALECT", "GeminiReader", "is_vertex", "write_request"]


def is_vertex(endpoint: str) -> bool:
    """Whether `endpoint` is that of Vertex AI, whose paths and ids differ from AI Studio's."""
    return endpoint.endswith("/publishers/google")
