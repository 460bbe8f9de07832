"""What only its provider reads, as a text in the fields that other protocols keep for such: signatures of
thoughts, and thoughts that are hidden.

    gemini:AAAA             the signature of the thought that it stands with
    openai_chat.redacted:A  a thought that nobody else can read
    gemini.text:AAAA        the signature of the words before it
    gemini.call:AAAA        the signature of the call after it

    openai_responses:gpt/rs_1:AAAA  what OpenAI, as the deployment `gpt`, hides of the thought `rs_1`

What Anthropic and OpenAI put there themselves is base64, which has no colon.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from attrs import evolve

from ..requests.parts import NOTHING, Media, Part, Place, RedactedThinking, Text, Thinking, ToolCall, own

SIGNATURE = "thoughtSignature"
"""What Gemini's signatures of words, calls and pictures are called among their extras."""

_DIALECTS = frozenset({"anthropic", "gemini", "openai_chat", "openai_responses"})
_SIGNS = "signs"


class Sealed(NamedTuple):
    """Whose it is. of: what, nothing is the signature of the thought that it stands with."""

    dialect: str
    of: str
    value: str


def seal(dialect: str, value: str, of: str = "") -> str:
    """The text that carries `value` to `dialect` alone."""
    return f"{dialect}.{of}:{value}" if of else f"{dialect}:{value}"


def unseal(text: str) -> Sealed | None:
    """What `seal` put into `text`; None where it is none of ours."""
    origin, colon, value = text.partition(":")
    dialect, _, of = origin.partition(".")
    return Sealed(dialect, of, value) if colon and dialect in _DIALECTS else None


def part_of(sealed: Sealed, thought: str, at: Place) -> Thinking | RedactedThinking:
    """The part that `sealed` stands for. thought: what can be read of it."""
    if sealed.of in ("text", "call"):
        return RedactedThinking(sealed.value, sealed.dialect, {sealed.dialect: {_SIGNS: sealed.of}}, at)
    if sealed.of:
        return RedactedThinking(sealed.value, sealed.dialect, at=at)
    return Thinking(thought, sealed.value, sealed.dialect, at=at)


def signed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """`parts` with signatures of words and calls on these; themselves where there are none."""
    if not any(type(part) is RedactedThinking and part.extras for part in parts):
        return parts
    made: list[Part] = []
    waiting = ""
    for part in parts:
        signs = own(part.extras, part.dialect).get(_SIGNS) if isinstance(part, RedactedThinking) else None
        if signs == "text" and isinstance(part, RedactedThinking):
            _sign_words(made, part)
        elif signs == "call" and isinstance(part, RedactedThinking):
            waiting = part.data
        elif waiting and isinstance(part, ToolCall):
            made.append(evolve(part, extras={**part.extras, "gemini": {SIGNATURE: waiting}}))
            waiting = ""
        else:
            made.append(part)
    return tuple(made)


def _sign_words(made: list[Part], signature: RedactedThinking) -> None:
    """Sign the last words of `made`, or none where these are signed."""
    extras = {"gemini": {SIGNATURE: signature.data}}
    last = made[-1] if made else None
    if isinstance(last, Text) and "gemini" not in last.extras:
        made[-1] = evolve(last, extras={**last.extras, **extras})
    else:
        made.append(Text("", extras=extras, at=signature.at))


def signature_of(part: Text | ToolCall | Media) -> str | None:
    """Gemini's signature of words, of a call, or of a picture."""
    found = own(part.extras, "gemini").get(SIGNATURE) if part.extras is not NOTHING else None
    return found if isinstance(found, str) else None


def signatures(parts: Iterable[Part]) -> list[str]:
    """Gemini's signatures of the words among `parts`."""
    return [found for part in parts if isinstance(part, Text) and (found := signature_of(part)) is not None]
