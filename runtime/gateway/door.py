"""Who may come in at which path, what a web page is told about it, and whether the door is closing."""

from __future__ import annotations

from enum import Enum

from aiohttp import web

from ...compiler.plan import GatewayPlan
from ..requests.errors import Forbidden, Unauthorized
from ..secrets.secret import LiveSecret, Secret
from .auth.browsers import BrowserRules
from .auth.callers import BearerToken, Held, Keys, Shown, not_accepted
from .auth.web_tokens import WebTokens
from .exchange import EXCHANGE, Exchange
from .incoming.head import Head, head_of
from .outgoing.answers import tell_own_limits
from .status import answer_health, answer_readiness, health_of
from .telemetry.request_records import RECORDS


class Audience(Enum):
    """Who may ask at a path: everyone, who has a key, or who may see how everybody's requests are."""

    EVERYONE, KEYS, OPERATOR = range(3)


EVERYONE, KEYS, OPERATOR = Audience


class Door:
    """Who may come in: clients with the token or a key, and web pages that `cors` names."""

    def __init__(self, gateway: GatewayPlan, token: Secret | LiveSecret | None, keys: Keys | None) -> None:
        self.take_over(gateway, token, keys)
        self.is_closing = False
        """Whether the server is about to stop: clients are asked to come back elsewhere."""

    def take_over(self, gateway: GatewayPlan, token: Secret | LiveSecret | None, keys: Keys | None) -> None:
        """These may come in from now on."""
        self.token = BearerToken(token) if token else None
        self.keys = keys
        self.is_open = self.token is None and keys is None
        """Whether everyone may ask for everything."""
        self.browsers = BrowserRules(gateway, token is not None or keys is not None)

    def admit(self, request: web.Request, audience: Audience, head: Head) -> Held | None:
        """The key that the request comes with; None: it may ask for everything that `audience` lets
        it ask. Raises Forbidden, Unauthorized.
        """
        if head.let_in_by is not self.browsers:
            self.browsers.admit(request)
            head.let_in_by = self.browsers
        return self.known(head, audience)

    def admit_operator(self, request: web.Request) -> None:
        """Whether who asks may see everybody's requests. Raises Forbidden, Unauthorized."""
        self.admit(request, OPERATOR, head_of(request))

    def known(self, shown: Shown, audience: Audience) -> Held | None:
        """The same for what a client shows. Raises Forbidden, Unauthorized."""
        if self.is_open or audience is EVERYONE:
            return None
        if self.token is not None and self.token.fits(shown):
            return None
        held = self.keys.find(shown) if self.keys is not None else None
        if held is None:
            raise not_accepted(shown)
        if audience is OPERATOR:
            raise Forbidden(
                "this shows the requests of all keys: it needs the token of `gateway { auth = … }`"
            )
        return held

    @property
    def tokens(self) -> WebTokens | None:
        """Those that others sign, if they are accepted."""
        return self.keys.tokens if self.keys is not None else None

    async def answer_ready(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """`GET /readyz`: whether requests may be sent here: not while it starts, nor before it stops."""
        return answer_readiness(request, exchange.executor, is_closing=self.is_closing)

    async def answer_health(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """Everyone may ask whether all is well; how each deployment is, only who may see that."""
        try:
            self.admit_operator(request)
        except (Unauthorized, Forbidden):
            return answer_health(request, exchange.executor)
        siblings = request.app[RECORDS].siblings
        found = health_of(request.app, exchange.executor) if siblings is None else await siblings.status()
        return answer_health(request, exchange.executor, found)

    async def tell_stream(self, request: web.Request, response: web.StreamResponse) -> None:
        """The same, when an answer begins that aiohttp sends."""
        if not isinstance(response, web.Response):
            self.tell(request, response, request.get(EXCHANGE))

    def tell(self, request: web.Request, response: web.StreamResponse, exchange: Exchange | None) -> None:
        """Add to `response` what lets a page read it, what is left of the limits of its key, and whether
        another request may follow."""
        if self.browsers.lets_pages_call:
            response.headers.update(self.browsers.answer_headers(request))
        if exchange is not None and exchange.key is not None and exchange.key.limiter is not None:
            left = exchange.key.limiter.left(exchange.loop.time())
            tell_own_limits(response, left, exchange.ids, exchange.trace)
        if self.is_closing:
            response.headers["Connection"] = "close"
            response.force_close()


DOOR: web.AppKey[Door] = web.AppKey("door", Door)
