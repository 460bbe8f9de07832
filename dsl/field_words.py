"""A field of the model in the user's words: what it takes, its range, its default, what it means.

The language reference and editors say the same, because both ask here.
"""

from __future__ import annotations

import sys
import typing
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any

import attrs

from . import guards, keys, policies, runtimes, tasks
from .data_kinds import DataKind
from .record import Field, fields, is_record
from .units import Duration, Money, Percent, Size

SCALARS: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "`true`, `false`",
    object: "any value",
    Duration: "duration",
    Size: "size",
    Money: "money",
    Percent: "percent",
}

WRITTEN: dict[Any, str] = {
    runtimes.SecretRef: "`env(…)`, `file(…)`, …",
    keys.KeySecret: "`env(…)`, `file(…)`, `hash(…)`, …",
    keys.NameOrPattern: "name, or text with `*`",
    guards.ExternName: "name of an extern",
    policies.CapacityPolicy: "`reject`, `queue`, `fallback(name)`",
    tasks.Labels: "list of text, or text",
    DataKind: "word",
}
"""Types that are written as a value of their own kind."""

SPECIAL: dict[tuple[str, str], tuple[str, str]] = {
    ("GatewayFields", "auth"): ("`bearer(env(…))`, `bearer(file(…))`, `none`", "not said"),
    ("GatewayFields", "workers"): ("integer ≥ 1, ≤ 128, `auto`", "`1`"),
    ("Deployment", "replicas"): ("integer ≥ 1, ≤ 1000, or range such as `2..8`", "`1`"),
    ("Deployment", "runtime"): ("word, or block", "inferred"),
    ("CallOptions", "tools"): ("list of names", "none"),
    ("Deployment", "task"): ("word, or block", "`tensor` for `ort` and `tensorrt`, else `chat`"),
    ("OrtConfig", "providers"): ("list of `tensorrt`, `cuda`, `cpu`", "`[cuda]` with `gpus`, else `[cpu]`"),
}
"""Type and default of fields about which the class does not say it all."""


def takes(cls: Any, name: str) -> str:
    """What a field takes, with its range: `integer ≥ 1`, `` `equal`, `full` ``, `block`."""
    if (cls.__name__, name) in SPECIAL:
        return SPECIAL[cls.__name__, name][0]
    return type_in_words(hint(cls, name)) + _range(fields(cls)[name])


def default_of(cls: Any, name: str) -> str:
    """What counts when a field is not written: `required`, `none`, `its defaults`, or a value."""
    if (cls.__name__, name) in SPECIAL:
        return SPECIAL[cls.__name__, name][1]
    value: Any = fields(cls)[name].default
    if value is attrs.NOTHING:
        return "required"
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]  # attrs types it as a function
        value = value.factory()
    if value is None or value in ((), {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, policies.CapacityPolicy):
        return f"`{value.kind}`"
    if is_record(type(value)):
        return "its defaults"
    return f'`"{value}"`' if type(value) is str else f"`{value}`"


def type_in_words(hint: Any) -> str:
    """A type as the reference names it."""
    [inner] = [option for option in options(hint) if option is not NoneType]
    if inner in WRITTEN:
        return WRITTEN[inner]
    if inner in SCALARS:
        return SCALARS[inner]
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)
    if origin is tuple:
        one = type_in_words(arguments[0])
        return (
            f"{one}, or a list of them" if issubclass(arguments[0], runtimes.SecretRef) else f"list of {one}"
        )
    if origin is dict and is_record(arguments[1]):
        return "blocks, each with a name"
    if origin is dict:
        return "block of `name = value`"
    if issubclass(inner, StrEnum):
        return ", ".join(f"`{member}`" for member in inner)
    return "block"


def options(hint: Any) -> tuple[Any, ...]:
    """The types of a union, or the one type."""
    is_union = typing.get_origin(hint) is typing.Union or isinstance(hint, type(int | str))
    return typing.get_args(hint) if is_union else (hint,)


@cache
def hint(cls: Any, name: str) -> Any:
    """The resolved type of one field, since files hold few of them. Raises KeyError where there is none."""
    owner = next((each for each in cls.__mro__ if name in vars(each).get("__annotations__", ())), None)
    if owner is None:
        raise KeyError(name)
    return eval(owner.__annotations__[name], vars(sys.modules[owner.__module__]))


def _range(field: Field) -> str:
    """Its bounds; those that its type has anyway are not said."""
    signs = {"min": "≥", "above": ">", "max": "≤"}
    bounds = [f"{sign} {field.metadata[key]}" for key, sign in signs.items() if key in field.metadata]
    return f" {', '.join(bounds)}" if bounds else ""
