"""Patterns mean what they mean in a shell."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given, strategies as st

from inferc.dsl.patterns import fits_pattern


@given(st.text("ab", max_size=8), st.text("ab*", max_size=6))
def test_a_star_stands_for_anything(name: str, pattern: str) -> None:
    assert fits_pattern(name, pattern) == fnmatchcase(name, pattern)
