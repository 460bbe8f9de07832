"""Probes of connections on which nothing comes: of TCP, so that neither side sees them.

What stands between two machines (NAT, load balancers) forgets connections that are silent for minutes, as
they are while a model thinks, and tells neither. Source: https://github.com/openai/openai-python/issues/3269.
"""

from __future__ import annotations

import socket

_TIMES = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 6}
"""Seconds of silence until the first one, in the words of Linux and of macOS; seconds between two; and how
many are lost until the connection is."""


def probe(connection: socket.socket) -> None:
    """Have the system probe `connection`, or those that are accepted from it (Linux)."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TIMES.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
