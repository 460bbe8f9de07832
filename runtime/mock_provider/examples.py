"""A value that fits a JSON schema: the smallest that says something."""

from __future__ import annotations

from typing import Any

_SCALARS: dict[str, Any] = {"string": "example", "integer": 1, "number": 0.5, "boolean": True, "null": None}


def example(schema: dict[str, Any]) -> Any:
    """A value for `schema`, always the same; what is not understood becomes an empty object."""
    return _example(schema, schema, 8)


def _example(schema: Any, root: dict[str, Any], depth: int) -> Any:
    match schema:
        case _ if depth == 0:
            return None
        case {"$ref": str(reference)}:
            return _example(_resolve(reference, root), root, depth - 1)
        case {"const": value}:
            return value
        case {"enum": [first, *_]}:
            return first
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            return _example(first, root, depth - 1)
        case {"type": [str(first), *_]}:
            return _example({**schema, "type": first}, root, depth)
        case {"type": "array"}:
            return [_example(schema.get("items", {}), root, depth - 1)]
        case {"type": str(kind)} if kind in _SCALARS:
            return _SCALARS[kind]
        case {"properties": dict(properties)}:
            return {name: _example(inner, root, depth - 1) for name, inner in properties.items()}
        case _:
            return {}


def _resolve(reference: str, root: dict[str, Any]) -> Any:
    found: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(name) if isinstance(found, dict) and name else found
    return found
