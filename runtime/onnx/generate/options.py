"""What a request asks for: how to sample, and where to stop."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ....compiler.plan import GenerateSpec
from ...errors import BadRequest
from .sampling import Sampling

MAX_STOPS = 16
"""Stop strings that one request may have."""

_NOTHING: tuple[object, ...] = (None, False, 0, "", [], {})
_HARMLESS: dict[str, tuple[object, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "tool_choice": ("none",),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tools": (),
    "functions": (),
    "function_call": ("none",),
    "logit_bias": (),
    "logprobs": (),
    "top_logprobs": (),
    "presence_penalty": (),
    "frequency_penalty": (),
    "echo": (),
    "suffix": (),
    "audio": (),
}
"""What cannot be done here, and the values that do not ask for it, besides those that ask for nothing."""


@frozen
class Options:
    """max_tokens: most tokens of the answer. with_usage: whether a stream ends with the token counts."""

    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...]
    with_usage: bool


def read_options(body: dict[str, Any], spec: GenerateSpec) -> Options:
    """The options of a request in OpenAI's shape; the plan's where it says nothing. Raises BadRequest."""
    for name, harmless in _HARMLESS.items():
        if body.get(name) not in (*_NOTHING, *harmless):
            raise BadRequest(f"`{name}` is not supported by this model", param=name, code="unsupported_value")
    limit = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    most = _whole(body, limit, 1, None)
    top_k = _whole(body, "top_k", 0, None)
    stream_options = body.get("stream_options")
    return Options(
        Sampling(
            temperature=_number(body, "temperature", 0, 2, spec.temperature),
            top_k=spec.top_k if top_k is None else top_k or None,
            top_p=_number(body, "top_p", 0, 1, spec.top_p),
            seed=_whole(body, "seed", None, None),
        ),
        max_tokens=spec.max_new_tokens if most is None else most,
        stop=(*spec.stop, *_stops(body.get("stop"))),
        with_usage=isinstance(stream_options, dict) and bool(stream_options.get("include_usage")),
    )


def _number(body: dict[str, Any], name: str, low: float, high: float, default: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadRequest(f"`{name}` must be a number from {low} to {high}", param=name)
    return float(value)


def _whole(body: dict[str, Any], name: str, low: int | None, default: int | None) -> int | None:
    value = body.get(name)
    if value is None:
        return default
    if type(value) is not int or (low is not None and value < low):
        least = "" if low is None else f" of at least {low}"
        raise BadRequest(f"`{name}` must be a whole number{least}", param=name)
    return value


def _stops(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise BadRequest("`stop` must be a text or a list of texts, none of them empty", param="stop")
    if len(stops) > MAX_STOPS:
        raise BadRequest(f"`stop` has {len(stops)} texts; the most is {MAX_STOPS}", param="stop")
    return tuple(stops)
