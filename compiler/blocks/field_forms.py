"""How a field of the model is written in a file, as a value or as a block, and what takes another form."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.field_words import hint, options
from ...dsl.keys import KeySecret
from ...dsl.policies import CapacityPolicy
from ...dsl.ranges import Range
from ...dsl.record import Field, fields, is_record
from ...dsl.runtimes import RemoteConfig, SecretRef, runtime_with
from ...dsl.suggest import every
from ...dsl.tasks import Labels
from ...dsl.units import EXAMPLES

WRITTEN_AS_VALUES = (SecretRef, KeySecret, CapacityPolicy, Labels)
"""Classes of the model that are written as a value, not as a block."""


@cache
def is_written_as_block(cls: type, name: str) -> bool:
    return is_open_block(cls, name) or any(kind(cls, name) for kind in (block_class, labelled_class))


@cache
def block_class(cls: type, name: str) -> type | None:
    """The attrs class behind the field `name` when it is written as a block, None when it is a value."""
    for option in options(hint(cls, name)):
        if is_record(option) and option not in WRITTEN_AS_VALUES:
            return option
    return None


@cache
def labelled_class(cls: type, name: str) -> type | None:
    """The attrs class of the blocks that may stand several times, each with a name: `key a { … }`."""
    for option in options(hint(cls, name)):
        if typing.get_origin(option) is dict and is_record(inner := typing.get_args(option)[1]):
            return inner
    return None


@cache
def is_open_block(cls: type, name: str) -> bool:
    """Whether the field is a block whose names the user chooses, such as `env { … }`."""
    if labelled_class(cls, name) is not None:
        return False
    return any(typing.get_origin(option) is dict for option in options(hint(cls, name)))


def fields_taking(value: s.Expression, cls: type | None) -> list[str]:
    """The fields of a block that take the number or quantity `value`."""
    if cls is None or not isinstance(value, s.Number):
        return []
    return [name for name in fields(cls) if type(value.value) in options(hint(cls, name))]


_EXAMPLES: dict[Any, str] = {
    SecretRef: 'env("NAME")',
    Range: "2..8",
    bool: "true",
    str: '"…"',
    **EXAMPLES,
}


def example_of(cls: type, name: str) -> str:
    """A value of a field."""
    if name == "auth":
        return 'bearer(env("TOKEN"))'
    kinds = (
        typing.get_args(each)[0] if typing.get_origin(each) else each for each in options(hint(cls, name))
    )
    return next((_EXAMPLES[each] for each in kinds if each in _EXAMPLES), "…")


def where_instead(name: str, cls: type, names: Mapping[str, Field]) -> str:
    """Where a field with this name does exist, else which fields there are here."""
    for outer in names:
        inner = block_class(cls, outer)
        if inner is not None and name in fields(inner):
            return f"`{name}` belongs in `{outer} {{ … }}`"
        inner = labelled_class(cls, outer)
        if inner is not None and name in fields(inner):
            return f"`{name}` belongs in `{outer} a_name {{ … }}`"
    if cls is Deployment:
        owner = runtime_with(name)
        if owner is not None:
            return f"`{name}` belongs in the runtime's block, such as `runtime {owner} {{ … }}`"
    if issubclass(cls, RemoteConfig) and name in fields(Deployment):
        return f"`{name}` belongs in the deployment, beside `runtime`"
    if len(names) == 1 and labelled_class(cls, only := next(iter(names))) is not None:
        return f"write a block for each: `{only} a_name {{ … }}`"
    return f"fields here are {every(f'`{n}`' for n in names)}" if names else "it has none"
