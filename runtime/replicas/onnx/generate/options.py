"""What a request asks for: how to sample, and where to stop."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from .....compiler.plan import GenerateSpec
from ....dialects.field_check import SENT, Handling
from ....dialects.openai.text_only import (
    TEXT_FIELDS,
    most_tokens,
    number_in,
    refused,
    stops_in,
    wants_usage,
    whole_in,
)
from .sampling import Sampling

_ALIKE = "all tokens are drawn alike"
_FORM = "the form of the answer cannot be chosen"

FIELDS: dict[str, Handling] = TEXT_FIELDS | {
    "prompt": SENT,
    "best_of": refused("there is one answer to a request", 1),
    "logit_bias": refused(_ALIKE),
    "presence_penalty": refused(_ALIKE),
    "frequency_penalty": refused(_ALIKE),
    "min_p": refused(_ALIKE),
    "repetition_penalty": refused(_ALIKE, 1, 1.0),
    "length_penalty": refused(_ALIKE, 1, 1.0),
    "echo": SENT,
    "suffix": refused("the answer is what follows"),
    "min_tokens": refused("an answer ends where it ends"),
    "ignore_eos": refused("an answer ends where it ends"),
    "stop_token_ids": refused("an answer ends at texts"),
    "bad_words": refused(_ALIKE),
    "use_beam_search": refused(_ALIKE),
    "prompt_logprobs": refused("nothing is said of other tokens"),
    "structured_outputs": refused(_FORM),
    "guided_json": refused(_FORM),
    "guided_regex": refused(_FORM),
    "guided_choice": refused(_FORM),
    "guided_grammar": refused(_FORM),
}
"""What becomes of each field of a request, in the words of OpenAI and vLLM."""


@frozen
class Options:
    """max_tokens: most tokens of the answer. with_usage: whether a stream ends with the token counts."""

    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...]
    with_usage: bool


def read_options(body: dict[str, Any], spec: GenerateSpec) -> Options:
    """The options of a request in OpenAI's shape; the plan's where it says nothing. Raises BadRequest."""
    most, top_k = most_tokens(body), whole_in(body, "top_k", 0)
    temperature, top_p = number_in(body, "temperature", 0, 2), number_in(body, "top_p", 0, 1)
    return Options(
        Sampling(
            temperature=spec.temperature if temperature is None else temperature,
            top_k=spec.top_k if top_k is None else top_k or None,
            top_p=spec.top_p if top_p is None else top_p,
            seed=whole_in(body, "seed"),
        ),
        max_tokens=spec.max_new_tokens if most is None else most,
        stop=(*spec.stop, *stops_in(body)),
        with_usage=wants_usage(body),
    )
