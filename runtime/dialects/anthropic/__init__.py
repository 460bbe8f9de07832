"""Anthropic: the Messages API, at Anthropic and on Vertex AI."""

from .blocks import DIALECT
from .read_answer import AnthropicReader
from .read_request import read_request
from .write_answer import AnthropicWriter, write_error, write_whole
from .write_request import write_request

__all__ = [
    "DIALECT",
    "AnthropicReader",
    "AnthropicWriter",
    "is_vertex",
    "read_request",
    "write_error",
    "write_request",
    "write_whole",
]


def is_vertex(endpoint: str) -> bool:
    """Whether `endpoint` is that of Vertex AI, whose paths and bodies differ from Anthropic's own."""
    return endpoint.endswith("/publishers/anthropic")
