"""From answers of `POST /v1/chat/completions` to events, whole and streamed.

Source: OpenAI API reference, chat completions, where `function_call` is what `tool_calls` were before;
`reasoning_content` and `reasoning` are DeepSeek's and vLLM's, `images` and `reasoning_details` OpenRouter's,
and so is an `error` inside a choice; `extra_content` is that of Google's service that speaks as OpenAI does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ....compiler.plan.service_tiers import tier_named
from ...requests import events as e
from ...requests.parts import NOTHING, Extras, Media
from ..ids import make_id
from ..media_urls import split_data_url
from ..reader import DONE, AnswerReader
from ..server_sent_events import Event as StreamEvent
from .call_pieces import CallPieces
from .content_parts import content_of, read_parts
from .messages import DIALECT
from .thought_details import FIELD, ThoughtDetails, is_repeated
from .usage import plain_usage, read_usage, usage_of, with_details

Json = dict[str, Any]

REASONS: dict[str, e.Reason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # Mistral, Z.AI, and those who say it as Anthropic, Google, Amazon or Cohere do
    "model_length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "context_window",
    "sensitive": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "refusal": "refusal",
}
"""Why the model stopped; what is new to this table counts as `stop`.

Sources: the API references of Mistral and Z.AI; https://github.com/pydantic/pydantic-ai/issues/7816.
"""


def reason_of(told: str) -> e.Reason:
    """What `told` means; Google's service that speaks as OpenAI does says more behind a colon."""
    return REASONS.get(told) or REASONS.get(told.partition(":")[0].strip().lower(), "stop")


_ENVELOPE = frozenset({"id", "object", "created", "model", "choices", "usage", "obfuscation"})
"""What all answers have; the last one hides how long the words of a chunk are, and says nothing."""
_CHOICE = frozenset({"index", "delta", "message", "finish_reason", "logprobs"})
_MESSAGE = frozenset(
    {"role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls", "images", "annotations"}
)
_READ_BESIDE = frozenset({*_MESSAGE, "function_call", FIELD})
"""Fields that mean something in all dialects. What else there is goes to who speaks this one."""

_THOUGHTS = frozenset({"role", "reasoning_content", "reasoning", FIELD})
"""Those that do not end a thought."""

_LOGPROBS = frozenset({"content", "tokens", "token_logprobs"})

_FAILED = frozenset(
    {"error", "network_error", "insufficient_system_resource", "abort", "function_call_filter"}
)
"""Ends of an answer that its provider could not finish.

Sources: OpenRouter's API reference, errors in streams; the end may stand in `native_finish_reason` alone
(https://github.com/earendil-works/pi/issues/8511); DeepSeek's API reference, `finish_reason`; vLLM and SGLang
abort; Google's service that speaks as OpenAI does filters calls that are malformed.
"""

NAMELESS = "the answer calls a function that it does not name"


def delta_of(choice: Json) -> Any:
    """What a choice of a stream says, which some servers tell as a whole answer's, in `message`.

    Source: https://github.com/Portkey-AI/gateway/issues/858.
    """
    delta = choice.get("delta")
    return choice.get("message") if delta is None else delta


SAYS_NOTHING = "the answer has a choice that says nothing"


def message_of(choice: Json) -> Any:
    """What a choice of a whole answer says, which some servers tell as a chunk does, or as a completion."""
    message = choice.get("message")
    message = choice.get("delta") if message is None else message
    if message is None and isinstance(choice.get("text"), str):
        return {"role": "assistant", "content": choice.pop("text")}
    return message


def failure_in(choice: Mapping[str, Any]) -> Any:
    """The error of a choice that failed inside a success; None where it did not."""
    if error := choice.get("error"):
        return error
    for reason in (choice.get("finish_reason"), choice.get("native_finish_reason")):
        if type(reason) is str and reason.partition(":")[0] in _FAILED:
            return {"message": f"the answer ended with `{reason}`"}
    return None


def _id_of_call(answer: str, choice: int, call: int, name: str) -> str:
    return make_id(answer, str(choice), str(call), name)


