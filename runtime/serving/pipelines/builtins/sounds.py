"""Sounds as models want them: samples of a WAV file, on one channel, so many in a second."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy
from numpy.typing import NDArray

from ....requests.errors import StepFailed

MAX_SAMPLES = 64_000_000
"""More than an hour, at 16,000 in a second."""

RATES = (1000, 384_000)

Samples = NDArray[numpy.float32]

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TAPS = 32
"""Samples on each side that a sample of another rate is made of."""
_AT_ONCE = 1 << 16


def sound(source: bytes, rate: int = 16_000) -> Samples:
    """f32 [samples], from -1 to 1. Blocks. Raises StepFailed."""
    if not RATES[0] <= rate <= RATES[1]:
        raise StepFailed(f"`rate` of a sound is {RATES[0]:,} to {RATES[1]:,} in a second, not {rate:,}")
    kind, channels, own_rate, bits, data = _read(source)
    if not RATES[0] <= own_rate <= RATES[1]:
        raise StepFailed(f"the sound has {own_rate:,} samples in a second: {RATES[0]:,} to {RATES[1]:,}")
    frame = channels * bits // 8
    count = len(data) // frame
    if count > MAX_SAMPLES or count * rate // own_rate > MAX_SAMPLES:
        raise StepFailed(f"the sound is longer than {MAX_SAMPLES:,} samples")
    samples = _samples(kind, bits, data[: count * frame]).reshape(-1, channels).mean(1, numpy.float32)
    return samples if own_rate == rate else _resampled(samples, own_rate, rate)


def _read(source: bytes) -> tuple[int, int, int, int, bytes]:
    """Format, channels, rate, bits of a sample, and the samples."""
    if source[:4] != b"RIFF" or source[8:12] != b"WAVE":
        raise StepFailed("these bytes are no sound that can be read, which is a WAV file")
    chunks = dict(_chunks(source))
    head, data = chunks.get(b"fmt ", b""), chunks.get(b"data")
    if len(head) < 16 or data is None:
        raise StepFailed("the WAV file is cut off: it has no format, or no samples")
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", head[:16])
    if kind == _EXTENSIBLE and len(head) >= 26:
        [kind] = struct.unpack("<H", head[24:26])
    if (kind, bits) not in _DTYPES or not 1 <= channels <= 64:
        raise StepFailed(
            f"the WAV file has samples of format {kind} with {bits} bits on {channels} channels: "
            "whole numbers of 8, 16, 24 or 32 bits and floats of 32 or 64 are read, on 1 to 64"
        )
    return kind, channels, rate, bits, data


def _chunks(source: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(source):
        name, size = struct.unpack("<4sI", source[at : at + 8])
        yield name, source[at + 8 : at + 8 + size]  # of a file that is cut off, what is there
        at += 8 + size + size % 2


_DTYPES = {
    (_PCM, 8): "u1",
    (_PCM, 16): "<i2",
    (_PCM, 24): "u1",
    (_PCM, 32): "<i4",
    (_FLOAT, 32): "<f4",
    (_FLOAT, 64): "<f8",
}


def _samples(kind: int, bits: int, data: bytes) -> Samples:
    raw = numpy.frombuffer(data, _DTYPES[kind, bits])
    if kind == _FLOAT:
        return numpy.nan_to_num(raw.astype(numpy.float32))
    if bits == 8:
        return (raw.astype(numpy.float32) - 128) / numpy.float32(128)
    if bits == 24:
        wide = numpy.zeros((len(raw) // 3, 4), numpy.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        raw, bits = wide.view("<i4").reshape(-1), 32
    return raw.astype(numpy.float32) / numpy.float32(1 << (bits - 1))


def _resampled(samples: Samples, own_rate: int, rate: int) -> Samples:
    """By a windowed sinc, which lets no frequency through that the new rate has no room for."""
    count = len(samples) * rate // own_rate
    cut = min(1.0, rate / own_rate)
    reach = int(numpy.ceil(_TAPS / cut))
    padded = numpy.pad(samples, reach)
    offsets = numpy.arange(-reach, reach + 1)
    made = numpy.empty(count, numpy.float32)
    for start in range(0, count, _AT_ONCE):
        at = numpy.arange(start, min(start + _AT_ONCE, count), dtype=numpy.int64) * own_rate
        whole = at // rate
        phases, phase = numpy.unique(at % rate, return_inverse=True)  # few: 160 from 44,100 to 16,000
        distance = offsets - (phases / rate)[:, None]
        window = 0.5 + 0.5 * numpy.cos(numpy.pi * numpy.clip(distance / (reach + 1), -1, 1))
        weights = numpy.sinc(distance * cut) * window * cut
        near = padded[whole[:, None] + offsets + reach]
        made[start : start + len(at)] = (near * weights[phase]).sum(1)
    return made
