"""What a web page may do that somebody opens in a browser on a machine from which the gateway is reached.

Such a page can send requests to any address, and the browser says in `Origin` where the page comes from.
Requests of programs have no `Origin`: they are never refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address

from aiohttp import hdrs, web
from multidict import istr

from ....compiler.plan import ANY_ORIGIN, GatewayPlan, is_loopback
from ....compiler.plan.late_pattern import late_pattern
from ...requests.errors import Forbidden

_METHODS = "DELETE, GET, HEAD, POST"
_OURS = ("deployment", "replica", "attempts", "cost", "upstream-request-id", "adapted", "untold", "cache")
_LIMITS, _ABOUT = ("requests", "tokens"), ("limit", "remaining", "reset")
_EXPOSED = ", ".join(
    (
        "Retry-After",
        "x-request-id",
        "request-id",
        "x-should-retry",
        "Inference-Header-Content-Length",
        *(f"x-inferc-{name}" for name in _OURS),
        *(f"x-ratelimit-{name}-{what}" for what in _LIMITS for name in _ABOUT),
        *(f"anthropic-ratelimit-{what}-{name}" for what in _LIMITS for name in _ABOUT),
    )
)
"""The headers of answers that a page may read: browsers want each of them named."""
_MAX_AGE = "600"
_SITE = istr("Sec-Fetch-Site")
_HEADER_NAMES = late_pattern(r"[\w!#$%&'*+.^`|~-]+(\s*,\s*[\w!#$%&'*+.^`|~-]+)*", re.ASCII)


class ForbiddenOrigin(Forbidden):
    """A web page sent the request, and none of those that `cors` names."""

    code = "forbidden_origin"


class ForbiddenHost(Forbidden):
    """The request was sent to a name that is not this machine's."""

    code = "forbidden_host"


class BrowserRules:
    """Which requests of web pages are answered, and the headers that let those pages read the answers."""

    def __init__(self, gateway: GatewayPlan, has_token: bool) -> None:
        self._origins = frozenset(gateway.cors.origins)
        self.lets_pages_call = bool(self._origins)
        """Whether `cors` names any page."""
        self._local_only = is_loopback(gateway.host) and not has_token and not gateway.open

    def admit(self, request: web.Request) -> None:
        """Raises ForbiddenOrigin, ForbiddenHost."""
        headers = request.headers
        host = headers.get(hdrs.HOST, "")
        if self._local_only and not _is_local(host):
            raise ForbiddenHost(
                "only this machine may call, by `localhost` or its address, and not by another name: ask for "
                "a token with `gateway { auth = … }`, or say `auth = none` if everyone may call"
            )
        origin = headers.get(hdrs.ORIGIN)
        if origin is None:
            is_foreign = request.method == "POST" and headers.get(_SITE) in (
                "cross-site",
                "same-site",
            )
        else:
            is_foreign = origin.partition("://")[2] != host and not self._is_named(origin)
        if is_foreign:
            raise ForbiddenOrigin(
                "web pages may not call, but those that `gateway { cors { origins = […] } }` names"
            )

    def answer_headers(self, request: web.Request) -> Mapping[str, str]:
        """What an answer says to the browser."""
        origin = request.headers.get("Origin")
        if origin is None or not self._is_named(origin):
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED,
        }

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that asks whether a page may send a request; None: it asks nothing such."""
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        self.admit(request)
        headers = {"Access-Control-Allow-Methods": _METHODS, "Access-Control-Max-Age": _MAX_AGE}
        wanted = request.headers.get("Access-Control-Request-Headers", "")
        if _HEADER_NAMES.fullmatch(wanted):
            headers["Access-Control-Allow-Headers"] = wanted
        return web.Response(status=204, headers=headers)

    def _is_named(self, origin: str) -> bool:
        return origin in self._origins or ANY_ORIGIN in self._origins


@lru_cache(maxsize=64)
def _is_local(host: str) -> bool:
    """Whether the header `Host` names this machine, or an address.

    Somebody may let a name of theirs stand for the address of this machine, so that a page of theirs counts
    as one of this server. Such a name has a dot: those without one are given to nobody on the internet.
    """
    named = re.fullmatch(r"\[([^\]]*)\](?::\d*)?|([^:]*)(?::\d*)?", host)
    if named is None:
        return False
    name = named[1] or named[2] or ""
    return "." not in name.rstrip(".") or is_loopback(name) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
