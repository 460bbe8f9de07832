"""What can be said about one deployment without looking at any other: ranges and plain sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from .problems import Problem
from .values import show

if TYPE_CHECKING:
    from .deployment import Deployment


def validate_deployment(deployment: Deployment) -> tuple[Problem, ...]:
    """Every problem of `deployment`, in the order of its fields."""
    return (*_emptiness(deployment), *_ranges(deployment, ()))


def _emptiness(deployment: Deployment) -> Iterator[Problem]:
    if not deployment.name.strip():
        yield Problem("E0305", ("name",), "a deployment needs a name", "requests and routes use it")
    if not deployment.model.strip():
        yield Problem("E0305", ("model",), "`model` is empty", "name a model, or the path of an `.onnx` file")


def _ranges(value: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    """Walk the attrs values below `value` and compare each number with its field's metadata."""
    for attribute in attrs.fields(type(value)):
        inner = getattr(value, attribute.name)
        here = (*path, attribute.name)
        if attrs.has(type(inner)):
            yield from _ranges(inner, here)
        elif inner is not None:
            yield from _range(attribute, inner, here)


def _range(attribute: attrs.Attribute[Any], value: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    minimum, bound = attribute.metadata.get("min"), attribute.metadata.get("above")
    if minimum is not None and value < minimum:
        yield Problem("E0304", path, f"`{attribute.name}` must be at least {minimum}, not {show(value)}")
    elif bound is not None and value <= bound:
        yield Problem("E0304", path, f"`{attribute.name}` must be more than {bound}, not {show(value)}")
