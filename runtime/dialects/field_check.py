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


@frozen
class FieldCheck:
    """Holds the requests of one deployment against the fields that its wire knows; all others are refused.

    who: whose provider it is, for messages: "anthropic (deployment `claude`)".
    """

    table: Mapping[str, Handling]
    who: str
    _told: set[str] = field(factory=set, init=False)

    def check(self, body: Mapping[str, Any]) -> None:
        """Go through the fields of `body`; null asks for nothing. Raises BadRequest."""
        for name, value in body.items():
            handling = self.table.get(name, _UNKNOWN)
            if value is None or isinstance(handling, Sent):
                continue
            if isinstance(handling, Dropped):
                if name not in self._told:
                    self._told.add(name)
                    log.info("%s: `%s` is left out of requests: %s", self.who, name, handling.why)
            elif not _asks_for_nothing(value, handling):
                message = f"{self.who} cannot take `{name}`: {handling.why}"
                raise Incapable(message, param=name, code="unsupported")


def _asks_for_nothing(value: object, handling: Refused) -> bool:
    return any(value == neutral and type(value) is type(neutral) for neutral in handling.neutral)
