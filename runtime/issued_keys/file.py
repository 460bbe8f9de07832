"""Keys made for people with `inferc key new`: their hashes, in a file beside the one that is served."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
from attrs import asdict, evolve

from ...compiler.plan.record import frozen
from ..regular_file import read_regular

if sys.platform != "win32":
    import fcntl

PREFIX = "sk-inferc-"
LARGEST = 16 << 20
"""Bytes of the file."""
MOST = 50_000
"""Keys that may have been made, those that are revoked included."""


class BrokenKeys(Exception):
    """The file of keys cannot be used; the message says why."""


@frozen
class IssuedKey:
    """One of them. of: the key of the file whose models, limits and budget hold. person: whose it is.

    Times are as in RFC 3339.
    """

    id: str
    of: str
    person: str
    sha256: str
    created: str
    expires: str | None = None
    revoked: str | None = None

    def until(self) -> float | None:
        """When it ends, in seconds since 1970; None: never."""
        ends = [datetime.fromisoformat(each).timestamp() for each in (self.expires, self.revoked) if each]
        return min(ends, default=None)


def path_of(base_dir: Path) -> Path:
    """Where the keys of the file in that folder are."""
    return base_dir / ".inferc" / "keys.json"


class FileKeys:
    """Those beside the file in a folder."""

    def __init__(self, base_dir: Path) -> None:
        self._path = path_of(base_dir)

    def read(self) -> list[IssuedKey]:
        """Those that were made. Raises BrokenKeys."""
        return read_keys(self._path)

    def change(self, change: Callable[[list[IssuedKey]], Sequence[IssuedKey]]) -> None:
        """As `change_keys`."""
        change_keys(self._path, change)


def read_keys(path: Path) -> list[IssuedKey]:
    """Those that were made; none where there is no file. Raises BrokenKeys."""
    try:
        data = read_regular(path, LARGEST)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BrokenKeys(f"{path} cannot be read: {error.strerror}") from None
    return keys_in(data, str(path))


def keys_in(text: str | bytes, where: str) -> list[IssuedKey]:
    """The keys that `text` holds. Raises BrokenKeys."""
    try:
        keys = [IssuedKey(**each) for each in orjson.loads(text)["keys"]]
        for key in keys:
            bytes.fromhex(key.sha256)
            key.until()
        return keys
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BrokenKeys(f"{where} holds no keys: {type(error).__name__}: {error}") from None


def text_of(keys: Sequence[IssuedKey]) -> str:
    """What `keys_in` reads."""
    return json.dumps({"keys": [asdict(key) for key in keys]}, indent=1)


def change_keys(path: Path, change: Callable[[list[IssuedKey]], Sequence[IssuedKey]]) -> None:
    """Write what `change` makes of the keys, as one step. Raises BrokenKeys, and what `change` raises."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = change(read_keys(path))
            if len(keys) > MOST:
                raise BrokenKeys(f"{path} holds {MOST} keys already")
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as fresh:
                fresh.write(text_of(keys))
            os.replace(fresh.name, path)
    except OSError as error:
        raise BrokenKeys(f"{path} cannot be written: {error.strerror}") from None


def issue(of: str, person: str, expires: datetime | None, now: datetime) -> tuple[IssuedKey, str]:
    """A new key, and its secret, which is kept nowhere."""
    secret = PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    ends = expires.isoformat(timespec="seconds") if expires is not None else None
    return IssuedKey(secrets.token_hex(4), of, person, digest, _moment(now), ends), secret


def revoked(key: IssuedKey, at: datetime) -> IssuedKey:
    """`key`, which is not accepted from then on, or from earlier on where that was said already."""
    moment = _moment(at)
    return evolve(key, revoked=moment if key.revoked is None else min(key.revoked, moment))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
