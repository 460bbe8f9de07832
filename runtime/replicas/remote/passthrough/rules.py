"""Whether a body of OpenAI's goes on to a provider that speaks the same protocol, without being read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from .....compiler.plan import Capabilities
from .....compiler.plan.dialects import KNOWN_OF
from ....dialects.openai_chat.plain import INSTEAD_OF_CONTENT
from ....dialects.openai_chat.thought_details import FIELD, is_mistrals
from ....requests.request import OPENAI_CHAT

_FORMS = ("json_mode", "json_schema", "schema_subset", "schema_with_tools")

_BESIDE = frozenset(
    {"tool_calls", "reasoning_content", "reasoning", "extra_content"}
    | {"cache_control", "prompt_cache_breakpoint"}
)
"""Fields of messages that may need adapting."""

_ALWAYS = frozenset({"messages", "model", "stream", "stream_options", "temperature", "top_p"})
"""Fields that need no look, but where a model takes only some of their values."""

_MESSAGE = frozenset({"role", "content", "tool_calls", "tool_call_id"})
"""Fields of messages that all know."""

_OF_ANSWERS = frozenset({"refusal", "annotations", "audio", "function_call"})
"""Fields of OpenAI's answers, which clients send back with the history and other servers need not know."""

_PLAIN_CALL = frozenset({"id", "type", "function", "index"})
_IDS = frozenset({"user", "prompt_cache_key", "safety_identifier"})
_PLAIN_FUNCTION = frozenset({"name", "arguments"})
_PLAIN_PARTS: dict[str, frozenset[str]] = {
    "text": frozenset({"type", "text"}),
    "image_url": frozenset({"type", "image_url"}),
}


class Straight:
    """What of a body could need adapting for one model, found out beforehand.

    It may say no too often, and never yes: who is told no reads the body.
    """

    def __init__(self, capabilities: Capabilities, *, is_openais: bool) -> None:
        """is_openais: the model is asked at OpenAI or Azure, which know all fields of their answers."""
        self._is_openais = is_openais
        self._beside = _BESIDE if is_openais else _BESIDE | _OF_ANSWERS
        can = capabilities.over(KNOWN_OF[OPENAI_CHAT])
        self._fields = frozenset(_restricted(can))
        self._longest = can.longest_ids
        self._most = tuple(
            (name, most)
            for name, most in (
                ("temperature", can.greatest_temperature),
                ("max_tokens", can.greatest_output),
                ("max_completion_tokens", can.greatest_output),
                ("n", can.most_choices),
                ("top_logprobs", can.most_top_logprobs),
            )
            if most is not None
        )
        self._any_turns = not can.turns_alternate and can.system_prompts in (None, "anywhere")
        self._any_turns &= can.extra_fields is None and not can.needs_audio
        self._known = None if can.message_fields is None else _MESSAGE | {*can.message_fields}
        self._any_turns &= can.user_after_results is not False
        self._any_turns &= can.prefill is not False
        read = {"max_tokens", "max_completion_tokens", *(name for name, _ in self._most)}
        self._unread = _ALWAYS - self._fields - read
        self._any_role = can.developer_prompts is not False
        self._json_alone = not can.json_word
        self._any_call = can.call_signature is None and not can.calls_need_thoughts
        self._ids = re.compile(can.call_ids or "(?s).*")
        self._joins = can.joined_texts is True
        self._takes_custom = can.custom_tools is not False
        self._names = re.compile(can.tool_names or "(?s).*")
        self._parts = {
            kind: fields
            for kind, fields in _PLAIN_PARTS.items()
            if can.part_kinds is None or kind in can.part_kinds
            if kind == "text" or (_sees(can.media_inline) and _sees(can.media_by_url))
        }

    def takes(self, body: dict[str, Any]) -> bool:
        """Whether nothing in `body` needs adapting."""
        if not self._any_turns or None in body.values():
            return False
        if not body.keys() <= self._unread and not self._takes_fields(body):
            return False
        before: dict[str, Any] = {}
        for message in body["messages"]:
            if not self._any_role and message.get("role") == "developer":
                return False
            if len(message) != 2 or type(message.get("content")) is not str:  # most are plain
                if not self._message(message):
                    return False
                if message.get("role") == "tool" and before.get("role") == "user":
                    return False  # results follow each other
            before = message
        return True

    def _takes_fields(self, body: dict[str, Any]) -> bool:
        """The same for what stands beside the messages."""
        if not self._fields.isdisjoint(body):
            return False
        if body.get("functions") == []:
            return False
        if "max_tokens" in body and "max_completion_tokens" in body:
            return False
        longest = self._longest
        if (
            longest
            and not _IDS.isdisjoint(body)
            and any(len(str(body.get(each, ""))) > longest for each in _IDS)
        ):
            return False
        if "response_format" in body and _is_json_mode(format := body["response_format"]):
            if not self._json_alone:
                return False
            if self._is_openais and (type(format) is not dict or is_with_schema(format)):
                return False
        for name, most in self._most:
            value = body.get(name)
            if value is not None and not (type(value) in (int, float) and value <= most):
                return False
        return self._tools(body)

    def _tools(self, body: dict[str, Any]) -> bool:
        """Without tools, providers refuse what is said about them."""
        tools = body.get("tools")
        if tools is None:
            return "parallel_tool_calls" not in body and "tool_choice" not in body and "tools" not in body
        if type(choice := body.get("tool_choice")) is dict and choice.get("type") not in [*choice]:
            return False  # as responses have it, or with a type that is no text
        return bool(tools) and type(tools) is list and all(map(self._tool, tools))

    def _tool(self, tool: Any) -> bool:
        if type(tool) is not dict or len(tool) != 2:
            return False
        function = tool.get("function")
        if type(function) is not dict:
            if (kind := tool.get("type")) not in ("function", "custom"):
                return True
            function = tool.get("custom")
            if kind == "function" or not self._takes_custom or type(function) is not dict:
                return False
        return type(name := function.get("name")) is str and self._names.fullmatch(name) is not None

    def _message(self, message: dict[str, Any]) -> bool:
        content = message.get("content")
        plain = type(content) is str or (content is None and any(map(message.get, INSTEAD_OF_CONTENT)))
        if not plain and not (type(content) is list and self._parts_go(content)):
            return False
        if self._is_openais and message.get("role") != "user" and not (plain or _is_text(content)):
            return False  # pictures are shown by users alone
        if self._known is not None and not message.keys() <= self._known:
            return False
        if type(details := message.get(FIELD)) is list and any(map(is_mistrals, details)):
            return False
        if self._beside.isdisjoint(message):
            return True
        calls = message.get("tool_calls")
        if (
            not self._any_call
            or type(calls) is not list
            or not calls
            or len(self._beside & message.keys()) != 1
        ):
            return False
        return all(map(self._call, calls))

    def _call(self, call: Any) -> bool:
        """Results have the ids of their calls; arguments that a client has parsed are written as text."""
        if type(call) is not dict or not call.keys() <= _PLAIN_CALL:
            return False
        function = call.get("function")
        if type(function) is dict:
            if type(function.get("arguments", "")) is not str or not function.keys() <= _PLAIN_FUNCTION:
                return False
            if type(name := function.get("name")) is str and self._names.fullmatch(name) is None:
                return False
        return type(id := call.get("id")) is str and self._ids.fullmatch(id) is not None

    def _parts_go(self, parts: list[Any]) -> bool:
        if not all(map(self._part, parts)):
            return False
        return not self._joins or len(parts) < 2 or any(part["type"] != "text" for part in parts)

    def _part(self, part: Any) -> bool:
        if type(part) is not dict or type(kind := part.get("type")) is not str:
            return False
        known = self._parts.get(kind)
        if kind == "image_url" and type(part.get(kind)) is not dict:
            return False  # others than Mistral want an object
        return known is not None and part.keys() <= known


