"""What keeps requests together, and where they go for that, so that prompt caches are found again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from ...compiler.plan import AffinityKind, KeySource, RouteKey
from ..requests.call import Call
from ..requests.conversation import Conversation
from ..requests.parts import Text
from ..requests.request import ChatRequest, CompletionRequest, Request

LONGEST_PART = 4096
"""Characters of a text that are looked at: they tell conversations apart."""

CACHE_KEY = "prompt_cache_key"
"""The field in which clients of OpenAI say what belongs together."""

OF_REPLICAS = {
    AffinityKind.CONVERSATION: RouteKey(KeySource.CONVERSATION, ""),
    AffinityKind.USER: RouteKey(KeySource.FIELD, "user"),
}


def key_of(call: Call, key: RouteKey) -> str | None:
    """What keeps the request together with others, where it says that."""
    request = call.request
    match key.source:
        case KeySource.HEADER:
            return call.headers.get(key.name) or None
        case KeySource.CONVERSATION:
            return _beginning(request)
    if isinstance(request, ChatRequest) and request.said is not None and key.name == "user":
        value: Any = request.said.conversation.user
    else:
        value = _field(request, key.name)
    return str(value) if isinstance(value, str | int) and value != "" else None


def by_preference(key: str, names: Sequence[str]) -> list[int]:
    """The places of `names`, that first to which requests with `key` go: in every process, after every start.

    Without one of them, only what went there goes elsewhere, and to all others alike (rendezvous hashing).
    """
    text = key.encode("utf-8", "surrogatepass")

    def weight(name: str) -> bytes:
        return blake2b(text, digest_size=8, key=blake2b(name.encode(), digest_size=32).digest()).digest()

    return sorted(range(len(names)), key=lambda place: weight(names[place]), reverse=True)


def _field(request: Request, name: str) -> Any:
    if isinstance(request, ChatRequest) and request.said is not None:
        return (request.said.native or {}).get(name)
    return request.body.get(name) if isinstance(request, ChatRequest | CompletionRequest) else None


def _beginning(request: Request) -> str | None:
    """What all turns of a conversation have in common: its system prompt, and what its user said first."""
    said = _field(request, CACHE_KEY)
    if isinstance(said, str) and said:
        return said
    match request:
        case CompletionRequest(body={"prompt": str(prompt)}):
            return prompt[:LONGEST_PART]
        case ChatRequest() if request.said is not None:
            return _first_said(request.said.conversation)
        case ChatRequest():
            return _first_written(request.body.get("messages"))
    return None


def _first_said(conversation: Conversation) -> str | None:
    system, turns = conversation.lead()
    parts = (*system, *(turns[0].parts if turns else ()))
    return "\0".join(part.text[:LONGEST_PART] for part in parts if isinstance(part, Text)) or None


def _first_written(messages: Any) -> str | None:
    """The same of messages in OpenAI's shape, of which nothing is known yet."""
    texts: list[str] = []
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            break
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        said = (part.get("text") for part in parts if isinstance(part, dict))
        texts += [text[:LONGEST_PART] for text in said if isinstance(text, str)]
        if message.get("role") not in ("system", "developer"):
            break
    return "\0".join(texts) or None
