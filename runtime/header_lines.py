"""Headers as they are sent."""

from __future__ import annotations

from collections.abc import Mapping


def header_lines(headers: Mapping[str, str]) -> bytes:
    """A line of HTTP for each. Raises ValueError where one would become several."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if not text.count("\r") == text.count("\n") == len(headers) or "\0" in text:
        raise ValueError("a header has a line break in it")
    return text.encode()
