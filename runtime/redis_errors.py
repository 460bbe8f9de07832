"""What goes wrong with a Redis server, in words for people: its client shows commands, and how one greets."""

from __future__ import annotations

import codecs
import os
import re
from typing import Any
from urllib.parse import urlsplit

NO_ANSWER = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading raises where an answer is none that Redis gives, also in its own client."""
_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
"""Options of a URL that name files, which redis says nothing of when they are not there."""
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


def shown(url: str) -> str:
    """`url` without the password that may be in it; its scheme alone where one may be anywhere."""
    try:
        check_url(url)
    except ValueError:
        return f"{url.partition('://')[0]}://…"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def check_url(url: str) -> None:
    """Raises ValueError, which shows nothing of `url`, where that cannot be read, as a password makes it that
    has signs of URLs."""
    try:
        parts = urlsplit(url)
        is_of_port = parts.netloc.rpartition("@")[2].startswith(":")
        asked = parts.query if is_of_port else parts.query.partition("=")[0]
        is_whole = "@" not in parts.path + asked + parts.fragment and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError(
            "its URL cannot be read: `redis://:password@host:6379/0`, with `%2F` for a `/` of the password, "
            "`%3F` for `?`, `%23` for `#`, `%5B` for `[` and `%40` for `@`"
        )


def client_at(make: Any, url: str, **options: Any) -> Any:
    """A client of the class `make` for the server at `url`.

    Raises ValueError where that cannot be read, has an option that connections do not take, or names a file
    that is not there.
    """
    from redis.exceptions import RedisError

    check_url(url)
    try:
        client = make.from_url(url, **options)
        pool = client.connection_pool
        codecs.lookup(pool.connection_kwargs.get("encoding", "utf-8"))
        pool.connection_class(**pool.connection_kwargs)
    except TypeError as error:
        raise ValueError(f"its URL has an option that is none: {str(error).rpartition(' ')[2]}") from None
    except RedisError as error:
        raise ValueError(f"an option of its URL has a value that is none: {error}") from None
    except (AttributeError, LookupError):
        raise ValueError("an option of its URL has a value that is none") from None
    for option in _FILES:
        named = pool.connection_kwargs.get(option)
        if named is not None and not os.access(named, os.R_OK):
            raise ValueError(f"its `{option}` names {named}, which cannot be read")
    return client
