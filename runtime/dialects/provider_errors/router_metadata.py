"""What servers in between say of the error of a provider behind them: OpenRouter beside its message, in
`metadata`, with the kind of error and what was flagged; others in place of it.

Source: OpenRouter docs, errors and debugging.
"""

from __future__ import annotations

from json import JSONDecoder
from typing import Any

import orjson

from ....compiler.plan.late_pattern import late_pattern
from ...requests.errors import ContentFiltered
from .codes import OPENROUTER, Kind

_MAX_RAW = 4096
_BEFORE_BODY = late_pattern(r"(?:litellm\.\w{1,64}: \w{1,64}(?: \w{1,64})? - (?:b')?)?(?={)")
"""What stands before a body that is a message: nothing, or who asked LiteLLM for what, with words behind."""


def kind_beside(found: dict[str, Any]) -> tuple[Kind, str | None] | None:
    """The class of the error and its code; None where nothing is said."""
    metadata = _metadata(found)
    told = metadata.get("error_type")
    if isinstance(told, str) and told in OPENROUTER:
        return OPENROUTER[told]
    if isinstance(metadata.get("reasons"), list) and "flagged_input" in metadata:
        return ContentFiltered, None
    return None


def with_upstream(found: dict[str, Any]) -> dict[str, Any]:
    """The error, its message with that of the provider behind, which alone says what was wrong."""
    metadata = _metadata(found)
    raw, message = metadata.get("raw"), found.get("message")
    if not isinstance(raw, str) or not raw or not isinstance(message, str):
        return found
    who = metadata.get("provider_name")
    named = f" ({who})" if isinstance(who, str) else ""
    return {**found, "message": f"{message}{named}: {_said(raw)}"}


def unpacked(found: dict[str, Any]) -> dict[str, Any]:
    """The error that is the message of `found`, as servers in between put the body that they got there.

    Sources: https://github.com/caozhiyuan/copilot-api/issues/54,
    https://github.com/BerriAI/litellm/issues/20575, and 11197 there.
    """
    message = found.get("message")
    if not isinstance(message, str) or len(message) > _MAX_RAW:
        return found
    begins = _BEFORE_BODY.match(message)
    if begins is None:
        return found
    try:
        value, _ = JSONDecoder().raw_decode(message, begins.end())
    except (ValueError, RecursionError):
        return found
    error = value.get("error") or value
    if isinstance(error, str) and error:
        return {**found, "message": error}
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return found
    told = {name: error[name] for name in ("code", "type", "param") if error.get(name) is not None}
    return {**found, **told, "message": error["message"]}


def _metadata(found: dict[str, Any]) -> dict[str, Any]:
    value = found.get("metadata")
    return value if isinstance(value, dict) else {}


def _said(raw: str) -> str:
    """The message in an error's body; the body, where it has another form."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw[:_MAX_RAW]
    error = value.get("error", value) if isinstance(value, dict) else value
    told = error.get("message") if isinstance(error, dict) else error
    return told[:_MAX_RAW] if isinstance(told, str) else raw[:_MAX_RAW]
