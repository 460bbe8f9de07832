"""How an image becomes the input of a model, as `preprocessor_config.json` says it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...dsl.wording import as_name
from .sidecars import Sidecars
from .signature import DType, Signature, TensorSpec

_RESAMPLING = {0: "nearest", 1: "lanczos", 3: "bicubic", 4: "box"}
"""Pillow's numbers; 2, bilinear, goes without saying."""

_LARGEST = 8192


def image_input(signature: Signature, beside: Sidecars) -> str | None:
    """`pixel_values = image(photo, …)`; None where the model takes no image, or nothing says how."""
    said = beside.fields("preprocessor_config.json")
    if len(signature.inputs) != 1 or not (said.get("image_processor_type") or "image_mean" in said):
        return None
    [spec] = signature.inputs
    layout = _layout(spec)
    if layout is None:
        return None
    height, width = _sizes(said, spec, layout)
    settings = [f"width = {width}", f"height = {height}", *_fit(said)]
    resample = _RESAMPLING.get(said.get("resample", 2))
    settings += [f'resample = "{resample}"'] if resample else []
    if said.get("do_rescale") is False:
        settings.append("scale = 1.0")
    elif abs((factor := _number(said.get("rescale_factor"), 1 / 255)) * 255 - 1) > 1e-6:
        settings.append(f"scale = {factor:.12f}".rstrip("0"))
    if said.get("do_normalize", True) is True:
        settings += [
            f"{name} = [{', '.join(map(_float, values))}]"
            for name in ("mean", "std")
            if (values := _colours(said.get(f"image_{name}")))
        ]
    settings += ['layout = "nhwc"'] if layout == "nhwc" else []
    return f"{as_name(spec.name)} = image(photo, {', '.join(settings)})"


def image_shape(signature: Signature, beside: Sidecars) -> str | None:
    """`pixel_values = [1, 3, 384, 384]`, where the model says less, so that a first run has such an image."""
    if image_input(signature, beside) is None:
        return None
    [spec] = signature.inputs
    layout = _layout(spec)
    if layout is None or spec.shape is None or all(isinstance(size, int) for size in spec.shape[1:]):
        return None
    height, width = _sizes(beside.fields("preprocessor_config.json"), spec, layout)
    shape = (1, height, width, 3) if layout == "nhwc" else (1, 3, height, width)
    return f"{as_name(spec.name)} = [{', '.join(map(str, shape))}]"


def _layout(spec: TensorSpec) -> str | None:
    """Where the colours stand in a tensor that is an image; None where it is none."""
    if spec.dtype is not DType.F32 or spec.shape is None or len(spec.shape) != 4:
        return None
    if spec.shape[3] == 3:
        return "nhwc"
    return "nchw" if spec.shape[1] == 3 or isinstance(spec.shape[1], str) else None


def _sizes(said: Mapping[str, Any], spec: TensorSpec, layout: str) -> tuple[int, int]:
    """Height and width: those that the model fixes, else those of the crop, else those of the whole."""
    assert spec.shape is not None
    first = 2 if layout == "nchw" else 1
    fixed = spec.shape[first], spec.shape[first + 1]
    names = ("crop_size", "size") if said.get("do_center_crop") is True else ("size", "crop_size")
    both = next((found for name in names if (found := _both(said.get(name)))), (224, 224))
    height, width = (f if isinstance(f, int) and f > 0 else b for f, b in zip(fixed, both, strict=True))
    return height, width


def _fit(said: Mapping[str, Any]) -> list[str]:
    size = said.get("size")
    shortest = size.get("shortest_edge") if isinstance(size, dict) else None
    if said.get("do_center_crop") is not True and shortest is None:
        return []
    resize = shortest if shortest is not None else min(_both(size) or (0, 0))
    return ['fit = "crop"', *([f"resize = {resize}"] if _is_size(resize) else [])]


def _both(size: Any) -> tuple[int, int] | None:
    """Height and width of a size, however it is written."""
    if isinstance(size, dict):
        edge = size.get("shortest_edge")
        size = [size.get("height", edge), size.get("width", edge)]
    found = size if isinstance(size, list) else [size, size]
    return (found[0], found[1]) if len(found) == 2 and all(map(_is_size, found)) else None


def _is_size(value: object) -> bool:
    return type(value) is int and 0 < value <= _LARGEST


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _float(value: float) -> str:
    text = f"{value:.10f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _colours(values: Any) -> list[float]:
    """A number for each colour; empty for all else."""
    found = [_number(each, math.nan) for each in values] if isinstance(values, list) else []
    return found if len(found) == 3 and all(map(math.isfinite, found)) else []
