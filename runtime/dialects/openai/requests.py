"""The fields of request bodies, checked: errors say which field and what it wants."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from ...requests.errors import BadRequest
from ...requests.request import ChatRequest

_KINDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    float: "a number",
    type(None): "null",
}


_TEXTS = "text or a list of texts"
_NO_TOKENS = "the model has a tokenizer of its own, send texts instead of token ids"

MOST_TOKENS = 1 << 31
"""Token ids are below: no vocabulary is that large."""


T = TypeVar("T")


def options_in(body: dict[str, Any], read: Collection[str]) -> dict[str, Any]:
    """What else `body` says than what is `read`; null says nothing, and some servers refuse it."""
    return {name: value for name, value in body.items() if value is not None and name not in read}


def chat_request(body: dict[str, Any]) -> tuple[str, ChatRequest]:
    """The model's name and the request. Raises BadRequest."""
    model, messages = body.get("model"), body.get("messages")
    if type(model) is not str:
        model = required(body, "model", str)
    if type(messages) is not list:
        if messages is None and "input" in body:
            message = "`messages` is missing: a body with `input` is asked at /v1/responses"
            raise BadRequest(message, param="messages", code="missing_field")
        messages = required(body, "messages", list)
    if not messages:
        raise BadRequest("`messages` must hold at least one message", param="messages")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _unreadable(messages.index(message), message)
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise mistyped("stream", bool, stream)
    return model, ChatRequest(body, bool(stream))


def _unreadable(index: int, message: Any) -> BadRequest:
    """The error of a message that is none, or has no role."""
    if not isinstance(message, dict):
        return mistyped(f"messages[{index}]", dict, message)
    return BadRequest(f"`messages[{index}].role` must be text", param=f"messages[{index}].role")


def texts_in(body: dict[str, Any], name: str, instead: str = _NO_TOKENS) -> tuple[str, ...]:
    """The field `name` of `body`: one text or a list of them. Raises BadRequest.

    instead: what to do for who sends numbers.
    """
    texts = body.get(name)
    if isinstance(texts, str):
        return (texts,)
    if not isinstance(texts, list):
        if name not in body:
            raise BadRequest(f"`{name}` is missing; it must be {_TEXTS}", param=name, code="missing_field")
        raise BadRequest(
            f"`{name}` must be {_TEXTS}, not {_KINDS[type(texts)]}", param=name, code="wrong_type"
        )
    if not texts:
        raise BadRequest(f"`{name}` must hold at least one text", param=name)
    if set(map(type, texts)) == {str}:
        return tuple(texts)
    for index, text in enumerate(texts):
        if type(text) in (int, list):
            raise BadRequest(
                f"`{name}[{index}]` must be text, not {_KINDS[type(text)]}: {instead}",
                param=f"{name}[{index}]",
                code="wrong_type",
            )
        if not isinstance(text, str):
            raise mistyped(f"{name}[{index}]", str, text)
    return tuple(texts)


def count_in(body: dict[str, Any], name: str) -> int | None:
    """The field `name` of `body`, a whole number of at least 1, or None. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise mistyped(name, int, value)
    if value < 1:
        raise BadRequest(f"`{name}` is {value}; it must be at least 1", param=name)
    return value


def token_ids(value: object, name: str = "input") -> tuple[tuple[int, ...], ...]:
    """The token ids that `value` holds: a list of them, or lists; nothing where it holds none at all."""
    if not isinstance(value, list) or not value or type(value[0]) not in (int, list):
        return ()
    lists = [value] if type(value[0]) is int else value
    for index, ids in enumerate(lists):
        where = name if lists[0] is value else f"{name}[{index}]"
        if type(ids) is not list:
            raise mistyped(where, list, ids)
        if not ids:
            raise BadRequest(f"`{where}` must hold at least one token id", param=where)
        for place, id in enumerate(ids):
            if type(id) is not int:
                raise mistyped(f"{where}[{place}]", int, id)
            if not 0 <= id < MOST_TOKENS:
                raise BadRequest(f"`{where}[{place}]` is no token id: {id}", param=f"{where}[{place}]")
    return tuple(map(tuple, lists))


def required(body: dict[str, Any], name: str, kind: type[T]) -> T:
    """The field `name` of `body`. Raises BadRequest where it is missing or no `kind`."""
    value = body.get(name)
    if isinstance(value, kind):
        return value
    raise mistyped(name, kind, value) if name in body else missing(name, kind)


def missing(name: str, kind: type) -> BadRequest:
    return BadRequest(f"`{name}` is missing; it must be {_KINDS[kind]}", param=name, code="missing_field")


def mistyped(name: str, kind: type, value: object) -> BadRequest:
    found = _KINDS[type(value)]
    return BadRequest(f"`{name}` must be {_KINDS[kind]}, not {found}", param=name, code="wrong_type")
