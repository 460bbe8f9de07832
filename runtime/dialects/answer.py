"""A whole answer, folded from its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field

from ...compiler.plan.record import define, frozen
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


def fold(events: Iterable[e.Event]) -> Answer:
    """The answer that `events` tell. Raises the error of one that failed."""
    started, told = _NOT_STARTED, _NOT_TOLD
    choices: dict[int, _Open] = {}
    extras: dict[str, dict[str, Any]] = {}
    for event in events:
        match event:
            case e.Started():
                started = event
            case e.FieldsMade(of="answer"):
                extras[event.dialect] = joined(extras.get(event.dialect, {}), event.fields)
            case e.UsageKnown():
                told = event
            case e.Failed(error=error):
                raise error
            case _:
                choice = choices.get(event.choice)
                if choice is None:
                    choice = choices[event.choice] = _Open(event.choice)
                choice.add(event)
    whole = tuple(choices[index].close() for index in sorted(choices))
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


@define
class _Open:
    """A choice that still grows. The texts of the last part are joined once, at its end."""

    index: int
    parts: list[Part] = field(factory=list)
    going: Part | None = None
    pieces: list[str] = field(factory=list)
    calls: dict[int, tuple[int, list[str]]] = field(factory=dict)
    logprobs: list[Mapping[str, Any]] = field(factory=list)
    citations: list[tuple[int, e.Cited]] = field(factory=list)
    beside: list[e.FieldsMade] = field(factory=list)
    end: e.Finished | None = None

    def add(self, event: e.Event) -> None:
        match event:
            case e.TextDelta():
                self._go_on(Text, event.text, lambda: Text(""))
                self.logprobs += event.logprobs
            case e.Finished():
                self.end = self.end or event
            case e.ThinkingDelta():
                self._go_on(Thinking, event.text, lambda: Thinking("", dialect=event.dialect))
            case e.RefusalDelta():
                self._go_on(Refusal, event.text, lambda: Refusal(""))
            case e.ThinkingSigned():
                self._go_on(Thinking, "", lambda: Thinking("", dialect=event.dialect))
                assert isinstance(self.going, Thinking)
                self.going = evolve(self.going, signature=event.signature, dialect=event.dialect)
            case e.TextSigned():
                self._go_on(Text, "", lambda: Text(""))
                assert isinstance(self.going, Text)
                self.going = evolve(self.going, extras={event.dialect: {SIGNATURE: event.signature}})
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

    def _go_on(self, kind: type[Part], text: str, begin: Any) -> None:
        if not isinstance(self.going, kind):
            self._end_part()
            self.going = begin()
        self.pieces.append(text)

    def _end_part(self) -> None:
        going = self.going
        if going is None:
            return
        text = "".join(self.pieces)
        self.going = None
        self.pieces.clear()
        if isinstance(going, Text):
            if text or going.extras:
                self.parts.append(Text(text, extras=going.extras))  # a fraction of what `evolve` takes
        elif (isinstance(going, Refusal) and text) or (
            isinstance(going, Thinking) and (text or going.signature)
        ):
            self.parts.append(evolve(going, text=text))

    def close(self) -> Choice:
        self._end_part()
        for place, pieces in self.calls.values():
            call = self.parts[place]
            assert isinstance(call, ToolCall)
            self.parts[place] = evolve(call, arguments="".join(pieces))
        end = self.end or e.Finished("stop")
        return Choice(
            self.index,
            tuple(self.parts),
            end.reason,
            end.stop_sequence,
            tuple(self.logprobs),
            tuple(self.citations),
            end.extras,
            tuple(self.beside),
        )
