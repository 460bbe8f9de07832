"""Thoughts as OpenRouter writes them: `reasoning_details`, a list which it wants back as it came.

    {"type": "reasoning.text", "text": …, "signature": …}, {"type": "reasoning.summary", "summary": …},
    {"type": "reasoning.encrypted", "data": …}: each with `id`, `format`, `index`

Each is a thought of its own. Its words are the thought's, and all else of it is its signature, in base64; one
without words is a thought that only OpenRouter can read. Novita writes them, too. What Mistral signs is told
in the same words, with a `format` of its own, and goes back to Mistral alone, as the part that it was.

Sources: OpenRouter, reasoning tokens; openrouter 1.3.84 (PyPI), components/reasoningdetailunion.py; Novita,
interleaved thinking.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

from ...requests import events as e
from ...requests.parts import Place, RedactedThinking, Thinking
from ...requests.request import OPENAI_CHAT as DIALECT
from ..exact_json import dumps, loads

Json = dict[str, Any]

FIELD = "reasoning_details"

_WORDS = {"reasoning.text": "text", "reasoning.summary": "summary"}
"""The field with the words of each kind of detail that has some."""


_MISTRALS = "mistral.thinking"
"""The `format` of what is none of OpenRouter's."""


class ThoughtDetails:
    """The details of one choice, which come in pieces that belong to the one before, or begin another."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open: Json | None = None
        """The one that is going on, without its words."""

    def put(self, details: Any, choice: int) -> Iterator[e.Event]:
        """The events that tell `details`."""
        for piece in details if isinstance(details, list) else ():
            if not isinstance(piece, dict):
                continue
            words = _WORDS.get(str(piece.get("type")))
            if words is None:
                yield from self.close(choice)
                yield e.ThinkingRedacted(_packed(piece), DIALECT, choice)
                continue
            text = piece.get(words)
            rest = {name: value for name, value in piece.items() if name != words or not text}
            if self.open is not None and _goes_on(self.open, rest):
                told = {name: value for name, value in rest.items() if value is not None}
                self.open = {**rest, **self.open, **told}
            else:
                yield from self.close(choice)
                yield e.PartEnded(choice)
                self.open = rest
            if isinstance(text, str) and text:
                yield e.ThinkingDelta(text, DIALECT, choice)

    def close(self, choice: int) -> Iterator[e.Event]:
        """The end of the detail that is going on."""
        if self.open is not None:
            if not is_mistrals(self.open) or self.open.get("signature"):
                yield e.ThinkingSigned(_packed(self.open), DIALECT, choice)
            yield e.PartEnded(choice)
            self.open = None


def _goes_on(open: Json, piece: Json) -> bool:
    """Whether `piece` is of the same detail: ids and signatures may come with any of its pieces."""
    return all(open.get(name) == piece.get(name) for name in ("type", "index")) and all(
        None in (open.get(name), piece.get(name)) or open[name] == piece[name]
        for name in ("id", "format", "signature")
    )


def is_repeated(thought: Any, details: Any) -> bool:
    """Whether `details` say what `thought`, which stands beside them, does; blanks may differ."""
    told = "".join(
        str(each.get(_WORDS.get(str(each.get("type")), "")) or "")
        for each in (details if isinstance(details, list) else ())
        if isinstance(each, dict)
    )
    return isinstance(thought, str) and "".join(thought.split()) == "".join(told.split())


def detail_of(thought: Thinking | RedactedThinking) -> Json | None:
    """The detail that `thought` was; None where it was none."""
    sealed = thought.data if isinstance(thought, RedactedThinking) else thought.signature
    if thought.dialect != DIALECT or not sealed:
        return None
    try:
        rest = loads(b64decode(sealed, validate=True))
    except ValueError:
        return None
    if not isinstance(rest, dict):
        return None
    words = _WORDS.get(str(rest.get("type")))
    if isinstance(thought, RedactedThinking) or words is None or not thought.text:
        return rest
    return {**rest, words: thought.text}


def mistral_detail(words: str, signature: Any) -> Json:
    """A piece of a thought of Mistral's, which need not be signed."""
    told = {"text": words, "signature": signature if isinstance(signature, str) else None}
    return {"type": "reasoning.text", "format": _MISTRALS, **{k: v for k, v in told.items() if v}}


def is_mistrals(detail: Any) -> bool:
    """Whether `detail` is a thought of Mistral's."""
    return isinstance(detail, dict) and detail.get("format") == _MISTRALS


def mistral_chunk(detail: Json) -> Json:
    """The part of a message that `detail` was."""
    words = [{"type": "text", "text": text}] if (text := detail.get("text")) else []
    return {"type": "thinking", "thinking": words, "signature": detail.get("signature")}


def mistral_thoughts(details: Any, at: Place) -> list[Thinking]:
    """The thoughts of Mistral's among the `details` of a message, with their signatures."""
    return [
        Thinking(words if isinstance(words := each.get("text"), str) else "", _packed(rest), DIALECT, at=at)
        for each in (details if isinstance(details, list) else ())
        if is_mistrals(each) and isinstance(each.get("signature"), str)
        for rest in ({name: value for name, value in each.items() if name != "text"},)
    ]


def _packed(value: Json) -> str:
    return b64encode(dumps(value)).decode()
