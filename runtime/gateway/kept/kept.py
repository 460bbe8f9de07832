"""What the gateway keeps in the store for a while, for one key each."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import orjson

from ....compiler.plan.late_pattern import late_pattern
from ...dialects.exact_json import dumps
from ...limits.store import StoreError
from ...requests.errors import RequestError, StoreUnavailable
from ...requests.foreign_text import one_line
from ..exchange import Exchange

KEPT = 24 * 3600.0
"""Seconds for which something is kept after it was changed last."""
MOST = 4 << 20
"""Characters of one thing; a longer one is not kept."""

LONGEST_ID = 100
_ID = late_pattern(r"\w{1,100}", re.ASCII)
_TRIES = 20
"""How often a change is tried again, because somebody else changed the same."""

Json = dict[str, Any]

log = logging.getLogger(__name__)


class TooMuch(RequestError):
    """There would be more than is kept of one thing."""

    status, type, code = 413, "invalid_request_error", "too_large"


class Kept:
    """Things of one kind that the client of `exchange` may see."""

    kind = ""

    def __init__(self, exchange: Exchange) -> None:
        store = exchange.executor.state
        assert store is not None
        self._values = store.values
        key = exchange.key.plan.name if exchange.key is not None else ""
        self._prefix = f"{self.kind}\n{exchange.executor.plan.state.name}\n{key}\n"

    def unknown(self, id: str) -> RequestError:
        """What to tell who asks for something that is not there."""
        raise NotImplementedError

    def name(self, id: str) -> str:
        """What it is called in the store."""
        return f"{self._prefix}{id}"

    async def load(self, id: str) -> Json:
        """What is kept as `id`. Raises the error that `unknown` makes, StoreUnavailable."""
        return orjson.loads(await self._text(id))  # type: ignore[no-any-return]

    async def save(self, id: str, record: Json) -> None:
        """Keep it. Where that cannot be, the log says so: the answer itself is there."""
        await self._put(id, dumps(record).decode())

    async def begin(self, id: str, record: Json) -> None:
        """Keep something new. Raises TooMuch, StoreUnavailable."""
        try:
            await self._values.put(self.name(id), _written(id, record), KEPT)
        except StoreError as error:
            raise StoreUnavailable(str(error)) from None

    async def change(self, id: str, change: Callable[[Json], None]) -> Json:
        """Do `change` with what is kept, whoever else changes it; gives what is kept then.

        Raises the error that `unknown` makes, TooMuch, StoreUnavailable, and what `change` raises.
        """
        for _ in range(_TRIES):
            before = await self._text(id)
            record: Json = orjson.loads(before)
            change(record)
            text = _written(id, record)
            try:
                if await self._values.swap(self.name(id), before, text, KEPT):
                    return record
            except StoreError as error:
                raise StoreUnavailable(str(error)) from None
        raise StoreUnavailable(f"too many change `{id}` at the same time")

    async def delete(self, id: str) -> None:
        """Raises the error that `unknown` makes, StoreUnavailable."""
        await self._text(id)
        try:
            await self._values.delete(self.name(id))
        except StoreError as error:
            raise StoreUnavailable(str(error)) from None

    async def _text(self, id: str) -> str:
        text = await self._get(id) if _ID.fullmatch(id) else None
        if text is None:
            raise self.unknown(one_line(id, LONGEST_ID))
        return text

    async def _get(self, id: str) -> str | None:
        try:
            return await self._values.get(self.name(id))
        except StoreError as error:
            raise StoreUnavailable(str(error)) from None

    async def _put(self, id: str, text: str) -> None:
        if len(text) > MOST:
            self._not_kept(id, f"it has more than {MOST >> 20} MiB")
            return
        try:
            await self._values.put(self.name(id), text, KEPT)
        except StoreError as error:
            self._not_kept(id, error)

    def _not_kept(self, id: str, reason: object) -> None:
        where = one_line(id, LONGEST_ID)  # of an item: with that of what it belongs to
        log.warning("%s %s is not kept: %s", self.kind, where, reason, extra={"kind": ("kept", self.kind)})


def _written(id: str, record: Json) -> str:
    text = dumps(record).decode()
    if len(text) > MOST:
        raise TooMuch(f"`{id}` would have more than {MOST >> 20} MiB")
    return text
