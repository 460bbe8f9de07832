"""From events to answers of `POST /v1/chat/completions`, whole and streamed.

Thoughts, which OpenAI's shape has no place for, are told as `reasoning_content`, as DeepSeek and vLLM do it;
those that their provider wants back travel in `extra_content` of the call behind them, or of the message
where there is none, and so do signatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

import orjson

from ...requests import events as e
from ...requests.errors import RequestError
from ...requests.parts import NOTHING, Media, Part, RedactedThinking, Sealed, Text, Thinking, ToolCall, own
from ...requests.usage import Usage
from ..answer import Answer, Choice, joined
from ..exact_json import dumps
from ..media_urls import data_url
from ..sealed_texts import signature_of, signatures
from .custom_tools import as_custom, text_of
from .messages import BEFORE_CONTENT, CARRIERS, DIALECT
from .thought_details import FIELD, detail_of
from .write_request import Thought, carried_thoughts, signed_thoughts, write_call, write_message

Json = dict[str, Any]

END = b"data: [DONE]\n\n"

REASONS: dict[e.Reason, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "pause": "stop",
    "length": "length",
    "context_window": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}


def reason_of_end(reason: e.Reason, *, calls: bool) -> str:
    """Why an answer ended; some servers end calls of functions as they end words."""
    return REASONS["tool_calls" if calls and reason == "stop" else reason]


class OpenAIChatWriter:
    """Writes one streamed answer.

    include_usage: the client asked for it. created: the Unix time, in seconds. custom: the tools of free text
    that the client declared.
    """

    def __init__(
        self,
        model: str,
        created: int,
        *,
        include_usage: bool = False,
        custom: frozenset[str] = frozenset(),
    ) -> None:
        self._include_usage = include_usage
        self._custom = custom
        self._texts: dict[tuple[int, int], list[str]] = {}
        """What is said to tools of free text, until all of it is there."""
        self._envelope: Json = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "choices": [],
        }
        if include_usage:
            self._envelope["usage"] = None
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._calling: set[int] = set()
        self._thoughts: dict[int, list[Thought]] = {}
        self._pieces: dict[int, list[str]] = {}
        self._usage: e.UsageKnown | None = None
        self._failed = self._spoke = self._called = False
        self._lead = 0
        """Thoughts that came before all words: without a call, the place of others is lost."""

    def write(self, event: e.Event) -> bytes:
        """The chunks that tell `event`; none where it says nothing to clients."""
        match event:
            case e.TextDelta():
                self._spoke = True
                delta: Json = {"content": event.text}
            case e.ToolCallDelta() if (said := self._texts.get((event.choice, event.call))) is not None:
                said.append(event.arguments)
                return b""
            case e.ToolCallDone():
                return self._end_custom(event.choice, event.call)
            case e.ToolCallDelta():
                delta = {"tool_calls": [{"index": event.call, "function": {"arguments": event.arguments}}]}
            case e.ThinkingDelta():
                self._think(event)
                delta = {"reasoning_content": event.text}
            case e.ThinkingSigned(dialect="openai_chat") | e.ThinkingRedacted(dialect="openai_chat"):
                delta = self._detail(event)
            case e.TextSigned():
                delta = {"extra_content": {"google": {"thought_signature": event.signature}}}
            case e.Started():
                self._envelope["id"] = event.id or self._envelope["id"]
                self._envelope["model"] = event.model or self._envelope["model"]
                self._envelope |= own(event.extras, DIALECT)
                return self._begin(0)
            case e.ThinkingSigned() | e.ThinkingRedacted():
                self._think(event)
                return b""
            case e.ToolCallBegun():
                call = ToolCall(event.id, event.name, "", extras=event.extras)
                thoughts = self._thoughts.pop(event.choice, [])
                self._calling.add(event.choice)
                is_led = self._called or not self._spoke or self._lead == len(thoughts)
                self._called = True
                written = as_custom(write_call(call, thoughts, None if is_led else self._lead), self._custom)
                if "custom" in written:
                    self._texts[event.choice, event.call] = []
                delta = {"tool_calls": [{"index": event.call, **written}]}
            case e.RefusalDelta():
                self._spoke = True
                delta = {"refusal": event.text}
            case e.MediaMade():
                delta = {"images": [_image(event.media)]}
            case e.Cited():
                note = citation(event)
                if note is None:
                    return b""
                delta = {"annotations": [note]}
            case e.FieldsMade():
                return self._beside(event)
            case e.UsageKnown():
                self._usage = event
                return b""
            case e.PartEnded():
                self._pieces.pop(event.choice, None)
                return b""
            case e.Finished():
                self._finished.add(event.choice)
                begin = self._begin(event.choice)
                for choice, number in [*self._texts]:
                    if choice == event.choice:
                        begin += self._end_custom(choice, number)
                thoughts = self._thoughts.pop(event.choice, [])[: self._lead]
                if thoughts and event.choice not in self._calling:
                    begin += self._chunk({"extra_content": carried_thoughts(thoughts)}, event.choice)
                reason = reason_of_end(event.reason, calls=event.choice in self._calling)
                return begin + self._chunk({}, event.choice, reason)
            case e.Failed():
                self._failed = True
                return b"data: %b\n\n" % orjson.dumps(write_error(event.error))
            case _:
                return b""
        logprobs = event.logprobs if isinstance(event, e.TextDelta) else ()
        return self._begin(event.choice) + self._chunk(delta, event.choice, None, logprobs)

    def end(self) -> bytes:
        """The end of an answer that is complete."""
        if self._failed:
            return b""
        if self._begun - self._finished or not self._begun:
            return b"data: %b\n\n" % orjson.dumps(write_error(RequestError("the answer was cut off")))
        if not self._include_usage:
            return END
        told = self._usage or e.UsageKnown(Usage(0))
        chunk = {**self._envelope, "choices": [], "usage": write_usage(told)}
        return b"data: %b\n\n%b" % (dumps(chunk), END)

    def _begin(self, choice: int) -> bytes:
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._chunk({"role": "assistant", "content": "", "refusal": None}, choice)

    def _end_custom(self, choice: int, call: int) -> bytes:
        said = self._texts.pop((choice, call), None)
        if said is None:
            return b""
        told = {"index": call, "custom": {"input": text_of("".join(said))}}
        return self._chunk({"tool_calls": [told]}, choice)

    def _beside(self, event: e.FieldsMade) -> bytes:
        if event.dialect != DIALECT:
            return b""
        if event.of != "answer":
            delta: Json = {**event.fields} if event.of == "message" else {}
            more: Json = {**event.fields} if event.of == "choice" else {}
            return self._begin(event.choice) + self._chunk(delta, event.choice, more=more)
        self._envelope |= event.fields
        if self._begun - self._finished or not self._begun:
            return b""  # the next chunk tells it
        return b"data: %b\n\n" % dumps({**self._envelope, "choices": []})

    def _chunk(
        self,
        delta: Json,
        index: int,
        reason: str | None = None,
        logprobs: Any = (),
        more: Mapping[str, Any] = NOTHING,
    ) -> bytes:
        told = {"content": logprobs, "refusal": None} if logprobs else None
        choice = {"index": index, "delta": delta, "logprobs": told, "finish_reason": reason, **more}
        return b"data: %b\n\n" % dumps({**self._envelope, "choices": [choice]})

    def _think(self, event: e.ThinkingDelta | e.ThinkingSigned | e.ThinkingRedacted) -> None:
        """Keep thoughts that are signed for the call that may come after them, or the end, and the words of
        OpenRouter's for the details behind them."""
        if event.dialect != DIALECT and event.dialect not in CARRIERS.values():
            return
        pieces = self._pieces.setdefault(event.choice, [])
        thoughts = self._thoughts.setdefault(event.choice, [])
        match event:
            case e.ThinkingDelta():
                pieces.append(event.text)
            case e.ThinkingSigned():
                thoughts.append(Thinking("".join(pieces), event.signature, event.dialect))
                pieces.clear()
            case e.ThinkingRedacted():
                thoughts.append(RedactedThinking(event.data, event.dialect))
        if not self._spoke:
            self._lead = len(thoughts)

    def _detail(self, event: e.ThinkingSigned | e.ThinkingRedacted) -> Json:
        """A thought as OpenRouter tells it."""
        if isinstance(event, e.ThinkingRedacted):
            thought: Thinking | RedactedThinking = RedactedThinking(event.data, DIALECT)
        else:
            thought = Thinking("".join(self._pieces.pop(event.choice, ())), event.signature, DIALECT)
        detail = detail_of(thought)
        return {} if detail is None else {FIELD: [detail]}


