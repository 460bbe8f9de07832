"""What comes in pieces, cut anywhere: one seed is drawn for all cuts, which costs less than to draw each."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

from hypothesis import strategies as st

RANDOMS = st.randoms(use_true_random=True)


def in_pieces(whole: bytes, random: Random, most: int) -> list[bytes]:
    """`whole` in pieces, after up to `most` cuts; some may be empty."""
    cuts = sorted(random.choices(range(len(whole) + 1), k=random.randint(0, most)))
    return [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])]


def cuts(stream: bytes) -> list[int]:
    """Where a stream of events may break off: in front of each, in the middle of it, and before its last
    byte. What else of an event has come says no more."""
    ends = [found.end() for found in re.finditer(rb"(\r?\n){2}", stream)]
    assert len(ends) > 1
    return [cut for a, b in pairwise([0, *ends]) for cut in (a, (a + b) // 2, b - 1)]