class StraightBehindSystem(Straight):
    """The same for a model that takes one system prompt, at the beginning."""

    def __init__(self, capabilities: Capabilities, *, is_openais: bool) -> None:
        super().__init__(evolve(capabilities, system_prompts=None), is_openais=is_openais)

    def takes(self, body: dict[str, Any]) -> bool:
        later = (message.get("role") for message in body["messages"][1:])
        return "system" not in later and super().takes(body)


def straight_for(capabilities: Capabilities, *, is_openais: bool) -> Straight:
    """What tells of the requests to a model whether they need no adapting."""
    kind = StraightBehindSystem if capabilities.system_prompts == "first" else Straight
    return kind(capabilities, is_openais=is_openais)


def _is_text(parts: Any) -> bool:
    return all(part.get("type") == "text" for part in parts)


def is_with_schema(format: Any) -> bool:
    """Whether JSON mode has a schema beside it, as others than OpenAI take it there."""
    return type(format) is dict and format.get("type") == "json_object" and len(format) > 1


def _is_json_mode(format: Any) -> bool:
    return type(format) is not dict or format.get("type") == "json_object"


def _restricted(can: Capabilities) -> Iterable[str]:
    """Fields of a body that have to be looked at, whatever they say."""
    yield from can.refused_sampling or ()
    yield from can.ignored_sampling or ()
    yield from can.ignored_with_thoughts or ()
    yield from can.refused_with_thoughts or ()
    yield from can.lacking_fields or ()
    if can.seed_field is not None:
        yield "seed"
    if can.cache_modes is not None:
        yield "prompt_cache_options"
    if can.service_tiers is not None:
        yield "service_tier"
    if can.writes is not None:
        yield "modalities"
    for group in can.one_of_sampling or ():
        yield from group
    match can.token_limit:
        case "max_completion_tokens":
            yield "max_tokens"
        case "max_tokens":
            yield "max_completion_tokens"
    if can.most_top_logprobs == 0 or can.counts_logprobs:
        yield "logprobs"
    yield from ("stop", "top_logprobs", "metadata")  # providers refuse some that say nothing
    if False in (can.tools, can.strict_tools, can.chat_tools_with_thoughts):
        yield "tools"
    if can.parallel_tools is False:
        yield "parallel_tool_calls"
    choosing = can.allowed_tools, can.forced_tools_with_thoughts, can.tool_choice_with_thoughts
    if False in (can.forced_tools, *choosing):
        yield "tool_choice"
    if any(getattr(can, name) not in (None, True, "anything") for name in _FORMS):
        yield "response_format"
    if any(value is not None for value in (can.thinks, can.efforts, can.rests_by)):
        yield "reasoning_effort"
    if can.user_ids not in (None, "any"):
        yield "user"


def _sees(types: tuple[str, ...] | None) -> bool:
    return types is None or "image/*" in types or "*" in types
