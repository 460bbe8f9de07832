"""The types of values in routes and pipelines, aliases spelled out. Two types are equal when they are one.

`str()` writes a type as a `.infer` file does.
"""

from __future__ import annotations

from attrs import field

from ...dsl.record import frozen
from ...dsl.word_enum import WordEnum
from ...dsl.wording import as_name
from ..onnx_model.signature import Dimension, DType


class TypeKind(WordEnum):
    """What a value is."""

    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    BYTES = "bytes"
    IMAGE = "image"
    JSON = "json"
    CHOICE = "choice"
    TENSOR = "tensor"
    LIST = "list"
    OPTIONAL = "optional"
    RECORD = "record"


@frozen(kw_only=True)
class Type:
    """A type that its kind says all of."""

    kind: TypeKind

    def __str__(self) -> str:
        return self.kind.value


@frozen(kw_only=True)
class ChoiceType(Type):
    """One of a few texts: `"refund" | "other"`."""

    kind: TypeKind = TypeKind.CHOICE
    values: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join(quoted(value) for value in self.values)


@frozen(kw_only=True)
class TensorType(Type):
    """Numbers of one type in a shape: `tensor<f32, [batch, 384]>`."""

    kind: TypeKind = TypeKind.TENSOR
    dtype: DType
    shape: tuple[Dimension, ...] | None = field(
        metadata={"doc": "sizes; a text names one that is open, null is open without a name; all null: any"}
    )

    def __str__(self) -> str:
        if self.shape is None:
            return f"tensor<{self.dtype}>"
        return f"tensor<{self.dtype}, [{', '.join('?' if d is None else str(d) for d in self.shape)}]>"


@frozen(kw_only=True)
class ListType(Type):
    """Any number of values of one type: `list<text>`."""

    kind: TypeKind = TypeKind.LIST
    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@frozen(kw_only=True)
class OptionalType(Type):
    """A value that may be missing: `text?`."""

    kind: TypeKind = TypeKind.OPTIONAL
    inner: Type

    def __str__(self) -> str:
        return f"({self.inner})?" if isinstance(self.inner, ChoiceType) else f"{self.inner}?"


@frozen(kw_only=True)
class RecordType(Type):
    """Named values: `{ label: text, confidence: float }`."""

    kind: TypeKind = TypeKind.RECORD
    name: str | None = field(
        default=None, eq=False, metadata={"doc": "what the file calls it; null: it was written out"}
    )
    fields: dict[str, Type] = field(hash=False)

    def __str__(self) -> str:
        return self.name or self.spelled_out()

    def spelled_out(self) -> str:
        """The type with its fields, even when it has a name."""
        return "{ " + ", ".join(f"{as_name(name)}: {kind}" for name, kind in self.fields.items()) + " }"


TYPE_CLASSES: dict[TypeKind, type[Type]] = dict.fromkeys(TypeKind, Type) | {
    TypeKind.CHOICE: ChoiceType,
    TypeKind.TENSOR: TensorType,
    TypeKind.LIST: ListType,
    TypeKind.OPTIONAL: OptionalType,
    TypeKind.RECORD: RecordType,
}

TEXT = Type(kind=TypeKind.TEXT)
INT = Type(kind=TypeKind.INT)
FLOAT = Type(kind=TypeKind.FLOAT)
BOOL = Type(kind=TypeKind.BOOL)
BYTES = Type(kind=TypeKind.BYTES)
IMAGE = Type(kind=TypeKind.IMAGE)
JSON = Type(kind=TypeKind.JSON)


def quoted(text: str) -> str:
    """`text` as a literal of the language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
