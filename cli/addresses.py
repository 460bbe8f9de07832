"""Addresses and ports of the command line: what is wrong with one is said before anything starts."""

from __future__ import annotations

from argparse import ArgumentTypeError

from ..dsl.late_pattern import late_pattern

_WITH_PORT = late_pattern(r"(?:https?://)?(\[[^\]]*\]|[^:/\[\]]+):(\d+)/?")
_URL = late_pattern(r"https?://([^:/]+)/?")
_MOST = 65535


def host(text: str) -> str:
    """An address to listen on, without a port. Raises ArgumentTypeError."""
    if found := _WITH_PORT.fullmatch(text):
        bare = found[1].strip("[]")
        raise ArgumentTypeError(f"`{text}` has a port, too: write `--host {bare} --port {found[2]}`")
    if found := _URL.fullmatch(text):
        raise ArgumentTypeError(f"`{text}` is a URL: write `--host {found[1]}`")
    return text.removeprefix("[").removesuffix("]")


def port(text: str) -> int:
    """A port; 0 takes a free one. Raises ArgumentTypeError."""
    if found := _WITH_PORT.fullmatch(text):
        bare = found[1].strip("[]")
        raise ArgumentTypeError(f"`{text}` has an address, too: write `--host {bare} --port {found[2]}`")
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= _MOST:
        raise ArgumentTypeError(
            f"`{text}` is no port: ports are numbers up to {_MOST}, and 0 takes a free one"
        )
    return number
