"""What the headers of a request say to the gateway: read once where a connection sends the same again."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from multidict import istr

from ...compiler.plan.late_pattern import late_pattern
from ..requests.trace_context import TRACEPARENT, is_traceparent
from .auth import Shown, shown_in
from .bodies import DEADLINE_HEADER
from .browsers import BrowserRules

REQUEST_ID_HEADER = "x-request-id"

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
    known = request._protocol.heads  # type: ignore[attr-defined]  # of our own `Connection`
    if known is None or known.message is not request._message:
        return Head(request.headers)
    if known.said is None:
        known.said = Head(request.headers)
    head: Head = known.said
    return head
