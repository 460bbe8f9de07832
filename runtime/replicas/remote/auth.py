"""How a request shows its credential: one header, made anew when the credential changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from attrs import field, frozen
from multidict import CIMultiDict

from ....compiler.plan import AuthScheme, RemotePoolPlan, ReplicaPlacement
from ...secret import LiveSecret, Secret, read_secret

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
    """What one request shows. secret: what its errors must not quote; None without a credential."""

    headers: Mapping[str, str] = field(factory=dict, repr=False)
    secret: Secret | None = None

    @classmethod
    def of(cls, scheme: AuthScheme, secret: Secret) -> Authorization:
        """The authorization that shows a key or an access token."""
        name, prefix = _HEADERS[scheme]
        return cls(CIMultiDict({name: prefix + secret.reveal()}), secret)  # aiohttp copies any other mapping


class Authorizer(Protocol):
    """The credential of one replica, kept up to date."""

    async def start(self) -> None:
        """Read the credential. Raises StartError."""

    async def stop(self) -> None:
        """Give everything back. Safe to call twice, and after a failed start."""

    async def authorize(self) -> Authorization:
        """What the next request shows. Raises RequestError."""
        ...

    async def refused(self, used: Authorization) -> bool:
        """The provider did not accept `used`: renew it; whether trying once more makes sense."""
        ...


def make_authorizer(plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> Authorizer:
    """The authorizer of one replica: the keys of a list go round, one to each.

    base_dir: where secret files are looked up.
    """
    if plan.auth is AuthScheme.GOOGLE_OAUTH:
        from .google_auth import GoogleAuthorizer

        return GoogleAuthorizer(plan, base_dir)
    return KeyAuthorizer(plan, placement, base_dir) if plan.api_key else NoAuthorizer()


class NoAuthorizer:
    """For servers that want no credential."""

    def __init__(self) -> None:
        self._nothing = Authorization()

    async def start(self) -> None:
        """There is nothing to read."""

    async def stop(self) -> None:
        """Nothing is held."""

    async def authorize(self) -> Authorization:
        return self._nothing

    async def refused(self, used: Authorization) -> bool:
        return False


class KeyAuthorizer:
    """A key from the environment or a file, read again when the file changes or the key is refused."""

    def __init__(self, plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> None:
        self._scheme = plan.auth
        self._ref = plan.api_key[placement.replica_index % len(plan.api_key)]
        self._base_dir = base_dir
        self._read = partial(read_secret, self._ref, base_dir, f"deployment `{plan.deployment}`")
        self._renew_at = 0.0

    async def start(self) -> None:
        self._key = LiveSecret(self._ref, self._base_dir, self._read)
        self._current = Authorization.of(self._scheme, self._key.secret)

    async def stop(self) -> None:
        """Nothing is held."""

    async def authorize(self) -> Authorization:
        if self._key.may_change and self._key.look(asyncio.get_running_loop().time()):
            self._renew()
        return self._current

    async def refused(self, used: Authorization) -> bool:
        if used is self._current and self._key.read_again():
            self._renew()
        if used is not self._current:
            return True
        now = asyncio.get_running_loop().time()
        if now < self._renew_at:
            return False
        self._renew_at = now + RENEW_EVERY
        self._renew()
        return True

    def _renew(self) -> None:
        self._current = Authorization.of(self._scheme, self._key.secret)
