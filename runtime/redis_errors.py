"""What goes wrong with a Redis server, in words for people: its client shows commands, and how one greets."""

from __future__ import annotations

import re
from typing import Any

NO_ANSWER = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading raises where an answer is none that Redis gives, also in its own client."""
_IN_A_PIPELINE = re.compile(
    r"""Command # \d+ \(.*\) of pipeline caused error: (?:\(['"](.*)['"],\)|(.*))""", re.DOTALL
)


def reason(error: Exception) -> str:
    """Why a server cannot be used."""
    from redis.exceptions import AskError, AuthenticationError

    if isinstance(error, NO_ANSWER):
        return "it answers as no Redis server does"
    if isinstance(error, AskError):
        return "it is one of the servers of a cluster: name one that has everything"
    said = str(error)
    if isinstance(error, AuthenticationError) and said.startswith("HELLO "):
        return "Authentication required"
    told = _IN_A_PIPELINE.fullmatch(said)
    return (told[1] or told[2] if told else said).rstrip(".")


def check_options(client: Any) -> None:
    """Raises ValueError where the URL of `client` has an option that connections do not take."""
    pool = client.connection_pool
    try:
        pool.connection_class(**pool.connection_kwargs)
    except TypeError as error:
        raise ValueError(f"its URL has an option that is none: {str(error).rpartition(' ')[2]}") from None
