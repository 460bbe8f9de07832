"""Gemini: `generateContent` and embeddings, on AI Studio and on Vertex AI."""

from .read_answer import GeminiReader
from .write_request import write_request

__all__ = ["GeminiReader", "write_request"]
