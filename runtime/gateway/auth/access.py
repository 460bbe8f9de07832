"""What lets clients in: the token, keys and certificate of a gateway, read as its plan says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from ....compiler.plan import Plan, SecretRef
from ....compiler.plan.record import frozen
from ...executor import Executor
from ...issued_keys.file import BrokenKeys
from ...issued_keys.redis import SharedKeys
from ...limits.store import is_on_redis
from ...requests.errors import StartError
from ...secrets.secret import LiveSecret, read_secret
from .callers import Keys
from .tls import Certificate
from .web_tokens import WebTokens

T = TypeVar("T")


@frozen
class Access:
    """How clients come in: the token and the keys that they show, and the certificate that they are shown."""

    token: LiveSecret | None
    keys: Keys | None
    certificate: Certificate | None

    @property
    def tls(self) -> ssl.SSLContext | None:
        return None if self.certificate is None else self.certificate.context


def _shared_keys(executor: Executor, plan: Plan) -> SharedKeys | None:
    """The keys for people of all machines that share the state, if several may. Raises StartError."""
    state = executor.state_at
    if not is_on_redis(state):
        return None
    try:
        return SharedKeys(str(state), plan.state.name)
    except BrokenKeys as error:
        raise StartError(str(error)) from None


async def read_access(plan: Plan, executor: Executor) -> Access:
    """What lets clients in. Raises StartError with all problems."""
    gateway = plan.gateway
    problems: list[str] = []
    base_dir = executor.base_dir

    def read(what: Callable[[], T]) -> T | None:
        try:
            return what()
        except StartError as error:
            problems.extend(error.problems)
            return None

    async def reading(what: Callable[[], T], refs: Iterable[SecretRef]) -> T | None:
        """The same, on a thread where somebody else is asked."""
        is_fetched = any(ref.source.is_fetched for ref in refs)
        return await asyncio.to_thread(read, what) if is_fetched else read(what)

    auth, tls = gateway.auth, gateway.tls
    token = keys = certificate = None
    if auth is not None:
        key = partial(read_secret, auth, base_dir, "gateway")
        token = await reading(lambda: LiveSecret(auth, base_dir, key), (auth,))
    if gateway.keys:
        names = frozenset(key.name for key in gateway.keys)
        tokens = WebTokens(gateway.jwt, names) if gateway.jwt is not None else None
        refs = (ref for each in gateway.keys for ref in each.secret)
        keys = await reading(lambda: Keys(gateway.keys, base_dir, tokens, _shared_keys(executor, plan)), refs)
        if keys is not None:
            await keys.refresh()
        if tokens is not None:
            try:
                await tokens.load()
            except StartError as error:
                problems += error.problems
    if tls is not None:
        certificate = read(lambda: Certificate(tls, base_dir))
    if problems:
        raise StartError(*problems)
    return Access(token, keys, certificate)
