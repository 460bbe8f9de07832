"""OpenAI's responses, as clients ask for them."""

from .items import read_items
from .read_request import read_request
from .write_answer import Identity, ResponsesWriter

__all__ = ["Identity", "ResponsesWriter", "read_items", "read_request"]
