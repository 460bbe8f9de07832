"""OpenAI's responses, as clients ask for them and as OpenAI answers."""

from .items import DIALECT, read_items
from .read_answer import ResponsesReader
from .read_request import read_request
from .write_answer import Identity, ResponsesWriter
from .write_request import write_request

__all__ = [
    "DIALECT",
    "Identity",
    "ResponsesReader",
    "ResponsesWriter",
    "read_items",
    "read_request",
    "write_request",
]
