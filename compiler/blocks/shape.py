"""Checks that the fields and blocks of a file exist and have the right form; gives their values.

The attrs classes of the model are the only description of the language's fields; this module walks
them beside the merged section.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any

import attrs

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Label
from ...dsl.field_words import hint
from ...dsl.foreign_variables import STARTS, variable_named
from ...dsl.record import Field, fields
from ...dsl.runtimes import runtime_with
from ...dsl.source import Span
from ...dsl.suggest import either, near
from ...dsl.values import Word
from ..evaluation.evaluate import Evaluator
from ..evaluation.foreign_values import env_instead
from ..evaluation.unknown import UNKNOWN
from .field_forms import (
    block_class,
    example_of,
    fields_taking,
    is_open_block,
    is_written_as_block,
    labelled_class,
)
from .merge import Paths, Section, Setting


def span_in(paths: Mapping[tuple[str, ...], Setting | Section], path: tuple[str, ...]) -> Span:
    """Where the value at `path` was written, or the innermost block around it that was."""
    for length in range(len(path), -1, -1):
        place = paths.get(path[:length])
        if place is not None:
            return place.span if isinstance(place, Setting) else place.name_span
    raise KeyError(path)


def _root(paths: Paths) -> Section:
    root = paths[()]
    assert isinstance(root, Section)
    return root


@cache
def _names(cls: Any, hidden: frozenset[str]) -> dict[str, Field]:
    """The fields of a class that are written in a file."""
    return {name: field for name, field in fields(cls).items() if name not in hidden}


@cache
def _required(cls: Any) -> dict[str, Field]:
    return {name: field for name, field in fields(cls).items() if field.default is attrs.NOTHING}


class Shaper:
    """Turns merged sections into the nested dicts that cattrs structures."""

    def __init__(self, found: Diagnostics, evaluator: Evaluator) -> None:
        self._found = found
        self._evaluator = evaluator

    def shape(
        self,
        section: Section,
        cls: type,
        what: str,
        path: tuple[str, ...],
        paths: Paths,
        hidden: frozenset[str] = frozenset(),
        elsewhere: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """The values of `section` for `cls`, and in `paths` where each was written.

        what: the block in the user's words. hidden: fields of the class that are not written inside it.
        elsewhere: blocks that are read elsewhere.
        """
        paths[path] = section
        names = _names(cls, hidden)
        values: dict[str, Any] = {}
        for name, setting in section.settings.items():
            if name not in names and section.misnested:
                continue
            if name not in names:
                from .foreign import Enclosing  # most files have none
                from .unknown_fields import report_field

                around = Enclosing(section, names, cls, what, path, _root(paths))
                report_field(setting, around, self._found)
            elif is_written_as_block(cls, name):
                written = name if labelled_class(cls, name) is None else f"{name} a_name"
                taking = fields_taking(setting.node.value, block_class(cls, name))
                self._value_for_block(setting, written, name, taking)
            else:
                value = self._evaluator.evaluate(setting.node.value, setting.scope)
                if value is None:
                    self._set_to_nothing(setting, name, cls)
                elif value is not UNKNOWN and not self._is_foreign_variable(value, setting):
                    values[name] = value
                    paths[(*path, name)] = setting
        for key, inner in section.sections.items():
            name = key.partition(" ")[0]
            if (name not in names and section.misnested) or name in elsewhere:
                continue
            if name not in names:
                from .foreign import Enclosing
                from .unknown_fields import report_block

                around = Enclosing(section, names, cls, what, path, _root(paths))
                report_block(inner, name, around, self._found)
            elif (each := labelled_class(cls, name)) is not None:
                if inner.label is None:
                    self._needs_name(inner, name)
                    continue
                label = inner.label.text
                named = values.setdefault(name, {})
                named[label] = self.shape(
                    inner, each, f"the {name} `{label}`", (*path, name, label), paths, hidden
                )
            elif is_open_block(cls, name):
                nested = fields(cls)[name].metadata.get("nested", False)
                values[name] = self._open(inner, (*path, name), paths, nested)
            elif (inner_class := block_class(cls, name)) is not None:
                self._refuse_label(inner, name)
                values[name] = self.shape(inner, inner_class, f"`{name}`", (*path, name), paths)
            else:
                self._block_for_value(inner, name, example_of(cls, name))
        unknown = section.settings.keys() - names.keys()
        meant = {name for each in unknown for name in near(each, names)[:1]}  # they are not missing, too
        self._missing(section, cls, {*values, *meant}, what, hidden)
        return values

    def _is_foreign_variable(self, value: Any, setting: Setting) -> bool:
        """Report a text that reads a variable of the environment in the words of others."""
        if type(value) is not str or not value.startswith(STARTS):
            return False
        variable = variable_named(value)
        if variable is None or type(setting.node.value) is not s.Text or setting.node.name.text == "api_key":
            return False
        self._found.error(
            "E0301",
            f"`{setting.node.name.text}` would be this text: a variable of the environment is read otherwise",
            setting.span,
            f'written `env("{variable}")` here',
            fixes=[env_instead(variable, setting.span)],
        )
        return True

    def _open(self, section: Section, path: tuple[str, ...], paths: Paths, nested: bool) -> dict[str, Any]:
        """The values of a block whose names the user chooses. nested: it may hold further ones."""
        paths[path] = section
        values: dict[str, Any] = {}
        for name, setting in section.settings.items():
            value = self._evaluator.evaluate(setting.node.value, setting.scope)
            if value is not UNKNOWN and value is not None:
                values[name] = str(value) if isinstance(value, Word) else value
                paths[(*path, name)] = setting
        for name, inner in section.sections.items():
            if nested:
                self._refuse_label(inner, name)
                values[name] = self._open(inner, (*path, name), paths, nested)
            else:
                self._block_for_value(inner, name)
        return values

    def _set_to_nothing(self, setting: Setting, name: str, cls: type) -> None:
        """The field has no value, as if it was not there: an error where it must be."""
        if fields(cls)[name].default is attrs.NOTHING:
            self._found.error(
                "E0305",
                f"`{name}` is needed, and was set to nothing",
                setting.span,
                "has no value",
                help="give it one with `--set`, or a default",
            )

    def _missing(
        self, section: Section, cls: type, values: set[str], what: str, hidden: frozenset[str]
    ) -> None:
        if section.damaged:
            return
        for name, field in _required(cls).items():
            if name not in values and name not in hidden:
                if any(name in known for known in (section.settings, section.sections, section.meant)):
                    continue
                runtime = section.sections.get("runtime")
                if runtime is not None and name in runtime.settings and runtime_with(name) is None:
                    continue  # it stands there, which is told
                meaning = field.metadata.get("doc")
                written = "…"
                kind = hint(cls, name)
                if isinstance(kind, type) and issubclass(kind, StrEnum):
                    written = f"{next(iter(kind))}"
                    meaning = f"{meaning or 'it'}, {either(f'`{each}`' for each in kind)}"
                self._found.error(
                    "E0305",
                    f"{what} needs `{name}`",
                    section.name_span,
                    f"`{name}` is missing",
                    help=f"add `{name} = {written}`" + (f": {meaning}" if meaning else ""),
                )

    def _value_for_block(self, setting: Setting, form: str, name: str, taking: Sequence[str]) -> None:
        """taking: the fields of the block that take such a value."""
        if isinstance(setting.node.value, s.Bad):
            return
        advice = f"write `{form} {{ … }}`, without `=`"
        if len(taking) == 1:
            advice = f"write `{form} {{ {taking[0]} = {setting.span.text} }}`"
        elif taking:
            advice += f"; such a value is that of {either(f'`{each}`' for each in taking)} in it"
        self._found.error(
            "E0205",
            f"`{name}` is a block",
            setting.span,
            f"expected `{form} {{ … }}`",
            help=advice,
        )

    def _needs_name(self, section: Section, name: str) -> None:
        self._found.error(
            "E0205",
            f"each `{name}` has a name",
            section.name_span,
            "which one?",
            help=f"write `{name} a_name {{ … }}`",
        )

    def _block_for_value(self, section: Section, name: str, example: str = "…") -> None:
        self._found.error(
            "E0205",
            f"`{name}` is a field, not a block",
            section.name_span,
            f"expected `{name} = …`",
            help=f"write `{name} = {example}`",
        )

    def _refuse_label(self, section: Section, name: str) -> None:
        if section.label is not None:
            self._found.error(
                "E0205",
                f"`{name}` takes no name",
                section.label_span(),
                "nothing stands before its `{`",
                secondary=[Label(section.name_span)],
                help=f"write `{name} {{ … }}`",
            )
