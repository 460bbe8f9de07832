"""How long the parts of a start may take: told while they go on, and broken off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain, repeat

from .....compiler.plan import Duration
from ....requests.errors import StartError

log = logging.getLogger(__name__)

_NEWS_AFTER = (2.0, 8.0)
_NEWS_EVERY = 30.0


@asynccontextmanager
async def limited(what: str, seconds: float) -> AsyncIterator[None]:
    """A part of a start that may take so long. Raises StartError when it takes longer.

    what: it in words, after which "takes more than 5m" can follow: "deployment `m`: loading m.onnx".
    """
    limit = Duration(seconds)
    news = asyncio.create_task(_tell(what, limit))
    try:
        async with asyncio.timeout(seconds) as timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise StartError(
            f"{what} takes more than {limit}, and was broken off: a model that never gets done cannot be "
            "served; one that only needs longer gets more time with `inferc run --load-timeout`"
        ) from None
    finally:
        news.cancel()


async def _tell(what: str, limit: Duration) -> None:
    """Log, now and then, that it still goes on."""
    clock = asyncio.get_running_loop().time
    began = clock()
    for pause in chain(_NEWS_AFTER, repeat(_NEWS_EVERY)):
        await asyncio.sleep(pause)
        log.info("%s: %.0f s so far, %s at most", what, clock() - began, limit)
