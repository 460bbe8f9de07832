"""Secrets: read when a plan starts and when their source changes, never shown."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import re
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus
from weakref import WeakSet

from ...compiler.plan import Plan, SecretRef, SecretSource
from ...compiler.plan.reach import values_in
from ..regular_file import read_regular
from ..requests.errors import StartError

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks at the file of a secret."""

FETCH_EVERY = 300.0
"""The same for a secret that somebody else keeps."""

_MOST_BYTES = 1 << 20
"""Of the file of a secret."""

RUN = 8
"""So many characters of a secret in a row are hidden: fewer do not help anyone, and occur in other words."""

_HALF = RUN // 2
"""As many bytes as a number of `array("I")` has."""

SHOWN = "[secret]"
"""What stands for a secret."""

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class Secret:
    """A secret and where it came from. Only `reveal()` gives the value; `str` and `repr` name the origin."""

    __slots__ = ("__weakref__", "_halves", "_runs", "_value", "origin")

    def __init__(self, value: str, origin: str) -> None:
        self._value = value
        self._runs: frozenset[str] | None = None
        self._halves: frozenset[int] = frozenset()  # so many characters in a row of each run, as numbers
        self.origin = origin
        _alive.add(self)

    def reveal(self) -> str:
        return self._value

    def scrub(self, text: str) -> str:
        """`text` without the secret, and without parts of it that are longer than a few characters.

        That goes for the secret as it is, percent-encoded, escaped as in JSON, and in base64, alone or
        behind a user name, in upper and lower case. One that is shorter than such a part is hidden where it
        stands by itself: inside of words it would spoil what is said, and tell nobody anything.
        """
        if len(self._value) < RUN:
            return self._whole.sub(SHOWN, text)
        plain, runs = text.translate(_LOWER), self._parts
        kept: list[str] = []
        shown_from = hidden_to = 0
        for at in range(len(plain) - RUN + 1):
            if plain[at : at + RUN] in runs:
                if at > hidden_to or not kept:
                    kept += (text[shown_from:at], SHOWN)
                shown_from = hidden_to = at + RUN
        return "".join((*kept, text[shown_from:]))

    def is_in(self, text: str) -> bool:
        """Whether `text`, which is ASCII, has something that `scrub` would take out."""
        if len(self._value) < RUN:
            return self._whole.search(text) is not None
        plain = text.lower()
        parts = self._runs or self._parts
        if len(plain) > 2 * RUN and self._halves.isdisjoint(_halves_of(plain)):
            return False  # each part of `plain` has one of these whole in it
        return not parts.isdisjoint([plain[at : at + RUN] for at in range(len(plain) - RUN + 1)])

    @property
    def _whole(self) -> re.Pattern[str]:
        """A short secret, where no letter and no digit is beside it."""
        return re.compile(rf"(?<![^\W_]){re.escape(self._value)}(?![^\W_])")

    @property
    def _parts(self) -> frozenset[str]:
        """All parts of that length of all forms in which the secret may come back."""
        if self._runs is None:
            self._runs = frozenset(
                form[at : at + RUN] for form in _forms(self._value) for at in range(len(form) - RUN + 1)
            )
            halves = {run[at : at + _HALF] for run in self._runs for at in range(_HALF + 1)}
            self._halves = frozenset().union(*map(_halves_of, filter(str.isascii, halves)))
        return self._runs

    def __repr__(self) -> str:
        return f"Secret(from {self.origin})"


_alive: WeakSet[Secret] = WeakSet()


