"""What a request asks for: how to sample, and where to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .....compiler.plan import GenerateSpec
from .....compiler.plan.record import frozen
from ....dialects.field_check import SENT, Dropped, Handling
from ....dialects.openai.text_only import (
    TEXT_FIELDS,
    most_tokens,
    number_in,
    refused,
    stops_in,
    wants_usage,
    whole_in,
)
from ....requests.errors import BadRequest, Incapable
from .forms import FormAsked, choice_form, json_form, lark_form, regex_form
from .sampling import Sampling
from .tools import Offer, read_offer

MAX_ANSWERS = 64
"""Answers to one prompt."""

MAX_TOLD = 20
"""Tokens that are told beside each that was drawn."""

_ALIKE = "all tokens are drawn alike"

FIELDS: dict[str, Handling] = TEXT_FIELDS | {
    **dict.fromkeys(
        (
            *("prompt", "n", "best_of", "logprobs", "top_logprobs", "tools", "tool_choice"),
            *("response_format", "structured_outputs"),
            *("guided_json", "guided_regex", "guided_choice", "guided_grammar"),
        ),
        SENT,
    ),
    "parallel_tool_calls": Dropped("one function is called at a time"),
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
}
"""What becomes of each field of a request, in the words of OpenAI and vLLM."""


@frozen
class Options:
    """max_tokens: most tokens of the answer. with_usage: whether a stream ends with the token counts.

    answers: how many there are to each prompt. told: how many of the likeliest tokens are told beside each;
    None: nothing is said of tokens. form: what the answer must look like. offer: functions that it may call.
    """

    sampling: Sampling
    max_tokens: int
    stop: tuple[str, ...]
    with_usage: bool
    answers: int = 1
    told: int | None = None
    form: FormAsked | None = None
    offer: Offer | None = None


def read_options(body: dict[str, Any], spec: GenerateSpec) -> Options:
    """The options of a request in OpenAI's shape; the plan's where it says nothing. Raises BadRequest."""
    most, top_k = most_tokens(body), whole_in(body, "top_k", 0)
    temperature, top_p = number_in(body, "temperature", 0, 2), number_in(body, "top_p", 0, 1)
    form, offer = _form(body), read_offer(body)
    if form is not None and offer is not None:
        if offer.is_forced:
            raise BadRequest(f"`{form.param}` cannot have the form of a forced call", param=form.param)
        offer = None
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
        answers=_answers(body),
        told=_told(body, is_chat="messages" in body),
        form=form,
        offer=offer,
    )


def _answers(body: dict[str, Any]) -> int:
    wanted = whole_in(body, "n", 1) or 1
    if wanted > MAX_ANSWERS:
        raise Incapable(f"`n` must be at most {MAX_ANSWERS}", param="n")
    if whole_in(body, "best_of", 1) not in (None, wanted):
        raise BadRequest("`best_of` must be `n`: all answers are given", param="best_of")
    return wanted


def _told(body: dict[str, Any], *, is_chat: bool) -> int | None:
    """How many of the likeliest tokens are told: chats say `true` and a number, completions a number."""
    said = body.get("logprobs")
    if is_chat:
        if said is not None and not isinstance(said, bool):
            raise BadRequest("`logprobs` must be true or false", param="logprobs")
        name, wanted = "top_logprobs", whole_in(body, "top_logprobs", 0)
        if not said:
            if wanted:
                raise BadRequest("`top_logprobs` needs `logprobs`: true", param="top_logprobs")
            return None
        wanted = wanted or 0
    else:
        name, wanted = "logprobs", None if said is False else whole_in(body, "logprobs", 0)
    if wanted is not None and wanted > MAX_TOLD:
        raise BadRequest(f"`{name}` must be at most {MAX_TOLD}", param=name)
    return wanted


def _form(body: dict[str, Any]) -> FormAsked | None:
    """What the answer must look like, in the words of OpenAI or vLLM. Raises BadRequest."""
    asked = [form for name, read in _FORMS.items() if body.get(name) and (form := read(body[name], name))]
    if len(asked) > 1:
        raise BadRequest(
            f"`{asked[1].param}` is a second form beside `{asked[0].param}`", param=asked[1].param
        )
    return asked[0] if asked else None


def _response_format(value: Any, param: str) -> FormAsked | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return json_form({"type": "object"}, param)
    if kind == "json_schema" and isinstance(value.get("json_schema"), dict):
        return json_form(value["json_schema"].get("schema"), f"{param}.json_schema.schema")
    raise BadRequest(
        f"`{param}` must have the type `text`, `json_object` or `json_schema`, that with a `json_schema`",
        param=param,
    )


def _json_text(value: Any, param: str) -> FormAsked:
    """A schema, or a text that holds one."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise BadRequest(f"`{param}` is no JSON", param=param) from None
    return json_form(value, param)


def _structured(value: Any, param: str) -> FormAsked | None:
    names = {"json": _json_text, "regex": regex_form, "choice": choice_form, "grammar": lark_form}
    given = [name for name in value if value[name]] if isinstance(value, dict) else []
    if given == ["json_object"]:
        return json_form({"type": "object"}, param)
    if len(given) != 1 or given[0] not in names:
        raise BadRequest(f"`{param}` must have one of {', '.join(f'`{n}`' for n in names)}", param=param)
    return names[given[0]](value[given[0]], f"{param}.{given[0]}")


_FORMS: dict[str, Callable[[Any, str], FormAsked | None]] = {
    "response_format": _response_format,
    "structured_outputs": _structured,
    "guided_json": _json_text,
    "guided_regex": regex_form,
    "guided_choice": choice_form,
    "guided_grammar": lark_form,
}
