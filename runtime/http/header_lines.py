"""Headers as they are sent."""

from __future__ import annotations

from collections.abc import Mapping


def header_lines(headers: Mapping[str, str]) -> bytes:
    """A line of HTTP for each. Raises ValueError where one would become several."""
    said = ""
    for name, value in headers.items():
        said += f"{name}: {value}\r\n"
    lines = len(headers)
    if said.count("\n") != lines or said.count("\r") != lines or "\0" in said:
        raise ValueError("a header has a line break in it")
    return said.encode()