def write_whole(answer: Answer, created: int, custom: frozenset[str] = frozenset()) -> bytes:
    """`answer` in one piece. custom: the tools of free text that the client declared."""
    return dumps(
        {
            "id": answer.id,
            "object": "chat.completion",
            "created": created,
            "model": answer.model,
            "choices": [_choice(choice, custom) for choice in answer.choices],
            "usage": write_usage(e.UsageKnown(answer.usage, answer.usage_dialect, answer.native_usage)),
            **own(answer.extras, DIALECT),
        }
    )


def _choice(choice: Choice, custom: frozenset[str]) -> Json:
    images = [part for part in choice.parts if isinstance(part, Media)]
    texts = "".join(part.text for part in choice.parts if isinstance(part, Text))
    message = write_message(tuple(p for p in choice.parts if not isinstance(p, Text | Media | Sealed)))
    message["content"] = texts or message["content"]
    if thoughts := "".join(part.text for part in choice.parts if isinstance(part, Thinking)):
        message["reasoning_content"] = thoughts
    message.setdefault("refusal", None)
    if custom and "tool_calls" in message:
        message["tool_calls"] = [as_custom(call, custom) for call in message["tool_calls"]]
    if texts:
        _say_lead(message, len(signed_thoughts(takewhile(_is_no_word, choice.parts))))
    if signed := signatures(choice.parts):
        message["extra_content"] = {"google": {"thought_signature": signed[-1]}}
    if "tool_calls" not in message and (kept := signed_thoughts(takewhile(_is_thought, choice.parts))):
        message["extra_content"] = carried_thoughts(kept)
    if images:
        message["images"] = [_image(image) for image in images]
    if notes := [note for _, cited in choice.citations if (note := citation(cited)) is not None]:
        message["annotations"] = notes
    made = {
        "index": choice.index,
        "message": message,
        "logprobs": {"content": list(choice.logprobs), "refusal": None} if choice.logprobs else None,
        "finish_reason": reason_of_end(choice.reason, calls="tool_calls" in message),
    }
    for fields in choice.beside:
        if fields.dialect == DIALECT:
            piece = fields.fields if fields.of == "choice" else {"message": fields.fields}
            made = joined(made, piece)
    return made


