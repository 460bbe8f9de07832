"""What the headers of a request say to the gateway: read once where a connection sends the same again."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web
from multidict import istr

from ....compiler.plan.late_pattern import late_pattern
from ...requests.call import MAX_PRIORITY
from ...requests.errors import BadRequest
from ...requests.trace_context import TRACEPARENT, is_traceparent
from ..auth.browsers import BrowserRules
from ..auth.callers import Shown, shown_in

REQUEST_ID_HEADER = "x-request-id"
PRIORITY_HEADER = istr("x-inferc-priority")
DEADLINE_HEADER = istr("x-inferc-deadline")
LONGEST_DEADLINE = 86400.0

_ID, _TRACEPARENT = istr(REQUEST_ID_HEADER), istr(TRACEPARENT)
_CLIENTS_ID = late_pattern(r"[!-~]{1,128}")


class Head(Shown):
    """id: as its client calls the request, if that is short and plain. patience: how long the client waits,
    as it says so. traceparent: of the client's own trace, whatever it is; parent: the same if it names one.
    let_in_by: the rules for web pages that have let it in.
    """

    __slots__ = ("id", "let_in_by", "parent", "patience", "traceparent")

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.secret, self.digest = shown_in(headers), None
        name = headers.get(_ID)
        self.id = name if name is not None and _CLIENTS_ID.fullmatch(name) else None
        self.patience = headers.get(DEADLINE_HEADER)
        self.traceparent = said = headers.get(_TRACEPARENT, "")
        self.parent = said if said and is_traceparent(said) else ""
        self.let_in_by: BrowserRules | None = None


def head_of(request: web.Request) -> Head:
    """That of `request`."""
    heads = request._protocol.heads  # type: ignore[attr-defined]  # of our own `Connection`
    if heads is None or (known := heads.head) is None or known.message is not request._message:
        return Head(request.headers)
    if known.said is None:
        known.said = Head(request.headers)
    head: Head = known.said
    return head


def priority_of(request: web.Request, default: int = 0) -> int:
    """How urgent the request is: `default` where its headers do not say. Raises BadRequest."""
    text = request._headers.get(PRIORITY_HEADER)
    if text is None:
        return default
    try:
        priority = int(text)
    except ValueError:
        priority = MAX_PRIORITY + 1
    if abs(priority) > MAX_PRIORITY:
        allowed = f"a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}"
        raise BadRequest(f"the header `{PRIORITY_HEADER}` must be {allowed}", param=PRIORITY_HEADER)
    return priority


def patience_of(text: str) -> float:
    """Seconds that a client still waits, as its header says it. Raises BadRequest."""
    found = _TIME.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2]] if found is not None else 0.0
    if not 0 < seconds <= LONGEST_DEADLINE:
        allowed = f"a time such as `30s` or `500ms`, up to {LONGEST_DEADLINE:g} s"
        raise BadRequest(f"the header `{DEADLINE_HEADER}` must be {allowed}", param=DEADLINE_HEADER)
    return seconds


_TIME = late_pattern(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
