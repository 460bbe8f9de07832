"""Ids of tool calls that came without one, or whose own the next provider does not take."""

from __future__ import annotations

import hashlib
import secrets


def make_id(answer: str, *what: str) -> str:
    """An id for a call of the answer with the id `answer`: always the same, and no other answer has it."""
    return hashed_id(answer or secrets.token_hex(12), *what)


def hashed_id(*what: str) -> str:
    """An id that follows from `what`, in characters that every provider takes."""
    return "call_" + hashlib.sha256("\0".join(what).encode("utf-8", "surrogatepass")).hexdigest()[:24]
