"""Anthropic: the Messages API."""

from .blocks import DIALECT
from .read_answer import AnthropicReader
from .read_request import read_request
from .write_answer import AnthropicWriter, write_error, write_whole
from .write_request import write_request

__all__ = [
    "DIALECT",
    "AnthropicReader",
    "AnthropicWriter",
    "read_request",
    "write_error",
    "write_request",
    "write_whole",
]
