"""From answers of `POST /v1/chat/completions` to events, whole and streamed.

Source: OpenAI API reference, chat completions; `reasoning_content` and `reasoning` are DeepSeek's and
vLLM's, `images` is OpenRouter's, and so is an `error` inside a choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from ...requests import events as e
from ...requests.parts import NOTHING, Media
from ...requests.usage import MOST_TOKENS, Usage
from ..exact_json import dumps
from ..fields import count, few, told_cost
from ..ids import make_id
from ..media_urls import split_data_url
from ..reader import AnswerReader
from ..server_sent_events import Event as StreamEvent
from .messages import DIALECT

Json = dict[str, Any]

DONE = b"[DONE]"

REASONS: dict[str, e.Reason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
"""Why the model stopped; what is new to this table counts as `stop`."""

_ENVELOPE = frozenset({"id", "object", "created", "model", "choices", "usage"})
_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "logprobs"})
_MESSAGE = frozenset(
    {"role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls", "images", "annotations"}
)
"""Fields that mean something in all dialects. What else there is goes to who speaks this one."""

_LOGPROBS = frozenset({"content", "tokens", "token_logprobs"})

_PADDING = "obfuscation"
"""Hides how long the words of a chunk are; it says nothing."""


_FAILED = frozenset({"error", "network_error", "insufficient_system_resource"})
"""Ends of an answer that its provider could not finish.

