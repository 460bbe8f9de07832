"""The one way in and out: what clients ask, and what they are answered, as far as guards see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from ....compiler.plan import GuardPlan
from ....compiler.plan.guards import is_meant
from ....compiler.plan.record import frozen
from ...limits.keys import key_name_among
from ...requests.answer import ChatEvents, Chunk
from ...requests.call import Call
from ...requests.events import TextDelta
from ...requests.pipeline_call import PipelineCall
from ...requests.request import ChatRequest, Request
from ...requests.trace import Trace
from ..model import Model, first_chunk
from ..pipelines.externs import Extern
from ..pipelines.run import FinishedStep
from ..pipelines.values.weights import COPIED, is_light
from .guard import Asked, Guard
from .held import Held
from .requests import with_texts
from .texts import Place, Texts

if TYPE_CHECKING:
    from ..pipelines.pipeline import Event, Pipeline, Result

T = TypeVar("T")


class Guards:
    """Those of a plan, in its order."""

    def __init__(self, plans: Sequence[GuardPlan], externs: Mapping[str, Extern]) -> None:
        def extern(name: str | None) -> Extern | None:
            return externs[name] if name is not None else None

        self.all = tuple(Guard(each, extern(each.request), extern(each.answer)) for each in plans)
        self._of = lru_cache(maxsize=4096)(self._find)

    def of(self, name: str, payers: tuple[str, ...]) -> Door | None:
        """What requests for `name` pass, of a client with the key among `payers`; None: nothing."""
        return self._of(name, key_name_among(payers))

    def around(self, model: Model, name: str, payers: tuple[str, ...]) -> Model | GuardedModel:
        """`model`, asked as `name`, behind those that see its requests."""
        door = self.of(name, payers)
        return model if door is None else GuardedModel(model, door)

    def _find(self, name: str, key: str | None) -> Door | None:
        found = tuple(each for each in self.all if each.plan.sees(name) and _is_of(each.plan, key))
        return Door(found, name, key) if found else None


def _is_of(plan: GuardPlan, key: str | None) -> bool:
    return not plan.keys or (key is not None and any(is_meant(pattern, key) for pattern in plan.keys))


@frozen
class Door:
    """The guards of requests for a name: no answer comes from behind it that they have not seen."""

    guards: tuple[Guard, ...]
    name: str
    key: str | None

    async def stream(self, model: Model, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer of `model`, as far as it may be told. Raises RequestError."""
        asked, request = Asked(self.name, self.key, call.deadline, trace), call.request
        seen = await self._seen(lambda texts: with_texts(request, texts), _weighed(request), asked)
        call = evolve(call, request=seen)
        held = self._held(asked)
        if not getattr(request, "stream", False):
            chunk = await model.answer(call, trace)
            yield chunk if held is None else (await held.seen([chunk]))[0]
            return
        async with aclosing(model.stream(call, trace)) as chunks:
            async for chunk in chunks:
                for each in (chunk,) if held is None else await held.take(chunk):
                    yield each
        for each in () if held is None else await held.rest():
            yield each

    async def run(self, pipeline: Pipeline, call: PipelineCall, trace: Trace) -> Result:
        """What `pipeline` gives, as far as it may be told. Raises RequestError."""
        asked = Asked(self.name, self.key, call.deadline, trace)
        result = await pipeline.run(await self._seen_call(call, asked), trace.spans)
        held = self._held(asked)
        return result if held is None else evolve(result, value=await held.value(result.value))

    async def events(
        self, pipeline: Pipeline, call: PipelineCall, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """The same, with what happens on the way, and the text as it comes."""
        asked = Asked(self.name, self.key, call.deadline, trace)
        seen = await self._seen_call(call, asked)
        held, told, came = self._held(asked), "", False
        async with aclosing(pipeline.stream(seen, trace.spans)) as events:
            async for event in events:
                if held is None or isinstance(event, FinishedStep):
                    yield event
                elif isinstance(event, str):
                    came = True
                    for text in map(_text_in, await held.take(ChatEvents((TextDelta(event),)))):
                        told += text
                        yield text
                elif came and isinstance(event.value, str):
                    if text := "".join(map(_text_in, await held.rest())):
                        told += text
                        yield text
                    yield evolve(event, value=told)
                else:
                    yield evolve(event, value=await held.value(event.value))

    def _held(self, asked: Asked) -> Held | None:
        """What holds answers back until they were seen; None where nobody looks at them."""
        guards = [guard for guard in self.guards if guard.looks_at("answer")]
        return Held(guards, asked) if guards else None

    async def _seen_call(self, call: PipelineCall, asked: Asked) -> PipelineCall:
        values = call.values
        return evolve(call, values=await self._seen(lambda texts: _values(values, texts), values, asked))

    async def _seen(self, apply: Callable[[Texts], T], weighed: Any, asked: Asked) -> T:
        """What is asked, as it may be. apply: gives its texts to what it is given. Raises RequestError."""
        guards = [guard for guard in self.guards if guard.looks_at("request")]
        found: list[str] = []

        def find(place: Place, text: str) -> str:
            if text.strip():
                found.append(text)
            return text

        async def applied(texts: Texts) -> T:
            return apply(texts) if is_light(weighed, COPIED) else await asyncio.to_thread(apply, texts)

        finder = Texts(find, asked=True)
        same = await applied(finder)
        if finder.unread:
            for guard in guards:
                guard.refuse_unread("request", asked)
        names = [each for each in finder.names if each]
        if not (found or names) or not guards:
            return same
        seen = found
        for guard in guards:
            verdict = await guard.see("request", [*seen, *names], "", asked)
            seen, kept = verdict[: len(found)], verdict[len(found) :]
            if kept != names:
                guard.refuse_renaming(
                    next(name for name, other in zip(names, kept, strict=True) if name != other), asked
                )
        if seen == found:
            return same
        left = iter(seen)
        return await applied(Texts(lambda place, text: next(left) if text.strip() else text, asked=True))


@frozen
class GuardedModel:
    """A model behind its guards, asked as a `Model` is."""

    model: Model
    door: Door

    @property
    def relays(self) -> bool:
        """Guards look at each chunk."""
        return False

    def stream(self, call: Call, trace: Trace) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces, as far as it may be told. Raises RequestError."""
        return self.door.stream(self.model, call, trace)

    async def answer(self, call: Call, trace: Trace) -> Chunk:
        """The first chunk: all of the answer, for a request that wants no stream. Raises RequestError."""
        return await first_chunk(self.stream(call, trace))


def _values(values: Mapping[str, Any], texts: Texts) -> Mapping[str, Any]:
    """The values of a pipeline, whose names are those of its parameters."""
    return {name: texts(value, (name,), own=True) for name, value in values.items()}


def _text_in(chunk: Chunk) -> str:
    assert isinstance(chunk, ChatEvents)
    return "".join(event.text for event in chunk.events if isinstance(event, TextDelta))


def _weighed(request: Request) -> Any:
    """How much work a request is."""
    if isinstance(request, ChatRequest) and request.said is not None:
        return request.said.native
    body = getattr(request, "body", None)
    return body if body else getattr(request, "texts", getattr(request, "documents", ()))
