"""Words that other tools use for settings: where they stand here, and how they are written."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import NoneType
from typing import Any

import attrs
from attrs import evolve

from ...dsl import runtimes, syntax as s
from ...dsl.catalogues.inference import infer_runtime
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Edit, Fix
from ...dsl.field_words import hint, options
from ...dsl.foreign_words import ForeignWord, foreign_word
from ...dsl.keys import Key
from ...dsl.kinds import RuntimeKind, TransportKind
from ...dsl.late_pattern import late_pattern
from ...dsl.policies import Serving
from ...dsl.record import Field, frozen, is_record
from ...dsl.suggest import either
from ...dsl.tasks import TASK_CLASSES, Task
from ...dsl.word_enum import by_word
from .field_forms import WRITTEN_AS_VALUES
from .foreign_fixes import begun_with, in_place, moved, nested, nested_in, unit, whole
from .merge import LABELLED_BY_KIND, Section, Setting


@frozen(eq=False, repr=False, slots=False)
class Answer:
    """What is said, and the change to it where that is certain; "" where it is said with another field.

    sure: whether no other word can be meant.
    """

    text: str
    fixes: list[Fix] = attrs.field(factory=list)
    sure: bool = False


@frozen(eq=False, repr=False, slots=False)
class Enclosing:
    """The block that something stands in which its class `cls`, with the fields `names`, does not have.

    what: the block in the user's words. path: where it is in the model. root: of its declaration.
    """

    section: Section
    names: Mapping[str, Field]
    cls: Any
    what: str
    path: tuple[str, ...]
    root: Section


_HOMES = {Deployment.__module__, runtimes.__name__, Serving.__module__}
"""Where the classes are whose fields stand in deployments."""

_PIPELINES = "inferc.compiler.pipelines.pipeline_options"
"""Where the class is whose fields stand in pipelines."""

_CAMEL = late_pattern(r"(?<=[a-z0-9])(?=[A-Z])")

_HOST = late_pattern(r"(?!\d+\Z)\w[\w.-]*|\[?[0-9a-fA-F:]*::[0-9a-fA-F:]*\]?")
"""An address without a port."""


def foreign_field(setting: Setting, around: Enclosing) -> Answer | None:
    """How a field that does not exist is written; None for what nobody else has."""
    section, cls, kind = around.section, around.cls, _kind(around.root)
    told = _word(setting.node.name.text, cls) or _misplaced(setting.node.name.text, cls, kind)
    if told is None:
        return None
    if told.to[:1] == ("runtime",) and around.root.name_span.text == "gateway":
        if not _takes(Key, told.to[1:]):
            return None
        form = nested(told.to[1:], "…", kind)
        in_key = around.path[:1] == ("key",)
        return Answer(f"write `{form}` in the key" if in_key else f"this is of keys: `key … {{ {form} }}`")
    if told.unit == "template":
        around.root.damaged = True  # what seems to be missing stands in the template
        return Answer(told.say, begun_with(setting), True)
    if not told.to:
        return Answer(told.say, sure=True)
    if told.unit == "port":
        halves = _halves(section, cls)
        if len(halves) > 1 or ":" not in (given := _plain(setting.node.value)) or _HOST.fullmatch(given):
            return _together(halves) if setting is halves[0] else Answer("")
    form = f"write `{nested(told.to, '…', kind)}`"
    if not _has(told.to, kind):
        return Answer(_for_others(told, kind))
    rest = _below(told.to, around.path)
    if rest == ():
        return None  # the block that it stands in
    if rest is None or isinstance(setting.node.value, s.Bad):
        return Answer(form)
    here = f"write `{nested(rest, '…', kind)}`"
    inner, rest = _innermost(section, rest, setting.origin)
    if _is_taken(inner, rest):
        return Answer(here)
    if inner is section:
        return Answer(here, [in_place(here, setting, rest, told, kind)], True)
    node, place = setting.node, setting.scope.module.span
    before, behind = unit(node, told)
    value = place(node.value.start, node.value.end).text
    written = f"{nested_in(rest, kind)} = {before}{value}{behind}"
    return Answer(here, [moved(here, place(node.start, node.end), inner, written, rest)], True)


def foreign_block(block: Section, around: Enclosing) -> Answer | None:
    """The same for a block."""
    section, cls, kind = around.section, around.cls, _kind(around.root)
    told = _word(block.name_span.text, cls) or _misplaced(block.name_span.text, cls, kind)
    if told is None:
        return None
    if not told.to:
        return Answer(told.say, sure=True)
    if not _has(told.to, kind):
        return Answer(_for_others(told, kind))
    rest = _below(told.to, around.path)
    if rest == ():
        return None
    if not (_is_block(told.to, kind, Deployment) if rest is None else _is_block(rest, kind, cls)):
        return Answer(f"write `{nested(rest or told.to, '…', kind)}`")
    title = f"write `{nested(rest or told.to, None, kind)}`"
    if rest is None or block.label is not None or block.body is None or block.origin is None:
        return Answer(title)
    inner, rest = _innermost(section, rest, block.origin)
    if _is_taken(inner, rest):
        return Answer(title)
    place, name, end = block.scope.module.span, block.name_span, block.body.end
    text = name.source.text[name.end : end]
    if inner is not section:
        return Answer(
            title,
            [moved(title, place(name.start, end), inner, f"{nested_in(rest, kind)}{text}", rest)],
            True,
        )
    edits = [Edit(name, nested_in(rest, kind))]
    if len(rest) > 1:
        edits.append(Edit(place(end, end), " }" * (len(rest) - 1)))
    return Answer(title, [Fix(title, tuple(edits), safe=False)], True)


def _is_block(place: tuple[str, ...], kind: RuntimeKind, cls: Any) -> bool:
    """Whether what stands at `place` of a declaration is a block, and not a value. cls: its fields."""
    for step in place:
        if step in LABELLED_BY_KIND:
            cls = runtimes.CONFIG_CLASSES[kind] if step == "runtime" else _task_with(place[1])
            continue
        chosen = [each for each in options(hint(cls, step)) if each is not NoneType]
        if typing.get_origin(chosen[0]) is dict:
            return True
        cls = next((each for each in chosen if attrs.has(each) and each not in WRITTEN_AS_VALUES), None)
        if cls is None:
            return False
    return True


def _task_with(name: str) -> type[Task]:
    """A task that has the field `name`."""
    return next(each for each in TASK_CLASSES.values() if name in attrs.fields_dict(each))


def in_snake_case(name: str) -> str:
    """`max_tokens` for `maxTokens`, which is how most systems write it."""
    return _CAMEL.sub("_", name).lower()


def _word(name: str, cls: Any) -> ForeignWord | None:
    name = in_snake_case(name)
    if "bind" in attrs.fields_dict(cls):
        return foreign_word("gateway", name)
    if cls is Key and (of_key := foreign_word("keys", name)) is not None:
        return of_key
    if cls.__module__ == _PIPELINES:
        return foreign_word("words", name)
    told = foreign_word("fields", name)
    if cls.__module__ in _HOMES or told is None:
        return told
    place = told.to[1:] if told.to[:1] == ("runtime",) else told.to
    is_there = len(place) > 1 and (_takes(cls, place) or _takes(cls, place[1:]))
    return evolve(told, to=place) if is_there else None


def _takes(cls: Any, place: tuple[str, ...]) -> bool:
    """Whether a block of `cls` has what stands at `place`: keys and routes have limits and budgets, too."""
    for step in place:
        if cls is None or step not in attrs.fields_dict(cls):
            return False
        cls = next((each for each in options(hint(cls, step)) if is_record(each)), None)
    return True


def _misplaced(name: str, cls: Any, kind: RuntimeKind) -> ForeignWord | None:
    """The place of a field of this language that stands beside the block that it belongs in."""
    around = ("runtime",) if cls is runtimes.CONFIG_CLASSES[kind] else ()
    if cls is Deployment and name in attrs.fields_dict(runtimes.CONFIG_CLASSES[kind]):
        return ForeignWord(("runtime", name))
    if cls is not Deployment and not around:
        return None
    for outer in attrs.fields_dict(cls):
        blocks = (
            each for each in options(hint(cls, outer)) if is_record(each) and each not in WRITTEN_AS_VALUES
        )
        if outer != "runtime_config" and any(name in attrs.fields_dict(each) for each in blocks):
            return ForeignWord((*around, outer, name))
    return None


def _kind(root: Section) -> RuntimeKind:
    """The runtime that a deployment is for, as far as its text says."""
    block = root.sections.get("runtime")
    written = block.label.text if block is not None and block.label is not None else ""
    if not written and "runtime" in root.settings:
        written = getattr(root.settings["runtime"].node.value, "name", "")
    if (kind := by_word(RuntimeKind).get(written)) is not None:
        return kind
    model = root.settings["model"].node.value if "model" in root.settings else None
    if isinstance(model, s.Text) and len(model.parts) == 1:
        return infer_runtime(str(model.parts[0]))
    return RuntimeKind.OPENAI


def _has(place: tuple[str, ...], kind: RuntimeKind) -> bool:
    """Whether the runtime has the setting at `place`, when it is one of a runtime."""
    return place[0] != "runtime" or place[1] in attrs.fields_dict(runtimes.CONFIG_CLASSES[kind])


def _for_others(told: ForeignWord, kind: RuntimeKind) -> str:
    if kind.transport is TransportKind.LOCAL:
        return "a local model has no provider to ask: `serving { max_concurrent = … }` limits it"
    if _has(told.to, RuntimeKind.ORT):
        return f"this is for models on this machine: `{nested(told.to, '…', RuntimeKind.ORT)}`"
    having = [each for each in RuntimeKind if _has(told.to, each)]
    return f"this is for {either([f'`{each}`' for each in having])}: `{nested(told.to[1:], '…', kind)}`"


def _below(place: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...] | None:
    """`place` as it is seen from the block at `path`; None when it is not inside of it."""
    here = tuple("runtime" if step == "runtime_config" else step for step in path)
    if here[:1] == ("key",):
        here = here[2:]  # its name, too
    return place[len(here) :] if place[: len(here)] == here else None


def _innermost(
    section: Section, rest: tuple[str, ...], origin: s.Identifier
) -> tuple[Section, tuple[str, ...]]:
    """The block that is there already and that is nearest to the place, and what is left of the way to it."""
    while len(rest) > 1:
        inner = section.sections.get(rest[0])
        if inner is None or inner.body is None or inner.origin is not origin:
            break
        section, rest = inner, rest[1:]
    return section, rest


def _is_taken(section: Section, rest: tuple[str, ...]) -> bool:
    return rest[0] in section.sections or (len(rest) == 1 and rest[0] in section.settings)


def _halves(section: Section, cls: Any) -> list[Setting]:
    """The fields that say the address, or a part of it."""
    told = ((each, _word(name, cls)) for name, each in section.settings.items())
    return [each for each, word in told if word is not None and word.unit == "port"]


def _together(halves: list[Setting]) -> Answer:
    """`host = "0.0.0.0"` and `port = 8080`, or one of them: one field says both."""
    ends = sorted((_plain(each.node.value) for each in halves), key=str.isdecimal)
    if len(ends) == 1:
        ends = ["127.0.0.1", *ends] if ends[0].isdecimal() else [*ends, "8080"]
    if len(ends) > 2 or not _HOST.fullmatch(ends[0]) or not ends[1].isdecimal():
        together = 'write `bind = "127.0.0.1:8080"`: address and port together'
        if any(isinstance(each.node.value, s.CallExpression) for each in halves):
            together += ", or `env` of one variable that holds both"
        return Answer(together, sure=True)
    host, port = ends
    if ":" in host:
        host = f"[{host.strip('[]')}]"
    written = f'bind = "{host}:{port}"'
    first, *others = (each.scope.module.span(each.node.start, each.node.end) for each in halves)
    edits = (Edit(first, written), *(Edit(whole(each), "") for each in others))
    return Answer(f"write `{written}`", [Fix(f"write `{written}`", edits, safe=False)], True)


def _plain(value: s.Expression) -> str:
    """A text or a whole number as it is written, without quotes; "" for other values."""
    if isinstance(value, s.Text) and len(value.parts) == 1 and isinstance(value.parts[0], str):
        return value.parts[0]
    return str(value.value) if isinstance(value, s.Number) and type(value.value) is int else ""
