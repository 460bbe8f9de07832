"""Types as written → types, in the scope of the file they stand in. Each `type` is resolved once."""

from __future__ import annotations

from ...dsl import syntax as s
from ...dsl.diagnostics import Diagnostics, Fix, Label, write_instead
from ...dsl.foreign_words import foreign_word
from ...dsl.source import Span
from ...dsl.suggest import did_you_mean, every, near, offer
from ...dsl.wording import shorten, show_circle
from ..onnx_model.signature import Dimension, DType
from ..plan.types import (
    BOOL,
    BYTES,
    FLOAT,
    IMAGE,
    INT,
    JSON,
    TEXT,
    ChoiceType,
    ListType,
    OptionalType,
    RecordType,
    TensorType,
    Type,
    quoted,
)
from ..scope import Scope, Symbol
from .partial import UNKNOWN

SCALARS: dict[str, Type] = {
    "text": TEXT,
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "bytes": BYTES,
    "image": IMAGE,
    "json": JSON,
}
DEEPEST = 50
"""How deep types may be nested."""

LARGEST = 10_000
"""How many parts a type may have when every name in it is spelled out."""

GENERICS: dict[str, str] = {"list": "list<text>", "tensor": "tensor<f32, [batch, 384]>"}
"""Types that take other types, and how they are written."""

DTYPES = tuple(
    dtype.value
    for dtype in DType
    if dtype.value[0] in "fiubt" and not dtype.value.startswith(("f8", "f4", "i4", "i2", "u4", "u2"))
)
"""The types of a tensor's values that a file may name."""

_UNITS = ("duration", "size", "money", "percent")


