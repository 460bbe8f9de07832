"""What is wrong with a body that is no JSON, said so that whoever wrote it knows what to write instead."""

from __future__ import annotations

import orjson

from ...compiler.plan.late_pattern import late_pattern
from ..requests.errors import GatewayFull

_CURLY = "\u2018\u2019\u201c\u201d"
_WORDS = {
    "True": "`True` is Python: JSON has `true`",
    "False": "`False` is Python: JSON has `false`",
    "None": "`None` is Python: JSON has `null`",
    "undefined": "`undefined` is JavaScript: JSON has `null`",
    "NaN": "JSON has no `NaN`",
    "Infinity": "JSON has no `Infinity`",
    "'": "texts stand in double quotes, not in single ones as Python writes them",
    **dict.fromkeys(_CURLY, "texts stand in straight double quotes, not in curly ones"),
    "//": "JSON has no comments",
    "/*": "JSON has no comments",
    "#": "JSON has no comments",
}
_WORD = late_pattern(rf"(?:True|False|None|undefined|NaN|Infinity)\b|['{_CURLY}#]|//|/\*")


def no_json(error: orjson.JSONDecodeError) -> str:
    """The place, and what stands there. Raises GatewayFull where there was no memory to look."""
    if error.msg.startswith("Not enough memory"):
        raise GatewayFull("there is no memory to read the body: send it again later", retry_after=1)
    if "UTF-8: " in error.msg or "\0" in error.doc[:4]:
        return "it is not in UTF-8"
    found = _WORD.match(error.doc, error.pos)
    why = error.msg if found is None else _WORDS[found[0]]
    return f"line {error.lineno}, column {error.colno}: {why}"
