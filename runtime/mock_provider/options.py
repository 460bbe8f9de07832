"""How the mock provider behaves, and which script changes that while it runs."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from attrs import evolve

from ...compiler.plan.record import frozen
from .faults import Fault
from .parsed_request import MockError
from .scripted_answers import Script, ScriptedAnswer, ScriptError, parse_script


@frozen
class MockOptions:
    """How the mock provider behaves.

    gap: seconds between two pieces of a stream. faults: what the first answers are instead. rpm, tpm:
    requests and tokens in any minute, for each key. answers: what is said to messages that fit. strict:
    whether requests are refused, and answers written, as the real providers do.
    """

    gap: float = 0.005
    faults: tuple[Fault, ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    answers: tuple[ScriptedAnswer, ...] = ()
    strict: bool = False

    def following(self, script: Script) -> MockOptions:
        """The same, as far as `script` does not say otherwise."""
        said: dict[str, Any] = {"rpm": script.rpm, "tpm": script.tpm}
        said["gap"] = None if script.gap_ms is None else script.gap_ms / 1000
        said["faults"], said["answers"] = script.faults, script.answers
        return evolve(self, **{name: value for name, value in said.items() if value is not None})


async def script_in(request: web.Request) -> Script:
    """The script in the body of a request. Raises MockError."""
    raw = await request.read()
    try:
        return parse_script(orjson.loads(raw)) if raw else Script()
    except (ScriptError, orjson.JSONDecodeError, RecursionError) as error:
        raise MockError(400, f"this is no script: {error}") from None
