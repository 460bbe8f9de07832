"""What a test gives a pipeline: the arguments of a call, as values that the plan can have."""

from __future__ import annotations

from pathlib import Path

from ...dsl import syntax as s
from ...dsl.suggest import did_you_mean, every
from ...dsl.tree import walk
from ...dsl.values import Call, describe
from ..evaluation.unknown import UNKNOWN
from ..plan.scenarios import FileValue
from .values import Values

_FILES = 'what is in a file is `file("picture.png")`, a path from the file of the test'
_PLAIN: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}


def arguments_of(
    values: Values, node: s.CallExpression, pipeline: s.PipelineDeclaration
) -> dict[str, object] | None:
    """What a call gives a pipeline, by name; None where it cannot be, which is reported."""
    names = [each.name.text for each in pipeline.parameters]
    given: dict[str, object] = {}
    for index, argument in enumerate(node.arguments):
        named = isinstance(argument, s.NamedArgument)
        name = argument.name.text if isinstance(argument, s.NamedArgument) else None
        if not named and index < len(names):
            name = names[index]
        if name is None:
            values.wrong(argument, f"`{pipeline.name.text}` takes {len(names)} values, and no more")
            return None
        if name not in names or name in given:
            told = (
                did_you_mean(name, names) or f"it takes {every(f'`{n}`' for n in names)}" if names else None
            )
            values.wrong(argument, f"`{pipeline.name.text}` takes no such value", help=told)
            return None
        written = argument.value if isinstance(argument, s.NamedArgument) else argument
        value = values.value(written)
        if value is UNKNOWN:
            return None
        [type_] = [each.type for each in pipeline.parameters if each.name.text == name]
        try:
            given[name] = _plain(values, written, value, type_)
        except _NotThere:
            return None
        if not isinstance(value, Call):
            _check_type(values, written, name, value, type_)
    missing = [
        each.name.text
        for each in pipeline.parameters
        if each.name.text not in given and not isinstance(each.type, s.TypeOptional)
    ]
    if missing:
        values.wrong(node, f"`{missing[0]}` is missing", help=f"it takes {every(f'`{n}`' for n in names)}")
        return None
    return given


def _plain(values: Values, node: s.Expression, value: object, type_: s.TypeExpression) -> object:
    """A value as the plan has it. Raises _NotThere for one that it cannot have, which is reported."""
    match value:
        case list() | tuple():
            return [_plain(values, node, each, type_) for each in value]
        case Call("file", (str(path),)):
            return _file(values, node, path, type_)
        case str():
            return str(value)
        case bool() | int():
            return value
        case float():
            return float(value)
    values.wrong(node, f"a test cannot give {describe(value)}", help=_FILES)
    raise _NotThere


def _file(values: Values, node: s.Expression, name: str, type_: s.TypeExpression) -> FileValue:
    source = values.scope.module.source
    path = (source.path.parent if source.path is not None else Path()) / name
    if not _is_file(path):
        values.wrong(node, f"there is no file `{name}` beside this one", "not found", _FILES)
        raise _NotThere
    names = [each.name for each in walk([type_]) if isinstance(each, s.TypeName)]
    return FileValue(str(path), is_text="text" in names)


def _check_type(
    values: Values, node: s.Expression, name: str, value: object, type_: s.TypeExpression
) -> None:
    """Of parameters that are texts, numbers or flags; others are looked at when it is played."""
    wanted = _PLAIN.get(type_.name) if isinstance(type_, s.TypeName) else None
    if wanted is None:
        return
    fits = isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
    if not fits:
        assert isinstance(type_, s.TypeName)
        values.wrong(node, f"`{name}` takes {type_.name}, not {describe(value)}")


class _NotThere(Exception):
    """A value could not be read, which is reported."""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no path at all
        return False
