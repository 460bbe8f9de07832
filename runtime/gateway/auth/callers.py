"""Who calls: found by the secret that a request shows."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path

from aiohttp import hdrs

from ....compiler.plan import KeyPlan, KeySecret, SecretSource, read_moment
from ....compiler.plan.record import frozen
from ...concurrency.tasks import repeated
from ...issued_keys.file import BrokenKeys, IssuedKey, path_of, read_keys
from ...issued_keys.redis import SharedKeys
from ...regular_file import stamp
from ...requests.errors import StartError, Unauthorized
from ...secrets.secret import LOOK_EVERY, LiveSecret, Secret, read_secret
from .web_tokens import WebTokens

log = logging.getLogger(__name__)

LONGEST_SECRET = 16384


class Shown:
    """What a client shows to be let in, perhaps nothing, and its hash, once that is asked for."""

    __slots__ = ("digest", "secret")

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.digest: bytes | None = None


def shown_in(headers: Mapping[str, str]) -> str:
    """What a request shows, as OpenAI's clients do it, Anthropic's or Azure's; empty for nothing."""
    scheme, _, shown = headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    shown = shown.strip() if scheme.lower() == "bearer" else ""
    return shown or headers.get("x-api-key", "") or headers.get("api-key", "")


def not_accepted(shown: Shown) -> Unauthorized:
    """The error of a request that shows nothing, or nothing that lets it in."""
    what = "this token is not accepted" if shown.secret else "a token is needed"
    return Unauthorized(f"{what}: send the header `Authorization: Bearer …`", code="invalid_api_key")


class BearerToken:
    """The token that lets a client in; one from a file follows that file."""

    def __init__(self, token: Secret | LiveSecret) -> None:
        self._token = token

    def fits(self, shown: Shown) -> bool:
        """Whether `shown` is the token."""
        return hmac.compare_digest(shown.secret.encode("utf-8", "surrogateescape"), self._expected())

    def _expected(self) -> bytes:
        token = self._token
        if isinstance(token, LiveSecret):
            token.look(asyncio.get_running_loop().time())
            token = token.secret
        return token.reveal().encode()


@frozen
class Held:
    """What is behind a secret: a key of the file, and whose it is, if it was made for somebody.

    until: seconds since 1970; None: for ever.
    """

    name: str
    until: float | None = None
    person: str = ""


