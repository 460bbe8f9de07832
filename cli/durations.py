"""Times among the arguments of a command."""

from __future__ import annotations

from argparse import ArgumentTypeError

from ..dsl.units import Duration, parse_quantity


def seconds_in(text: str) -> Duration:
    """`text`, such as `90s`. Raises ArgumentTypeError."""
    try:
        seconds = parse_quantity(text, Duration)
    except ValueError:
        seconds = Duration(0)
    if seconds <= 0:
        raise ArgumentTypeError(f"`{text}` is no time: write one like `90s` or `10m`")
    return seconds
