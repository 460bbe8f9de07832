"""`json_path`: what a path finds in a JSON value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jsonpath

from ....requests.errors import StepFailed
from ..block import Compute, Frame, Later
from ..values.weights import is_light
from ..workers.workers import Workers


def json_path(path: str, of: int, workers: Workers) -> Compute:
    """The value at `path`, None where there is none; a list of all where a path may find several.

    A filter may hold a regular expression, or look for a path in every value: it is followed in a worker.
    """
    find, finds_one = _finder(path)
    is_linear = "?" not in path and path.count("..") < 2 and "|" not in path and "&" not in path
    elsewhere = workers.function("the path", finding, path, is_needed=not is_linear)

    def compute(frame: Frame) -> Any:
        value = frame[of]
        if finds_one or (is_linear and is_light(value)):
            return find(value)
        return Later(lambda: elsewhere({"value": value}))

    return compute


def finding(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """The same as a worker calls it."""
    find, _ = _finder(path)
    return lambda values: find(values["value"])


def _finder(path: str) -> tuple[Callable[[Any], Any], bool]:
    compiled = jsonpath.JSONPathEnvironment(strict=True).compile(path)
    finds_one = isinstance(compiled, jsonpath.JSONPath) and compiled.singular_query()

    def find(value: Any) -> Any:
        try:
            found = compiled.findall(value)
        except (jsonpath.JSONPathError, RecursionError) as error:
            raise StepFailed(f"the path cannot be followed: {type(error).__name__}") from None
        if not found:
            return None
        return found[0] if finds_one else found

    return find, finds_one