def _halves_of(text: str) -> array[int]:
    """`text`, which is ASCII, in numbers of so many characters; those that are left at its end are not."""
    data = text.encode()
    return array("I", data[: len(data) // _HALF * _HALF])


def scrub_all(text: str) -> str:
    """`text` without any secret that is in use, where it is long enough to be told from other words."""
    for secret in list(_alive):
        if len(secret.reveal()) >= RUN:
            text = secret.scrub(text)
    return text


def _forms(value: str) -> Iterator[str]:
    """All the forms in which `value` may come back, in lower case as far as they are ASCII."""
    data = value.encode()
    for form in (value, quote(value, safe=""), quote_plus(value, safe=""), json.dumps(value)[1:-1]):
        yield form.translate(_LOWER)
    for before in range(3):  # by what stands before it, its bytes fall differently into groups of three
        code = base64.b64encode(b"\0" * before + data).decode().rstrip("=")[before and before + 1 :]
        code = (
            code if (before + len(data)) % 3 == 0 else code[:-1]
        )  # its last character depends on what follows
        yield code.translate(_LOWER)
        yield code.replace("+", "-").replace("/", "_").translate(_LOWER)


def secret_variables(plan: Plan) -> frozenset[str]:
    """The variables of the environment that hold the secrets of `plan`."""
    return frozenset(
        each.name
        for each in values_in(plan)
        if isinstance(each, SecretRef) and each.source is SecretSource.ENV
    )


def read_secret(ref: SecretRef, base_dir: Path, owner: str) -> Secret:
    """The secret that `ref` names, which an HTTP header can carry; files are relative to `base_dir`.

    owner: who needs it, as the error says it: "deployment `gpt`". Raises StartError.
    """
    secret = read_document(ref, base_dir, owner)
    value = secret.reveal()
    if not (value.isascii() and value.isprintable()):
        raise StartError(f"{owner}: {secret.origin} holds characters that no HTTP header can carry")
    return secret


def read_document(ref: SecretRef, base_dir: Path, owner: str, what: str = "key") -> Secret:
    """The secret that `ref` names, of any number of lines.

    what: the thing that belongs there, for the error. Raises StartError.
    """
    if ref.source is SecretSource.ENV:
        origin = f"the environment variable {ref.name}"
        value = os.environ.get(ref.name, "").strip()
        if not value:
            state = "is empty" if ref.name in os.environ else "is not set"
            raise StartError(f"{owner}: {origin} {state}: set it to the {what} (export {ref.name}=…)")
        return Secret(value, origin)
    if ref.source.is_fetched:
        return _fetched(ref, base_dir, owner, what)
    origin = f"the file {ref.name}"
    try:
        value = read_regular(base_dir / ref.name, _MOST_BYTES).decode("utf-8").strip()
    except FileNotFoundError:
        raise StartError(f"{owner}: {origin} is not there: put the {what} into it") from None
    except UnicodeDecodeError:
        raise StartError(f"{owner}: {origin} is not UTF-8 text: put the {what} into it") from None
    except OSError as error:
        raise StartError(f"{owner}: {origin} cannot be read: {error.strerror}") from None
    if not value:
        raise StartError(f"{owner}: {origin} is empty: put the {what} into it")
    return Secret(value, origin)


def _fetched(ref: SecretRef, base_dir: Path, owner: str, what: str) -> Secret:
    from .sources import NotThere, fetch, origin_of

    origin = origin_of(ref.source, ref.name)
    try:
        value = fetch(ref.source, ref.name, base_dir).strip()
    except NotThere as error:
        raise StartError(f"{owner}: {origin} {error}") from None
    if not value:
        raise StartError(f"{owner}: {origin} is empty: put the {what} there")
    return Secret(value, origin)


class LiveSecret:
    """A secret that follows its source: a file that is replaced or rewritten is read again; what somebody
    else keeps is asked for now and then, on a thread.

    A source that cannot be used is an error at the start; later it is said once, and the last value stays.
    read: reads the source, and raises StartError where it cannot be used.
    """

    def __init__(self, ref: SecretRef, base_dir: Path, read: Callable[[], Secret]) -> None:
        self._path = base_dir / ref.name if ref.source is SecretSource.FILE else None
        self._is_fetched = ref.source.is_fetched
        self.may_change = self._path is not None or self._is_fetched
        """Whether looking at the source can show anything new."""
        self._read = read
        self._seen = self._state()
        self._next_look = 0.0
        self._said = False
        self._reading: threading.Thread | None = None
        self._came: Secret | StartError | None = None
        self.secret = read()

    @classmethod
    async def opened(cls, ref: SecretRef, base_dir: Path, read: Callable[[], Secret]) -> LiveSecret:
        """The same, while others go on where it takes time. Raises StartError."""
        if ref.source.is_fetched:
            return await asyncio.to_thread(cls, ref, base_dir, read)
        return cls(ref, base_dir, read)

    def look(self, now: float) -> bool:
        """Whether the secret is another than before, at a price that each request can pay."""
        if self._is_fetched:
            return self._look_elsewhere(now)
        if self._path is None or now < self._next_look:
            return False
        self._next_look = now + LOOK_EVERY
        return self._state() != self._seen and self.read_again()

    def read_again(self) -> bool:
        """Read the source whether or not it looks changed; whether the secret is another than before.

        What takes time is only begun: `look` says what came of it.
        """
        if self._is_fetched:
            changed = self._take()
            self._fetch()
            return changed
        seen = self._state()
        try:
            secret = self._read()
        except StartError as error:
            self._say(error)
            return False
        self._seen = seen
        return self._use(secret)

    def _look_elsewhere(self, now: float) -> bool:
        if self._next_look == 0.0:
            self._next_look = now + FETCH_EVERY  # it was read at the start
        elif now >= self._next_look:
            self._next_look = now + FETCH_EVERY
            self._fetch()
        return self._came is not None and self._take()

    def _fetch(self) -> None:
        """Begin to ask for it, unless somebody does."""
        if self._reading is None or not self._reading.is_alive():
            self._reading = threading.Thread(target=self._ask, name="secret", daemon=True)
            with suppress(RuntimeError):  # there is no room for a thread: it is asked for later
                self._reading.start()

    def _ask(self) -> None:
        try:
            self._came = self._read()
        except StartError as error:
            self._came = error

    def _take(self) -> bool:
        """Use what has come; whether the secret is another than before."""
        came, self._came = self._came, None
        if isinstance(came, StartError):
            self._say(came)
        return self._use(came) if isinstance(came, Secret) else False

    def _use(self, secret: Secret) -> bool:
        changed = secret.reveal() != self.secret.reveal()
        self._said, self.secret = False, secret
        return changed

    def _say(self, error: StartError) -> None:
        if not self._said:
            log.warning("%s; the key that was there before stays in use", error)
        self._said = True

    def _state(self) -> tuple[int, ...] | None:
        """What changes when the file does; None when there is none."""
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
