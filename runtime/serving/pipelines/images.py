"""Images as models want them: decoded, resized, normalised."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ...requests.errors import StepFailed

MAX_PIXELS = 64_000_000
"""Of an image that is taken in; a small file may claim any size."""

MAX_SIDE = 8192
"""Pixels on each side of what is given to a model."""

MAX_GIVEN = 16_000_000
"""Pixels of what is given to a model."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is read; other formats that Pillow knows start programs, or are read by code that few use."""


def image(
    source: bytes,
    width: int = 224,
    height: int = 224,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> NDArray[Any]:
    """f32 [1, 3, height, width], RGB: from 0 to 1, then (x - mean) / std. Blocks. Raises StepFailed."""
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise StepFailed(f"an image is given as 1 to {MAX_SIDE} pixels each way, not as {width} x {height}")
    if width * height > MAX_GIVEN:
        raise StepFailed(f"an image is given as {MAX_GIVEN:,} pixels at most, not as {width} x {height}")
    picture = _decoded(source).resize((width, height), Image.Resampling.BILINEAR)
    values = numpy.asarray(picture, numpy.float32) / 255
    if mean is not None:
        values = values - _colours("mean", mean)
    if std is not None:
        divisors = _colours("std", std)
        if not divisors.all():
            raise StepFailed("`std` of an image must not be 0")
        values = values / divisors
    return numpy.ascontiguousarray(values.transpose(2, 0, 1)[None])


def _decoded(source: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(BytesIO(source), formats=FORMATS)
            if opened.width * opened.height > MAX_PIXELS:
                raise StepFailed(
                    f"the image is {opened.width} x {opened.height}: {MAX_PIXELS:,} pixels at most"
                )
            return opened.convert("RGB")
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise StepFailed(f"these bytes are no image that can be read, which is one of {known}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, EOFError) as error:
        raise StepFailed(f"the image cannot be read: {type(error).__name__}") from None


def _colours(name: str, values: Sequence[float]) -> NDArray[Any]:
    if len(values) != 3:
        raise StepFailed(f"`{name}` has one number for red, green and blue, not {len(values)}")
    return numpy.asarray(values, numpy.float32)
