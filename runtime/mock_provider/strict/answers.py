"""How answers differ from OpenAI's, by the table of each provider that speaks as OpenAI does.

extra, whole: fields of every answer and chunk, and of whole answers alone. choice, message: fields of each.
usage: its shape. usage_in: the field that holds it at the end of a stream. always_usage: a stream ends with
it whether it is asked for or not. comment: what a stream begins with, as a comment. first: a chunk before all
others. broken: what a chunk holds where a stream breaks off with an error. call_ids: how many letters the id
of a call has. joined: a call comes in one piece.
thought: fields of a message that thinks; in a list of parts, the words stand behind it. thoughts: those of
the chunks that tell it, `each`, and then the `last`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from ....compiler.plan.record import frozen
from ..answers import Answer, hash_id, pieces, thought_of
from ..limits import Room, duration
from .tables import REQUEST, Table, filled

Json = dict[str, Any]

DONE = b"data: [DONE]\n\n"


@frozen
class Quirks:
    """How the answers of one provider differ."""

    said: Json

    @classmethod
    def of(cls, table: Table) -> Quirks:
        return cls(table.said.get("answers", {}))

    def whole(self, body: Json, answer: Answer) -> Json:
        """A whole answer as the provider writes it."""
        known = self._known(answer)
        for choice in body.get("choices", ()):
            choice |= self._filled("choice", {**known, "finish": choice.get("finish_reason")})
            choice["message"] = {**self._filled("message", known), **choice["message"]}
            if answer.reasoning_tokens:
                self._think(choice["message"], known)
            for call in choice["message"].get("tool_calls") or ():
                self._rename(call)
        if "usage" in self.said:
            body["usage"] = self._filled("usage", known)
        return {**body, **self._filled("extra", known), **self._filled("whole", known)}

    def stream(self, events: list[bytes], answer: Answer, *, include_usage: bool) -> list[bytes]:
        """A streamed answer as the provider writes it."""
        known = self._known(answer)
        chunks = [orjson.loads(event.removeprefix(b"data: ")) for event in events if event != DONE]
        if answer.reasoning_tokens:
            chunks = [more for chunk in chunks for more in (chunk, *self._thoughts(chunk, known))]
        made = list(self._joined(chunks) if self.said.get("joined") else chunks)
        for chunk in made:
            for choice in chunk["choices"]:
                choice |= self._filled("choice", {**known, "finish": choice.get("finish_reason")})
                for call in choice["delta"].get("tool_calls") or ():
                    self._rename(call)
            chunk |= self._filled("extra", known)
        self._told(made, known, include_usage=include_usage)
        begin = [f": {self.said['comment']}\n\n".encode()] if "comment" in self.said else []
        if "first" in self.said:
            begin.append(_event(self.said["first"]))
        return [*begin, *map(_event, made), DONE]

    def broken(self, events: list[bytes], status: int, message: str, kind: str) -> bytes | None:
        """The event with which a stream breaks off; None where it is that of the protocol."""
        spoken = next((event for event in events if event.startswith(b"data: {")), None)
        if spoken is None or "broken" not in self.said:
            return None
        chunk = orjson.loads(spoken.removeprefix(b"data: "))
        known = {"status": status, "message": message, "type": kind}
        return _event({**chunk, **self._filled("broken", known)})

    def _think(self, message: Json, known: Json) -> None:
        """Put the thought into a message."""
        thought = self._filled("thought", known)
        if "content" in thought and (words := message["content"]):
            thought["content"] = [*thought["content"], {"type": "text", "text": words}]
        message |= thought

    def _thoughts(self, chunk: Json, known: Json) -> Iterator[Json]:
        """The chunks of a thought, behind the one that tells the role."""
        choices = chunk["choices"]
        told = self.said.get("thoughts")
        if told is None or not choices or "role" not in choices[0]["delta"]:
            return
        for delta in (
            *(filled(told["each"], {**known, "thought": piece}) for piece in pieces(known["thought"])),
            *(filled(last, known) for last in told.get("last", ())),
        ):
            yield {**chunk, "choices": [{**choices[0], "delta": delta}]}

    def _told(self, chunks: list[Json], known: Json, *, include_usage: bool) -> None:
        """Put the usage where the provider has it."""
        if "usage" not in self.said:
            return
        usage, last = self._filled("usage", known), chunks[-1]
        if include_usage or self.said.get("always_usage"):
            last["usage"] = usage
        if (place := self.said.get("usage_in")) is not None:
            end = chunks[-2] if include_usage else last
            end[place] = {"id": REQUEST["request_id"], "usage": usage}

    def _joined(self, chunks: list[Json]) -> Iterator[Json]:
        """The chunks with each call in one piece, beside the end."""
        calls: list[Json] = []
        for chunk in chunks:
            choice = chunk["choices"][0] if chunk["choices"] else {}
            for call in choice.get("delta", {}).get("tool_calls") or ():
                if "id" in call:
                    calls.append(call)
                else:
                    calls[-1]["function"]["arguments"] += call["function"]["arguments"]
            if choice.get("finish_reason") and calls:
                choice["delta"]["tool_calls"] = calls
                calls = []
            elif choice.get("delta", {}).get("tool_calls"):
                continue
            yield chunk

    def _rename(self, call: Json) -> None:
        if (size := self.said.get("call_ids")) and "id" in call:
            call["id"] = hash_id(call["id"])[:size]

    def _filled(self, name: str, known: Json) -> Json:
        made: Json = filled(self.said.get(name, {}), known)
        return made

    def _known(self, answer: Answer) -> Json:
        thought, signature = thought_of(answer)
        return {
            **REQUEST,
            "thought": thought,
            "signature": signature,
            "prompt": answer.prompt_tokens,
            "completion": answer.completion_tokens,
            "visible": answer.completion_tokens - answer.reasoning_tokens,
            "reasoning": answer.reasoning_tokens,
            "cached": answer.cached_tokens,
            "written": answer.cache_write_tokens,
            "fresh": answer.prompt_tokens - answer.cached_tokens,
            "total": answer.prompt_tokens + answer.completion_tokens,
        }


def room_headers(table: Table, room: Room, now: float) -> dict[str, str] | None:
    """What is left, in the provider's headers; None where it says it as its API does anyway."""
    if "room" not in table.said:
        return None
    known: Json = {}
    for what, limit, left, reset in (
        ("requests", room.requests, room.requests_left, room.requests_reset),
        ("tokens", room.tokens, room.tokens_left, room.tokens_reset),
    ):
        if limit is not None:
            known[what], known[f"{what}_left"] = limit, left
            known[f"{what}_reset"] = duration(reset)
            known[f"{what}_reset_ms"] = round((now + reset) * 1000)
    made = {name: filled(text, known) for name, text in table.said["room"].items()}
    return {name: str(text) for name, text in made.items() if "{" not in str(text)}


def _event(chunk: Json) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
