"""Writes `tests/runtime/reference/openai_schema.json`, which is what OpenAI's OpenAPI file says of bodies.

    python scripts/build_openai_schema.py FILE COMMIT DATE

FILE: `openapi.json` of github.com/openai/openai-openapi at COMMIT, of DATE. Facts alone are kept, of the
endpoints that inferc asks or answers: names, types, what is required, words, bounds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TARGET = Path(__file__).parent.parent / "tests/runtime/reference/openai_schema.json"
ENDPOINTS = (
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/images/edits",
    "/images/generations",
    "/images/variations",
    "/models",
    "/moderations",
    "/responses",
    "/responses/compact",
    "/responses/{response_id}/input_items",
)
BESIDE = {"error": "ErrorResponse"}
"""Further schemas, by what they are called here."""

BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
KEPT = ("type", "enum", "const", "required", "$ref", *BOUNDS)
SOURCE = "https://github.com/openai/openai-openapi"


def reduced(schema: Any, components: Json) -> Any:
    """A schema without what is no fact; `allOf` is one schema, and of `oneOf` one or more may fit."""
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema:
        parts = [schema, *schema["allOf"]]
        if len(parts) == 2 and not schema.get("properties") and "$ref" in parts[1]:
            return reduced(parts[1], components)
        schema = _merged(schema, components)
    made = {name: schema[name] for name in KEPT if name in schema}
    if "$ref" in made:
        made["$ref"] = made["$ref"].replace("#/components/schemas/", "#/$defs/")
    if "properties" in schema:
        made["properties"] = {name: reduced(each, components) for name, each in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in schema:
            made[name] = reduced(schema[name], components)
    anyone = schema.get("anyOf") or schema.get("oneOf")
    if anyone:
        made["anyOf"] = [reduced(each, components) for each in anyone]
    if schema.get("nullable"):
        return {"anyOf": [made, {"type": "null"}]}
    return made


def _merged(schema: Json, components: Json) -> Json:
    """One object with the fields of all parts."""
    merged: Json = {"type": "object", "properties": {}, "required": []}
    for part in [{k: v for k, v in schema.items() if k != "allOf"}, *schema["allOf"]]:
        while "$ref" in part:
            part = components[part["$ref"].rsplit("/", 1)[-1]]
        if "allOf" in part:
            part = _merged(part, components)
        merged["properties"] |= part.get("properties", {})
        merged["required"] += [name for name in part.get("required", ()) if name not in merged["required"]]
        for name in ("anyOf", "oneOf", "additionalProperties", "nullable"):
            if name in part:
                merged[name] = part[name]
    return merged


def named(schema: Any) -> Iterator[str]:
    """The names of the schemas that `schema` refers to."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref":
                yield value.rsplit("/", 1)[-1]
            else:
                yield from named(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from named(each)


def main(file: str, commit: str, date: str) -> None:
    said = json.loads(Path(file).read_text("utf-8"))
    components = said["components"]["schemas"]
    kinds: dict[str, Json] = {"requests": {}, "forms": {}, "answers": {}, "events": {}}
    places = {
        "application/json": ("requests", "answers"),
        "multipart/form-data": ("forms", None),
        "text/event-stream": (None, "events"),
    }
    for path in ENDPOINTS:
        for method in ("get", "post"):
            asked = said["paths"][path].get(method)
            if asked is None or (method == "get" and "post" in said["paths"][path]):
                continue
            for index, contents in enumerate((asked.get("requestBody", {}), asked["responses"]["200"])):
                for type, content in contents.get("content", {}).items():
                    if kind := places.get(type, (None, None))[index]:
                        kinds[kind][path] = reduced(content["schema"], components)
    kinds["answers"] |= {name: {"$ref": f"#/$defs/{schema}"} for name, schema in BESIDE.items()}
    defs: Json = {}
    todo = list(named(kinds))
    while todo:
        name = todo.pop()
        if name not in defs:
            defs[name] = reduced(components[name], components)
            todo += named(defs[name])
    about = {"source": f"{SOURCE}/blob/{commit}/openapi.json", "date": date}
    lines = [f'"{name}": {json.dumps(schema, sort_keys=True)}' for name, schema in sorted(defs.items())]
    heads = [f'"{name}": {json.dumps(value)}' for name, value in (about | kinds).items()]
    inner = ",\n".join(lines)
    text = ",\n".join([*heads, f'"$defs": {{\n{inner}\n}}'])
    TARGET.write_text(f"{{\n{text}\n}}\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
