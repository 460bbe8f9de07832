"""JSON Schemas of types: for the answers of models, and for who calls a pipeline over HTTP."""

from __future__ import annotations

from typing import Any

from .....compiler.plan import (
    ChoiceType,
    ListType,
    OptionalType,
    ParameterPlan,
    RecordType,
    TensorType,
    Type,
    TypeKind,
)

_SCALARS: dict[TypeKind, dict[str, Any]] = {
    TypeKind.TEXT: {"type": "string"},
    TypeKind.INT: {"type": "integer"},
    TypeKind.FLOAT: {"type": "number"},
    TypeKind.BOOL: {"type": "boolean"},
    TypeKind.BYTES: {"type": "string", "contentEncoding": "base64"},
    TypeKind.IMAGE: {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"},
    TypeKind.JSON: {},
}


def schema_of(kind: Type) -> dict[str, Any]:
    """The schema of a value as JSON. An optional field of a record is there, and may be null."""
    match kind:
        case ChoiceType():
            return {"type": "string", "enum": list(kind.values)}
        case ListType():
            return {"type": "array", "items": schema_of(kind.element)}
        case OptionalType():
            return {"anyOf": [schema_of(kind.inner), {"type": "null"}]}
        case RecordType():
            return {
                "type": "object",
                "properties": {name: schema_of(each) for name, each in kind.fields.items()},
                "required": list(kind.fields),
                "additionalProperties": False,
            }
        case TensorType():
            schema: dict[str, Any] = {"type": "number"} if kind.dtype != "text" else {"type": "string"}
            for size in reversed(kind.shape or ()):
                bound = {"minItems": size, "maxItems": size} if isinstance(size, int) else {}
                schema = {"type": "array", "items": schema, **bound}
            return ({"type": "array"} if kind.shape is None else schema) | {"description": str(kind)}
        case Type(kind=plain):
            return dict(_SCALARS[plain])


def schema_of_parameters(parameters: tuple[ParameterPlan, ...]) -> dict[str, Any]:
    """The object that a request to a pipeline sends; what may be missing is not required."""
    return {
        "type": "object",
        "properties": {each.name: schema_of(each.type) for each in parameters},
        "required": [each.name for each in parameters if not isinstance(each.type, OptionalType)],
        "additionalProperties": False,
    }


def is_open(kind: Type) -> bool:
    """Whether any JSON may stand somewhere in `kind`, which strict schemas do not allow."""
    match kind:
        case ListType():
            return is_open(kind.element)
        case OptionalType():
            return is_open(kind.inner)
        case RecordType():
            return any(map(is_open, kind.fields.values()))
    return kind.kind is TypeKind.JSON
