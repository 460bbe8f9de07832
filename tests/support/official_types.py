"""The types of the providers' own Python packages judge requests: keys that they do not know are refused."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import botocore.session
from anthropic.types.message_create_params import MessageCreateParams
from botocore.validate import ParamValidator
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import SchemaValidator

from inferc.runtime.dialects.exact_json import dumps


@cache
def judge(params: Any) -> SchemaValidator:
    """What validates a body against `params`: lists at once instead of lazily, and no unknown keys."""
    adapter: TypeAdapter[Any] = TypeAdapter(params, config=ConfigDict(arbitrary_types_allowed=True))
    return SchemaValidator(_strict(adapter.core_schema))


def _strict(schema: Any) -> Any:
    if isinstance(schema, list | tuple):
        return type(schema)(_strict(each) for each in schema)
    if not isinstance(schema, dict):
        return schema
    made = {
        name: {key: _strict(inner) for key, inner in value.items()}
        if name in ("fields", "choices") and isinstance(value, dict)
        else _strict(value)
        for name, value in schema.items()
        if name != "metadata"
    }
    if made.get("type") == "typed-dict":
        made["config"] = {**made.get("config", {}), "extra_fields_behavior": "forbid"}
        made.pop("extras_schema", None)
        made["extra_behavior"] = "forbid" if schema.get("extra_behavior") != "allow" else "allow"
    if made.get("type") in ("model", "model-fields"):  # answers, which may be sent back as they came
        made["config"] = {**made.get("config", {}), "extra_fields_behavior": "forbid"}
        made["extra_behavior"] = "forbid"
        if made["type"] == "model":
            del made["extra_behavior"]
    if made.get("type") == "generator":
        made["type"] = "list"
    if made.get("type") == "is-instance":  # of a protocol that stands for a sequence of texts
        made = {"type": "list", "items_schema": {"type": "str"}}
    return made


def check_openai_chat(body: Any) -> None:
    """Raises ValidationError."""
    judge(CompletionCreateParams).validate_python(body)


def check_openai_responses(body: Any) -> None:
    """Raises ValidationError."""
    judge(ResponseCreateParams).validate_python(body)


SAMPLING_2023 = frozenset({"temperature", "top_p", "top_k"})
"""Fields of the version `2023-06-01` of Anthropic's API, which the package, with a later one, has not."""


def check_anthropic(body: Any) -> None:
    """Raises ValidationError."""
    known = {name: value for name, value in body.items() if name not in SAMPLING_2023}
    judge(MessageCreateParams).validate_python(known)


def check_bedrock(body: Any) -> None:
    """Raises AssertionError for what AWS's own model of Converse does not know."""
    body = json.loads(dumps(body))  # numbers whose text is kept are numbers there
    report = ParamValidator().validate({"modelId": "m", **body}, converse().input_shape)
    assert not report.has_errors(), report.generate_report()
    _only_known(body, converse().input_shape, "")


@cache
def converse() -> Any:
    """Converse, as the files say that botocore ships."""
    return botocore.session.Session().get_service_model("bedrock-runtime").operation_model("Converse")


def _only_known(value: Any, shape: Any, at: str) -> None:
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        assert value.keys() <= shape.members.keys(), f"{at}: {value.keys() - shape.members.keys()}"
        assert len(value) == 1 or not getattr(shape, "is_tagged_union", False), at
        for name, inner in value.items():
            _only_known(inner, shape.members[name], f"{at}.{name}")
    elif shape.type_name == "list":
        for index, inner in enumerate(value):
            _only_known(inner, shape.member, f"{at}[{index}]")
    elif enum := getattr(shape, "enum", None):
        assert value in enum, f"{at}: {value}"
    elif pattern := shape.metadata.get("pattern"):
        assert re.fullmatch(pattern, value), f"{at}: {value}"


@cache
def _gemini() -> dict[str, TypeAdapter[Any]]:
    from google.genai import types as google  # it takes long, and few tests need it

    return {
        "contents": TypeAdapter(list[google.Content]),
        "systemInstruction": TypeAdapter(google.Content),
        "tools": TypeAdapter(list[google.Tool]),
        "toolConfig": TypeAdapter(google.ToolConfig),
        "generationConfig": TypeAdapter(google.GenerationConfig),
        "safetySettings": TypeAdapter(list[google.SafetySetting]),
    }


def check_gemini(body: Any) -> None:
    """Raises ValidationError, or KeyError for a field that there is not."""
    for name, value in body.items():
        _gemini()[name].validate_python(value)
