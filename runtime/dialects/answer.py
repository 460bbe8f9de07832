"""A whole answer, folded from its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from ...compiler.plan.record import frozen
from ..requests import events as e
from ..requests.parts import (
    NOTHING,
    Extras,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
)
from ..requests.usage import NOTHING_USED, Usage
from .sealed_texts import SIGNATURE


@frozen
class Choice:
    """One of the answers that were asked for.

    citations: each with the number of the part that it belongs to. beside: in the order in which it came.
    """

    index: int
    parts: tuple[Part, ...]
    reason: e.Reason
    stop_sequence: str | None = None
    logprobs: tuple[Mapping[str, Any], ...] = ()
    citations: tuple[tuple[int, e.Cited], ...] = ()
    extras: Extras = NOTHING
    beside: tuple[e.FieldsMade, ...] = ()


@frozen
class Answer:
    """What a model answered. native_usage: as the dialect `usage_dialect` tells it."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage
    usage_dialect: str = ""
    native_usage: Mapping[str, Any] = NOTHING
    extras: Extras = NOTHING


_NOT_STARTED, _NOT_TOLD = e.Started("", ""), e.UsageKnown(NOTHING_USED)
_NOT_FINISHED = e.Finished("stop")


def fold(events: Iterable[e.Event]) -> Answer:
    """The answer that `events` tell. Raises the error of one that failed."""
    started, told = _NOT_STARTED, _NOT_TOLD
    choices: dict[int, _Open] = {}
    extras: dict[str, dict[str, Any]] = {}
    for event in events:
        if type(event) is e.Started:
            started = event
        elif type(event) is e.UsageKnown:
            told = event
        elif type(event) is e.Failed:
            raise event.error
        elif type(event) is e.FieldsMade and event.of == "answer":
            extras[event.dialect] = joined(extras.get(event.dialect, {}), event.fields)
        else:
            choice = choices.get(event.choice)
            if choice is None:
                choice = choices[event.choice] = _Open(event.choice)
            choice.add(event)
    whole = tuple([choices[index].close() for index in sorted(choices)])
    for dialect, values in started.extras.items():
        extras[dialect] = {**values, **extras.get(dialect, {})}
    return Answer(started.id, started.model, whole, told.usage, told.dialect, told.native, extras or NOTHING)


def joined(begun: Any, piece: Any) -> Any:
    """A value of a stream that has come in pieces: texts that differ and lists follow each other."""
    match begun, piece:
        case Mapping(), Mapping():
            made = dict(begun)
            for name, value in piece.items():
                made[name] = joined(made[name], value) if made.get(name) is not None else value
            return made
        case list(), list():
            return begun + piece
        case str(), str() if begun != piece:
            return begun + piece
        case _:
            return piece


class _Open:
    """A choice that still grows. Of the part that is going on, the texts are joined once, at its end."""

    __slots__ = (
        "beside",
        "calls",
        "citations",
        "dialect",
        "end",
        "index",
        "kind",
        "logprobs",
        "parts",
        "pieces",
        "signature",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.parts: list[Part] = []
        self.kind: type[Text | Thinking | Refusal] | None = None
        self.pieces: list[str] = []
        self.dialect = ""
        self.signature: str | None = None
        self.calls: dict[int, tuple[int, list[str]]] = {}
        self.logprobs: list[Mapping[str, Any]] = []
        self.citations: list[tuple[int, e.Cited]] = []
        self.beside: list[e.FieldsMade] = []
        self.end = _NOT_FINISHED

    def add(self, event: e.Event) -> None:
        if type(event) is e.TextDelta:  # in a tenth of the time of a pattern that does not fit
            self._go_on(Text, event.text)
            if event.logprobs:
                self.logprobs += event.logprobs
            return
        if type(event) is e.Finished:
            if self.end is _NOT_FINISHED:
                self.end = event
            return
        match event:
            case e.ThinkingDelta():
                self._go_on(Thinking, event.text, event.dialect)
            case e.RefusalDelta():
                self._go_on(Refusal, event.text)
            case e.ThinkingSigned():
                self._go_on(Thinking, "")
                self.signature, self.dialect = event.signature, event.dialect
            case e.TextSigned():
                self._go_on(Text, "")
                self.signature, self.dialect = event.signature, event.dialect
                self._end_part()
            case e.ToolCallDelta():
                self.calls[event.call][1].append(event.arguments)
            case e.Cited():
                self.citations.append((len(self.parts), event))
            case e.FieldsMade():
                self.beside.append(event)
            case e.ToolCallDone():
                pass
            case _:
                self._end_part()
                self._whole_part(event)

    def _whole_part(self, event: e.Event) -> None:
        match event:
            case e.ToolCallBegun():
                self.calls[event.call] = (len(self.parts), [])
                self.parts.append(ToolCall(event.id, event.name, "", extras=event.extras))
            case e.ThinkingRedacted():
                self.parts.append(RedactedThinking(event.data, event.dialect))
            case e.MediaMade():
                self.parts.append(event.media)
            case e.SealedMade():
                self.parts.append(event.part)

    def _go_on(self, kind: type[Text | Thinking | Refusal], text: str, dialect: str = "") -> None:
        if self.kind is not kind:
            self._end_part()
            self.kind, self.dialect = kind, dialect
        self.pieces.append(text)

    def _end_part(self) -> None:
        kind, text, signature = self.kind, "".join(self.pieces), self.signature
        self.kind = self.signature = None
        self.pieces.clear()
        if kind is Text and signature is not None:
            self.parts.append(Text(text, extras={self.dialect: {SIGNATURE: signature}}))
        elif kind is Text and text:
            self.parts.append(Text(text))
        elif kind is Thinking and (text or signature):
            self.parts.append(Thinking(text, signature, self.dialect))
        elif kind is Refusal and text:
            self.parts.append(Refusal(text))

    def close(self) -> Choice:
        self._end_part()
        for place, pieces in self.calls.values():
            call = self.parts[place]
            assert isinstance(call, ToolCall)
            self.parts[place] = evolve(call, arguments="".join(pieces))
        return Choice(
            self.index,
            tuple(self.parts),
            self.end.reason,
            self.end.stop_sequence,
            tuple(self.logprobs),
            tuple(self.citations),
            self.end.extras,
            tuple(self.beside),
        )
