"""From parsed values to the model, and between the model and JSON: one set of cattrs hooks.

`converter` is the public one: `converter.unstructure(deployment)` gives JSON-ready values and
`converter.structure(values, Deployment)` reads them back. `language_converter` reads what the parser
found, and is stricter: an enum word must be a bare word, a duration must carry its unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from types import GenericAlias, MappingProxyType
from typing import TYPE_CHECKING, Any

from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from .data_kinds import DataKind, is_data_kind
from .field_words import hint
from .guards import ExternName
from .keys import KeySecret, NameOrPattern
from .kinds import CapacityKind, RuntimeKind, TaskKind
from .late_text import LateText
from .mismatch import Mismatch, QuantityMismatch, WordMismatch
from .policies import CapacityPolicy
from .ranges import Range
from .record import FEW, fields, is_record
from .runtimes import CONFIG_CLASSES, KIND_DEFAULTS, RuntimeConfig, SecretRef
from .scalars import (
    quantity_suggestion,
    read_count,
    read_name,
    read_text,
    read_word,
    suggestion,
    with_late_texts,
    write_text,
)
from .secret_values import read_key_secret, read_secret
from .tasks import TASK_CLASSES, Labels, Task
from .units import Duration, Money, Percent, Size, parse_quantity
from .values import Call, Word, show


def make_converter(*, text_for_words: bool) -> Converter:
    """A converter with all hooks of the language.

    text_for_words: accept `"30s"` for a duration and `"queue"` for a word, as JSON needs it.
    """
    made = Converter(forbid_extra_keys=True, unstruct_collection_overrides={tuple: list})
    made.register_structure_hook_factory(is_record, cache(lambda cls: _structure_fn(cls, made)))
    _register_scalars(made)
    for quantity in (Duration, Size, Money, Percent):
        _register_quantity(made, quantity, text_for_words=text_for_words)
    made.register_structure_hook(StrEnum, lambda v, t: read_word(v, t, for_words=text_for_words))
    made.register_unstructure_hook(StrEnum, lambda v: v.value)
    _register(made, SecretRef, lambda v, _: read_secret(v), lambda v: {v.source.value: v.name})
    _register(made, KeySecret, lambda v, _: read_key_secret(v), lambda v: {v.source.value: v.name})
    for name in (NameOrPattern, ExternName):
        made.register_structure_hook(name, read_name)
        made.register_unstructure_hook(name, str)
    _register(
        made,
        CapacityPolicy,
        lambda v, _: _structure_capacity(v, for_words=text_for_words),
        _unstructure_capacity,
    )
    made.register_structure_hook(int | Range, lambda v, _: read_count(v, for_words=text_for_words))
    made.register_unstructure_hook(Range, str)
    made.register_structure_hook(DataKind, lambda v, _: _structure_data_kind(v))
    _register(
        made,
        Labels,
        lambda v, _: _structure_labels(v),
        lambda v: v.file if v.file is not None else list(v.names),
    )
    made.register_structure_hook_func(_is_tuple, _tuple_hook(made))
    made.register_unstructure_hook_factory(_has_rare, lambda cls: _unstructure_fn(cls, made))
    register_by_kind(made, RuntimeConfig, RuntimeKind, CONFIG_CLASSES, KIND_DEFAULTS)
    register_by_kind(made, Task, TaskKind, TASK_CLASSES)
    return made


def register_by_kind(
    made: Converter,
    base: Any,
    kinds: Any,
    classes: Mapping[Any, Any],
    defaults: Mapping[Any, Any] = MappingProxyType({}),
) -> None:
    """`base` and its subclasses are told apart by the key `kind`, which stands first."""
    structurers = {cls: _structure_fn(cls, made) for cls in classes.values()}

    def structure(value: object, _: object) -> object:
        if not isinstance(value, dict) or "kind" not in value:
            raise Mismatch("a block with a kind", value)
        kind = made.structure(value["kind"], kinds)
        cls = classes[kind]
        return structurers[cls](_with_defaults(value, defaults.get(kind, {})), cls)

    unstructurers: dict[Any, Any] = {}

    def unstructure(value: Any) -> object:
        cls = type(value)
        if cls not in unstructurers:
            unstructurers[cls] = _unstructure_fn(cls, made)
        fields = unstructurers[cls](value)
        return {"kind": fields.pop("kind"), **fields}

    _register(made, base, structure, unstructure)


def _register(
    made: Converter, base: type, structure: Callable[[Any, Any], Any], unstructure: Callable[[Any], Any]
) -> None:
    """Hooks of a class and its subclasses; cattrs would have attrs complete it to register them by class."""

    def is_one(kind: Any) -> bool:
        return isinstance(kind, type) and issubclass(kind, base)

    made.register_structure_hook_func(is_one, structure)
    made.register_unstructure_hook_func(is_one, unstructure)


def _structure_fn(cls: Any, made: Converter) -> Callable[[Any, Any], Any]:
    """Reads `cls`, each field by its hook. Where there are many, cattrs writes code for that.

    Its code that tells all mistakes is three times as long, and is written when there is one.
    """
    few = FEW

    @cache
    def written(*, detailed: bool) -> Callable[[Any, Any], Any]:
        return make_dict_structure_fn(
            cls,
            made,
            _cattrs_forbid_extra_keys=True,
            _cattrs_use_linecache=False,
            _cattrs_detailed_validation=detailed,
        )

    def structure(value: Any, _: object) -> object:
        nonlocal few
        few -= 1
        try:
            if few >= 0:
                return cls(**{name: made.structure(each, hint(cls, name)) for name, each in value.items()})
            return written(detailed=False)(value, cls)
        except Exception:
            return written(detailed=True)(value, cls)

    return structure


def _has_rare(cls: Any) -> bool:
    """Whether it has fields that are left out where they have their default."""
    return is_record(cls) and any("rare" in field.metadata for field in fields(cls).values())


def _unstructure_fn(cls: Any, made: Converter) -> Callable[[Any], dict[str, Any]]:
    rare = [name for name, field in fields(cls).items() if "rare" in field.metadata]
    overrides: dict[str, Any] = dict.fromkeys(rare, override(omit_if_default=True))
    return make_dict_unstructure_fn(cls, made, **overrides)


def _register_scalars(made: Converter) -> None:
    def scalar(kind: type, accepts: Callable[[object], bool], expected: str) -> None:
        def structure(value: Any, _: object) -> object:
            if not accepts(value):
                raise Mismatch(expected, value, suggestion(kind, value))
            return kind(value) if kind is float else value

        made.register_structure_hook(kind, structure)

    scalar(bool, lambda v: isinstance(v, bool), "`true` or `false`")
    scalar(int, lambda v: type(v) is int, "a whole number")
    scalar(float, lambda v: type(v) in (int, float), "a number")
    made.register_structure_hook(str, lambda value, _: read_text(value))
    made.register_unstructure_hook(str, lambda v: v if type(v) is str else write_text(v))
    made.register_structure_hook_func(lambda kind: kind is object, lambda value, _: with_late_texts(value))


def _register_quantity(made: Converter, kind: Any, *, text_for_words: bool) -> None:
    def structure(value: object, _: object) -> object:
        if isinstance(value, kind):
            return value
        if text_for_words and isinstance(value, str):
            return parse_quantity(value, kind)
        raise QuantityMismatch(kind, value, quantity_suggestion(kind, value))

    made.register_structure_hook(kind, structure)
    made.register_unstructure_hook(kind, str)


def _structure_capacity(value: Any, *, for_words: bool) -> CapacityPolicy:
    words = ("reject", "queue", "fallback(name)")
    match value:
        case CapacityPolicy():
            return value
        case Call(name="fallback", args=(str(target),)):
            return CapacityPolicy.fallback(str(target))
        case {"fallback": str(target)} if len(value) == 1:
            return CapacityPolicy.fallback(target)
        case str() if value in ("reject", "queue"):
            if isinstance(value, Word) or for_words:
                return CapacityPolicy(CapacityKind(str(value)))
            raise WordMismatch(words, value, value)
    raise WordMismatch(words, value)


def _unstructure_capacity(policy: CapacityPolicy) -> object:
    return {"fallback": policy.target} if policy.kind is CapacityKind.FALLBACK else policy.kind.value


def _structure_data_kind(value: object) -> DataKind:
    if isinstance(value, str) and not isinstance(value, LateText) and is_data_kind(value):
        return DataKind(value)
    raise Mismatch("names of kinds of data, such as `customer_data`", value)


def _structure_labels(value: object) -> Labels:
    match value:
        case Labels():
            return value
        case list() | tuple():
            for item in value:
                if not isinstance(item, str) or isinstance(item, Word):
                    raise Mismatch("a list of texts", item, suggestion(str, item))
            return Labels(names=tuple(str(item) for item in value))
        case str() if not isinstance(value, Word):
            return Labels(file=value)
    raise Mismatch("a list of texts, or the path of a file", value, suggestion(str, value))


def _is_tuple(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is tuple


def _tuple_hook(made: Converter) -> Callable[[Any, Any], Any]:
    """Lists as tuples; a single value stands for a list of one, as in `api_key = env("KEY")`."""

    def structure(value: object, kind: Any) -> object:
        element: Any = kind.__args__[0]
        if isinstance(value, list | tuple):
            listed: Any = GenericAlias(list, element)
            return tuple(made.structure(list(value), listed))
        if element in (SecretRef, KeySecret):
            return (made.structure(value, element),)
        raise Mismatch("a list", value, f"[{show(value)}]" if isinstance(value, str | int | float) else None)

    return structure


def _with_defaults(value: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """`value` over `defaults`, block by block."""
    merged = dict(value)
    for key, default in defaults.items():
        if key not in merged:
            merged[key] = default
        elif isinstance(default, dict) and isinstance(merged[key], dict):
            merged[key] = _with_defaults(merged[key], default)
    return merged


language_converter = make_converter(text_for_words=False)

if TYPE_CHECKING:
    converter = make_converter(text_for_words=True)


def __getattr__(name: str) -> Any:
    """`converter` is made when it is asked for: checking a file needs only the other one."""
    if name == "converter":
        globals()["converter"] = make_converter(text_for_words=True)
        return globals()["converter"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