def _say_lead(message: Json, lead: int) -> None:
    """Say how many of the thoughts that the first call carries stood before the words, where not all did."""
    match message:
        case {"tool_calls": [{"extra_content": dict() as extra}, *_]}:
            for owner in CARRIERS:
                match extra.get(owner):  # a server may have put there what it likes
                    case {"thinking": list() as thoughts, **more} if lead < len(thoughts):
                        extra[owner] = {"thinking": thoughts, **more, BEFORE_CONTENT: lead}


def _is_no_word(part: Part) -> bool:
    return not isinstance(part, Text)


def _is_thought(part: Part) -> bool:
    return isinstance(part, Thinking | RedactedThinking | Sealed)


def _image(media: Media) -> Json:
    url = media.url or data_url(media.type, media.data)
    image: Json = {"type": "image_url", "image_url": {"url": url}}
    if signature := signature_of(media):
        image["extra_content"] = {"google": {"thought_signature": signature}}
    return image


def citation(cited: e.Cited) -> Json | None:
    """A source on the web, in OpenAI's words; it has none for others."""
    if cited.dialect == DIALECT:
        return dict(cited.native)
    if cited.url is None:
        return None
    found = {"url": cited.url, "title": cited.title or "", "start_index": 0, "end_index": 0}
    return {"type": "url_citation", "url_citation": found}


def write_usage(told: e.UsageKnown) -> Json:
    """The usage, as OpenAI tells it."""
    usage = told.usage
    if told.dialect == DIALECT:
        return dict(told.native)
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens}
        | ({"cache_write_tokens": usage.cache_write_tokens} if usage.cache_write_tokens else {}),
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def write_error(error: RequestError) -> Json:
    """`error` in OpenAI's shape."""
    return {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}
