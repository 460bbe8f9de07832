"""How many examples a test of Hypothesis needs, beside what the profiles in `conftest.py` say."""

from __future__ import annotations

from hypothesis import settings

FEWER = settings(max_examples=max(1, settings().max_examples // 4))
"""Where each example is a whole file or stream, with dozens of places in which something may go wrong: what
was broken on purpose was found by the first few. Decorates a test."""
