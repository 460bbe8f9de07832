"""Answers that are said in parts, as Mistral's are: words, and thoughts, which it may sign.

    {"type": "text", "text": …}
    {"type": "thinking", "thinking": [{"type": "text", "text": …}], "signature": …}

Sources: Mistral's API reference, content chunks; mistralai 3.7.0 (PyPI), client/models/thinkchunk.py: the
signature is there "to replay some reasoning blocks across turns". In a stream it may come with any piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...requests import events as e
from ...requests.parts import Thinking
from ..exact_json import dumps
from .messages import DIALECT
from .thought_details import FIELD, ThoughtDetails, detail_of, mistral_detail

Json = dict[str, Any]


def read_parts(
    content: list[Any], details: ThoughtDetails, index: int, tokens: tuple[Json, ...] = ()
) -> Iterator[e.Event]:
    """The events that tell `content`. details: what puts the thoughts of the choice together."""
    for part in content:
        if not isinstance(part, dict):
            continue
        if part.get("type") == "thinking" or part.get("thinking"):
            words, others = _thought(part.get("thinking"))
            yield from details.put([mistral_detail(words, part.get("signature"))], index)
            part = {"type": "thinking", "thinking": others} if others else {"type": "text"}
        elif any(part.get(name) for name in part.keys() - {"type"}):
            yield from details.close(index)
        if text := part.get("text"):
            yield e.TextDelta(str(text), index, tokens)
            tokens = ()
        elif part.get("type") != "text":
            yield e.FieldsMade(DIALECT, {"content_parts": [part]}, "message", index)


def _thought(pieces: Any) -> tuple[str, list[Any]]:
    """The words of a thought, and what else is in it."""
    if not isinstance(pieces, list):
        return str(pieces or ""), []
    words = [each for each in pieces if isinstance(each, dict) and each.get("type", "text") == "text"]
    return "".join(str(each.get("text") or "") for each in words), [
        each for each in pieces if isinstance(each, dict) and each not in words
    ]


def content_of(said: Json) -> Any:
    """Its content: a text, or parts. An object is one part, or JSON that a server has read already."""
    content = said.get("content")
    if content is None or isinstance(content, str | list):
        return content
    is_part = isinstance(content, dict) and isinstance(content.get("type"), str)
    return [content] if is_part else dumps(content).decode()


class PlainParts:
    """What one choice says in parts, as clients of OpenAI's read it: a text, and its thoughts beside it."""

    __slots__ = ("_details", "_words")

    def __init__(self) -> None:
        self._details = ThoughtDetails()
        self._words: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether a thought goes on, whose signature may come yet."""
        return self._details.open is not None

    def mend(self, choice: Any) -> bool:
        """Whether `choice`, of a whole answer or of a chunk, was changed."""
        said = (choice.get("message") or choice.get("delta")) if isinstance(choice, dict) else None
        if not isinstance(said, dict):
            return False
        content = content_of(said)
        is_changed = content is not said.get("content")
        said["content"] = content
        is_in_parts = isinstance(content, list)
        events = [*read_parts(content, self._details, 0)] if isinstance(content, list) else []
        is_last = "message" in choice or choice.get("finish_reason") is not None
        if is_last or said.get("tool_calls") or (content and not is_in_parts):
            events += self._details.close(0)
        if not is_in_parts and not events:
            return is_changed
        words, thoughts = "", ""
        others: list[Any] = []
        details: list[Any] = []
        for event in events:
            match event:
                case e.TextDelta(text=text):
                    words += text
                case e.ThinkingDelta(text=text):
                    thoughts += text
                    self._words.append(text)
                case e.ThinkingSigned(signature=signature):
                    details.append(detail_of(Thinking("".join(self._words), signature, DIALECT)))
                case e.PartEnded():
                    self._words.clear()
                case e.FieldsMade(fields=fields):
                    others += fields["content_parts"]
        if is_in_parts:
            said["content"] = words
        for name, told in (("reasoning_content", thoughts), (FIELD, details), ("content_parts", others)):
            if told:
                said[name] = told
        return True