class Keys:
    """The keys of a gateway, found by the hash of what a request shows.

    The time of a look-up says nothing about secrets: nobody can choose a hash. Those that were made for
    people are followed, too, as their file changes. tokens: those that others sign. shared: keys for people
    that other machines accept, too. Raises StartError.
    """

    def __init__(
        self,
        plans: Sequence[KeyPlan],
        base_dir: Path,
        tokens: WebTokens | None = None,
        shared: SharedKeys | None = None,
    ) -> None:
        self._shared = shared
        self._shared_version: str | None = None
        self._shared_issued: list[IssuedKey] = []
        self._shared_is_lost = False
        self.tokens = tokens
        self._names = {plan.name: _seconds(plan.expires) for plan in plans}
        self._issued_at = path_of(base_dir)
        self._issued_seen = stamp(self._issued_at)
        self._issued: list[IssuedKey] = []
        self._live: list[tuple[KeyPlan, LiveSecret]] = []
        self._hashes: list[tuple[KeyPlan, bytes]] = []
        self._next_look = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        problems: list[str] = []
        for plan in plans:
            for ref in plan.secret:
                if ref.source is SecretSource.HASH:
                    self._hashes.append((plan, bytes.fromhex(ref.name.partition(":")[2])))
                    continue
                owner = f"key `{plan.name}`"
                try:
                    read = _reader(ref, base_dir, owner)
                    self._live.append((plan, LiveSecret(ref, base_dir, read)))
                except StartError as error:
                    problems += error.problems
        try:
            self._issued = read_keys(self._issued_at)
        except BrokenKeys as error:
            problems.append(str(error))
        self._table, twice = self._index()
        if problems or twice:
            raise StartError(*problems, *twice)

    def find(self, shown: Shown) -> Held | None:
        """The key that `shown` is a secret of. Raises Unauthorized where it has expired."""
        if not shown.secret or len(shown.secret) > LONGEST_SECRET:
            return None
        self._look()
        if (digest := shown.digest) is None:
            digest = shown.digest = digest_of(shown.secret)
        held = self._table.get(digest)
        if held is None:
            found = self.tokens.find(shown.secret) if self.tokens is not None else None
            return None if found is None else Held(*found)
        if held.until is not None and time.time() >= held.until:
            whose = f" of {held.person}" if held.person else ""
            raise Unauthorized(f"the key `{held.name}`{whose} has expired", code="expired_api_key")
        return held

    async def look_again(self) -> None:
        """Follow what has changed at once."""
        self._next_look = 0.0
        self._look()
        await self.refresh()

    async def refresh(self) -> None:
        """Follow the keys that are shared with other machines; those from before hold while they cannot be
        read."""
        shared = self._shared
        if shared is None:
            return
        try:
            version = await asyncio.to_thread(shared.version)
            if version != self._shared_version:
                self._shared_issued = await asyncio.to_thread(shared.read)
                self._shared_version = version
                self._table, _ = self._index()
        except BrokenKeys as error:
            if not self._shared_is_lost:
                log.error("%s; the keys from before stay in use", error)
            self._shared_is_lost = True
            return
        if self._shared_is_lost:
            log.warning("the keys of the Redis server can be read again")
        self._shared_is_lost = False

    def _look(self) -> None:
        """Follow files whose contents have changed."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # remembered, because asking for it takes a system call
        now = self._loop.time()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY
        changed = [plan for plan, live in self._live if live.look(now)]
        if self._look_at_issued() or changed:
            self._table, _ = self._index()

    def _look_at_issued(self) -> bool:
        """Whether keys for people were made or revoked."""
        state = stamp(self._issued_at)
        if state == self._issued_seen:
            return False
        self._issued_seen = state
        try:
            self._issued = read_keys(self._issued_at)
        except BrokenKeys as error:
            log.error("%s; the keys from before stay in use", error)
            return False
        return True

    def _index(self) -> tuple[Mapping[bytes, Held], list[str]]:
        """The keys by hash, and what is wrong with them."""
        table: dict[bytes, Held] = {}
        problems: list[str] = []
        hashes = [(plan, digest_of(live.secret.reveal())) for plan, live in self._live]
        for plan, digest in (*self._hashes, *hashes):
            first = table.setdefault(digest, Held(plan.name, _seconds(plan.expires)))
            if first.name != plan.name:
                problems.append(f"key `{plan.name}`: its secret is that of the key `{first.name}`, too")
        for key in (*self._issued, *self._shared_issued):
            if key.of in self._names:
                ends = [each for each in (self._names[key.of], key.until()) if each is not None]
                held = Held(key.of, min(ends, default=None), key.person)
                table.setdefault(bytes.fromhex(key.sha256), held)
        return table, problems


def following_keys(current: Callable[[], Keys | None]) -> AbstractAsyncContextManager[None]:
    """While the block runs, follow the `current` keys that other machines accept, too."""

    async def look() -> None:
        keys = current()
        if keys is not None:
            await keys.refresh()

    return repeated(look, LOOK_EVERY, "keys for people")


def digest_of(secret: str) -> bytes:
    """What is kept of a secret. Keys are random and long, so that a fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _reader(ref: KeySecret, base_dir: Path, owner: str) -> Callable[[], Secret]:
    return lambda: read_secret(ref, base_dir, owner)


def _seconds(expires: str | None) -> float | None:
    moment: datetime | None = read_moment(expires) if expires is not None else None
    return moment.timestamp() if moment is not None else None
