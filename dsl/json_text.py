"""Values as JSON that people read, too."""

from __future__ import annotations

import json
from typing import Any

import orjson


def json_text(value: Any) -> str:
    """`value` as JSON: two spaces a level, in the order that its keys have, and a newline at the end."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    except orjson.JSONEncodeError:  # a number of more than 64 bits, half of a surrogate pair
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
