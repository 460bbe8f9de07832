"""What finds stretches and boxes in what a model gives, and what makes tensors of sounds."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.requests.errors import StepFailed
from inferc.runtime.serving.pipelines.builtins.numeric import windows
from inferc.runtime.serving.pipelines.builtins.regions import regions
from inferc.runtime.serving.pipelines.builtins.sounds import sound

from ...support.flows import pipeline_of, value_of
from ...support.projects import Project
from ...support.sounds import RATE, wav


def test_stretches_of_a_vector() -> None:
    x = numpy.array([0, 0.9, 0.7, 0, 0.8, 0, 0, 0.6], numpy.float32)
    assert regions(x, 0.5) == [
        {"start": 1, "end": 3, "score": pytest.approx(0.8)},
        {"start": 4, "end": 5, "score": pytest.approx(0.8)},
        {"start": 7, "end": 8, "score": pytest.approx(0.6)},
    ]
    assert [(each["start"], each["end"]) for each in regions(x, 0.5, gap=1)] == [(1, 5), (7, 8)]
    assert [(each["start"], each["end"]) for each in regions(x, 0.5, least=2)] == [(1, 3)]
    assert [each["start"] for each in regions(x, 0.5, score=0.7)] == [1, 4]
    assert regions(numpy.zeros(0), 0.5) == regions(numpy.full(3, numpy.nan), 0.5) == []


def test_boxes_of_a_matrix() -> None:
    x = numpy.zeros((6, 8))
    x[1:3, 1:4] = 0.8
    x[3, 4] = 0.6  # touches at a corner
    x[5, 7] = 0.9
    first, second = regions(x, 0.5)
    assert {**first, "score": 0} == {"left": 1, "top": 1, "right": 5, "bottom": 4, "score": 0}
    assert first["score"] == pytest.approx((6 * 0.8 + 0.6) / 12)
    assert (second["left"], second["bottom"]) == (7, 6)
    assert regions(x, 0.5, least=2) == [first]
    [grown] = regions(x, 0.5, least=2, grow=1.0)  # 12 over 14: by one pixel
    assert grown == {"left": 0, "top": 0, "right": 6, "bottom": 5, "score": first["score"]}


@given(arrays(bool, st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_boxes_are_those_that_a_flood_finds(large: Any) -> None:
    left = {(y, x) for y, x in zip(*numpy.nonzero(large), strict=True)}
    expected = []
    while left:
        waiting, here = [left.pop()], []
        while waiting:
            y, x = waiting.pop()
            here.append((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            waiting += near
        rows, columns = zip(*here, strict=True)
        expected.append((min(columns), min(rows), max(columns) + 1, max(rows) + 1))
    sides = ("left", "top", "right", "bottom")
    found = [tuple(each[side] for side in sides) for each in regions(large.astype(float), 0.5)]
    assert sorted(found) == sorted(expected)


def test_windows_overlap_and_what_is_left_over_is_out() -> None:
    x = numpy.arange(7)
    assert windows(x, 3, 2).tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert windows(x, 8, 1).shape == (0, 8)
    assert windows(x.reshape(7, 1), 4, 4).shape == (1, 4, 1)
    for wrong in ((0, 1), (1, 0)):
        with pytest.raises(StepFailed, match="at least 1"):
            windows(x, *wrong)
    with pytest.raises(StepFailed, match="more than"):
        windows(numpy.zeros(20_000), 10_000, 1)


@pytest.mark.parametrize(
    ("kind", "bits", "raw"),
    [
        (1, 8, [0, 128, 255]),
        (1, 16, [-32768, 0, 32767]),
        (1, 24, [-(1 << 23), 0, (1 << 23) - 1]),
        (1, 32, [-(1 << 31), 0, (1 << 31) - 1]),
        (3, 32, [-1.0, 0.0, 1.0]),
        (3, 64, [-1.0, 0.0, 1.0]),
    ],
)
def test_samples_of_every_kind(kind: int, bits: int, raw: list[Any]) -> None:
    letters = {(1, 8): "B", (1, 16): "h", (1, 24): "i", (1, 32): "i", (3, 32): "f", (3, 64): "d"}
    data = b"".join(struct.pack(f"<{letters[kind, bits]}", each)[: bits // 8] for each in raw)
    head = struct.pack("<HHIIHH", kind, 1, RATE, RATE * bits // 8, bits // 8, bits)
    file = b"RIFF\0\0\0\0WAVE" + b"fmt " + struct.pack("<I", 16) + head
    file += b"LIST\3\0\0\0abc\0" + b"data" + struct.pack("<I", len(data)) + data
    assert sound(file).tolist() == pytest.approx([-1, 0, 1], abs=0.01)


def test_a_sound_of_another_rate_and_of_two_channels_is_the_same_sound() -> None:
    def tone(rate: int, pitch: float) -> Any:
        return 0.5 * numpy.sin(2 * numpy.pi * pitch * numpy.arange(rate // 4) / rate)

    for rate in (8_000, 44_100, 48_000):
        made = sound(wav(tone(rate, 440), rate, channels=2), RATE)
        assert len(made) == RATE // 4
        assert numpy.abs(made - tone(RATE, 440))[200:-200].max() < 1e-3
    assert numpy.abs(sound(wav(tone(48_000, 12_000), 48_000), RATE))[200:-200].max() < 1e-2  # no room for it


def test_what_is_no_sound_is_refused() -> None:
    good = wav(numpy.zeros(100))
    assert len(sound(good[:100])) == 28  # cut off: what is there
    wrong_bits = good[:34] + b"\x0c\0" + good[36:]
    for wrong in (b"", b"no sound", good[:30], good[:20] + b"\7\0" + good[22:], wrong_bits):
        with pytest.raises(StepFailed, match="WAV"):
            sound(wrong)
    with pytest.raises(StepFailed, match="in a second"):
        sound(good, 10)
    with pytest.raises(StepFailed, match="in a second"):
        sound(good[:24] + b"\1\0\0\0" + good[28:])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


PIPELINE = """
pipeline p(x: tensor<f32, [n]>, m: tensor<f32, [rows, columns]>, f: float, data: bytes) -> json {{
  return json({})
}}
"""


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("regions(reshape(x, [1, 1, -1]), 0.5)", "`regions` takes a vector or a matrix"),
        ("regions(m, 0.5, gap = 2)", "regions of a matrix have no `gap`"),
        ("regions(x, 0.5, grow = 2.0)", "regions of a vector have no `grow`"),
        ("regions(x, 0.5)[0].left", "no field `left`"),
        ("windows(x, 0, 1)", "`size` must be at least 1"),
        ("windows(f, 2, 1)", "one number has no axis"),
        ("round(x)", "`x` of `round` is float"),
        ("sound(f)", "`source` of `sound` is bytes"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(project: Project, expression: str, said: str) -> None:
    found = [each.message for each in project.findings(PIPELINE.format(expression)) if each.is_error]
    assert len(found) == 1
    assert said in found[0]


def test_numbers_become_whole(project: Project) -> None:
    text = "pipeline p(x: float) -> list<int> { return [round(x), floor(x), ceil(x)] }\n"
    pipeline = pipeline_of(project.plan(text).pipelines[0])
    for x, expected in ((2.5, [2, 2, 3]), (-1.5, [-2, -2, -1]), (4, [4, 4, 4])):
        assert run_virtual(value_of(pipeline, x=x)) == expected
    with pytest.raises(StepFailed, match="no `int` of 64 bits"):
        run_virtual(value_of(pipeline, x=1e300))
