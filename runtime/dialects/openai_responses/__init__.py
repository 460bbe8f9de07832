"""OpenAI's responses, as clients ask for them."""

from .read_request import read_request
from .write_answer import ResponsesWriter

__all__ = ["ResponsesWriter", "read_request"]
