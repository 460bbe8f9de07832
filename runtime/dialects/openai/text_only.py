"""Requests to what takes and gives nothing but text: what becomes of each field, and its values.

Pipelines and models on this machine are asked so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...requests.errors import BadRequest
from ..field_check import SENT, Dropped, Handling, Refused

MAX_STOPS = 16
"""Stop strings that one request may have."""

_TEXT_ALONE = "only text is taken and given"
_NO_TOOLS = "no functions are called"
_KEEPS = Dropped("nothing is kept")
_CACHE = Dropped("it is about OpenAI's cache of prompts")
_NOTHING: tuple[object, ...] = (False, 0, 0.0, "", [], {})


def refused(why: str, *neutral: object) -> Refused:
    """Refused, but for `neutral` values and those that ask for nothing anywhere."""
    return Refused(why, (*_NOTHING, *neutral))


TEXT_FIELDS: dict[str, Handling] = {
    **dict.fromkeys(
        (
            "model",
            "messages",
            "stream",
            "stream_options",
            "max_tokens",
            "max_completion_tokens",
            "temperature",
            "top_p",
            "top_k",
            "seed",
            "stop",
        ),
        SENT,
    ),
    "n": Refused("there is one answer to a request", (1,)),
    "tools": refused(_NO_TOOLS),
    "tool_choice": refused(_NO_TOOLS, "none", "auto"),
    "functions": refused(_NO_TOOLS),
    "function_call": refused(_NO_TOOLS, "none", "auto"),
    "parallel_tool_calls": Dropped(_NO_TOOLS),
    "response_format": refused("the form of the answer cannot be chosen", {"type": "text"}),
    "logprobs": refused("nothing is said of other tokens"),
    "top_logprobs": refused("nothing is said of other tokens"),
    "modalities": refused(_TEXT_ALONE, ["text"]),
    "audio": refused(_TEXT_ALONE),
    "web_search_options": Refused("nothing is searched for"),
    "moderation": refused("nothing is checked"),
    "reasoning_effort": refused("nobody can be told how much to think", "none"),
    "verbosity": Dropped("the model says as much as it does"),
    "user": Dropped("nobody is told who asks"),
    "safety_identifier": Dropped("nobody is told who asks"),
    "store": _KEEPS,
    "metadata": _KEEPS,
    "service_tier": Dropped("the tiers are OpenAI's"),
    "prediction": Dropped("it makes answers faster, not different"),
    "prompt_cache_key": _CACHE,
    "prompt_cache_options": _CACHE,
    "prompt_cache_retention": _CACHE,
}
"""All others are refused."""


def number_in(body: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    """The field `name` of `body`, if it is there. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadRequest(f"`{name}` must be a number from {low:g} to {high:g}", param=name)
    return float(value)


def whole_in(body: Mapping[str, Any], name: str, low: int | None = None) -> int | None:
    """The field `name` of `body`, if it is there. low: the least that it may be. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or (low is not None and value < low):
        least = "" if low is None else f" of at least {low}"
        raise BadRequest(f"`{name}` must be a whole number{least}", param=name)
    return value


def most_tokens(body: Mapping[str, Any]) -> int | None:
    """The most tokens that the answer may have, by the newer name or the older one. Raises BadRequest."""
    newer = body.get("max_completion_tokens") is not None
    return whole_in(body, "max_completion_tokens" if newer else "max_tokens", 1)


def stops_in(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts at which the answer ends. Raises BadRequest."""
    value = body.get("stop")
    stops = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise BadRequest("`stop` must be a text or a list of texts, none of them empty", param="stop")
    if len(stops) > MAX_STOPS:
        raise BadRequest(f"`stop` has {len(stops)} texts; the most is {MAX_STOPS}", param="stop")
    return tuple(stops)


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Whether a stream shall end with its token counts. Raises BadRequest."""
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise BadRequest("`stream_options` must be an object", param="stream_options")
    wanted = options.get("include_usage") or False
    if not isinstance(wanted, bool):
        param = "stream_options.include_usage"
        raise BadRequest(f"`{param}` must be true or false", param=param)
    return wanted
