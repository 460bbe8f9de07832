"""Sounds for models to listen to: made up, so that nothing has to be fetched."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy

RATE = 16_000

VOWELS = {
    "a": ((700, 80), (1200, 90), (2600, 120)),
    "i": ((300, 60), (2300, 100), (3000, 120)),
    "o": ((500, 70), (900, 80), (2500, 100)),
}
"""The formants of each, with their widths."""


def vowel(name: str, seconds: float, pitch: float = 120) -> Any:
    """What a throat does: the harmonics of a pitch that moves a little, those near the formants louder."""
    time = numpy.arange(int(seconds * RATE)) / RATE
    phase = numpy.cumsum(pitch * (1 + 0.08 * numpy.sin(2 * numpy.pi * 3 * time))) / RATE
    wave_ = numpy.zeros(len(time))
    for number in range(1, int(7500 / pitch)):
        near = sum(1 / (1 + ((pitch * number - at) / width) ** 2) for at, width in VOWELS[name])
        wave_ += (near + 0.01) * numpy.sin(2 * numpy.pi * number * phase)
    wave_ *= numpy.clip(numpy.minimum(time, seconds - time) / 0.05, 0, 1)
    return 0.4 * wave_ / numpy.abs(wave_).max()


def silence(seconds: float) -> Any:
    return numpy.zeros(int(seconds * RATE))


def wav(samples: Any, rate: int = RATE, channels: int = 1) -> bytes:
    """A file of 16 bits with the same on all channels."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        whole = numpy.repeat((samples * 32767).astype("<i2"), channels)
        file.writeframes(whole.tobytes())
    return target.getvalue()
