"""A conversation made fit for a model: what it cannot do is done otherwise, left out, or refused by name."""

from .adapt import Adapted, adapt, client_names
from .held_answer import HeldAnswer
from .result import Checked, Note, OneCall, Renamed, StructuredByTool, ToRead, Unsuitable
from .structured import AsJsonText, is_of_later_call
from .thinking import only_in_responses
from .tool_names import named_back, say_names

__all__ = [
    "Adapted",
    "AsJsonText",
    "Checked",
    "HeldAnswer",
    "Note",
    "OneCall",
    "Renamed",
    "StructuredByTool",
    "ToRead",
    "Unsuitable",
    "adapt",
    "client_names",
    "is_of_later_call",
    "named_back",
    "only_in_responses",
    "say_names",
]
