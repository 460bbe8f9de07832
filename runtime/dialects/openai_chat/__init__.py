"""OpenAI's chat completions, also Azure's and those of compatible servers."""

from .read_answer import (
    OpenAIChatReader,
    failure_in,
    plain_usage,
    read_usage,
    usage_of,
    with_plain_content,
)
from .read_request import read_request
from .write_answer import REASONS, OpenAIChatWriter, write_error, write_whole
from .write_request import write_request

__all__ = [
    "REASONS",
    "OpenAIChatReader",
    "OpenAIChatWriter",
    "failure_in",
    "plain_usage",
    "read_request",
    "read_usage",
    "usage_of",
    "with_plain_content",
    "write_error",
    "write_request",
    "write_whole",
]