class OpenAIChatReader(AnswerReader):
    """Chunks, or one completion. A stream is whole at its end marker, or when every choice has its reason."""

    def __init__(self, failures: Any) -> None:
        super().__init__(failures)
        self._started = False
        self._id = ""
        self._told: Json = {}
        self._choices: dict[int, _Choice] = {}
        self._usage: Json = {}

    def _read_stream(self, event: StreamEvent) -> Iterable[e.Event]:
        if event.data != DONE:
            return self._read_object(self._object(event.data))
        if not self._choices:
            raise self._failures.malformed("the stream has no choices")
        self.ended = True
        return self._finish()

    def _read_object(self, value: Json) -> Iterator[e.Event]:
        if not self._started:
            self._started = True
            sealed: Extras = NOTHING
            if not value.keys() <= _ENVELOPE:
                self._told = {name: value[name] for name in value if name not in _ENVELOPE}
                sealed = {DIALECT: self._told} if self._told else NOTHING
            self._id = str(value.get("id") or "")
            yield e.Started(self._id, str(value.get("model") or ""), sealed)
        elif more := self._new_fields(value):
            yield e.FieldsMade(DIALECT, more, "answer")
        for position, choice in enumerate(value.get("choices") or ()):
            yield from self._choice(choice, position, delta_of(choice) or {})
        if (usage := usage_of(value)) is not None:
            yield from self._used(usage)

    def _used(self, usage: Json) -> Iterator[e.Event]:
        self._usage = usage = with_details(self._usage, usage)
        tier = tier_named(self._told.get("service_tier"))
        if (plain := plain_usage(usage, tier)) is not None:  # which can be
            yield e.UsageKnown(plain, DIALECT, usage)
        else:
            yield from self._tell(usage, read_usage, DIALECT, tier)

    def _new_fields(self, value: Json) -> Json:
        """The fields beside the choices that no chunk before has told."""
        told, more = self._told, {}
        for name in value.keys() - _ENVELOPE:
            found = value[name]
            if found is not None and told.get(name) != found:
                told[name] = more[name] = found
        return more

    def _read_whole(self, value: Json) -> Iterator[e.Event]:
        for choice in value.get("choices") or ():
            message = message_of(choice)
            if message is None and failure_in(choice) is None:
                raise self._failures.malformed(SAYS_NOTHING)
            calls = message.get("tool_calls") if isinstance(message, dict) else None
            for index, call in enumerate(calls if isinstance(calls, list) else ()):
                call["index"] = index
            choice["delta"] = message
        yield from self._read_object(value)
        if not self._choices:
            raise self._failures.malformed("the answer has no choices")
        yield from self._finish()

    def _finish(self) -> Iterator[e.Event]:
        """The ends of all choices, with a reason or not, in an answer that is said to be whole.

        vLLM has left the reason out now and then (https://github.com/vllm-project/vllm/issues/27572), and
        vllm-mlx at each natural end (https://github.com/waybarrios/vllm-mlx/issues/628).
        """
        for index, state in self._choices.items():
            if state.calls.has_nameless:
                raise self._failures.malformed(NAMELESS)
            if state.details is not None:
                yield from state.details.close(index)
            for piece in state.calls.rest():
                yield e.ToolCallDelta(piece.number, piece.arguments, index)
            for call in range(len(state.calls)):
                yield e.ToolCallDone(call, index)
            reason = state.end or "stop"
            # a call that was forced by name ends with `stop`
            yield e.Finished("tool_calls" if reason == "stop" and len(state.calls) else reason, index)

    def _close(self) -> Iterable[e.Event]:
        if not self._choices or not all(choice.end for choice in self._choices.values()):
            raise self._failures.malformed("the stream was cut off")
        self.ended = True
        return self._finish()

    def _choice(self, value: Json, position: int, delta: Json) -> Iterator[e.Event]:
        index = value.get("index")
        index = index if type(index) is int else position
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice(CallPieces(partial(_id_of_call, self._id, index)))
        reason = value.get("finish_reason")
        if (error := failure_in(value)) is not None:
            raise self._failures.in_band(error)
        if delta:
            is_plain = delta.keys() <= _MESSAGE
            if not is_plain and (details := delta.get(FIELD)):
                state.details = state.details or ThoughtDetails()
                yield from state.details.put(details, index)
                if is_repeated(delta.get("reasoning_content") or delta.get("reasoning"), details):
                    delta = {**delta, "reasoning_content": None, "reasoning": None}
            if not isinstance(content := delta.get("content"), str | None):
                delta = {**delta, "content": (content := content_of(delta))}
            if isinstance(content, list):
                state.details = state.details or ThoughtDetails()
            elif state.details is not None and any(delta[name] for name in delta.keys() - _THOUGHTS):
                yield from state.details.close(index)
            yield from self._delta(delta, index, state, value.get("logprobs"))
            if not is_plain:
                yield from self._beside(delta, index, state)
        if not value.keys() <= _CHOICE and (more := _unread(value, _CHOICE)):
            if isinstance(usage := more.pop("usage", None), dict):  # where Moonshot tells it
                yield from self._used(usage)
            if more:
                yield e.FieldsMade(DIALECT, more, "choice", index)
        if reason and state.end in (None, "stop"):  # more may follow, and tell another one
            state.end = reason_of(str(reason))

    def _beside(self, delta: Json, index: int, state: _Choice) -> Iterator[e.Event]:
        """What is told in fields that OpenAI has no more, or never had."""
        if isinstance(call := delta.get("function_call"), dict):
            if name := call.get("name"):  # some tell it a second time, as it was told before
                state.calls_as_before = state.calls_as_before or not state.calls.has(str(name))
            if state.calls_as_before:
                yield from self._call({"index": "function_call", "function": call}, index, state)
        more = _unread(delta, _READ_BESIDE)
        match more.get("extra_content"):
            case {"google": {"thought_signature": str(signature)} as google, **others}:
                yield e.TextSigned(signature, "gemini", index)
                left = {name: value for name, value in google.items() if name != "thought_signature"}
                more["extra_content"] = {**others, **({"google": left} if left else {})}
        if more := _unread(more, frozenset()):
            yield e.FieldsMade(DIALECT, more, "message", index)

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
        if isinstance(text, list) and state.details is not None:
            yield from read_parts(text, state.details, index, tokens)
            if any(delta[name] for name in delta.keys() - _THOUGHTS - {"content"}):
                yield from state.details.close(index)
        elif text or tokens:
            yield e.TextDelta(text or "", index, tokens)
        if refusal := delta.get("refusal"):
            yield e.RefusalDelta(str(refusal), index)
        notes = delta.get("annotations") or ()
        for note in (notes,) if isinstance(notes, dict) else notes:
            found = note.get("url_citation") or {}
            yield e.Cited(DIALECT, note, found.get("url"), found.get("title"), index)
        calls = delta.get("tool_calls") or ()
        for call in (calls,) if isinstance(calls, dict) else calls:
            if "custom" in call:
                yield e.FieldsMade(DIALECT, {"tool_calls": [call]}, "message", index)
            else:
                yield from self._call(call, index, state)
        for image in delta.get("images") or ():
            url = (image.get("image_url") or {}).get("url") or ""
            inline = split_data_url(url)
            yield e.MediaMade(Media("image", *inline) if inline else Media("image", url=url), index)

    def _call(self, call: Json, choice: int, state: _Choice) -> Iterator[e.Event]:
        piece = state.calls.put(call)
        if piece is None:
            return
        if piece.begins:
            yield e.ToolCallBegun(piece.number, piece.id, piece.name, choice, _carried(call))
        if piece.arguments:
            yield e.ToolCallDelta(piece.number, piece.arguments, choice)


class _Choice:
    """What came of one choice."""

    __slots__ = ("calls", "calls_as_before", "details", "end")

    def __init__(self, calls: CallPieces) -> None:
        self.end: e.Reason | None = None
        self.calls = calls
        self.calls_as_before = False
        self.details: ThoughtDetails | None = None


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
        lists = [token.get("top_logprobs") for token in told]
        others = [other for each in lists if each is not None for other in each]
        if not all(isinstance(each, dict) for each in others):
            raise TypeError("logprobs")
        return list(told)
    else:
        tokens, numbers = logprobs.get("tokens") or [], logprobs.get("token_logprobs") or []
    return [
        {"token": token, "logprob": number, "bytes": list(token.encode()), "top_logprobs": []}
        for token, number in zip(tokens, numbers, strict=False)
    ]
