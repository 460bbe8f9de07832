"""Keys made for people that all machines with the same Redis server accept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...compiler.plan.installing import pip_install
from ..redis_errors import NO_ANSWER, client_at, reason
from .file import LARGEST, MOST, BrokenKeys, IssuedKey, keys_in, text_of

PATIENCE = 2.0
_TRIES = 20
"""Changes of others that one change gives way to."""


class SharedKeys:
    """Those of one name, on the server at `url`. Each call blocks, and raises BrokenKeys."""

    def __init__(self, url: str, name: str) -> None:
        try:
            import redis
        except ImportError:
            raise BrokenKeys(f"keys on a Redis server need redis: {pip_install('redis')}") from None
        self._errors = (redis.exceptions.RedisError, OSError)
        self._conflict = redis.exceptions.WatchError
        try:
            self._client = client_at(
                redis.Redis,
                url,
                decode_responses=True,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
            )
        except ValueError as error:
            raise BrokenKeys(f"the keys cannot be on this server: {error}") from None
        self._where = f"inferc:keys:{{{name}}}"
        self._version = f"{self._where}:version"

    def version(self) -> str:
        """What is another one whenever the keys have changed."""
        with self._asking():
            return str(self._client.get(self._version) or "")

    def read(self) -> list[IssuedKey]:
        """Those that were made."""
        with self._asking():
            if int(self._client.strlen(self._where)) > LARGEST:
                raise BrokenKeys("the keys on the Redis server are too many")
            text = self._client.get(self._where)
        return [] if text is None else keys_in(str(text), "the Redis server")

    def change(self, change: Callable[[list[IssuedKey]], Sequence[IssuedKey]]) -> None:
        """Keep what `change` makes of the keys, as one step; it may be asked again."""
        with self._asking(), self._client.pipeline() as pipeline:
            step: Any = pipeline
            for _ in range(_TRIES):
                try:
                    step.watch(self._where)
                    text = step.get(self._where)
                    keys = change([] if text is None else keys_in(str(text), "the Redis server"))
                    if len(keys) > MOST:
                        raise BrokenKeys(f"there are {MOST} keys already")
                    step.multi()
                    step.set(self._where, text_of(keys))
                    step.incr(self._version)
                    step.execute()
                    return
                except self._conflict:
                    continue
        raise BrokenKeys("the keys are being changed by others all the time: try again")

    def close(self) -> None:
        """Ask nothing more."""
        self._client.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (*self._errors, *NO_ANSWER) as error:
            raise BrokenKeys(f"the Redis server of the keys cannot be used: {reason(error)}") from None
