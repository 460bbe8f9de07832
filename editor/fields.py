"""Which fields and blocks fit where, and what is known about each: asked of the classes of the model."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any

import attrs

from ..compiler.blocks.field_forms import block_class, is_open_block, labelled_class
from ..compiler.globals import ClusterFields, GatewayFields
from ..compiler.onnx_model.provider_options import PLACED, options_of
from ..compiler.pipelines.pipeline_options import PipelineOptions
from ..compiler.routes.options import RouteOptions
from ..dsl.catalogues.inference import infer_runtime
from ..dsl.deployment import Deployment
from ..dsl.field_words import default_of, hint, options, takes
from ..dsl.kinds import RuntimeKind, TaskKind
from ..dsl.record import fields
from ..dsl.runtimes import CONFIG_CLASSES
from ..dsl.tasks import TASK_CLASSES
from ..dsl.units import Duration, Money, Percent, Size
from ..dsl.word_enum import by_word

LABELLED: dict[str, type[StrEnum]] = {"runtime": RuntimeKind, "task": TaskKind}
"""Blocks that say after their name which kind they are for."""

FILE_ENDINGS = {
    "model": (".onnx",),
    "tokenizer": (".json",),
    "labels": (".json", ".txt"),
    "chat_template": (".json", ".jinja", ".j2"),
}
"""Fields that hold a path, and how the names of their files end."""

_DECLARATIONS: dict[str, Any] = {
    "deployment": Deployment,
    "template": Deployment,
    "gateway": GatewayFields,
    "cluster": ClusterFields,
    "route": RouteOptions,
    "pipeline": PipelineOptions,
}
_HIDDEN = frozenset({"name", "runtime_config", "kind", "target"})
_PROVIDERS = ("cuda", "tensorrt")


@attrs.frozen
class Place:
    """A body: what its fields are, and their path in the model.

    cls: the class that has the fields; None where the user chooses them, or there are none.
    provider: the execution provider whose options it holds.
    """

    cls: Any
    path: tuple[str, ...]
    title: str
    provider: str | None = None


@attrs.frozen
class FieldInfo:
    """One field or block that fits. block: it is written with braces; label: and with a word before them."""

    name: str
    takes: str
    meaning: str
    default: str = ""
    block: bool = False
    label: bool = False
    required: bool = False
    cls: Any = None

    @property
    def told(self) -> str:
        """Its meaning, what it takes and its default, as Markdown."""
        default = f"; default: {self.default}" if self.default else ""
        return f"{self.meaning}\n\ntakes {self.takes}{default}"


def place_of(declaration: str, blocks: Iterable[tuple[str, str | None]], model: str | None) -> Place | None:
    """The body inside of `blocks` (names and labels, the outermost first) of a declaration of this kind.

    model: what the deployment names, which says what an unlabelled `runtime` block is for.
    """
    start = _DECLARATIONS.get(declaration)
    if start is None:
        return None
    place: Place | None = Place(start, (), declaration)
    for name, label in blocks:
        place = _inner(place, name, label, model) if place is not None else None
    return place


def with_place(is_loop: bool, is_extern: bool) -> Place:
    """The body after `with`: at a call, at a loop, or where an extern is declared."""
    from ..compiler.pipelines.call_options import CallOptions, LoopOptions
    from ..compiler.pipelines.extern_options import ExternOptions

    return Place(ExternOptions if is_extern else LoopOptions if is_loop else CallOptions, (), "with")


def fields_of(place: Place) -> Iterator[FieldInfo]:
    """What fits into a body, in the order of the reference."""
    if place.provider is not None:
        for name, option in options_of(place.provider).items():
            if name not in PLACED:
                yield FieldInfo(name, option.expected, f"option of the {place.provider} provider")
    elif place.cls is not None:
        yield from _of_class(place.cls)


def field_info(place: Place, name: str) -> FieldInfo | None:
    """One field of a body."""
    return next((each for each in fields_of(place) if each.name == name), None)


def words_of(place: Place, name: str) -> tuple[str, ...]:
    """The bare words that a field takes."""
    if place.provider is not None:
        option = options_of(place.provider).get(name)
        return () if option is None else ("true", "false") if option.type == "flag" else option.choices
    if place.cls is None:
        return ()
    if place.cls is Deployment and name in LABELLED:
        return tuple(LABELLED[name])
    return tuple(_words(_hint(place, name)))


def units_of(place: Place, name: str) -> type | None:
    """The quantity that a field takes, None when it takes none."""
    kinds = (Duration, Size, Money, Percent)
    if place.provider is not None:
        option = options_of(place.provider).get(name)
        return {"size": Size, "milliseconds": Duration}.get(option.type) if option is not None else None
    known = _hint(place, name)
    return next((kind for kind in options(known) if kind in kinds), None) if known is not None else None


def holds(place: Place, name: str, kind: type) -> bool:
    """Whether a field takes a value of this class, alone or in a list."""
    known = _hint(place, name)
    if known is None:
        return False
    return any(kind in (each, *typing.get_args(each)) for each in options(known))


def _hint(place: Place, name: str) -> Any:
    """The type of a field; None where the place has no such field."""
    return hint(place.cls, name) if place.cls is not None and name in fields(place.cls) else None


def class_doc(cls: Any) -> str:
    """What a class of the model says about itself."""
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def _inner(place: Place, name: str, label: str | None, model: str | None) -> Place | None:
    if place.cls is Deployment and name in LABELLED:
        return _labelled(name, label, model)
    if place.cls is None or name not in fields(place.cls) or name in _HIDDEN:
        return None
    path = (*place.path, name)
    if (each := labelled_class(place.cls, name)) is not None:
        return Place(each, path, name)
    if is_open_block(place.cls, name):
        return Place(None, path, name, provider=name if name in _PROVIDERS else None)
    cls = block_class(place.cls, name)
    return Place(cls, path, name) if cls is not None else None


def _labelled(name: str, label: str | None, model: str | None) -> Place | None:
    if name == "runtime":
        word = label or (infer_runtime(model).value if model else "")
        kind = by_word(RuntimeKind).get(word)
        if kind is None:
            return None
        return Place(CONFIG_CLASSES[kind], ("runtime_config",), f"runtime {word}")
    task = by_word(TaskKind).get(label or "")
    if task is None:
        return None
    return Place(TASK_CLASSES[task], ("task",), f"task {label}")


@cache
def _of_class(cls: Any) -> tuple[FieldInfo, ...]:
    return tuple(
        FieldInfo(
            name=each.name,
            takes=takes(cls, each.name),
            meaning=str(each.metadata.get("doc", "")),
            default=default_of(cls, each.name),
            block=_is_block(cls, each.name),
            label=labelled_class(cls, each.name) is not None or (cls is Deployment and each.name in LABELLED),
            required=each.default is attrs.NOTHING,
            cls=block_class(cls, each.name) or labelled_class(cls, each.name),
        )
        for each in attrs.fields(cls)
        if each.name not in _HIDDEN
    )


def _is_block(cls: Any, name: str) -> bool:
    if cls is Deployment and name in LABELLED:
        return True
    labelled = labelled_class(cls, name) is not None
    return labelled or block_class(cls, name) is not None or is_open_block(cls, name)


def _words(hint: Any) -> Iterator[str]:
    for each in options(hint) if hint is not None else ():
        if each is NoneType:
            continue
        if each is bool:
            yield from ("true", "false")
        elif isinstance(each, type) and issubclass(each, StrEnum):
            yield from (str(member) for member in each)
        elif typing.get_origin(each) is tuple:
            yield from _words(typing.get_args(each)[0])
