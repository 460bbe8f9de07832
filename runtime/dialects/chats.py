"""Chat requests: read once into a conversation, and written in OpenAI's shape for who knows no other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
from attrs import evolve

from ...compiler.plan.capabilities import UNKNOWN
from ..requests.conversation import Conversation
from ..requests.errors import Incapable
from ..requests.parts import own
from ..requests.request import NO_OPTIONS, OPENAI_CHAT, ChatRequest, CompletionRequest, InOpenai, Said
from . import exact_json, openai_chat, openai_responses
from .adapt import Unsuitable, adapt

MANY_PARTS = 500
"""Parts of a conversation from where on reading and adapting it are work for a thread."""

_CONVERSATION = "conversation"

_RESTING = evolve(UNKNOWN, thinks="no")
"""Who is free to think, and is not told so."""


def said_in(
    dialect: str, body: dict[str, Any], conversation: Conversation, headers: Mapping[str, str] = NO_OPTIONS
) -> ChatRequest:
    """What a client asks in that dialect, which is not OpenAI's chat completions.

    headers: those beside it that are for a provider of the same dialect.
    """
    said = Said(dialect, conversation, body, partial(_in_openai, dialect), headers)
    return ChatRequest(None, conversation.stream, said)


def has_many_parts(messages: object) -> bool:
    """Whether `messages`, of any protocol, are too many to be gone over while others wait."""
    if type(messages) is not list or len(messages) > MANY_PARTS:
        return type(messages) is list
    count = len(messages)
    for message in messages:
        if type(message) is dict and type(content := message.get("content")) is list:
            count += len(content) - 1
    return count > MANY_PARTS


def conversation_of(request: ChatRequest) -> Conversation:
    """What `request` says; read once. Raises BadRequest, which names the field."""
    if request.said is not None:
        return request.said.conversation
    found: Conversation | None = request.kept.get(_CONVERSATION)
    if found is None:
        found = request.kept[_CONVERSATION] = openai_chat.read_request(request.body)
    return found


def asking_more(request: ChatRequest, *, logprobs: bool, usage: bool) -> ChatRequest:
    """`request`, whose answer tells the log probabilities of its tokens, or its usage, too."""
    said = request.said
    if said is None:
        more: dict[str, Any] = {"logprobs": True} if logprobs else {}
        if usage:
            more["stream_options"] = {"include_usage": True}
        return evolve(request, given={**request.body, **more}) if more else request
    asked = said.conversation
    if not logprobs or asked.sampling.logprobs:
        return request
    asked = evolve(asked, sampling=evolve(asked.sampling, logprobs=True))
    return evolve(request, said=evolve(said, conversation=asked, native=None))


def body_for(request: ChatRequest | CompletionRequest, who: str) -> dict[str, Any]:
    """The body in OpenAI's shape, for `who` knows no other. Raises BadRequest, which names who cannot."""
    try:
        return request.body
    except Incapable as error:
        raise Incapable(f"{who}: {error.message}", param=error.param) from None


def _in_openai(dialect: str, asked: Conversation) -> InOpenai:
    """`asked` as a body of OpenAI's, the places of what it does not say, and its turns. Raises BadRequest."""
    if "prompt" in own(asked.extras, openai_responses.DIALECT):
        message = "`prompt` names a template that OpenAI keeps: send its text as `instructions` and `input`"
        raise Incapable(message, param="prompt")
    thinking = asked.thinking
    if thinking is not None and thinking.budget is not None:
        message = "`thinking` with a budget of tokens is for models whose provider knows one: leave it out"
        raise Incapable(message, param="thinking")
    as_it_likes = thinking is not None and thinking.mode == "adaptive"
    fit = adapt(
        asked, _RESTING if as_it_likes else UNKNOWN, client=dialect, provider=OPENAI_CHAT, unsupported="drop"
    )
    if isinstance(fit, Unsuitable):
        raise fit.error("a deployment")
    sent = evolve(fit.conversation, stream_usage=True if asked.stream else None)
    body = orjson.loads(exact_json.dumps(openai_chat.write_request(sent)))
    return body, tuple(dict.fromkeys(note.where for note in fit.notes)), sent.turns
