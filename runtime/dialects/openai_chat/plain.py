"""Choices of answers made into what clients of OpenAI's read, where a server that speaks its protocol writes
something else. Each says whether it changed something."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import orjson

from ..argument_pieces import without_placeholder
from ..exact_json import dumps
from ..fields import without_empty_marks
from ..ids import make_id
from .call_pieces import CallPieces
from .read_answer import reason_of
from .write_answer import REASONS

Json = dict[str, Any]

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
_OPENAIS_REASONS = frozenset(REASONS.values()) | {"function_call"}


INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")
"""With one of these, a message need have no content."""


def plain_message(message: Json) -> Json:
    """A message of a history as OpenAI takes it: no list of calls that is empty, arguments that are text, and
    a content where nothing else is said; no cache mark that is null. Some clients send back what they made of
    an answer.

    Sources: https://github.com/openai/openai-node/pull/1341, https://github.com/chatboxai/chatbox/issues/2079,
    https://github.com/openclaw/openclaw/pull/97355.
    """
    made: Json = without_empty_marks(message)
    message = made
    calls = message.get("tool_calls")
    for name in ("content", "tool_calls"):
        if isinstance(parts := message.get(name), list):
            made = {**made, name: [*map(without_empty_marks, parts)]}
    if calls == []:
        made = {name: value for name, value in made.items() if name != "tool_calls"}
    elif isinstance(calls, list) and any(map(_has_object, calls)):
        calls = [_with_text(call) if _has_object(call) else call for call in made["tool_calls"]]
        made = {**made, "tool_calls": calls}
    if message.get("content") is None and not any(map(message.get, INSTEAD_OF_CONTENT)):
        made = {**made, "content": ""}
    return made


def _has_object(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("arguments", ""), dict | None)


def _with_text(call: Json) -> Json:
    function = call["function"]
    return {**call, "function": {**function, "arguments": dumps(function["arguments"] or {}).decode()}}


def with_plain_frame(choice: Json, position: int) -> bool:
    """Its number, where that is told to be nothing; no empty reason.

    Sources: https://github.com/mpfaffenberger/code_puppy/pull/750, https://github.com/ollama/ollama/issues/4357.
    """
    changed = False
    if "index" in choice and choice["index"] is None:
        choice["index"], changed = position, True
    if choice.get("finish_reason") == "":
        choice["finish_reason"], changed = None, True
    return changed


def with_plain_delta(choice: Any) -> bool:
    """What a choice of a stream says, where it says nothing, or tells it as a whole answer does: clients read
    what is in it without a look whether it is there.

    Sources: https://github.com/Portkey-AI/gateway/issues/858; of Azure, whose filter looks at answers while
    they are sent, https://github.com/pydantic/pydantic-ai/issues/797,
    https://github.com/microsoft/agent-framework/pull/5734.
    """
    if not isinstance(choice, dict) or "text" in choice:
        return False
    if delta := choice.get("delta"):
        return with_plain_texts(delta)
    if delta == {}:
        return False
    choice["delta"] = choice.pop("message", None) or {}
    with_plain_texts(choice["delta"])
    return True


def with_plain_texts(said: Any) -> bool:
    """What a message or a delta says, as text where that must be one, and its calls in a list: clients put
    pieces together without a look at what they are. Parts of a content are left as they are."""
    changed = False
    for name in _TEXTS if isinstance(said, dict) else ():
        told = said.get(name)
        if (
            told is not None
            and type(told) is not str
            and not (name == "content" and isinstance(told, list | dict))
        ):
            said[name], changed = orjson.dumps(told).decode(), True
    calls = said.get("tool_calls") if isinstance(said, dict) else None
    if calls is not None and not isinstance(calls, list):
        said["tool_calls"], changed = [calls] if isinstance(calls, dict) and calls else None, True
    return changed


def with_plain_reason(choice: Json, *, calls: bool) -> bool:
    """Why it ended, in OpenAI's words; the provider's own stands beside. calls: it calls functions.

    Sources: https://github.com/pydantic/pydantic-ai/issues/7816; xAI ends calls with `stop`
    (https://github.com/vercel/ai/issues/12218).
    """
    told = choice.get("finish_reason")
    if not isinstance(told, str) or (told in _OPENAIS_REASONS and not (calls and told == "stop")):
        return False
    reason = reason_of(told)
    choice["finish_reason"] = REASONS["tool_calls" if calls and reason == "stop" else reason]
    if told != "stop":
        choice.setdefault("native_finish_reason", told)
    return True


def with_plain_calls(message: Any) -> bool:
    """The calls of a whole answer: each has an id, a type, and arguments that are text."""
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    changed = False
    for number, call in enumerate(calls if isinstance(calls, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        if not call.get("id"):
            call["id"], changed = new_call_id(number, str(function.get("name"))), True
        if not call.get("type"):
            call["type"], changed = "function", True
        told = function.get("arguments")
        said = without_placeholder(told) if isinstance(told, str) else orjson.dumps(told or {}).decode()
        if said != told or not said:
            function["arguments"], changed = said or "{}", True
    return changed


def plain_piece(pieces: CallPieces, call: Any) -> Any:
    """A piece of a call as OpenAI sends it: `call` itself where it is one; None where it is held.

    Some servers tell its type later, or not at all, and clients want it first:
    https://github.com/vercel/ai/issues/5350.
    """
    if not isinstance(call, dict) or "custom" in call:
        return call
    piece = pieces.put(call)
    if piece is None:
        return None
    function = call.get("function") or {}
    said = function.get("arguments") or ""
    if call.get("index") == piece.number and type(call["index"]) is int and said == piece.arguments:
        named = call.get("id"), function.get("name"), call.get("type")
        if named == (piece.id, piece.name, "function") if piece.begins else not any(named[:2]):
            return call
    made = {name: value for name, value in call.items() if name not in ("id", "type")}
    begun = {"id": piece.id, "type": "function"} if piece.begins else {}
    function = {name: value for name, value in function.items() if name != "name"}
    named_function = {"name": piece.name} if piece.begins else {}
    return {
        **made,
        "index": piece.number,
        **begun,
        "function": {**named_function, **function, "arguments": piece.arguments},
    }


def with_rest_of_calls(delta: Json, pieces: CallPieces) -> None:
    """Say in the last `delta` of a choice what is left to say of its calls."""
    for piece in pieces.rest():
        told = delta.get("tool_calls")
        calls = delta["tool_calls"] = [*told] if isinstance(told, list) else []
        for place, call in enumerate(calls):
            if isinstance(call, dict) and call.get("index") == piece.number:
                function = {**call["function"], "arguments": piece.arguments}
                calls[place] = {**call, "function": function}
                break
        else:
            calls.append({"index": piece.number, "function": {"arguments": piece.arguments}})


def new_call_id(number: int, name: str) -> str:
    """An id for a call that has none."""
    return make_id(token_hex(8), str(number), name)
