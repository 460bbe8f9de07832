"""Values as text, and as JSON."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import orjson

from ....requests.errors import StepFailed


def text_of(value: Any) -> str:
    """Text as it is, numbers and truth values as a file writes them, everything else as JSON."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case None:
            return ""
    return json_of(value).decode()


def json_of(value: Any) -> bytes:
    """`value` as JSON: bytes and images in base64, tensors as lists in lists. Raises StepFailed."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError as error:
        raise StepFailed(f"the value cannot be written as JSON: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if hasattr(value, "tolist"):  # an array that orjson does not take as it is
        return value.tolist()
    raise TypeError(f"no value of a pipeline: {type(value).__name__}")
