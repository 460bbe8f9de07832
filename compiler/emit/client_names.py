"""What the names and types of a plan are called in a generated client, in Python and in TypeScript.

Names are foreign: whatever they hold, what comes out is an identifier that nothing else in the module has.
"""

from __future__ import annotations

import builtins
import json
import keyword
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from urllib.parse import quote

from attrs import field

from ...dsl.record import define, frozen
from ..plan.pipelines import PipelinePlan
from ..plan.types import ChoiceType, ListType, OptionalType, RecordType, TensorType, Type, TypeKind
from .quoting import Verbatim

_RESERVED_IN_TYPESCRIPT = """
arguments await break case catch class const continue debugger default delete do else enum eval
export extends false finally for function if implements import in instanceof interface let new null
package private protected public return static super switch this throw true try typeof undefined var
void while with yield any boolean number string symbol unknown never object bigint constructor
prototype
"""
_ATTRIBUTES_OF_PYDANTIC = """
construct copy dict from_orm json parse_file parse_obj parse_raw schema schema_json
update_forward_refs validate model_computed_fields model_config model_construct model_copy
model_dump model_dump_json model_extra model_fields model_fields_set model_json_schema
model_parametrized_name model_post_init model_rebuild model_validate model_validate_json
model_validate_strings
"""
_TYPESCRIPT = frozenset(_RESERVED_IN_TYPESCRIPT.split())
_OF_PYDANTIC = frozenset(_ATTRIBUTES_OF_PYDANTIC.split())
_PYTHON = frozenset([*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "cls"])
_TEXTS = ("text", "c64", "c128")


@frozen
class Language:
    """How types are written, and which names are taken."""

    words: frozenset[str]
    literal: Callable[[object], str]
    scalars: dict[TypeKind, str]
    choice: Callable[[list[str]], str]
    list_of: Callable[[str], str]
    optional: Callable[[str], str]
    elements: tuple[str, str, str, str]
    """Of tensors: of texts, of truth values, of whole numbers, of others."""


def _scalars(text: str, whole: str, number: str, truth: str, data: str, json: str) -> dict[TypeKind, str]:
    return {
        TypeKind.TEXT: text,
        TypeKind.INT: whole,
        TypeKind.FLOAT: number,
        TypeKind.BOOL: truth,
        TypeKind.BYTES: data,
        TypeKind.IMAGE: data,
        TypeKind.JSON: json,
    }


PYTHON = Language(
    words=_PYTHON,
    literal=ascii,
    scalars=_scalars("str", "int", "float", "bool", "Bytes", "Json"),
    choice=lambda values: f"Literal[{', '.join(values)}]",
    list_of=lambda element: f"list[{element}]",
    optional=lambda inner: f"{inner} | None",
    elements=("str", "bool", "int", "float"),
)
TYPESCRIPT = Language(
    words=_TYPESCRIPT,
    literal=json.dumps,
    scalars=_scalars("string", "number", "number", "boolean", "Base64", "unknown"),
    choice=lambda values: f"({' | '.join(values)})",
    list_of=lambda element: f"Array<{element}>",
    optional=lambda inner: f"({inner} | null)",
    elements=("string", "boolean", "number", "number"),
)


@frozen
class Part:
    """A field or a parameter: `name` on the wire, `attribute` in the client."""

    name: str
    attribute: Verbatim
    type: Verbatim
    is_optional: bool


@frozen
class Record:
    attribute: Verbatim
    fields: tuple[Part, ...]

    @property
    def renamed(self) -> tuple[Part, ...]:
        return tuple(each for each in self.fields if each.name != each.attribute)


@frozen
class Method:
    """A pipeline."""

    name: str
    attribute: Verbatim
    parameters: tuple[Part, ...]
    result: Verbatim
    signature: str

    @property
    def path(self) -> str:
        return f"/v1/pipelines/{quote(self.name, safe='')}"

    @property
    def required(self) -> tuple[Part, ...]:
        return tuple(each for each in self.parameters if not each.is_optional)

    @property
    def optional(self) -> tuple[Part, ...]:
        return tuple(each for each in self.parameters if each.is_optional)


