"""Hosts and ports that requests go to."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...dsl.record import frozen


@frozen
class Endpoint:
    """A host and port that the gateway sends requests to."""

    host: str
    port: int


def address_of(url: str) -> Endpoint | None:
    """Host and port of `url`; None where it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return Endpoint(parts.hostname, port or (443 if parts.scheme == "https" else 80))
