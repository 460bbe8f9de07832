"""What becomes of each field of a chat request on a wire that is not OpenAI's: said in one table per wire."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from attrs import field

from ...compiler.plan.record import frozen
from ..requests.errors import Incapable

log = logging.getLogger(__name__)


@frozen
class Sent:
    """The provider gets it, in its own words."""


@frozen
class Dropped:
    """The provider gets nothing of it, and the answer is still what was asked for; the log says so once."""

    why: str


@frozen
class Refused:
    """The request is answered with 400, unless the value asks for nothing."""

    why: str
    neutral: tuple[object, ...] = ()


Handling = Sent | Dropped | Refused

SENT = Sent()

_UNKNOWN = Refused("no field of that name is known here")
_MOST_TOLD = 256
"""Names that are logged: clients may make up any number."""


@frozen
class FieldCheck:
    """Holds the requests of one deployment against the fields that its wire knows; all others are refused.

    who: whose provider it is, for messages: "anthropic (deployment `claude`)". drop: what would be refused is
    left out instead.
    """

    table: Mapping[str, Handling]
    who: str
    drop: bool = False
    _told: set[str] = field(factory=set, init=False)

    def check(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Go through the fields of `body`, and give the names of those that are left out; null asks for
        nothing. Raises Incapable."""
        left_out: list[str] = []
        for name, value in body.items():
            handling = self.table.get(name, _UNKNOWN)
            if value is None or isinstance(handling, Sent):
                continue
            if isinstance(handling, Refused):
                if _asks_for_nothing(value, handling):
                    continue
                if not self.drop:
                    message = f"{self.who} cannot take `{name}`: {handling.why}"
                    raise Incapable(message, param=name, code="unsupported")
            left_out.append(name)
            if name not in self._told and len(self._told) < _MOST_TOLD:
                self._told.add(name)
                log.info("%s: `%s` is left out of requests: %s", self.who, name, handling.why)
        return tuple(left_out)


def _asks_for_nothing(value: object, handling: Refused) -> bool:
    return any(value == neutral and type(value) is type(neutral) for neutral in handling.neutral)
