"""Sampling, stop sequences, the number of answers, the token limit and the user, as a model takes them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ....compiler.plan import Capabilities
from ....compiler.plan.late_pattern import late_pattern
from ...requests.conversation import DEFAULT_SAMPLING, Conversation, Sampling
from .result import Findings
from .thinking import thinks_while

NEUTRAL: dict[str, tuple[object, ...]] = {
    "temperature": (1,),
    "top_p": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "min_p": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
}
"""Values that ask for nothing."""

HARMLESS = {"seed": "no provider promises equal answers for it"}
"""Fields that may go without changing what was asked for."""

_ADDRESS = late_pattern(r"[^@\s]@[^@\s]+\.\w|\+\d[\d ().-]{6,}")
"""Of a person: an e-mail address, or a telephone number."""


def adapt_sampling(c: Conversation, can: Capabilities, found: Findings) -> dict[str, Any]:
    """The fields to change."""
    if c.sampling is DEFAULT_SAMPLING or c.sampling == DEFAULT_SAMPLING:
        return {}
    wanted = c.sampling.said()
    left = dict(wanted)
    refused = set(can.refused_sampling or ())
    thinks = thinks_while(c, can)
    if thinks and can.refused_with_thoughts:
        refused.update(can.refused_with_thoughts)
    if can.most_top_logprobs == 0:
        refused |= {"logprobs", "top_logprobs"}
    for name in filter(refused.__contains__, wanted):
        del left[name]
        if name in HARMLESS:
            found.note(name, f"left out: {HARMLESS[name]}")
        elif wanted[name] not in NEUTRAL.get(name, ()):
            while_thinking = name not in (can.refused_sampling or ()) and can.most_top_logprobs != 0
            found.refuse(name, "the model does not take it" + " while it thinks" * while_thinking)
    ignored = set(can.ignored_sampling or ())
    unheeded = ignored | set(can.ignored_with_thoughts or ()) if thinks else ignored
    for name in [*filter(unheeded.__contains__, left)]:
        if left.pop(name) not in NEUTRAL.get(name, ()):
            found.note(
                name, "left out: the model does not heed it" + " while it thinks" * (name not in ignored)
            )
    if left.get("top_logprobs") == 0 and not left.get("logprobs"):
        del left["top_logprobs"]
    for group in can.one_of_sampling or ():
        _hold_to_one(left, group, found)
    greatest = can.greatest_temperature
    if greatest is not None and left.get("temperature", 0) > greatest:
        found.refuse("temperature", f"it must be from 0 to {greatest:g}")
        del left["temperature"]
    least = can.least_top_p_with_thoughts
    if thinks and least is not None and left.get("top_p", 1) < least:
        found.refuse("top_p", f"it must be {least:g} at least while the model thinks")
        del left["top_p"]
    most = can.most_top_logprobs
    if most and left.get("top_logprobs", 0) > most:
        found.refuse("top_logprobs", f"it must be {most} at most")
        left["top_logprobs"] = most
    return {"sampling": Sampling(**left)} if left != wanted else {}


def _hold_to_one(left: dict[str, Any], group: tuple[str, ...], found: Findings) -> None:
    """Keep one of the fields in `group`: those that ask for nothing go first."""
    given = [name for name in group if name in left]
    for name in given[::-1]:
        if len(given) > 1 and left[name] in NEUTRAL.get(name, ()):
            given.remove(name)
            del left[name]
    for name in given[1:]:
        found.refuse(name, f"the model does not take it together with `{given[0]}`")
        del left[name]


LEAST_IN_RESPONSES = 16
"""Tokens that an answer may have at least in OpenAI's responses, as its reference says."""


def adapt_limits(
    c: Conversation, can: Capabilities, found: Findings, client: str, provider: str
) -> dict[str, Any]:
    """The fields to change: token limit, stop sequences, number of answers, user."""
    changed: dict[str, Any] = {}
    if can.token_limit not in (None, c.token_limit) and c.max_tokens is not None:
        changed["token_limit"] = can.token_limit
    if c.max_tokens is None and provider == "anthropic" and can.greatest_output is not None:
        changed["max_tokens"] = can.greatest_output
    elif c.max_tokens is not None and can.greatest_output is not None and c.max_tokens > can.greatest_output:
        found.note("max_tokens", f"lowered to {can.greatest_output}, which is all that the model can say")
        changed["max_tokens"] = can.greatest_output
    elif (
        client != provider == "openai_responses"
        and c.max_tokens is not None
        and c.max_tokens < LEAST_IN_RESPONSES
    ):
        found.note("max_tokens", f"raised to {LEAST_IN_RESPONSES}, the least that OpenAI's responses take")
        changed["max_tokens"] = LEAST_IN_RESPONSES
    if c.stop:
        changed |= _adapt_stop(c, can, found)
    if can.most_choices is not None and c.n is not None:
        if c.n > can.most_choices:
            most = "one answer at a time" if can.most_choices == 1 else f"{can.most_choices} answers at most"
            found.refuse("n", f"the model gives {most}")
            changed["n"] = can.most_choices
        if can.most_choices == 1:
            changed["n"] = None
    if c.user is not None and (
        can.user_ids == "no" or (can.user_ids == "opaque" and _ADDRESS.search(c.user))
    ):
        found.note(
            "user", "left out: the provider does not take it" + " as an address" * (can.user_ids != "no")
        )
        changed["user"] = None
    elif c.user is not None and (short := short_id("user", c.user, can, found)) != c.user:
        changed["user"] = short
    return changed


def short_id(name: str, value: str, can: Capabilities, found: Findings) -> str:
    """`value`, or a digest of it where the provider takes no more characters."""
    if can.longest_ids is None or len(value) <= can.longest_ids:
        return value
    found.note(name, f"sent as a digest: the provider takes {can.longest_ids} characters at most")
    return sha256(value.encode("utf-8", "replace")).hexdigest()


def _adapt_stop(c: Conversation, can: Capabilities, found: Findings) -> dict[str, Any]:
    said = tuple(filter(None, c.stop))
    stop = tuple(text for text in said if text.strip()) if can.turns_alternate else said
    if stop != said:
        found.refuse("stop", "it must be more than white space")
    if can.most_stop is not None and len(stop) > can.most_stop:
        few = f"{can.most_stop} stop sequences at most" if can.most_stop else "no stop sequences"
        found.refuse("stop", f"the model takes {few}")
        stop = stop[: can.most_stop]
    return {"stop": stop} if stop != c.stop else {}
