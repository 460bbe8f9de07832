"""OpenAI's chat completions, also Azure's and those of compatible servers."""

from .call_pieces import CallPieces
from .content_parts import PlainParts
from .custom_tools import custom_names
from .read_answer import NAMELESS, SAYS_NOTHING, OpenAIChatReader, failure_in
from .read_request import read_request
from .usage import plain_usage, read_usage, usage_of, usage_within, with_details
from .write_answer import REASONS, OpenAIChatWriter, write_error, write_whole
from .write_request import write_request

__all__ = [
    "NAMELESS",
    "REASONS",
    "SAYS_NOTHING",
    "CallPieces",
    "OpenAIChatReader",
    "OpenAIChatWriter",
    "PlainParts",
    "custom_names",
    "failure_in",
    "plain_usage",
    "read_request",
    "read_usage",
    "usage_of",
    "usage_within",
    "with_details",
    "write_error",
    "write_request",
    "write_whole",
]
