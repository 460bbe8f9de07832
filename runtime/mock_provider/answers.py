"""What the mock provider says: a pure function of what it was asked.

A chat answer is "You said: " and the text of the last user message. A message that names tools has
them called, each with the JSON object behind its name, or else with an example. A token is a word: what
stands between white space. A vector depends on its text alone and has length 1.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from functools import lru_cache
from random import Random
from typing import Any

from ...compiler.plan.record import frozen
from .examples import example
from .parsed_request import Asked

CREATED = 1_700_000_000
"""The time at which every answer says it was made, in Unix seconds."""

DIMENSIONS = 32
"""Length of a vector when the request does not choose one."""

REASONING = {"minimal": 4, "low": 8, "medium": 16, "high": 32, "xhigh": 48, "max": 64}
"""Tokens that a reasoning effort costs."""

_BUDGETS = {1024: "low", 8192: "medium", 24576: "high", 32768: "xhigh"}

LOGPROB = -0.25
"""The log probability of every token."""

_DECODER = json.JSONDecoder()


@frozen
class Call:
    """A call of a tool."""

    id: str
    name: str
    arguments: dict[str, Any]


@frozen
class Answer:
    """What is said. finish: why it ends, in OpenAI's words, or `stop_sequence`, or `context_window`."""

    id: str
    text: str
    calls: tuple[Call, ...]
    finish: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0


def answer_to(asked: Asked) -> Answer:
    """The answer to a request."""
    calls = _calls(asked)
    text, finish = ("", "tool_calls") if calls else _cut(_text(asked), asked)
    return make_answer(asked, text, calls, finish)


def make_answer(asked: Asked, text: str, calls: tuple[Call, ...], finish: str) -> Answer:
    """The answer that says just this, with its usage.

    Words of the system prompt count as cached where it says "cached".
    """
    reasoning = REASONING.get(asked.effort, 0)
    spoken = len(text.split()) + sum(1 + len(call.arguments) for call in calls)
    return Answer(
        hash_id(asked.model, text, asked.said),
        text,
        calls,
        finish,
        prompt_tokens=asked.words,
        completion_tokens=spoken * asked.n + reasoning,
        cached_tokens=len(asked.system.split()) if "cached" in asked.system else 0,
        reasoning_tokens=reasoning,
    )


def thought_of(answer: Answer) -> tuple[str, str]:
    """What was thought before an answer, and its signature."""
    words = f"There are {answer.prompt_tokens} words to think about."
    return words, sign(words)


def sign(thought: str) -> str:
    """The signature of a thought."""
    return hash_id("a thought", thought)


def effort_of(budget: int) -> str:
    """The effort that a budget of thinking, in tokens, stands for; none for no budget."""
    if budget <= 0:
        return ""
    return next((effort for most, effort in _BUDGETS.items() if budget <= most), "max")


def make_call(asked: Asked, number: int, name: str, arguments: dict[str, Any]) -> Call:
    """The call that stands at `number` in an answer."""
    return Call(hash_id(asked.said, name, str(number)), name, arguments)


def pieces(text: str) -> list[str]:
    """`text` cut before each word but the first: joined, they are `text` again."""
    return re.findall(r"^\S*|\s+\S*", text)


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of `text`."""
    return list(_vector(text, dimensions))


@lru_cache(maxsize=16)  # many ask for the same: loads that are played, and clients that are tried
def _vector(text: str, dimensions: int) -> tuple[float, ...]:
    random = Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    values = [random.gauss(0, 1) for _ in range(dimensions)]
    length = math.hypot(*values)
    return tuple(value / length for value in values)


def hash_id(*parts: str) -> str:
    """24 characters that depend on `parts` alone."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _text(asked: Asked) -> str:
    if asked.schema is not None:
        return json.dumps(example(asked.schema), ensure_ascii=False)
    if asked.results:
        thoughts = f" [{asked.thoughts} thoughts]" if asked.thoughts else ""
        return f"The tools said: {'; '.join(asked.results)}{thoughts}"
    seen = "".join(f" [{media}]" for media in asked.media)
    return f"You said: {asked.said}{seen}" if asked.said or seen else "You said nothing."


def _cut(text: str, asked: Asked) -> tuple[str, str]:
    """What is left of `text` within the limits of the request, and why it ends there."""
    found = [at for sequence in asked.stop if sequence and (at := text.find(sequence)) >= 0]
    if found:
        return text[: min(found)], "stop_sequence"
    if asked.max_tokens is not None and len(text.split()) > asked.max_tokens:
        return "".join(pieces(text)[: asked.max_tokens]), "length"
    return text, "stop"


def _calls(asked: Asked) -> tuple[Call, ...]:
    if not asked.tools or asked.tool_mode == "none" or asked.results:
        return ()
    forced = asked.tools.keys() & {asked.tool_mode}
    names = forced or asked.tools.keys()
    found = [(name, at) for name in names for at in _places(name, asked.said)]
    wanted = [(name, _arguments(asked, name, at)) for name, at in sorted(found, key=lambda each: each[1])]
    if not wanted and asked.tool_mode != "auto":
        name = asked.tool_mode if forced else next(iter(asked.tools))
        wanted = [(name, example(asked.tools[name]))]
    if asked.one_call:
        wanted = wanted[:1]
    return tuple(make_call(asked, i, name, arguments) for i, (name, arguments) in enumerate(wanted))


def _places(name: str, text: str) -> list[int]:
    """Where `text` stands behind the name of a tool."""
    return [found.end() for found in re.finditer(rf"\b{re.escape(name)}\b", text)]


def _arguments(asked: Asked, name: str, at: int) -> dict[str, Any]:
    behind = asked.said[at:].lstrip(" :(")
    if behind.startswith("{"):
        try:
            value, _ = _DECODER.raw_decode(behind)
        except json.JSONDecodeError:
            pass
        else:
            return dict(value)
    return dict(example(asked.tools[name]) or {})
