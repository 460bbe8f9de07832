"""`x as T`: JSON, or a text that holds it, read as a type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from .....compiler.plan import ChoiceType, Type, TypeKind
from ....requests.errors import StepFailed
from ..block import Compute, Frame, Later
from ..workers.workers import Workers
from .leaves import Sizes
from .reading import Misfit, Problem, Source, reader
from .weights import is_light

_FENCE = "```"


MOST_JSON = 16_384
"""Characters of JSON that are read on the event loop."""


def convert(of: int, to: Type, workers: Workers) -> Compute:
    """Raises StepFailed where the value does not fit. What is large is read in a worker."""
    read = converting(to)
    elsewhere = workers.function(f"`as {to}`", converting, to)

    def compute(frame: Frame) -> Any:
        values = {"value": frame[of]}
        is_small = len(frame[of]) <= MOST_JSON if isinstance(frame[of], str) else is_light(frame[of])
        return read(values) if is_small else Later(lambda: elsewhere(values))

    return compute


def converting(to: Type) -> Callable[[Mapping[str, Any]], Any]:
    """The same as a worker calls it."""
    read = reader(to, Source.MODEL)
    takes_text = isinstance(to, ChoiceType) or to.kind is TypeKind.TEXT

    def converted(values: Mapping[str, Any]) -> Any:
        value = values["value"]
        try:
            if isinstance(value, str) and not takes_text:
                value = json_in(value)
            return read(value.strip() if isinstance(value, str) else value, Sizes())
        except Misfit as error:
            raise StepFailed(f"the value is no {to}: {error}") from None

    return converted


def json_in(text: str) -> Any:
    """The JSON that `text` is, perhaps between fences as models like them. Raises Misfit."""
    text = text.strip()
    if text.startswith(_FENCE) and text.endswith(_FENCE):
        text = text.removesuffix(_FENCE).partition("\n")[2]
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = (
            f"it is no JSON: line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        )
        raise Misfit([Problem("", message)]) from None
