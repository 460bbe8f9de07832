"""What a request asks for: how to sample, and where to stop."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from .....compiler.plan import GenerateSpec
from ....requests.errors import BadRequest
from .sampling import Sampling

MAX_STOPS = 16
"""Stop strings that one request may have."""

_NOTHING: tuple[object, ...] = (None, False, 0, "", [], {})
_HARMLESS: dict[str, tuple[object, ...]] = {
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
    "min_p": (),
    "repetition_penalty": (1,),
    "length_penalty": (1,),
    "min_tokens": (),
    "ignore_eos": (),
    "stop_token_ids": (),
    "bad_words": (),
    "use_beam_search": (),
    "prompt_logprobs": (),
    "structured_outputs": (),
    "guided_json": (),
    "guided_regex": (),
    "guided_choice": (),
    "guided_grammar": (),
}
"""What OpenAI or vLLM can do and what cannot be done here, with the values that do not ask for it, besides
those that ask for nothing. Everything else that is unknown, such as `user`, changes no answer."""


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
    for name in ("n", "best_of"):
        if _whole(body, name, 1, 1) != 1:
            raise BadRequest(
                f"`{name}` must be 1: this model gives one answer to a request",
                param=name,
                code="unsupported_value",
            )
    limit = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    most = _whole(body, limit, 1, None)
    top_k = _whole(body, "top_k", 0, None)
    return Options(
        Sampling(
            temperature=_number(body, "temperature", 0, 2, spec.temperature),
            top_k=spec.top_k if top_k is None else top_k or None,
            top_p=_number(body, "top_p", 0, 1, spec.top_p),
            seed=_whole(body, "seed", None, None),
        ),
        max_tokens=spec.max_new_tokens if most is None else most,
        stop=(*spec.stop, *_stops(body.get("stop"))),
        with_usage=_with_usage(body.get("stream_options")),
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


def _with_usage(stream_options: Any) -> bool:
    if stream_options is None:
        return False
    if not isinstance(stream_options, dict):
        raise BadRequest("`stream_options` must be an object", param="stream_options")
    wanted = stream_options.get("include_usage") or False
    if not isinstance(wanted, bool):
        param = "stream_options.include_usage"
        raise BadRequest(f"`{param}` must be true or false", param=param)
    return wanted


def _stops(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise BadRequest("`stop` must be a text or a list of texts, none of them empty", param="stop")
    if len(stops) > MAX_STOPS:
        raise BadRequest(f"`stop` has {len(stops)} texts; the most is {MAX_STOPS}", param="stop")
    return tuple(stops)
