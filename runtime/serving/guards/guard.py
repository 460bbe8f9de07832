"""One guard: its function is asked about texts, within its time, and what it says is done."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ....compiler.plan import GuardAction, GuardPlan
from ....compiler.plan.record import frozen
from ...requests.errors import ExternFailed, GuardFailed, GuardRefused, RequestError, RequestTimeout
from ...requests.trace import Trace
from ..pipelines.externs import Extern

PASSED, CHANGED, REFUSED, FAILED = "passed", "changed", "refused", "failed"
LONGEST_REASON = 500
LONGEST_SAID = 16 << 10
"""Characters of what was said before that a guard is shown."""

log = logging.getLogger(__name__)


class GuardCounters:
    """By direction, `request` or `answer`: how often it said what."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()


@frozen
class Asked:
    """Whose texts they are. model: what was asked. key: of the client; None: it has none of its own."""

    model: str
    key: str | None
    deadline: float | None
    trace: Trace


class Guard:
    """A guard of the gateway. request, answer: its functions."""

    def __init__(self, plan: GuardPlan, request: Extern | None, answer: Extern | None) -> None:
        self.plan = plan
        self.counters = GuardCounters()
        self._externs = {"request": request, "answer": answer}

    def looks_at(self, direction: str) -> bool:
        """Whether it sees requests, or answers."""
        return self._externs[direction] is not None

    def refuse_unread(self, direction: str, asked: Asked) -> None:
        """There is something that holds no text. Raises GuardRefused where that is not to pass."""
        if self.plan.unreadable is GuardAction.PASS:
            return
        what = "request" if direction == "request" else "answer"
        self._refuse(direction, f"the {what} holds something that is no text, and cannot be looked at", asked)

    def refuse_renaming(self, name: str, asked: Asked) -> None:
        """It would call something else what is known by `name`. Raises GuardRefused."""
        self._refuse("request", f"it may not hold the name `{name}`, and names are not exchanged", asked)

    def give_up(self, direction: str, why: str, asked: Asked) -> None:
        """It cannot be asked. Raises GuardFailed, whatever is to happen when its function fails."""
        self._note(direction, FAILED, asked, f": {why}")
        raise GuardFailed(f"the guard `{self.plan.name}` {why}: nothing passes")

    async def see(self, direction: str, texts: Sequence[str], said: str, asked: Asked) -> list[str]:
        """What becomes of `texts`. said: what the client was told already. Raises RequestError."""
        extern = self._externs[direction]
        assert extern is not None
        try:
            verdict = await self._ask(extern, texts, said, asked)
            seen, reason = _read(verdict, texts)
        except ExternFailed as error:
            self._note(direction, FAILED, asked, f": {error.message}")
            log.warning("guard `%s`: %s", self.plan.name, error.message)
            if self.plan.on_failure is GuardAction.PASS:
                return list(texts)
            raise GuardFailed(f"the guard `{self.plan.name}` failed: nothing passes") from None
        if reason is not None:
            self._refuse(direction, reason, asked)
        is_same = seen == list(texts)
        self._note(direction, PASSED if is_same else CHANGED, asked)
        return seen

    async def _ask(self, extern: Extern, texts: Sequence[str], said: str, asked: Asked) -> Any:
        """Raises ExternFailed, also when it takes too long."""
        told = {"texts": list(texts), "model": asked.model, "key": asked.key, "said": said[-LONGEST_SAID:]}
        given = {each.name: told[each.name] for each in extern.plan.parameters}
        now = asyncio.get_running_loop().time()
        until = now + extern.plan.timeout
        if asked.deadline is not None:
            until = min(until, asked.deadline)
        try:
            async with asyncio.timeout_at(until):
                return await extern(given, until)
        except TimeoutError:
            pass
        except RequestTimeout:
            pass
        except ExternFailed:
            raise
        except RequestError as error:
            raise ExternFailed(error.message) from None
        raise ExternFailed(f"extern `{extern.plan.extern}` took longer than {until - now:.3g} s")

    def _refuse(self, direction: str, reason: str, asked: Asked) -> None:
        self._note(direction, REFUSED, asked)
        what = "this request" if direction == "request" else "this answer"
        because = f": {reason[:LONGEST_REASON]}" if reason else ""
        raise GuardRefused(f"the guard `{self.plan.name}` refuses {what}{because}")

    def _note(self, direction: str, outcome: str, asked: Asked, why: str = "") -> None:
        self.counters.outcomes[direction, outcome] += 1
        if outcome != PASSED:
            now = asyncio.get_running_loop().time()
            asked.trace.note(now, f"the guard `{self.plan.name}` {outcome} the {direction}{why}")


def _read(verdict: Any, texts: Sequence[str]) -> tuple[list[str], str | None]:
    """The texts as they go on, and why they do not. Raises ExternFailed."""
    changed: Any = None
    reason: str | None = None
    match verdict:
        case bool():
            reason = None if verdict else ""
        case str():
            reason = verdict
        case list():
            changed = verdict
        case dict():
            changed, reason = verdict.get("texts"), verdict.get("refuse")
    if changed is None:
        return list(texts), reason
    if len(changed) != len(texts):
        raise ExternFailed(f"gave {len(changed)} texts for {len(texts)}")
    return list(changed), reason
