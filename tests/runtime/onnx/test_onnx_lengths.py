from __future__ import annotations

from hypothesis import given, strategies as st

from inferc.runtime.replicas.onnx.runs.length_groups import bucket, by_length


def test_the_buckets_grow_by_a_third_or_a_half() -> None:
    assert sorted({bucket(length) for length in range(1, 129)}) == [8, 12, 16, 24, 32, 48, 64, 96, 128]


@given(st.lists(st.integers(1, 600), min_size=1, max_size=80), st.integers(1, 32))
def test_groups_hold_each_row_once_and_little_padding(lengths: list[int], max_rows: int) -> None:
    groups = by_length(lengths, max_rows)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert 1 <= len(group) <= max_rows
        longest = max(lengths[index] for index in group)
        assert longest <= 8 or min(lengths[index] for index in group) * 3 > longest * 2 - 3
