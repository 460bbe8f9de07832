"""Behaviour written down in a JSON file: limits, faults, and answers for messages that fit.

{"rpm": 60, "faults": ["429:count=2"],
 "answers": [{"when": "weather", "calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]},
             {"when": "long", "say": "It goes on and on", "finish": "length", "fault": "cut:after=1"}]}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from attrs import evolve, field
from cattrs import BaseValidationError, Converter, ForbiddenExtraKeysError, transform_error

from ...compiler.plan.record import define, frozen
from ..regular_file import read_regular
from .answers import Answer, answer_to, make_answer, make_call
from .faults import Fault, parse_fault
from .parsed_request import Asked


class ScriptError(ValueError):
    """A script that cannot be used; the message says why."""


@frozen
class ScriptedCall:
    """A tool that is called."""

    name: str
    arguments: dict[str, Any] = field(factory=dict)


@frozen
class ScriptedAnswer:
    """What is answered to messages that contain `when`.

    say: the text; None says what would be said anyway. finish: stop, length, tool_calls, content_filter or
    context_window. usage: tokens that differ from those counted: prompt_tokens, completion_tokens,
    cached_tokens, cache_write_tokens, reasoning_tokens. times: how often; None is always.
    """

    when: str = ""
    say: str | None = None
    calls: tuple[ScriptedCall, ...] = ()
    finish: str = ""
    usage: dict[str, int] = field(factory=dict)
    fault: Fault | None = None
    times: int | None = None


@frozen
class Script:
    """A whole script; what it leaves out stays as it is."""

    gap_ms: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    faults: tuple[Fault, ...] | None = None
    answers: tuple[ScriptedAnswer, ...] | None = None


_LARGEST = 64 << 20
"""Bytes of a script."""


def load_script(path: Path) -> Script:
    """The script in the file at `path`. Raises ScriptError."""
    try:
        return parse_script(orjson.loads(read_regular(path, _LARGEST).decode("utf-8")))
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read: {error.strerror}") from None
    except ScriptError as error:
        raise ScriptError(f"{path}: {error}") from None
    except ValueError as error:
        raise ScriptError(f"{path}: no JSON: {error}") from None


def parse_script(value: Any) -> Script:
    """The script that `value` describes. Raises ScriptError."""
    if not isinstance(value, dict):
        raise ScriptError("a script is a JSON object")
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(Fault, lambda text, _: _fault(text))
    try:
        return converter.structure(value, Script)
    except BaseValidationError as error:
        raise ScriptError("; ".join(transform_error(error, "script", _reason))) from None


def _fault(text: object) -> Fault:
    if not isinstance(text, str):
        raise ValueError('a fault is a text, such as "503:count=2"')
    return parse_fault(text)


def _reason(error: BaseException, _: type | None) -> str:
    match error:
        case ForbiddenExtraKeysError():
            return f"unknown: {', '.join(sorted(error.extra_fields))}"
        case _:
            return str(error)


@define
class Prompter:
    """Finds the answer that the script has for a request, each as often as it says."""

    answers: tuple[ScriptedAnswer, ...]
    _used: dict[int, int] = field(factory=dict)

    def answer(self, asked: Asked) -> tuple[Answer, Fault | None]:
        """The answer, and what goes wrong with it."""
        for index, scripted in enumerate(self.answers):
            used = self._used.get(index, 0)
            if scripted.when in asked.said and (scripted.times is None or used < scripted.times):
                self._used[index] = used + 1
                return _play(scripted, asked), scripted.fault
        return answer_to(asked), None

    def reset(self) -> None:
        """Begin anew."""
        self._used.clear()


def _play(scripted: ScriptedAnswer, asked: Asked) -> Answer:
    answer = answer_to(asked)
    if scripted.say is not None or scripted.calls:
        calls = tuple(
            make_call(asked, number, call.name, call.arguments) for number, call in enumerate(scripted.calls)
        )
        answer = make_answer(asked, scripted.say or "", calls, "tool_calls" if calls else "stop")
    changes: dict[str, Any] = dict(scripted.usage)
    if scripted.finish:
        changes["finish"] = scripted.finish
    return evolve(answer, **changes)