class TypeResolver:
    """Resolves types; each declared one is resolved once."""

    def __init__(self, found: Diagnostics) -> None:
        self._found = found
        self._declared: dict[int, Type] = {}
        self._running: list[Symbol] = []
        self._kept: list[Type] = []
        """Keeps types alive whose ids are used as keys below."""
        self._measures: dict[int, tuple[int, int]] = {}
        """By a type's id: how deep it is, and how many parts it has."""
        self._fields: dict[int, dict[str, Span]] = {}
        """By a record's id: where its fields were written."""

    def resolve(self, node: s.TypeExpression, scope: Scope) -> Type:
        """The type that `node` means; UNKNOWN when it means none."""
        match node:
            case s.TypeName():
                return self._name(node, scope)
            case s.TypeLiteral():
                return ChoiceType(values=(node.value,))
            case s.TypeOptional():
                inner = self.resolve(node.inner, scope)
                if isinstance(inner, OptionalType) or inner is UNKNOWN:
                    return inner
                return self._made(node, scope, OptionalType(inner=inner), inner)
            case s.TypeRecord():
                return self._record(node, scope, None)
            case s.TypeUnion():
                return self._union(node, scope)
            case s.TypeGeneric():
                return self._generic(node, scope)
            case s.TypeDimensions():
                self._error(node, scope, "sizes stand in a tensor only", "write `tensor<f32, [batch, 384]>`")
                return UNKNOWN
        raise TypeError(f"no type: {node!r}")

    def field_span(self, record: RecordType, name: str) -> Span | None:
        """Where a field of a record was written."""
        return self._fields.get(id(record), {}).get(name)

    def declared(self, symbol: Symbol) -> Type:
        """The type that a `type` declares."""
        node = symbol.node
        assert isinstance(node, s.TypeDeclaration)
        if id(node) in self._declared:
            return self._declared[id(node)]
        if any(running is symbol for running in self._running):
            self._circle(symbol)
            return UNKNOWN
        if len(self._running) >= DEEPEST:
            self._too_deep(symbol.span, f"more than {DEEPEST} types are made of each other here")
            return UNKNOWN
        if node.name.text in SCALARS or node.name.text in GENERICS:
            self._found.error(
                "E0202",
                f"`{node.name.text}` is a type of the language",
                symbol.span,
                "declared again here",
                help="give this one another name",
            )
        self._running.append(symbol)
        try:
            if isinstance(node.type, s.TypeRecord):
                type = self._record(node.type, symbol.scope, node.name.text)
            else:
                type = self.resolve(node.type, symbol.scope)
        finally:
            self._running.pop()
        return self._declared.setdefault(id(node), UNKNOWN if symbol.is_damaged else type)

    def _too_deep(self, span: Span, message: str) -> None:
        self._found.error("E0107", message, span, help="use `json` for what is that deep")

    def _made(self, node: s.Node, scope: Scope, type: Type, *parts: Type) -> Type:
        """A type that takes others; UNKNOWN when it is too large for a plan."""
        depths, sizes = (
            zip(*(self._measures.get(id(part), (1, 1)) for part in parts), strict=True)
            if parts
            else ((0,), (0,))
        )
        depth, size = 1 + max(depths), 1 + sum(sizes)
        if depth > DEEPEST or size > LARGEST:
            what = (
                f"is more than {DEEPEST} types deep"
                if depth > DEEPEST
                else f"has more than {LARGEST:,} parts"
            )
            self._too_deep(scope.module.span(node.start, node.start + 1), f"this type {what}")
            return UNKNOWN
        self._kept.append(type)
        self._measures[id(type)] = (depth, size)
        return type

    def _circle(self, symbol: Symbol) -> None:
        first = next(i for i, running in enumerate(self._running) if running is symbol)
        for running in self._running[first:]:
            self._declared[id(running.node)] = UNKNOWN
        self._found.error(
            "E0208",
            f"the type `{symbol.name.text}` is made of itself",
            symbol.span,
            "no value could ever be complete",
            notes=[show_circle([running.name.text for running in self._running[first:]])],
            help="for data of any depth use `json`",
        )

    # ---- names

    def _name(self, node: s.TypeName, scope: Scope) -> Type:
        if node.module is None and node.name in SCALARS:
            return SCALARS[node.name]
        symbol = scope.find(node.name) if node.module is None else scope.find_in(node.module, node.name)
        if symbol is None:
            self._unknown(node, scope)
            return UNKNOWN
        if not isinstance(symbol.node, s.TypeDeclaration):
            self._found.error(
                "E0209",
                f"`{symbol.name.text}` is a {symbol.kind}, not a type",
                scope.span(node),
                secondary=[Label(symbol.span, "declared here")],
            )
            return UNKNOWN
        return self.declared(symbol)

    def _unknown(self, node: s.TypeName, scope: Scope) -> None:
        if scope.is_lost(node.module or node.name, is_alias=node.module is not None):
            return
        written = node.name if node.module is None else f"{node.module}.{node.name}"
        fixes: list[Fix] = []
        hint: str | None
        if node.module is not None and node.module not in scope.aliases:
            hint = did_you_mean(node.module, scope.aliases) or f"no file is imported `as {node.module}`"
        elif node.name in GENERICS:
            hint = f"say of what: `{GENERICS[node.name]}`"
        elif node.name in _UNITS:
            hint = "values with units are for settings; in pipelines they are plain numbers: `float` or `int`"
        else:
            told = foreign_word("types", node.name.casefold())
            declared = () if self._found.is_long else scope.names(s.TypeDeclaration)
            known = (*declared, *SCALARS, *GENERICS)
            meant = list(told.to) if told is not None else self._found.near(written, known)
            fixes = write_instead(scope.span(node), meant) if GENERICS.keys().isdisjoint(meant) else []
            hint = None if fixes else offer(meant) or f"types are {every(f'`{name}`' for name in known[:14])}"
        self._found.error(
            "E0201", f"there is no type `{written}`", scope.span(node), "not declared", help=hint, fixes=fixes
        )

    # ---- types that are made of others

    def _record(self, node: s.TypeRecord, scope: Scope, name: str | None) -> Type:
        fields: dict[str, Type] = {}
        first: dict[str, s.Identifier] = {}
        for each in node.fields:
            type = self.resolve(each.type, scope)
            if each.name.text in first:
                self._found.error(
                    "E0203",
                    f"the field `{each.name.text}` is given twice",
                    scope.span(each.name),
                    "given again here",
                    secondary=[Label(scope.span(first[each.name.text]), "first given here")],
                    help="remove one of them",
                )
                continue
            first[each.name.text] = each.name
            fields[each.name.text] = type
        record = RecordType(name=name, fields=fields)
        self._fields[id(record)] = {each.name.text: scope.span(each) for each in node.fields}
        return self._made(node, scope, record, *fields.values())

    def _is_bare_text(self, node: s.TypeName, scope: Scope) -> bool:
        """Whether a name is neither a type nor nearly one."""
        if node.module is not None or scope.find(node.name) is not None or scope.is_lost(node.name):
            return False
        known = (*scope.names(s.TypeDeclaration), *SCALARS, *GENERICS)
        is_foreign = foreign_word("types", node.name.casefold()) is not None
        return node.name not in known and not is_foreign and not self._found.near(node.name, known)

    def _union(self, node: s.TypeUnion, scope: Scope) -> Type:
        values: list[str] = []
        for option in node.options:
            if isinstance(option, s.TypeName) and option.name in ("null", "none", "None"):
                self._error(option, scope, "a value that may be missing is no alternative", "write `T?`")
                return UNKNOWN
            if isinstance(option, s.TypeName) and self._is_bare_text(option, scope):
                self._error(
                    option,
                    scope,
                    f"`{option.name}` is no text: one that may stand here has quotes",
                    f"write `{quoted(option.name)}`",
                )
                return UNKNOWN
            type = self.resolve(option, scope)
            if type is UNKNOWN:
                return UNKNOWN
            if not isinstance(type, ChoiceType):
                self._error(
                    option,
                    scope,
                    "only texts can be alternatives",
                    'write `"refund" | "other"`; for values of several kinds use `json`, or a record '
                    "with optional fields",
                )
                return UNKNOWN
            values += type.values
        return ChoiceType(values=tuple(dict.fromkeys(values)))

    def _generic(self, node: s.TypeGeneric, scope: Scope) -> Type:
        if node.name == "list":
            if len(node.arguments) == 1 and not isinstance(node.arguments[0], s.TypeDimensions):
                element = self.resolve(node.arguments[0], scope)
                if element is UNKNOWN:
                    return UNKNOWN
                return self._made(node, scope, ListType(element=element), element)
            self._error(node, scope, "`list` takes one type", f"write `{GENERICS['list']}`")
            return UNKNOWN
        if node.name == "tensor":
            return self._tensor(node, scope)
        if scope.find(node.name) is not None or node.name in SCALARS:
            self._error(node, scope, f"`{node.name}` takes no types", f"write `{node.name}` alone")
            return UNKNOWN
        self._unknown(s.TypeName(node.start, node.start + len(node.name), node.name), scope)
        return UNKNOWN

    def _tensor(self, node: s.TypeGeneric, scope: Scope) -> Type:
        first, *others = node.arguments
        if not isinstance(first, s.TypeName) or first.module is not None:
            what = "the type of its numbers comes first in a tensor"
            self._error(first, scope, what, f"write `{GENERICS['tensor']}`")
            return UNKNOWN
        if first.name not in DTYPES:
            self._dtype(first, scope)
            return UNKNOWN
        if not others:
            return TensorType(dtype=DType(first.name), shape=None)
        if len(others) > 1 or not isinstance(others[0], s.TypeDimensions):
            what = "a tensor takes the type of its numbers, and a list of sizes"
            self._error(others[-1], scope, what, f"write `{GENERICS['tensor']}`")
            return UNKNOWN
        if None in others[0].dimensions:
            return UNKNOWN
        shape: tuple[Dimension, ...] = tuple(None if d in ("_", "?") else d for d in others[0].dimensions)
        return TensorType(dtype=DType(first.name), shape=shape)

    def _dtype(self, node: s.TypeName, scope: Scope) -> None:
        familiar = {"float": "f32", "float32": "f32", "float16": "f16", "float64": "f64", "double": "f64"}
        familiar |= {"int": "i64", "int64": "i64", "int32": "i32", "uint8": "u8", "int8": "i8"}
        meant = [familiar[node.name]] if node.name in familiar else near(node.name, DTYPES)
        fixes = write_instead(scope.span(node), meant)
        hint = None if fixes else offer(meant) or f"numbers are {every(f'`{each}`' for each in DTYPES)}"
        message = f"no tensor holds `{shorten(node.name)}`"
        self._found.error("E0201", message, scope.span(node), "no type of numbers", help=hint, fixes=fixes)

    def _error(self, node: s.Node, scope: Scope, message: str, help: str) -> None:
        self._found.error("E0608", message, scope.span(node), help=help)
