"""Pipelines and externs that a chat model may call: what it is told of them, and what they answer it.

A model is foreign: a function that does not exist, and arguments that do not fit, are answered with what is
wrong, and so are more calls at once than are made. The errors of a function itself are told, or raised.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from .....compiler.plan import MOST_CALLS_AT_ONCE, ParameterPlan, RecordType, ToolErrors, ToolPlan
from .....compiler.plan.record import frozen
from ....concurrency.tasks import end_tasks
from ....requests.errors import ExternFailed, RequestError, StepFailed
from ....requests.parts import ToolCall
from ..run import Run
from ..values.texts import text_of
from ..workers.workers import Workers
from .answers import AnswerReader

LONGEST_RESULT = 1 << 20
"""Characters of what a function gives that a model is told."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64

Called = Callable[[Run, str, str, Mapping[str, Any], float | None], Awaitable[Any]]
"""A function for a run, a step, a place in a list, arguments and a deadline. Raises RequestError."""


@frozen
class Function:
    """name: as the model says it. offer: in OpenAI's shape. arguments: reads those that the model wrote."""

    name: str
    offer: Mapping[str, Any]
    arguments: AnswerReader
    called: Called


class Functions:
    """Those that one call offers to its model."""

    def __init__(self, functions: Sequence[Function], on_error: ToolErrors) -> None:
        self._functions = {each.name: each for each in functions}
        self._on_error = on_error

    @property
    def offers(self) -> list[Mapping[str, Any]]:
        """In OpenAI's shape."""
        return [each.offer for each in self._functions.values()]

    async def answer(
        self, calls: Sequence[ToolCall], run: Run, step: str, place: str, until: float | None
    ) -> list[dict[str, Any]]:
        """The messages that answer `calls`, which are made at the same time. Raises RequestError.

        step, place: of the step that asks the model.
        """
        made = [
            asyncio.create_task(self._answer(each, run, step, place, until))
            for each in calls[:MOST_CALLS_AT_ONCE]
        ]
        try:
            await asyncio.wait(made, return_when=asyncio.FIRST_EXCEPTION)
            failed = next((each for each in made if each.done() and each.exception() is not None), None)
            said = [each.result() for each in made] if failed is None else [failed.result()]
        finally:
            await end_tasks(made)
        too_many = _wrong(f"not called: at most {MOST_CALLS_AT_ONCE} functions are called at once")
        said += [too_many] * (len(calls) - len(made))
        return [
            {"role": "tool", "tool_call_id": call.id, "content": content}
            for call, content in zip(calls, said, strict=True)
        ]

    async def _answer(self, call: ToolCall, run: Run, step: str, place: str, until: float | None) -> str:
        function = self._functions.get(call.name)
        if function is None:
            return _wrong(f"there is no such function; there are {', '.join(self._functions)}")
        try:
            arguments = await function.arguments.value(call.arguments.strip() or "{}")
        except StepFailed as error:
            return _wrong(f"the arguments do not fit: {error.message}")
        try:
            value = await function.called(run, f"{step}.{function.name}", place, arguments, until)
            return _told(value)
        except RequestError as error:
            is_late = until is not None and asyncio.get_running_loop().time() >= until
            if self._on_error is ToolErrors.RAISE or is_late:
                raise
            return _wrong(error.innermost)


def functions_of(
    tools: Sequence[ToolPlan],
    on_error: ToolErrors,
    known: Callable[[ToolPlan], tuple[tuple[ParameterPlan, ...], Called]],
    workers: Workers,
) -> Functions:
    """The functions behind `tools`. known: what each takes, and how it is called."""
    made: dict[str, Function] = {}
    for tool in tools:
        name = _name(tool.target, made)
        made[name] = _function(name, tool, *known(tool), workers)
    return Functions(tuple(made.values()), on_error)


def _function(
    name: str, tool: ToolPlan, parameters: tuple[ParameterPlan, ...], called: Called, workers: Workers
) -> Function:
    arguments = AnswerReader(RecordType(fields={each.name: each.type for each in parameters}), workers)
    told: dict[str, Any] = {"name": name, "parameters": arguments.schema}
    if tool.description:
        told["description"] = tool.description
    if arguments.is_strict:
        told["strict"] = True
    return Function(name, {"type": "function", "function": told}, arguments, called)


def _name(target: str, taken: Mapping[str, Function]) -> str:
    """A name that providers take, and no other function has."""
    name = plain = _NO_NAME.sub("_", target)[:_LONGEST_NAME]
    number = 2
    while name in taken:
        end = f"_{number}"
        name, number = plain[: _LONGEST_NAME - len(end)] + end, number + 1
    return name


def _told(value: Any) -> str:
    text = text_of(value)
    if len(text) > LONGEST_RESULT:
        raise ExternFailed(
            f"what it gave has {len(text):,} characters, and a model is told {LONGEST_RESULT:,} at most"
        )
    return text


def _wrong(what: str) -> str:
    return f"error: {what}"
