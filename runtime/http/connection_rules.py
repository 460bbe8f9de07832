"""How the connections of clients are treated, as an application says it, and how many there may be."""

from __future__ import annotations

import sys
from collections.abc import Callable

from aiohttp import web
from attrs import field

from ...compiler.plan.record import frozen
from ..requests.errors import RequestError
from .known_heads import MAX_KNOWN_BODY

if sys.platform != "win32":
    import resource

_OTHERS = 64
"""Files and connections that are not of clients, at least."""


def _most_connections() -> int:
    """Those of clients, so that some of what may be open is left for providers, stores and files."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return sys.maxsize
    return files - max(files // 4, min(files // 2, _OTHERS))


@frozen
class ConnectionRules:
    """How connections are treated. Times are in seconds.

    header: from connecting, or the first byte of a later request, to the end of its headers. write: while
    the client takes nothing. idle: between two requests. refuse: makes an answer of an error that the
    application does not see; None: aiohttp does, in plain text. unpack: whether the application gets bodies
    with a `Content-Encoding` unpacked. max_body: bytes of a body above which the application refuses it by
    its head. plain: paths are looked up once, and answers in one piece are sent as they are, past the signals
    of the application.
    """

    header: float = 10.0
    write: float = 10.0
    idle: float = 75.0
    refuse: Callable[[RequestError], web.Response] | None = None
    unpack: bool = True
    max_body: int = MAX_KNOWN_BODY
    plain: bool = False
    most: int = field(factory=_most_connections)


RULES: web.AppKey[ConnectionRules] = web.AppKey("connection_rules", ConnectionRules)
"""Where an application says how its connections are treated."""
