"""The JSON Schema of a plan, derived from the attrs classes: nothing here is written twice."""

from __future__ import annotations

import typing
from enum import StrEnum
from types import UnionType
from typing import Any

import attrs

from ...dsl.data_kinds import DataKind
from ...dsl.keys import KeySecret
from ...dsl.policies import CapacityPolicy
from ...dsl.runtimes import SecretRef
from ...dsl.units import Duration, Money, Percent, Size
from .capabilities import Capabilities
from .codec import PLAN_CLASSES
from .model import SCHEMA, DeploymentPlan, Plan
from .nodes import NODE_CLASSES, Node
from .routes import ROUTE_CLASSES, RoutePlan
from .tasks import SPEC_CLASSES, TaskSpec
from .types import TYPE_CLASSES, Type

Schema = dict[str, Any]

_SECRETS = ("env", "file", "exec", "vault", "aws_secret", "gcp_secret")

_SCALARS: dict[Any, Schema] = {
    str: {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/EnvironmentText"}]},
    DataKind: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    object: {},
    type(None): {"type": "null"},
    Duration: {"type": "string", "pattern": r"^\d+(\.\d+)?(us|ms|s|m|h|d)$", "description": "a duration"},
    Size: {"type": "string", "pattern": r"^\d+(\.\d+)?(KiB|MiB|GiB|TiB)$", "description": "a size"},
    Money: {"type": "string", "pattern": r"^\$\d+(\.\d+)?[kM]?$", "description": "US dollars"},
    Percent: {"type": "string", "pattern": r"^\d+(\.\d+)?%$", "description": "a percentage"},
    SecretRef: {
        "description": "where a secret is read from when the plan starts",
        "oneOf": [
            {
                "type": "object",
                "properties": {name: {"type": "string"}},
                "required": [name],
                "additionalProperties": False,
            }
            for name in _SECRETS
        ],
    },
    KeySecret: {
        "description": "where the secret of a key is read from, or its hash",
        "oneOf": [
            {
                "type": "object",
                "properties": {name: {"type": "string"}},
                "required": [name],
                "additionalProperties": False,
            }
            for name in (*_SECRETS, "hash")
        ],
    },
    CapacityPolicy: {
        "description": "what a full deployment does",
        "oneOf": [
            {"enum": ["reject", "queue"]},
            {
                "type": "object",
                "properties": {"fallback": {"type": "string"}},
                "required": ["fallback"],
                "additionalProperties": False,
            },
        ],
    },
}


_VARIABLE: Schema = {
    "type": "object",
    "properties": {"$env": {"type": "string"}, "default": {"type": "string"}},
    "required": ["$env"],
    "additionalProperties": False,
}
_ENVIRONMENT_TEXT: Schema = {
    "description": "a text that holds variables of the environment, read when the plan starts",
    "oneOf": [
        _VARIABLE,
        {
            "type": "object",
            "properties": {"$text": {"type": "array", "items": {"anyOf": [{"type": "string"}, _VARIABLE]}}},
            "required": ["$text"],
            "additionalProperties": False,
        },
    ],
}

_BY_KIND: dict[Any, Any] = {
    DeploymentPlan: PLAN_CLASSES,
    TaskSpec: SPEC_CLASSES,
    Type: TYPE_CLASSES,
    Node: NODE_CLASSES,
    RoutePlan: ROUTE_CLASSES,
}


def plan_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a plan file."""
    definitions: dict[str, Schema] = {}
    schema = _class_schema(Plan, definitions)
    schema["properties"]["schema"] = {"const": SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        **schema,
        "$defs": dict(sorted({**definitions, "EnvironmentText": _ENVIRONMENT_TEXT}.items())),
    }


def _class_schema(cls: Any, definitions: dict[str, Schema], kind: str | None = None) -> Schema:
    hints = typing.get_type_hints(cls)
    properties: dict[str, Schema] = {}
    for attribute in attrs.fields(cls):
        inner = dict(_schema(hints[attribute.name], definitions))
        if "doc" in attribute.metadata:
            inner["description"] = attribute.metadata["doc"]
        properties[attribute.name] = inner
    rare = {attribute.name for attribute in attrs.fields(cls) if "rare" in attribute.metadata}
    if kind is not None:
        properties = {"kind": {"const": kind}, **{k: v for k, v in properties.items() if k != "kind"}}
    return {
        "type": "object",
        "description": (cls.__doc__ or "").split("\n")[0],
        "properties": properties,
        "required": [] if cls is Capabilities else [name for name in properties if name not in rare],
        "additionalProperties": False,
    }


def _schema(hint: Any, definitions: dict[str, Schema]) -> Schema:
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return {"anyOf": [_schema(option, definitions) for option in arguments]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"enum": [member.value for member in hint]}
    if hint in _BY_KIND:
        return _by_kind(_BY_KIND[hint], definitions)
    if attrs.has(hint):
        return _defined(hint.__name__, hint, None, definitions)
    raise TypeError(f"no JSON Schema for {hint!r}")


def _by_kind(classes: Any, definitions: dict[str, Schema]) -> Schema:
    options = [
        _defined(f"{cls.__name__}_{kind.value}", cls, kind.value, definitions)
        for kind, cls in classes.items()
    ]
    return {"oneOf": options}


def _defined(name: str, cls: Any, kind: str | None, definitions: dict[str, Schema]) -> Schema:
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _class_schema(cls, definitions, kind)
    return {"$ref": f"#/$defs/{name}"}
