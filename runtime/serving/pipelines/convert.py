"""`x as T`: JSON, or a text that holds it, read as a type."""

from __future__ import annotations

from typing import Any

import orjson

from ....compiler.plan import ChoiceType, Type, TypeKind
from ...requests.errors import StepFailed
from .block import Compute, Frame
from .leaf_values import Sizes
from .values import Misfit, Problem, Source, reader

_FENCE = "```"


def convert(of: int, to: Type) -> Compute:
    """Raises StepFailed where the value does not fit."""
    read = reader(to, Source.MODEL)
    takes_text = isinstance(to, ChoiceType) or to.kind is TypeKind.TEXT

    def compute(frame: Frame) -> Any:
        value = frame[of]
        try:
            if isinstance(value, str) and not takes_text:
                value = json_in(value)
            return read(value.strip() if isinstance(value, str) else value, Sizes())
        except Misfit as error:
            raise StepFailed(f"the value is no {to}: {error}") from None

    return compute


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
