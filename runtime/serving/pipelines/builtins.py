"""The functions of the language: which code does what, and which takes time."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from ....compiler.plan import BuiltinNode
from ...requests.errors import StartError, StepFailed
from .activation import Activation
from .block import Act, Compute, Frame
from .splitting import split_text
from .texts import text_of

Function = Callable[..., Any]


def builtin(
    node: BuiltinNode, slots: Mapping[str, int], constants: Mapping[str, Any]
) -> tuple[Compute | None, Act | None]:
    """What computes a call of a function of the language.

    constants: the values that are known already, by name. Raises StartError where a library is missing.
    """
    positional = [slots[name] for name in node.arguments]
    named = {name: slots[each] for name, each in node.named.items()}
    match node.function:
        case "image":
            return None, _image(positional, named)
        case "format":
            return _format(constants[node.arguments[0]], positional[1:], named), None
        case "json_path":
            return _json_path(constants[node.arguments[1]], positional[0]), None
    return _calling(_function(node.function), positional, named), None


def _calling(function: Function, positional: list[int], named: Mapping[str, int]) -> Compute:
    if named:
        return lambda frame: function(
            *[frame[slot] for slot in positional], **{name: frame[slot] for name, slot in named.items()}
        )
    if len(positional) == 1:
        [only] = positional
        return lambda frame: function(frame[only])
    return lambda frame: function(*[frame[slot] for slot in positional])


def _function(name: str) -> Function:
    if name in _PLAIN:
        return _PLAIN[name]
    if find_spec("numpy") is None:
        raise StartError(f"`{name}` needs numpy, which is not installed: pip install 'inferc[pipelines]'")
    from . import numeric

    function: Function = getattr(numeric, name)
    return function


def _image(positional: list[int], named: Mapping[str, int]) -> Act:
    if find_spec("PIL") is None or find_spec("numpy") is None:
        raise StartError("`image` needs Pillow and numpy: pip install 'inferc[image]'")
    from .images import image

    compute = _calling(image, positional, named)

    async def act(at: Activation) -> Any:
        return await asyncio.to_thread(compute, at.frame)

    return act


def _format(template: str, positional: list[int], named: Mapping[str, int]) -> Compute:
    """Numbers as their format says, everything else as text."""
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


def _json_path(path: str, of: int) -> Compute:
    """The value at `path`, None where there is none; a list of all where a path may find several."""
    import jsonpath

    compiled = jsonpath.JSONPathEnvironment(strict=True).compile(path)
    finds_one = isinstance(compiled, jsonpath.JSONPath) and compiled.singular_query()

    def compute(frame: Frame) -> Any:
        try:
            found = compiled.findall(frame[of])
        except (jsonpath.JSONPathError, RecursionError) as error:
            raise StepFailed(f"the path cannot be followed: {type(error).__name__}") from None
        if not found:
            return None
        return found[0] if finds_one else found

    return compute


def _concat(*values: Any) -> Any:
    first = values[0]
    if isinstance(first, str):
        return "".join(values)
    if isinstance(first, list):
        return [item for value in values for item in value]
    from .numeric import joined

    return joined(values)


_PLAIN: dict[str, Function] = {
    "concat": _concat,
    "first": lambda values: values[0] if values else None,
    "len": len,
    "split_text": split_text,
    "join": lambda texts, separator: separator.join(texts),
    "text": text_of,
    "decode": lambda data: data.decode("utf-8", "replace"),
}
