"""The texts of answers, which may come in pieces: found, and exchanged."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import evolve

from ...dialects.server_sent_events import EVENT_STREAM
from ...requests import events as e
from ...requests.answer import ChatChunk, ChatEvents, Chunk, PassedChunk, TensorChunk
from .requests import with_tensor_texts
from .texts import Change, Texts

_JSON = "application/json"


class AnswerTexts:
    """Goes over chunks and gives each text in them to `change`."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._texts = Texts(change)
        self._is_signed_anew = self._is_said_anew = False

    @property
    def unread(self) -> int:
        """Parts that hold no text."""
        return self._texts.unread

    def __call__(self, chunk: Chunk) -> Chunk:
        """`chunk` with what `change` makes of its texts, and with nothing that was not seen."""
        match chunk:
            case ChatChunk() if chunk.data:
                body = orjson.loads(chunk.data)
                changed = self._texts(body)
                return (
                    chunk if changed is body else chunk._replace(data=orjson.dumps(_without_tokens(changed)))
                )
            case ChatEvents():
                told = (self._event(event) for event in chunk.events)
                return chunk._replace(events=tuple(each for each in told if each is not None), native=b"")
            case PassedChunk(content_type=kind) if kind == _JSON:
                body = orjson.loads(chunk.data)
                changed = self._texts(body)
                return chunk if changed is body else chunk._replace(data=orjson.dumps(changed))
            case PassedChunk(content_type=kind) if kind.startswith("text/") and not kind.startswith(
                EVENT_STREAM
            ):
                text = chunk.data.decode("utf-8", "replace")
                changed = self._texts.text(text)
                return chunk if changed is text else chunk._replace(data=changed.encode())
            case PassedChunk():
                self._texts.unread += 1
            case TensorChunk():
                return evolve(chunk, outputs=with_tensor_texts(chunk.outputs, self._texts, numbers=False))
        return chunk

    def _event(self, event: e.Event) -> e.Event | None:
        match event:
            case e.TextDelta(text=text, choice=choice):
                changed = self._change((choice, "text"), text)
                self._is_said_anew = self._is_said_anew or changed != text
                if changed == text:
                    return event
                return evolve(event, text=changed, logprobs=()) if changed else None
            case e.ThinkingDelta(text=text, choice=choice):
                changed = self._change((choice, "thinking"), text)
                self._is_signed_anew = self._is_signed_anew or changed != text
                return event if changed == text else evolve(event, text=changed) if changed else None
            case e.ThinkingSigned():
                return None if self._is_signed_anew else event  # the signature is that of other words
            case e.TextSigned():
                return None if self._is_said_anew else event
            case e.RefusalDelta(text=text, choice=choice):
                changed = self._change((choice, "refusal"), text)
                return event if changed == text else evolve(event, text=changed) if changed else None
            case e.ToolCallDelta(arguments=arguments, choice=choice, call=call):
                changed = self._change((choice, "call", call), arguments)
                return event if changed == arguments else evolve(event, arguments=changed)
            case e.SealedMade(part=part, choice=choice):
                value = self._texts(part.value, (choice, "sealed"))
                return event if value is part.value else evolve(event, part=evolve(part, value=value))
            case e.Cited(native=native, title=title, url=url, choice=choice):
                cited = {"native": native, "title": title, "url": url}
                found = self._texts(cited, (choice, "cited"))
                return event if found is cited else evolve(event, **found)
            case e.FieldsMade(fields=fields, choice=choice):
                seen = {name: value for name, value in fields.items() if name != "logprobs"}
                found = self._texts(seen, (choice, "fields"))
                return evolve(event, fields=found) if found else None
            case e.Started(extras=extras) | e.Finished(extras=extras) if extras:
                found = self._texts(extras, (0, "extras"))
                return event if found is extras else evolve(event, extras=found)
            case e.MediaMade() | e.ThinkingRedacted():
                self._texts.unread += 1
        return event


def _without_tokens(body: Any) -> Any:
    """The answer without its tokens one by one, which would tell the text as it was."""
    choices = body.get("choices") if isinstance(body, dict) else None
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("logprobs") is not None:
            choice["logprobs"] = None
    return body
