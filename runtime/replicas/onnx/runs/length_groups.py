"""Texts of similar length run together, so that little of a run is spent on padding."""

from __future__ import annotations

from collections.abc import Sequence

_SHORTEST = 8


def bucket(length: int) -> int:
    """The most tokens that rows of one bucket have: 8, 12, 16, 24, 32, 48, 64…

    Above 8 tokens, less than a third of a run with rows of one bucket is padding.
    """
    if length <= _SHORTEST:
        return _SHORTEST
    power: int = 1 << (length - 1).bit_length()
    return power * 3 // 4 if length <= power * 3 // 4 else power


def by_length(lengths: Sequence[int], max_rows: int) -> list[list[int]]:
    """The indices of `lengths` in groups of one bucket, each of at most `max_rows`; short ones first."""
    groups: list[list[int]] = []
    last = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        of = bucket(lengths[index])
        if of != last or len(groups[-1]) == max_rows:
            groups.append([])
            last = of
        groups[-1].append(index)
    return groups
