"""Where the grammar and its tables are kept, and how it is seen that they belong together."""

from __future__ import annotations

import zlib
from pathlib import Path

GRAMMAR = Path(__file__).with_name("infer.lark")
TABLES = Path(__file__).with_name("tables.json")

START = "start"
"""The rule of a whole file."""


def fingerprint(text: str) -> int:
    """What tells one grammar from the next."""
    return zlib.crc32(text.encode())