@define
class Taken:
    """Names that are used already."""

    names: set[str]

    def named(self, name: str, words: Iterable[str] = (), prefixes: tuple[str, ...] = ("",)) -> Verbatim:
        """`name` as an identifier that is free, also behind each of `prefixes`; the same each time."""
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "unnamed"
        plain = f"n{plain}" if plain[0].isdigit() else plain
        endings = chain(("", "_"), (f"_{number}" for number in count(2)))
        made = next(
            plain + ending
            for ending in endings
            if plain + ending not in words
            and not any(prefix + plain + ending in self.names for prefix in prefixes)
        )
        self.names |= {prefix + made for prefix in prefixes}
        return Verbatim(made)


@define
class Types:
    """Types as they are met: records get classes."""

    language: Language
    classes: Taken
    records: dict[str, Record] = field(factory=dict)

    def of(self, kind: Type, hint: str) -> Verbatim:
        """`kind` in the language; hint: for the name of a record that has none."""
        return Verbatim(self._of(kind, hint))

    def _of(self, kind: Type, hint: str) -> str:
        language = self.language
        match kind:
            case ChoiceType():
                return language.choice([language.literal(value) for value in kind.values])
            case ListType():
                return language.list_of(self._of(kind.element, hint))
            case OptionalType():
                return language.optional(self._of(kind.inner, hint))
            case TensorType():
                return self._tensor(kind)
            case RecordType():
                return self._record(kind, hint)
        return language.scalars[kind.kind]

    def _tensor(self, kind: TensorType) -> str:
        texts, truth, whole, number = self.language.elements
        if kind.shape is None:
            return self.language.list_of(self.language.scalars[TypeKind.JSON])
        is_whole = re.fullmatch(r"[iu]\d+", kind.dtype) is not None
        made = (
            texts
            if kind.dtype in _TEXTS
            else truth
            if kind.dtype == "bool"
            else whole
            if is_whole
            else number
        )
        for _ in kind.shape:
            made = self.language.list_of(made)
        return made

    def _record(self, kind: RecordType, hint: str) -> str:
        key = f"{kind.name} {kind.spelled_out()} {[str(each) for each in kind.fields.values()]}"
        if key not in self.records:
            name = self.classes.named(kind.name or _camel(hint), self.language.words)
            kinds = {each: self.of(inner, f"{name}_{each}") for each, inner in kind.fields.items()}
            attributes = Taken({*self.classes.names, *_OF_PYDANTIC})
            fields = tuple(
                Part(each, attributes.named(each, self.language.words), made, _may_miss(kind.fields[each]))
                for each, made in kinds.items()
            )
            self.records[key] = Record(name, fields)  # behind those that stand in it
        return self.records[key].attribute


def _camel(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", text))


def methods(
    pipelines: Iterable[PipelinePlan], types: Types, reserved: frozenset[str], parameters: frozenset[str]
) -> Iterator[Method]:
    """Pipelines as methods; reserved: what none must be called. parameters: what no parameter must."""
    resolved = [
        (
            each,
            [types.of(part.type, f"{each.pipeline}_{part.name}") for part in each.parameters],
            types.of(each.result, f"{each.pipeline}_result"),
        )
        for each in pipelines
    ]
    taken = Taken({*reserved, *types.classes.names})
    for each, kinds, result in resolved:
        words = types.language.words
        names = Taken({*parameters, *types.classes.names})
        shown = ", ".join(f"{part.name}: {part.type}" for part in each.parameters)
        yield Method(
            each.pipeline,
            taken.named(each.pipeline, words, ("", "stream_")),
            tuple(
                Part(part.name, names.named(part.name, words), kind, _may_miss(part.type))
                for part, kind in zip(each.parameters, kinds, strict=True)
            ),
            result,
            f"{each.pipeline}({shown}) -> {each.result}",
        )


def _may_miss(kind: Type) -> bool:
    return isinstance(kind, OptionalType)
