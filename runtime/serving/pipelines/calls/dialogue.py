"""A chat model is asked, and asked again with what the functions gave that it called, until it answers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from .....compiler.plan import CallNode
from .....compiler.plan.record import frozen
from ....dialects.answer import Choice, fold
from ....dialects.chunks import ChunkEvents, whole_answer
from ....dialects.openai_chat.write_request import write_message
from ....requests.errors import InvalidAnswer
from ....requests.events import Event, TextDelta
from ....requests.parts import RedactedThinking, Text, Thinking, ToolCall
from ....requests.request import ChatRequest
from ..step_retries import Tries
from ..text_sink import Sink
from .tools import Functions

if TYPE_CHECKING:
    from .asker import Asker

BETWEEN_ROUNDS = "\n\n"
"""What stands between what a model says before it calls a function, and after."""

_SAID_AGAIN = (Text, Thinking, RedactedThinking, ToolCall)
"""Parts of an answer that the model is shown when it is asked again."""


@frozen
class Said:
    """What came of it. text: of all rounds. answer: of the last one. messages: what it answers."""

    text: str
    answer: str
    last: Choice
    messages: list[Any]

    @property
    def is_cut(self) -> bool:
        """Whether it might be no longer."""
        return self.last.reason in ("length", "context_window")


@frozen
class Dialogue:
    """functions: what the model may call. tries: of each time that it is asked."""

    node: CallNode
    functions: Functions | None = None
    tries: Tries | None = None

    async def hold(
        self,
        asker: Asker,
        body: Mapping[str, Any],
        until: float | None,
        sink: Sink | None = None,
        *,
        may_call: bool = True,
    ) -> Said:
        """Until an answer without calls. may_call: false, and it is told that it must answer at once.

        Raises RequestError.
        """
        functions, texts = self.functions, list[str]()
        messages = list(body["messages"])
        rounds = self.node.max_rounds if functions is not None and may_call else 0
        offered = {} if functions is None else {"tools": functions.offers}
        while True:
            asked = {**body, **offered, "messages": messages}
            if functions is not None and not rounds:
                asked["tool_choice"] = "none"
            choice = await self._ask(asker, asked, until, _after(texts, sink))
            answer = "".join(part.text for part in choice.parts if isinstance(part, Text))
            if answer:
                texts.append(answer)
            calls = [part for part in choice.parts if isinstance(part, ToolCall)]
            if functions is None or not calls:
                return Said(BETWEEN_ROUNDS.join(texts), answer, choice, messages)
            if not rounds:
                raise InvalidAnswer(
                    f"the model has been asked {self.node.max_rounds} times with results of functions, and "
                    "calls more of them in place of an answer"
                )
            rounds -= 1
            said = tuple(part for part in choice.parts if isinstance(part, _SAID_AGAIN))
            results = await functions.answer(calls, asker.run, asker.step, asker.place, until)
            messages = [*messages, write_message(said), *results]

    async def _ask(
        self, asker: Asker, body: Mapping[str, Any], until: float | None, sink: Sink | None
    ) -> Choice:
        if self.tries is None:
            return await _answer(asker, body, until, sink)
        return await self.tries.of(lambda until: _answer(asker, body, until, sink), until, sink)


def _after(texts: list[str], sink: Sink | None) -> Sink | None:
    """A sink of its own for what comes after `texts`: it is known of each round whether text has gone out."""
    if sink is None or not texts:
        return sink
    begun = False

    async def put(text: str) -> None:
        nonlocal begun
        await sink.put(text if begun else BETWEEN_ROUNDS + text)
        begun = True

    return Sink(put)


async def _answer(asker: Asker, body: Mapping[str, Any], until: float | None, sink: Sink | None) -> Choice:
    """What the model says once; its text goes into `sink` as it comes."""
    if sink is None:
        request = ChatRequest({**body, "stream": False}, stream=False)
        answer = whole_answer(await asker.whole(request, until))
    else:
        request = ChatRequest(
            {**body, "stream": True, "stream_options": {"include_usage": True}}, stream=True
        )
        reader, events = ChunkEvents(), list[Event]()
        async with aclosing(asker.stream(request, until)) as chunks:
            async for chunk in chunks:
                for event in reader.of(chunk):
                    events.append(event)
                    if isinstance(event, TextDelta):
                        await sink.put(event.text)
        answer = fold([*events, *reader.end()])
    return answer.choices[0] if answer.choices else Choice(0, (), "stop")
