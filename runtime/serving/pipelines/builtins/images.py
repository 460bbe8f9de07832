"""Images as models want them: decoded, resized, normalised."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ....requests.errors import StepFailed

MAX_PIXELS = 64_000_000
"""Of an image that is taken in; a small file may claim any size."""

MAX_SIDE = 8192
"""Pixels on each side of what is given to a model."""

MAX_GIVEN = 16_000_000
"""Pixels of what is given to a model."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""What is read; other formats that Pillow knows start programs, or are read by code that few use."""


_TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
"""By how many degrees an image is turned, as the hands of a clock go."""


def image(
    source: bytes,
    width: int = 224,
    height: int = 224,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    box: Sequence[float] | None = None,
    fit: str = "stretch",
    resize: int | None = None,
    pad: int = 0,
    resample: str = "bilinear",
    colors: str = "rgb",
    layout: str = "nchw",
    scale: float = 1 / 255,
    turn: int = 0,
) -> NDArray[Any]:
    """f32 [1, 3, height, width], RGB: from 0 to 1, then (x - mean) / std. Blocks. Raises StepFailed."""
    _check_size(width, height)
    picture = _decoded(source, "L" if colors == "gray" else "RGB")
    if box is not None:
        picture = _part(picture, box)
    if turn % 90:
        raise StepFailed(f"an image is turned by 0, 90, 180 or 270 degrees, not by {turn}")
    if turn % 360:
        picture = picture.transpose(_TURNS[turn % 360])
    fitted = _fitted(picture, (width, height), fit, resize, pad, Image.Resampling[resample.upper()])
    values = numpy.asarray(fitted, numpy.float32).reshape(height, width, -1)
    if colors == "bgr":
        values = values[:, :, ::-1]
    channels = values.shape[2]
    values = values * numpy.float32(scale)
    if mean is not None:
        values = values - _colours("mean", mean, channels)
    if std is not None:
        divisors = _colours("std", std, channels)
        if not divisors.all():
            raise StepFailed("`std` of an image must not be 0")
        values = values / divisors
    return numpy.ascontiguousarray(values[None] if layout == "nhwc" else values.transpose(2, 0, 1)[None])


def image_size(source: bytes) -> dict[str, int]:
    """How large an image is, upright. Blocks. Raises StepFailed."""
    picture = _decoded(source, "RGB")
    return {"width": picture.width, "height": picture.height}


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise StepFailed(f"an image is given as 1 to {MAX_SIDE} pixels each way, not as {width} x {height}")
    if width * height > MAX_GIVEN:
        raise StepFailed(f"an image is given as {MAX_GIVEN:,} pixels at most, not as {width} x {height}")


def _part(picture: Image.Image, box: Sequence[float]) -> Image.Image:
    """What is inside of left, top, right, bottom, in pixels; cut at the edges of the image."""
    if len(box) != 4 or not all(map(math.isfinite, box)):
        raise StepFailed("`box` of an image is `[left, top, right, bottom]`, in pixels")
    left, top, right, bottom = (round(each) for each in box)
    left, right = (min(max(each, 0), picture.width) for each in (left, right))
    top, bottom = (min(max(each, 0), picture.height) for each in (top, bottom))
    if left >= right or top >= bottom:
        raise StepFailed(f"nothing of an image of {picture.width} x {picture.height} is inside of its `box`")
    return picture.crop((left, top, right, bottom))


def _fitted(
    picture: Image.Image,
    size: tuple[int, int],
    fit: str,
    resize: int | None,
    pad: int,
    resample: Image.Resampling,
) -> Image.Image:
    """The picture in this size, width and height."""
    width, height = size
    if fit == "stretch":
        return picture.resize(size, resample)
    if fit == "letterbox":
        ratio = min(width / picture.width, height / picture.height)
        inner = picture.resize(_scaled(picture, ratio), resample)
        whole = Image.new(picture.mode, size, pad if picture.mode == "L" else (pad, pad, pad))
        whole.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
        return whole
    ratio = max(width / picture.width, height / picture.height)
    if resize is not None:
        ratio = max(ratio, resize / min(picture.width, picture.height))
    _check_size(*_scaled(picture, ratio))
    larger = picture.resize(_scaled(picture, ratio), resample)
    left, top = (larger.width - width) // 2, (larger.height - height) // 2
    return larger.crop((left, top, left + width, top + height))


def _scaled(picture: Image.Image, ratio: float) -> tuple[int, int]:
    return max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio))


def _decoded(source: bytes, mode: str) -> Image.Image:
    """The image, turned as its camera says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(BytesIO(source), formats=FORMATS)
            if opened.width * opened.height > MAX_PIXELS:
                raise StepFailed(
                    f"the image is {opened.width} x {opened.height}: {MAX_PIXELS:,} pixels at most"
                )
            return ImageOps.exif_transpose(opened).convert(mode)
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise StepFailed(f"these bytes are no image that can be read, which is one of {known}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, EOFError) as error:
        raise StepFailed(f"the image cannot be read: {type(error).__name__}") from None


def _colours(name: str, values: Sequence[float], channels: int) -> NDArray[Any]:
    if len(values) != channels:
        each = "red, green and blue" if channels == 3 else "gray"
        raise StepFailed(f"`{name}` has one number for {each}, not {len(values)}")
    return numpy.asarray(values, numpy.float32)
