"""Headers as they are sent."""

from __future__ import annotations

from collections.abc import Mapping


def header_lines(headers: Mapping[str, str]) -> bytes:
    """A line of HTTP for each. Raises ValueError where one would become several."""
    said = "".join([*headers, *headers.values()])
    if "\n" in said or "\r" in said or "\0" in said:
        raise ValueError("a header has a line break in it")
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode()
