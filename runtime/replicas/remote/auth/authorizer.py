"""What shows the credential of one replica: the interface, and what one request shows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from attrs import field
from multidict import CIMultiDict

from .....compiler.plan import AuthScheme
from .....compiler.plan.record import frozen
from ....secrets.secret import Secret

RENEW_EVERY = 60.0
"""Seconds between two renewals of a credential that was refused and whose source stayed the same."""


_HEADERS: dict[AuthScheme, tuple[str, str]] = {
    AuthScheme.BEARER: ("Authorization", "Bearer "),
    AuthScheme.GOOGLE_OAUTH: ("Authorization", "Bearer "),
    AuthScheme.API_KEY: ("api-key", ""),
    AuthScheme.X_API_KEY: ("x-api-key", ""),
    AuthScheme.X_GOOG_API_KEY: ("x-goog-api-key", ""),
}


@frozen(eq=False)
class Authorization:
    """What one request shows. secret: what its errors must not quote; None without a credential.

    sign: the headers that show it for one URL, body and type of that, where they are signed.
    """

    headers: Mapping[str, str] = field(factory=dict, repr=False)
    secret: Secret | None = None
    sign: Callable[[str, bytes, str], Mapping[str, str]] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, scheme: AuthScheme, secret: Secret, beside: Mapping[str, str] | None = None) -> Authorization:
        """The authorization that shows a key or an access token. beside: further headers."""
        name, prefix = _HEADERS[scheme]
        shown = {name: prefix + secret.reveal(), **(beside or {})}
        return cls(CIMultiDict(shown), secret)  # aiohttp copies any other mapping


class Authorizer(Protocol):
    """The credential of one replica, kept up to date."""

    async def start(self) -> None:
        """Read the credential. Raises StartError."""

    async def stop(self) -> None:
        """Give everything back. Safe to call twice, and after a failed start."""

    def version(self) -> int:
        """How often the credential has changed; looks whether its source has, at a price for each request."""
        ...

    def authorize(self) -> Authorization | Coroutine[Any, Any, Authorization]:
        """What the next request shows; awaited where it may have to be asked for. Raises RequestError."""
        ...

    async def refused(self, used: Authorization) -> bool:
        """The provider did not accept `used`: renew it; whether trying once more makes sense."""
        ...
