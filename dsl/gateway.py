"""How the gateway deals with its clients: how long it waits for them, and which web pages may call."""

from __future__ import annotations

import re

from attrs import field

from .fields import above, at_least, doc
from .late_pattern import late_pattern
from .record import frozen
from .runtimes import SecretRef
from .units import Duration, Money, Size

MAX_BODY = Size(32 << 20)
MAX_BODY_MEMORY = Size(256 << 20)
LONGEST_NAME = 100
MOST_WORKERS = 128
AUTO_WORKERS = 0
"""One for each core, of which there are as many as the machine has that serves."""
ANY_ORIGIN = "*"

_ORIGIN = late_pattern(r"[a-z][a-z0-9+.-]*://[^/\s?#@*,]+")
_USUAL = ("127.0.0.1", "::1", "localhost")
_LOOPBACK = late_pattern(r"(.+\.)?localhost|127(\.\d{1,3}){3}|::1")


@frozen(slots=False)
class ClientTimeouts:
    """How long the gateway waits for a client."""

    header: Duration = above(
        0,
        "from connecting, or the first byte of a later request, to the end of its headers",
        default=Duration(10),
    )
    body: Duration = above(0, "from the headers to the end of the body", default=Duration(60))
    write: Duration = above(0, "while the client takes nothing of its answer", default=Duration(10))
    idle: Duration = above(0, "from one request to the next on a connection", default=Duration(75))


PROVED = "the most that one request may take, proved when it was compiled; without it: nothing was"
"""Of bounds, in a plan."""


@frozen(slots=False)
class Bounds:
    """The most that one request may take, whatever fails on its way; shown before anything runs."""

    max_calls: int | None = at_least(
        1, "calls of models: all attempts at all members, steps and keys", at_most=10**9, default=None
    )
    max_tokens: int | None = at_least(
        1, "tokens of all of these calls, prompts and answers", at_most=10**15, default=None
    )
    max_cost: Money | None = above(0, "what they cost", default=None)
    max_wait: Duration | None = above(0, "until the last byte of the answer", default=None)


@frozen(slots=False)
class Cors:
    """Which web pages may call from a browser."""

    origins: tuple[str, ...] = doc(
        'where they come from, such as `"https://chat.example.com"`; `"*"` is everywhere', default=()
    )


def split_address(bind: str) -> tuple[str, int] | None:
    """Host and port of `bind`; None where it is no address and port."""
    host, separator, port = bind.rpartition(":")
    if separator and port.isdecimal() and int(port) < 65536 and host and "/" not in host:
        return host.strip("[]"), int(port)
    return None


def is_name_of_state(name: str) -> bool:
    """Whether `name` can be a part of keys in a store."""
    return name.isprintable() and "/" not in name and 0 < len(name) <= LONGEST_NAME


@frozen(slots=False)
class Tls:
    """The certificate that the gateway shows; with it, clients connect by `https://`."""

    cert: SecretRef = field(metadata={"doc": "PEM file with the certificate and those above it"})
    key: SecretRef = field(metadata={"doc": "PEM file with its key, without a password"})
    client_ca: SecretRef | None = doc(
        "PEM file: only clients with a certificate of this authority may connect", default=None
    )


@frozen(slots=False)
class Jwt:
    """Tokens that somebody else signs, and that name one of the keys: JSON Web Tokens."""

    issuer: str = field(metadata={"doc": "who signs them: their `iss`"})
    audience: str = field(metadata={"doc": "whom they are for: their `aud`"})
    jwks: str = field(metadata={"doc": "URL of the keys of the issuer"})
    claim: str = field(
        metadata={"doc": "the claim that names the `key` whose models, limits and budget hold"}
    )


def is_key_url(text: str) -> bool:
    """Whether keys may be read there: nobody on the way can exchange them."""
    return re.match(r"https://[^\s/]+", text) is not None or (
        (local := re.match(r"http://([^\s/:]+|\[::1\])(:\d+)?(/|$)", text)) is not None
        and is_loopback(local[1].strip("[]"))
    )


def is_origin(text: str) -> bool:
    """Whether `text` is what a browser sends as `Origin`, or stands for all of them."""
    return text == ANY_ORIGIN or _ORIGIN.fullmatch(text) is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address or name `host`."""
    return host in _USUAL or _LOOPBACK.fullmatch(host.lower()) is not None
