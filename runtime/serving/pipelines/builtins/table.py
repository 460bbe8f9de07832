"""The functions of the language: which code does what, and which takes time."""

from __future__ import annotations

import asyncio
import math
import re
import string
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from .....compiler.plan import BuiltinNode
from .....compiler.plan.installing import pip_install
from ....requests.errors import StartError, StepFailed
from ..block import Compute, Frame, Later
from ..values.texts import text_of
from ..values.weights import is_light
from ..workers.workers import Workers
from .splitting import split_text, takes_long

Function = Callable[..., Any]
WorkerFunction = Callable[[Mapping[str, Any]], Any]

MAX_WIDTH = 1000
"""Characters that a format may fill up to, and digits that it may show."""


def builtin(
    node: BuiltinNode, slots: Mapping[str, int], constants: Mapping[str, Any], workers: Workers
) -> Compute:
    """What computes a call of a function of the language.

    constants: the values that are known already, by name. Raises StartError where a library is missing.
    """
    positional = [slots[name] for name in node.arguments]
    named = {name: slots[each] for name, each in node.named.items()}
    match node.function:
        case "image" | "image_size":
            return _image(node.function, positional, named, workers)
        case "sound" | "regions":
            return _elsewhere(node.function, positional, named, workers)
        case "format":
            return _format(constants[node.arguments[0]], positional[1:], named)
        case "json_path":
            from .json_paths import json_path

            return json_path(constants[node.arguments[1]], positional[0], workers)
        case "split_text":
            return _split_text(positional, named, workers)
        case name if name in _PLAIN:
            return _calling(_PLAIN[name], positional, named)
    return _calculating(_numeric(node.function), positional, named)


def _calling(function: Function, positional: list[int], named: Mapping[str, int]) -> Compute:
    if named:
        return lambda frame: function(
            *[frame[slot] for slot in positional], **{name: frame[slot] for name, slot in named.items()}
        )
    if len(positional) == 1:
        [only] = positional
        return lambda frame: function(frame[only])
    return lambda frame: function(*[frame[slot] for slot in positional])


def _numeric(name: str) -> Function:
    if find_spec("numpy") is None:
        raise StartError(f"`{name}` needs numpy, which is not installed: {pip_install('pipelines')}")
    from . import numeric

    function: Function = getattr(numeric, name)
    return function


def _image(function: str, positional: list[int], named: Mapping[str, int], workers: Workers) -> Compute:
    """An image is decoded in a worker: what it takes is known only when it is done."""
    if find_spec("PIL") is None or find_spec("numpy") is None:
        raise StartError(f"`{function}` needs Pillow and numpy: {pip_install('image')}")
    make = making_image if function == "image" else measuring_image
    elsewhere = workers.function("the image", make, is_needed=True)

    def compute(frame: Frame) -> Later:
        values = _given(frame, positional, named)
        return Later(lambda: elsewhere(values))

    return compute


def _elsewhere(function: str, positional: list[int], named: Mapping[str, int], workers: Workers) -> Compute:
    """What takes as long as what is in its values."""
    _numeric("zeros")
    make = making_sound if function == "sound" else finding_regions
    elsewhere = workers.function(f"`{function}`", make)
    here = make()

    def compute(frame: Frame) -> Any:
        values = _given(frame, positional, named)
        return here(values) if is_light(values) else Later(lambda: elsewhere(values))

    return compute


def making_sound() -> WorkerFunction:
    """`sound` as a worker calls it."""
    from .sounds import sound

    return lambda values: sound(*values["positional"], **values["named"])


def finding_regions() -> WorkerFunction:
    """`regions` as a worker calls it."""
    from .regions import regions

    return lambda values: regions(*values["positional"], **values["named"])


def making_image() -> WorkerFunction:
    """`image` as a worker calls it."""
    from .images import image

    return lambda values: image(*values["positional"], **values["named"])


def measuring_image() -> WorkerFunction:
    """`image_size` as a worker calls it."""
    from .images import image_size

    return lambda values: image_size(*values["positional"])


def _split_text(positional: list[int], named: Mapping[str, int], workers: Workers) -> Compute:
    """A long text, or one in many pieces, is split in a worker."""
    elsewhere = workers.function("`split_text`", splitting)

    def compute(frame: Frame) -> Any:
        values = _given(frame, positional, named)
        if takes_long(*values["positional"], **values["named"]):
            return Later(lambda: elsewhere(values))
        return split_text(*values["positional"], **values["named"])

    return compute


def splitting() -> WorkerFunction:
    """`split_text` as a worker calls it."""
    return lambda values: split_text(*values["positional"], **values["named"])


def _calculating(function: Function, positional: list[int], named: Mapping[str, int]) -> Compute:
    """numpy is quick, and lets the loop go on meanwhile: much of it is done on a thread."""

    def compute(frame: Frame) -> Any:
        values = _given(frame, positional, named)
        if is_light(values):
            return function(*values["positional"], **values["named"])
        return Later(lambda: asyncio.to_thread(function, *values["positional"], **values["named"]))

    return compute


def _given(frame: Frame, positional: list[int], named: Mapping[str, int]) -> dict[str, Any]:
    return {
        "positional": [frame[slot] for slot in positional],
        "named": {name: frame[slot] for name, slot in named.items()},
    }


def _format(template: str, positional: list[int], named: Mapping[str, int]) -> Compute:
    """Numbers as their format says, everything else as text."""
    for _, name, spec, _ in string.Formatter().parse(template):
        if name is not None and spec and not has_bounds(spec):
            raise StartError(f"`{{{name}:{spec}}}` of `format` is wider than {MAX_WIDTH} characters")
    plain = [name for _, name, spec, _ in string.Formatter().parse(template) if name is not None and not spec]
    shown_as_text = {int(name) if name.isdecimal() else name for name in plain if name}
    if "" in plain:
        shown_as_text |= set(range(len(positional)))

    def value(key: int | str, frame: Frame, slot: int) -> Any:
        given = frame[slot]
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        return given if is_number and key not in shown_as_text else text_of(given)

    def compute(frame: Frame) -> str:
        try:
            return template.format(
                *[value(index, frame, slot) for index, slot in enumerate(positional)],
                **{name: value(name, frame, slot) for name, slot in named.items()},
            )
        except (ValueError, OverflowError):
            raise StepFailed("a format of the template does not fit its value") from None

    return compute


def has_bounds(spec: str) -> bool:
    """Whether a format makes texts of a length that is bounded; widths that are values have no bound."""
    return "{" not in spec and all(int(number) <= MAX_WIDTH for number in re.findall(r"\d+", spec))


def _whole(to: Callable[[float], int], x: float) -> int:
    if not math.isfinite(x) or abs(x) >= 2**63:
        raise StepFailed("the number is no `int` of 64 bits")
    return to(x)


def _concat(*values: Any, axis: int = 0) -> Any:
    first = values[0]
    if isinstance(first, str):
        return "".join(values)
    if isinstance(first, list):
        return [item for value in values for item in value]
    from .numeric import concat

    return concat(*values, axis=axis)


_PLAIN: dict[str, Function] = {
    "concat": _concat,
    "first": lambda values: values[0] if values else None,
    "len": len,
    "join": lambda texts, separator: separator.join(texts),
    "text": text_of,
    "decode": lambda data: data.decode("utf-8", "replace"),
    "round": lambda x: _whole(round, x),
    "floor": lambda x: _whole(math.floor, x),
    "ceil": lambda x: _whole(math.ceil, x),
}