Sources: OpenRouter's API reference, errors in streams; the end may stand in `native_finish_reason` alone
(https://github.com/earendil-works/pi/issues/8511); DeepSeek's API reference, `finish_reason`.
"""


def failure_in(choice: Mapping[str, Any]) -> Any:
    """The error of a choice that failed inside a success; None where it did not."""
    if error := choice.get("error"):
        return error
    for name in ("finish_reason", "native_finish_reason"):
        reason = choice.get(name)
        if isinstance(reason, str) and reason in _FAILED:
            return {"message": f"the answer ended with `{reason}`"}
    return None


class OpenAIChatReader(AnswerReader):
    """Chunks, or one completion. A stream is whole at its end marker, or when every choice has its reason."""

    def __init__(self, failures: Any) -> None:
        super().__init__(failures)
        self._started = False
        self._id = ""
        self._told: Json = {}
        self._choices: dict[int, _Choice] = {}

    def _read_stream(self, event: StreamEvent) -> Iterable[e.Event]:
        if event.data != DONE:
            return self._read_object(self._object(event.data))
        if not self._choices:
            raise self._failures.malformed("the stream has no choices")
        self.ended = True
        return self._without_reason()

    def _read_object(self, value: Json) -> Iterator[e.Event]:
        if not self._started:
            self._started = True
            self._told = extras = {name: value[name] for name in value if name not in _ENVELOPE}
            extras.pop(_PADDING, None)
            sealed = {DIALECT: extras} if extras else NOTHING
            self._id = str(value.get("id") or "")
            yield e.Started(self._id, str(value.get("model") or ""), sealed)
        elif more := self._new_fields(value):
            yield e.FieldsMade(DIALECT, more, "answer")
        for position, choice in enumerate(value.get("choices") or ()):
            yield from self._choice(choice, position, choice.get("delta") or {})
        if (usage := usage_of(value)) is not None:
            yield from self._tell(usage, read_usage, DIALECT)

    def _new_fields(self, value: Json) -> Json:
        """The fields beside the choices that no chunk before has told."""
        told, more = self._told, {}
        for name in value.keys() - _ENVELOPE:
            found = value[name]
            if found is not None and name != _PADDING and told.get(name) != found:
                told[name] = more[name] = found
        return more

    def _read_whole(self, value: Json) -> Iterator[e.Event]:
        for choice in value.get("choices") or ():
            message = choice.get("message")
            calls = message.get("tool_calls") if isinstance(message, dict) else None
            for index, call in enumerate(calls or ()):
                call["index"] = index
            choice["delta"] = message
        yield from self._read_object(value)
        if not self._choices:
            raise self._failures.malformed("the answer has no choices")
        yield from self._without_reason()

    def _without_reason(self) -> Iterator[e.Event]:
        """The ends of choices that nobody gave a reason for, in an answer that is said to be whole.

        vLLM has left the reason out now and then (https://github.com/vllm-project/vllm/issues/27572), and
        vllm-mlx at each natural end (https://github.com/waybarrios/vllm-mlx/issues/628).
        """
        for index, state in self._choices.items():
            if not state.finished:
                yield from self._finish(state, index, "stop")

    @staticmethod
    def _finish(state: _Choice, index: int, reason: e.Reason) -> Iterator[e.Event]:
        state.finished = True
        for call in range(len(state.ids)):
            yield e.ToolCallDone(call, index)
        # a call that was forced by name ends with `stop`
        yield e.Finished("tool_calls" if reason == "stop" and state.ids else reason, index)

    def _close(self) -> Iterable[e.Event]:
        if not self._choices or not all(choice.finished for choice in self._choices.values()):
            raise self._failures.malformed("the stream was cut off")
        self.ended = True
        return ()

    def _choice(self, value: Json, position: int, delta: Json) -> Iterator[e.Event]:
        index = value.get("index")
        index = index if type(index) is int else position
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
        reason = value.get("finish_reason")
        if (error := failure_in(value)) is not None:
            raise self._failures.in_band(error)
        if delta:
            yield from self._delta(delta, index, state, value.get("logprobs"))
            if not delta.keys() <= _MESSAGE and (more := _unread(delta, _MESSAGE)):
                yield e.FieldsMade(DIALECT, more, "message", index)
        if not value.keys() <= _CHOICE and (more := _unread(value, _CHOICE)):
            yield e.FieldsMade(DIALECT, more, "choice", index)
        if reason and not state.finished:
            yield from self._finish(state, index, REASONS.get(reason, "stop"))

    def _delta(self, delta: Json, index: int, state: _Choice, logprobs: Any) -> Iterator[e.Event]:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str) and thought:
            yield e.ThinkingDelta(thought, DIALECT, index)
        text = delta.get("content")
        tokens: tuple[Json, ...] = ()
        if logprobs is not None:
            tokens = tuple(_tokens(logprobs, text))
            if isinstance(logprobs, dict) and (more := _unread(logprobs, _LOGPROBS)):
                yield e.FieldsMade(DIALECT, {"logprobs": more}, "choice", index)
        if isinstance(text, list):
            yield from _parts(text, index, tokens)
        elif text or tokens:
            yield e.TextDelta(text or "", index, tokens)
        if refusal := delta.get("refusal"):
            yield e.RefusalDelta(refusal, index)
        notes = delta.get("annotations") or ()
        for note in (notes,) if isinstance(notes, dict) else notes:
            found = note.get("url_citation") or {}
            yield e.Cited(DIALECT, note, found.get("url"), found.get("title"), index)
        for call in delta.get("tool_calls") or ():
            if "custom" in call:
                yield e.FieldsMade(DIALECT, {"tool_calls": [call]}, "message", index)
            else:
                yield from self._call(call, index, state)
        for image in delta.get("images") or ():
            url = (image.get("image_url") or {}).get("url") or ""
            inline = split_data_url(url)
            yield e.MediaMade(Media("image", *inline) if inline else Media("image", url=url), index)

    def _call(self, call: Json, choice: int, state: _Choice) -> Iterator[e.Event]:
        """A piece of a call. A new id is a new call, for some servers number all calls 0, or none."""
        id, place, function = call.get("id"), call.get("index"), call.get("function") or {}
        number = state.places.get(place)
        if number is None or (id and state.ids[number] != id):
            if not function.get("name"):
                raise self._failures.malformed("the stream goes on with a tool call that never began")
            number = state.places[place] = len(state.ids)
            state.ids.append(id or make_id(self._id, str(choice), str(number), function["name"]))
            yield e.ToolCallBegun(number, state.ids[number], function["name"], choice, _carried(call))
        if arguments := function.get("arguments"):
            told = arguments if isinstance(arguments, str) else dumps(arguments).decode()
            yield e.ToolCallDelta(number, told, choice)


class _Choice:
    """What came of one choice. places: the number of the call at each index; ids: of each call."""

    __slots__ = ("finished", "ids", "places")

    def __init__(self) -> None:
        self.finished = False
        self.ids: list[str] = []
        self.places: dict[Any, int] = {}


def _carried(call: Json) -> Any:
    match call.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}}:
            return {"gemini": {"thoughtSignature": signature}}
        case dict(extra):
            return {"openai": {"extra_content": extra}}
        case _:
            return NOTHING


def _unread(value: Json, known: frozenset[str]) -> Json:
    """The fields of `value` that are not `known`, and say something."""
    return {name: value[name] for name in value if name not in known and value[name] not in (None, [], {})}


def _tokens(logprobs: Any, text: Any) -> list[Json]:
    """What OpenAI calls `content`: of servers that list tokens and numbers apart, and in streams give the
    number of one token. Source: Together's API reference."""
    if isinstance(logprobs, float) and isinstance(text, str):
        tokens, numbers = [text], [logprobs]
    elif not isinstance(logprobs, dict):
        return []
    elif told := logprobs.get("content"):
        return list(told)
    else:
        tokens, numbers = logprobs.get("tokens") or [], logprobs.get("token_logprobs") or []
    return [
        {"token": token, "logprob": number, "bytes": list(token.encode()), "top_logprobs": []}
        for token, number in zip(tokens, numbers, strict=False)
    ]


def with_plain_content(choice: Any) -> bool:
    """Whether what a choice says came in parts, which no client of OpenAI's reads: it is a text afterwards,
    with the thoughts beside it."""
    said = (choice.get("message") or choice.get("delta")) if isinstance(choice, dict) else None
    if not isinstance(said, dict) or not isinstance(said.get("content"), list):
        return False
    words, thoughts, others = "", "", []
    for event in _parts(said["content"], 0, ()):
        match event:
            case e.TextDelta(text=text):
                words += text
            case e.ThinkingDelta(text=text):
                thoughts += text
            case e.FieldsMade(fields=fields):
                others += fields["content_parts"]
    said["content"] = words
    if thoughts:
        said["reasoning_content"] = thoughts
    if others:
        said["content_parts"] = others
    return True


def _parts(content: list[Any], index: int, tokens: tuple[Json, ...]) -> Iterator[e.Event]:
    """Content in parts, as some servers send it. Source: Mistral's API reference, content chunks."""
    for part in content:
        if not isinstance(part, dict):
            continue
        thoughts = part.get("thinking")
        if isinstance(thoughts, list):
            thoughts = "".join(each.get("text") or "" for each in thoughts if isinstance(each, dict))
        if thoughts:
            yield e.ThinkingDelta(str(thoughts), DIALECT, index)
        elif text := part.get("text"):
            yield e.TextDelta(str(text), index, tokens)
            tokens = ()
        elif part.get("type") not in ("text", "thinking"):
            yield e.FieldsMade(DIALECT, {"content_parts": [part]}, "message", index)


def usage_of(answer: Json) -> Json | None:
    """The usage that an answer or a chunk tells; Groq's streams have it in a place of their own."""
    told = answer.get("usage")
    if told is None and isinstance(own := answer.get("x_groq"), dict):
        told = own.get("usage")
    return told if isinstance(told, dict) else None


def read_usage(usage: Json) -> Usage:
    """OpenAI counts cached tokens inside the prompt, and thoughts inside the completion.

    Who counts thoughts beside the completion (xAI, and Google's service that speaks as OpenAI does) has them
    in the total alone: what that is more than prompt and completion is paid for as completion. What DeepSeek
    found in its cache has a name of its own. Mistral counts sound in seconds, and in the total.
    """
    plain = plain_usage(usage)
    if plain is not None:
        return plain
    asked, said = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    total = count(usage, "total_tokens")
    heard = few(usage, "prompt_audio_seconds") if "prompt_audio_seconds" in usage else 0
    if total > asked + said and not heard:
        said = total - asked
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    found = Usage(
        asked,
        said,
        cached_tokens=count(prompt, "cached_tokens"),
        reasoning_tokens=count(completion, "reasoning_tokens"),
        cache_write_tokens=count(prompt, "cache_write_tokens"),
        audio_tokens=count(prompt, "audio_tokens"),
        audio_answer_tokens=count(completion, "audio_tokens"),
        image_tokens=count(prompt, "image_tokens"),
        image_answer_tokens=count(completion, "image_tokens"),
    )
    if usage.keys() <= _OPENAIS:
        return found
    return evolve(
        found,
        cached_tokens=found.cached_tokens
        or count(usage, "prompt_cache_hit_tokens")  # DeepSeek's name
        or count(usage, "cached_tokens"),
        cache_write_tokens=found.cache_write_tokens
        or count(usage, "cache_creation_input_tokens"),  # OpenRouter says the one, LiteLLM the other
        audio_ms=heard * 1000,
        image_tokens=found.image_tokens or count(usage, "image_tokens"),
        searches=searches_in(usage),
        told_cost=told_cost(usage),
    )


def searches_in(usage: Json) -> int:
    """How often the web was searched, as Perplexity, OpenRouter and xAI tell it."""
    return (
        few(usage, "num_search_queries")
        or few(usage.get("server_tool_use"), "web_search_requests")
        or few(usage.get("server_side_tool_usage_details"), "web_search_calls")
    )


_TOTALS = {"prompt_tokens", "completion_tokens", "total_tokens"}
_OPENAIS = _TOTALS | {"prompt_tokens_details", "completion_tokens_details"}


def plain_usage(told: object) -> Usage | None:
    """A usage that tells two numbers and their sum, as many do; None where it may tell more, or is wrong."""
    if type(told) is not dict or len(told) != 3:
        return None
    asked, said, total = told.get("prompt_tokens"), told.get("completion_tokens"), told.get("total_tokens")
    if type(asked) is int and type(said) is int and asked >= 0 <= said and asked + said <= MOST_TOKENS:
        return Usage(asked, said) if type(total) is int and total == asked + said else None
    return None
