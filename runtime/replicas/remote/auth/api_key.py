"""How a request shows its credential: one header, made anew when the credential changes."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from .....compiler.plan import AuthScheme, RemotePoolPlan, ReplicaPlacement
from ....secrets.secret import LiveSecret, read_secret
from .authorizer import Authorization, Authorizer
from .expiring_token import TokenAuthorizer


def make_authorizer(plan: RemotePoolPlan, placement: ReplicaPlacement, base_dir: Path) -> Authorizer:
    """The authorizer of one replica: the keys of a list go round, one to each.

    base_dir: where secret files are looked up.
    """
    if plan.auth is AuthScheme.GOOGLE_OAUTH:
        from .google import GoogleTokens

        return TokenAuthorizer(plan, GoogleTokens(plan, base_dir))
    if plan.identity is not None:
        from .workload_identity import ExchangedTokens

        return TokenAuthorizer(
            plan, ExchangedTokens(plan, plan.identity, base_dir), plan.identity.request_headers
        )
    if plan.auth is AuthScheme.AWS_SIGV4:
        from .aws import AwsAuthorizer

        return AwsAuthorizer(plan, base_dir)
    return KeyAuthorizer(plan, placement, base_dir) if plan.api_key else NoAuthorizer()


class NoAuthorizer:
    """For servers that want no credential."""

    def __init__(self) -> None:
        self._nothing = Authorization()

    async def start(self) -> None:
        """There is nothing to read."""

    async def stop(self) -> None:
        """Nothing is held."""

    def version(self) -> int:
        return 0

    def authorize(self) -> Authorization:
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
        self._version = 0

    async def start(self) -> None:
        self._key = await LiveSecret.opened(self._ref, self._base_dir, self._read)
        self._current = Authorization.of(self._scheme, self._key.secret)

    async def stop(self) -> None:
        """Nothing is held."""

    def version(self) -> int:
        if self._key.may_change:
            self._follow()
        return self._version

    def authorize(self) -> Authorization:
        if self._key.may_change:  # most never do
            self._follow()
        return self._current

    async def refused(self, used: Authorization) -> bool:
        if used is self._current and self._key.read_again():
            self._changed()
        return used is not self._current  # the same key again would be refused again

    def _follow(self) -> None:
        if self._key.look(asyncio.get_running_loop().time()):
            self._changed()

    def _changed(self) -> None:
        self._version += 1
        self._current = Authorization.of(self._scheme, self._key.secret)
