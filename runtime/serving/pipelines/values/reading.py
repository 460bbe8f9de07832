"""Values that come from outside, checked against a type and made into what steps compute with.

text, and choices: str. int, float, bool: as they are. bytes, image: bytes. json: any JSON. tensor: an
array of numpy. list: a list. optional: None where nothing is there. record: a dict with all fields.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache, partial
from typing import Annotated, Any, NotRequired, Optional, TypedDict, get_args, get_origin, is_typeddict

from attrs import evolve
from cattrs import (
    BaseValidationError,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen.typeddicts import make_dict_structure_fn

from .....compiler.plan import ListType, OptionalType, RecordType, Type
from .....compiler.plan.record import frozen
from .leaves import Sizes, Unfit, leaf

MAX_SHOWN = 3
"""Problems of one value that a message names."""

MAX_ITEMS = 200_000
"""Values in all lists of one request; tensors and `json` do not count."""

_MAX_FOUND = 100


class Source(StrEnum):
    """Where a value comes from."""

    REQUEST = "request"
    """JSON of a client: bytes are base64, tensors lists, and there is nothing more than was declared."""
    MODEL = "model"
    """JSON that a model wrote: fields that nobody declared are dropped."""
    PYTHON = "python"
    """What code of the user's gave: bytes are bytes, tensors arrays."""


@frozen
class Problem:
    """path: `items[0].label`; empty for the value itself. code: as a client knows the error."""

    path: str
    message: str
    code: str = "wrong_type"

    def __str__(self) -> str:
        return f"`{self.path}`: {self.message}" if self.path else self.message


class Misfit(Exception):
    """A value does not fit its type; all that is wrong with it, and never what is in it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        shown = [str(problem) for problem in problems[:MAX_SHOWN]]
        if len(problems) > MAX_SHOWN:
            shown.append(f"and {len(problems) - MAX_SHOWN} more")
        super().__init__("; ".join(shown))

    def below(self, name: str) -> Misfit:
        """The same, of a value that is called `name`."""
        return Misfit([evolve(each, path=_joined(name, each.path)) for each in self.problems])


Read = Callable[..., Any]


def reader(kind: Type, source: Source) -> Callable[[Any, Sizes], Any]:
    """What makes a value of `kind` of one from `source`, and raises Misfit where it does not fit."""
    reading = _reading(source)
    target = _annotation(kind, "Value")
    structure = reading.get_structure_hook(target)

    def read(value: Any, sizes: Sizes) -> Any:
        reading.sizes = sizes
        try:
            return structure(value, target)
        except (BaseValidationError, Unfit) as error:
            raise Misfit(list(_problems(error, ""))) from None

    return read


class _Reading(Converter):
    """sizes: those of the value that is being read on this thread; nothing is awaited while it is."""

    def __init__(self, source: Source) -> None:
        super().__init__(forbid_extra_keys=source is Source.REQUEST)
        self._here = threading.local()
        self.most = MAX_ITEMS if source is Source.REQUEST else None
        self.register_structure_hook_func(
            _is_leaf,
            lambda value, kind: leaf(
                value, get_args(kind)[1], self.sizes, is_json=source is not Source.PYTHON
            ),
        )
        self.register_structure_hook_factory(_is_list, partial(_list, self))
        self.register_structure_hook_factory(is_typeddict, partial(_record, self))

    @property
    def sizes(self) -> Sizes:
        sizes: Sizes = self._here.sizes
        return sizes

    @sizes.setter
    def sizes(self, sizes: Sizes) -> None:
        self._here.sizes = sizes


@cache
def _reading(source: Source) -> _Reading:
    return _Reading(source)


def _is_leaf(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is Annotated


def _is_list(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is list


def _annotation(kind: Type, name: str) -> Any:
    """`kind` in the words of `typing`, which cattrs understands."""
    match kind:
        case ListType():
            return list[_annotation(kind.element, name)]  # type: ignore[misc]
        case OptionalType():
            return Optional[_annotation(kind.inner, name)]  # noqa: UP045
        case RecordType():
            fields: dict[str, Any] = {}
            for each, inner in kind.fields.items():
                annotation = _annotation(inner, each)
                fields[each] = NotRequired[annotation] if isinstance(inner, OptionalType) else annotation
            make: Any = TypedDict  # with fields that are known only now
            return make(kind.name or name, fields)
    return Annotated[object, kind]


def _list(reading: _Reading, kind: Any) -> Read:
    (element,) = get_args(kind)
    structure = reading.get_structure_hook(element)

    def read(value: Any, _: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Unfit("a list", value)
        reading.sizes.items += len(value)
        if reading.most is not None and reading.sizes.items > reading.most:
            raise Unfit(f"at most {reading.most:,} values in all lists together", value)
        made: list[Any] = []
        errors: list[Exception] = []
        for index, each in enumerate(value):
            try:
                made.append(structure(each, element))
            except (BaseValidationError, Unfit) as error:
                error.add_note(IterableValidationNote("", index, element))
                errors.append(error)
                if len(errors) == _MAX_FOUND:
                    break
        if errors:
            raise IterableValidationError("", errors, kind)
        return made

    return read


def _record(reading: _Reading, kind: Any) -> Read:
    structure = make_dict_structure_fn(
        kind, reading, _cattrs_forbid_extra_keys=reading.forbid_extra_keys, _cattrs_detailed_validation=True
    )
    names = tuple(kind.__annotations__)

    def read(value: Any, _: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unfit("an object", value)
        made = structure(value, kind)
        return {name: made.get(name) for name in names}

    return read


def _problems(error: Exception, path: str) -> Iterator[Problem]:
    match error:
        case ClassValidationError():
            noted, others = error.group_exceptions()
            for inner, note in noted:
                yield from _problems(inner, _joined(path, note.name))
            for inner in others:
                yield from _problems(inner, path)
        case IterableValidationError():
            for inner, at in error.group_exceptions()[0]:
                yield from _problems(inner, f"{path}[{at.index}]")
        case KeyError():
            yield Problem(path, "it is missing", "missing_field")
        case ForbiddenExtraKeysError():
            for name in sorted(error.extra_fields):
                yield Problem(_joined(path, name), "there is no such field", "unknown_field")
        case _:
            yield Problem(path, str(error))


def _joined(path: str, inner: str) -> str:
    if not path or not inner:
        return path or inner
    return f"{path}{inner}" if inner.startswith("[") else f"{path}.{inner}"
