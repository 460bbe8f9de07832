"""What the command line says of a request: texts, `name=value`, `name=@file`, JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from ...compiler.plan import ChoiceType, OptionalType, ParameterPlan, PipelinePlan, Plan, Type, TypeKind
from ...dsl.files import read_regular
from ...dsl.record import frozen

_LARGEST = 256 << 20
"""Bytes of a file that is sent."""


class InputError(Exception):
    """The command line does not say what the name needs; the message says how to write it."""


@frozen
class Inputs:
    """texts: without a name. fields: of a pipeline's parameters, or of a request, as JSON."""

    texts: list[str]
    fields: dict[str, Any]


def read_inputs(plan: Plan, name: str, given: Sequence[str], as_json: str | None, stdin: TextIO) -> Inputs:
    """The inputs of one request to `name`. Raises InputError."""
    fields = _object(as_json) if as_json is not None else {}
    pipeline = next((each for each in plan.pipelines if each.pipeline == name), None)
    texts = [stdin.read().rstrip("\n") if text == "-" else text for text in given]
    if pipeline is None:
        if not texts and not fields:
            raise InputError(f"`{name}` needs a text: inferc call FILE {name} TEXT")
        return Inputs(texts, fields)
    return Inputs([], fields | _parameters(pipeline, texts))


def _parameters(pipeline: PipelinePlan, given: Sequence[str]) -> dict[str, Any]:
    by_name = {each.name: each for each in pipeline.parameters}
    values: dict[str, Any] = {}
    texts: list[str] = []
    for argument in given:
        name, sign, value = argument.partition("=")
        if sign and name in by_name:
            values[name] = _value(by_name[name], value)
        else:
            texts.append(argument)
    if not texts:
        return values
    open_texts = [each for each in pipeline.parameters if _is_text(each.type) and each.name not in values]
    if len(texts) > 1 or len(open_texts) != 1:
        raise InputError(f"`{texts[-1]}`: say which parameter it is: {_usage(pipeline)}")
    return {open_texts[0].name: texts[0]} | values


def _usage(pipeline: PipelinePlan) -> str:
    """How the pipeline is called."""
    shown = (
        f"{each.name}={'@FILE' if _plain(each.type).kind in _FILES else '…'}" for each in pipeline.parameters
    )
    signature = ", ".join(f"{each.name}: {each.type}" for each in pipeline.parameters)
    return f"inferc call FILE {pipeline.pipeline} {' '.join(shown)} ({signature})"


def _value(parameter: ParameterPlan, text: str) -> Any:
    """The value behind `=`, as JSON."""
    kind = _plain(parameter.type)
    if text.startswith("@"):
        contents = _contents(parameter.name, Path(text[1:]))
        if kind.kind in _FILES:
            return b64encode(contents).decode()
        try:
            text = contents.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{parameter.name}={text}: the file is no UTF-8 text") from None
    elif kind.kind in _FILES:
        raise InputError(f"`{parameter.name}` is {kind}: name a file, {parameter.name}=@FILE")
    if _is_text(kind):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(
            f"`{parameter.name}` is {parameter.type}: write it as JSON, {parameter.name}='…'"
        ) from None


def _contents(name: str, path: Path) -> bytes:
    try:
        return read_regular(path, _LARGEST)
    except OSError as error:
        raise InputError(f"{name}=@{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{name}=@{path}: cannot be read: {error}") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--json: this is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError("--json: it must be a JSON object, {…}")
    return value


_FILES = (TypeKind.BYTES, TypeKind.IMAGE)


def _plain(kind: Type) -> Type:
    return kind.inner if isinstance(kind, OptionalType) else kind


def _is_text(kind: Type) -> bool:
    plain = _plain(kind)
    return isinstance(plain, ChoiceType) or plain.kind is TypeKind.TEXT
