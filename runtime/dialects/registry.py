"""The dialects by name: what speaks to clients, and what speaks to providers. No side does any I/O.

A client's request is read, made fit for each model that may answer (`adapt`), and written for its provider;
what the provider answers becomes events, and these are written for the client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import evolve

from ...compiler.plan.record import frozen
from ..requests.conversation import Conversation
from ..requests.errors import RequestError
from ..requests.events import Event
from . import anthropic, bedrock, gemini, openai_chat, openai_responses
from .answer import Answer
from .reader import AnswerReader, Failures

Json = dict[str, Any]


class AnswerWriter(Protocol):
    """Writes one streamed answer, as bytes of server-sent events."""

    def write(self, event: Event) -> bytes:
        """What tells the client of `event`; nothing where its dialect has no word for it."""

    def end(self) -> bytes:
        """The end of the stream: an error, where the events did not come to theirs."""


@frozen
class ClientSide:
    """How clients ask and are answered.

    read_request: raises BadRequest. stream, whole: the second argument is the Unix time, in seconds. error:
    the body of an answer with the error's status.
    """

    read_request: Callable[[Json], Conversation]
    stream: Callable[[Conversation, int], AnswerWriter]
    whole: Callable[[Conversation, int, Answer], bytes]
    error: Callable[[RequestError], Json]


@frozen
class ProviderSide:
    """How providers are asked, and their answers read.

    write_request: `exact_json.dumps` makes bytes of it.
    """

    write_request: Callable[[Conversation], Json]
    reader: Callable[[Failures], AnswerReader]


def _named(answer: Answer, conversation: Conversation) -> Answer:
    """`answer` with the model asked for, where its provider names none (Bedrock)."""
    return answer if answer.model else evolve(answer, model=conversation.model)


CLIENT_SIDES: dict[str, ClientSide] = {
    "openai_chat": ClientSide(
        openai_chat.read_request,
        lambda c, created: openai_chat.OpenAIChatWriter(
            c.model, created, include_usage=bool(c.stream_usage), custom=openai_chat.custom_names(c)
        ),
        lambda c, created, answer: openai_chat.write_whole(
            _named(answer, c), created, openai_chat.custom_names(c)
        ),
        openai_chat.write_error,
    ),
    "openai_responses": ClientSide(
        openai_responses.read_request,
        openai_responses.ResponsesWriter,
        lambda c, created, answer: openai_responses.ResponsesWriter(c, created).whole(answer),
        openai_chat.write_error,
    ),
    "anthropic": ClientSide(
        anthropic.read_request,
        lambda c, _: anthropic.AnthropicWriter(c.model),
        lambda c, _, answer: anthropic.write_whole(_named(answer, c)),
        anthropic.write_error,
    ),
}

PROVIDER_SIDES: dict[str, ProviderSide] = {
    "openai_chat": ProviderSide(openai_chat.write_request, openai_chat.OpenAIChatReader),
    "openai_responses": ProviderSide(openai_responses.write_request, openai_responses.ResponsesReader),
    "anthropic": ProviderSide(anthropic.write_request, anthropic.AnthropicReader),
    "gemini": ProviderSide(gemini.write_request, gemini.GeminiReader),
    "bedrock": ProviderSide(bedrock.write_request, bedrock.BedrockReader),
}
