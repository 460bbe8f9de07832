"""Write what requests and answers look like, as the providers' own packages say it: requests for the strict
mock provider, answers for the tests.

    python scripts/build_shapes.py [--check]

Read are the types of `anthropic`, those of `google-genai` with the functions that say which service knows
which field, the models of `openrouter`, and the model of Converse in `botocore`. `openrouter` lies in a
folder of its own, which `make shapes` fills, as it brings another package called `jsonpath`; without it, its
file stays as it is. The files hold names of fields, types, choices and bounds, as
`runtime/dialects/shapes.py` reads them. With `--check`, only what was made from the installed
version of a package is compared.
"""

from __future__ import annotations

import collections.abc
import inspect
import json
import operator
import os
import re
import sys
import types
import typing
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from functools import reduce
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import typing_extensions
from _written import ROOT, only_check, put, status
from botocore.session import Session
from google.genai import models as google_models, types as google
from pydantic import BaseModel

FOLDER = ROOT / "runtime" / "mock_provider" / "strict" / "tables" / "shapes"
ANSWERS = ROOT / "tests" / "runtime" / "reference" / "answers"
ALONE = ROOT / "build" / "openrouter"

Json = dict[str, Any]

_PLAIN = {str: "text", bool: "flag", int: "integer", float: "number", bytes: "text", datetime: "text"}
_REQUIRED = (typing.Required, typing_extensions.Required)
_MARKS = (*_REQUIRED, typing.NotRequired, typing_extensions.NotRequired, typing.Annotated)
_LISTS = (list, tuple, collections.abc.Iterable, collections.abc.Sequence)


class _Reader:
    """Turns annotations into specs, and collects the shapes that they name."""

    def __init__(self) -> None:
        self.shapes: Json = {}
        self._names: dict[Any, str] = {}

    def spec(self, hint: Any) -> Any:
        members = _members(hint)
        tagged = [each for each in members if self.is_shape(each)]
        rest = [spec for each in members if each not in tagged if (spec := self._plain(each)) is not None]
        specs = _joined(rest) + ([self._variants(tagged)] if tagged else [])
        if "any" in specs or not specs:
            return "any"
        return specs[0] if len(specs) == 1 else {"any of": specs}

    def is_shape(self, hint: Any) -> bool:
        raise NotImplementedError

    def shape(self, each: Any) -> str:
        """The name of the shape for a class: with its module's where another class of that name differs."""
        if each in self._names:
            return self._names[each]
        plain = name = plain_name(each.__name__)
        if plain in self.shapes:
            name = f"{each.__module__.rpartition('.')[2]}.{plain}"
        self._names[each], self.shapes[name] = name, {}
        made = {"fields": self.fields(each, plain)}
        if name != plain and self.shapes[plain] == made:
            del self.shapes[name]
            self._names[each] = name = plain
        else:
            self.shapes[name] = made
        return name

    def fields(self, each: Any, name: str) -> Json:
        """The fields of a class with their specs, the names of those that must be there marked."""
        raise NotImplementedError

    def hints(self, each: Any) -> Json:
        """The fields of a class with their types."""
        return get_type_hints(each, include_extras=True)

    def is_needed(self, each: Any, field: str) -> bool:
        """Whether a field of a class must be there."""
        return _is_required(self.hints(each)[field])

    def _plain(self, hint: Any) -> Any:
        origin = get_origin(hint)
        if origin is Literal:
            return {"choice": [each for each in get_args(hint) if each is not None]}
        if origin in _LISTS or getattr(origin, "__name__", "") == "SequenceNotStr":
            return {"list": self.spec(get_args(hint)[0])}
        if origin is dict or hint is dict:
            inner = self.spec(get_args(hint)[1]) if get_args(hint) else "any"
            return "map" if inner == "any" else {"map of": inner}
        if inspect.isclass(hint) and issubclass(hint, Enum):
            return {"choice": [each.value for each in hint]}
        if hint in _PLAIN:
            return _PLAIN[hint]
        if (inspect.isclass(hint) and issubclass(hint, BaseModel)) or (origin or hint) in (
            typing.IO,
            os.PathLike,
        ):
            return None  # an answer or a file, which are sent as what they hold
        return "any"

    def _variants(self, classes: list[Any]) -> Any:
        """Which of several classes it is, a field of theirs says."""
        names = {self.shape(each): each for each in classes}
        if len(names) == 1:
            [name] = names
            return {"object": name} | ({"tag": _TAGGED[name]} if name in _TAGGED else {})
        for field in ("type", "role", "id"):
            of: dict[str, list[str]] = {}
            default: list[str] = []
            for name, each in names.items():
                hint = self.hints(each).get(field, str)
                tags = [tag for m in _members(hint) if get_origin(m) is Literal for tag in get_args(m)]
                for tag in tags:
                    of.setdefault(tag, []).append(name)
                default += [tag for tag in tags if not self.is_needed(each, field)]
            if {name for named in of.values() for name in named} == names.keys() and len(of) > 1:
                more: Json = {"else": default[0]} if default else {}
                told = {tag: self._together(named) for tag, named in of.items()}
                return {"by": field, "of": told} | more | ({"untagged": True} if field == "role" else {})
        return {"any of": [{"object": name} for name in names]}

    def _together(self, names: list[str]) -> str:
        """A shape for all of `names`, which no field tells apart: it has what any of them has."""
        if len(names) == 1:
            return names[0]
        shapes = [self.shapes[name]["fields"] for name in names]
        fields: Json = {}
        for field in dict.fromkeys(each.rstrip("!") for shape in shapes for each in shape):
            specs = [spec for shape in shapes for each, spec in shape.items() if each.rstrip("!") == field]
            needed = all(f"{field}!" in shape for shape in shapes)
            fields[f"{field}!" if needed else field] = _alike(specs)
        self.shapes["|".join(names)] = {"fields": fields}
        return "|".join(names)


class _TypedDicts(_Reader):
    """Shapes of the `TypedDict`s of a package."""

    def is_shape(self, hint: Any) -> bool:
        return typing_extensions.is_typeddict(hint)

    def fields(self, each: Any, name: str) -> Json:
        hints = self.hints(each)
        needed = {name for name, hint in hints.items() if _is_required(hint) and not _may_be_null(hint)}
        return {f"{name}!" if name in needed else name: self.spec(hint) for name, hint in hints.items()}


def plain_name(name: str) -> str:
    """The name of a class without what says that it is of the beta, or of a request."""
    return re.sub(r"(Param|Params)+$", "", name.removeprefix("Beta")) or name


class _Models(_Reader):
    """Shapes of a package's models, as they are written. unknown: fields of each that are left out."""

    def __init__(self, unknown: dict[str, set[str]] | None = None) -> None:
        super().__init__()
        self._unknown = unknown or {}

    def hints(self, each: Any) -> Json:
        return {name: info.annotation for name, info in each.model_fields.items()}

    def is_shape(self, hint: Any) -> bool:
        return inspect.isclass(hint) and issubclass(hint, BaseModel)

    def fields(self, each: Any, name: str) -> Json:
        hints = self.hints(each)
        return {
            f"{info.alias or n}{'!' if info.is_required() else ''}": self.spec(hints[n])
            for n, info in each.model_fields.items()
            if n not in self._unknown.get(name, ())
        }


_TAGGED = {"CacheControlEphemeral": "ephemeral"}
"""Variants of which there is one, which stand in the place of an error all the same."""


def _members(hint: Any) -> list[Any]:
    """The types that `hint` stands for, without null."""
    while get_origin(hint) in _MARKS or isinstance(get_origin(hint) or hint, typing_extensions.TypeAliasType):
        hint = get_args(hint)[0] if get_origin(hint) in _MARKS else _named(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return [inner for each in get_args(hint) for inner in _members(each)]
    return [] if hint is type(None) else [hint]


def _named(alias: Any) -> Any:
    """The type that an alias stands for."""
    return get_origin(alias).__value__[get_args(alias)] if get_args(alias) else alias.__value__


def _is_required(hint: Any) -> bool:
    while get_origin(hint) is typing.Annotated:
        hint = get_args(hint)[0]
    return get_origin(hint) in _REQUIRED


def _may_be_null(hint: Any) -> bool:
    while get_origin(hint) in _MARKS or isinstance(get_origin(hint) or hint, typing_extensions.TypeAliasType):
        hint = get_args(hint)[0] if get_origin(hint) in _MARKS else _named(hint)
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _joined(specs: list[Any]) -> list[Any]:
    """Without repetitions; choices beside any text are no choices."""
    kept: list[Any] = []
    for spec in specs:
        is_choice = isinstance(spec, dict) and "choice" in spec
        if spec not in kept and not (is_choice and "text" in specs):
            kept.append(spec)
    return kept


def _alike(specs: list[Any]) -> Any:
    """One spec for all of `specs`."""
    specs = [
        each for spec in specs for each in (spec.get("any of", [spec]) if isinstance(spec, dict) else [spec])
    ]
    kept = [each for index, each in enumerate(specs) if each not in specs[:index]]
    if len(kept) > 1 and all(isinstance(each, dict) and "choice" in each for each in kept):
        return {"choice": list(dict.fromkeys(choice for each in kept for choice in each["choice"]))}
    return kept[0] if len(kept) == 1 else {"any of": kept}


def anthropic() -> Json:
    """Of the Messages API, with what only its beta types have."""
    from anthropic.types import message_create_params as known
    from anthropic.types.anthropic_beta_param import AnthropicBetaParam
    from anthropic.types.beta import message_create_params as with_beta

    released, all = _TypedDicts(), _TypedDicts()
    released.shape(known.MessageCreateParamsNonStreaming)
    all.shape(with_beta.MessageCreateParamsNonStreaming)
    root = plain_name(known.MessageCreateParamsNonStreaming.__name__)
    shapes = {name if name != root else "chat": shape for name, shape in all.shapes.items()}
    old = {**released.shapes, "chat": released.shapes[root]}
    for header in ("betas", "user_profile_id", "workspace_id"):
        for shape in (shapes["chat"], old["chat"]):
            shape["fields"].pop(header, None)
    shapes["chat"]["fields"]["stream"] = "flag"
    beta = {
        name: sorted(f".{each}" for each in new)
        for name, shape in shapes.items()
        if name in old and (new := _bare(shape["fields"]) - _bare(old[name]["fields"]))
    }
    tags = sorted(_tags(shapes) - _tags(old))
    betas = next(list(get_args(each)) for each in get_args(AnthropicBetaParam) if each is not str)
    return {"shapes": shapes, "beta fields": beta, "beta tags": tags, "betas": betas}


def anthropic_answers() -> Json:
    """Of messages, whole (`chat`) and as the events of a stream (`event`), with what only the beta has."""
    from anthropic.types import beta

    reader = _Models()
    shapes: Json = {"event": {"fields": {"event!": reader.spec(beta.BetaRawMessageStreamEvent)}}}
    reader.shape(beta.BetaMessage)
    return {"shapes": {**shapes, **_named_chat(reader.shapes, "Message")}}


def gemini_answers() -> Json:
    """Of `generateContent`, at both of Google's services."""
    reader = _Models({"GenerateContentResponse": {"automatic_function_calling_history", "parsed"}})
    reader.shape(google.GenerateContentResponse)
    reader.shapes["GenerateContentResponse"]["fields"].pop("sdkHttpResponse", None)
    return {"shapes": _named_chat(reader.shapes, "GenerateContentResponse")}


def bedrock_answers() -> Json:
    """Of Converse (`chat`), and of the events of ConverseStream (`event`)."""
    shapes: Json = {}
    service = Session().get_service_model("bedrock-runtime")
    whole = service.operation_model("Converse").output_shape
    streamed = service.operation_model("ConverseStream").output_shape
    assert whole is not None
    assert streamed is not None
    _of_aws(whole, shapes)
    _of_aws(streamed.members["stream"], shapes)
    event = streamed.members["stream"].name
    return {"shapes": {**_named_chat(shapes, whole.name), "event": shapes[event]}}


def openai() -> Json:
    """Of responses."""
    from openai.types.responses import response_create_params as known

    reader = _TypedDicts()
    root = reader.shape(known.ResponseCreateParamsNonStreaming)
    shapes = {"responses" if name == root else name: shape for name, shape in reader.shapes.items()}
    shapes["responses"]["fields"]["stream"] = "flag"
    return {"shapes": shapes}


def openai_answers() -> Json:
    """Of responses, whole (`chat`) and as the events of a stream (`event`)."""
    from openai.types import responses

    reader = _Models()
    shapes: Json = {"event": {"fields": {"event!": reader.spec(responses.ResponseStreamEvent)}}}
    root = reader.shape(responses.Response)
    return {"shapes": {**shapes, **_named_chat(reader.shapes, root)}}


def _named_chat(shapes: Json, root: str) -> Json:
    return {"chat" if name == root else name: shape for name, shape in shapes.items()}


def _bare(fields: Json) -> set[str]:
    return {name.rstrip("!") for name in fields}


def _tags(value: Any) -> set[str]:
    """All values by which variants are told apart."""
    if isinstance(value, list):
        return set().union(*map(_tags, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = set(value["of"]) if "by" in value else set()
    return own.union(*map(_tags, value.values()))


def _unknown_to(service: str) -> dict[str, set[str]]:
    """The fields of each class that google-genai refuses to send to `service`, `mldev` or `vertex`."""
    source = inspect.getsource(google_models)
    found: dict[str, set[str]] = {}
    for part in re.split(r"^def ", source, flags=re.M):
        if begun := re.match(rf"_(\w+)_to_{service}\(", part):
            text = re.sub(r"'\s*\n\s*'", "", part)
            names = re.findall(r"'(\w+) parameter is only supported in", text)
            found[begun[1]] = set(names)
    found["GenerationConfig"] = found["GenerateContentConfig"]
    return found


_GOOGLES: Json = {
    "contents": list[google.Content],
    "systemInstruction": google.Content,
    "tools": list[google.Tool],
    "toolConfig": google.ToolConfig,
    "safetySettings": list[google.SafetySetting],
    "generationConfig": google.GenerationConfig,
}
"""Fields of a request, whose class the package has not; others are those that it sets beside them."""


def gemini(service: str) -> Json:
    """Of `generateContent`, at one of Google's services."""
    unknown = _unknown_to(service)
    reader = _Models(unknown)
    fields = {name: reader.spec(hint) for name, hint in _GOOGLES.items()}
    hints = get_type_hints(google.GenerateContentConfig, include_extras=True)
    source = inspect.getsource(getattr(google_models, f"_GenerateContentConfig_to_{service}"))
    put_where = r"getv\(from_object, \['(\w+)'\]\) is not None:\s+setv\(\s*(parent|to)_object,\s*\['(\w+)'\]"
    for ours, where, theirs in re.findall(put_where, source):
        into = fields if where == "parent" else reader.shapes["GenerationConfig"]["fields"]
        if theirs not in into:
            into[theirs] = reader.spec(hints[ours])
    return {"shapes": {"chat": {"fields": fields}, **reader.shapes}}


class _OpenRouters(_Models):
    """Shapes of OpenRouter's package, whose types have a place for what is left out or not known."""

    def spec(self, hint: Any) -> Any:
        known = [each for each in _members(hint) if not self._is_unknown(each)]
        return super().spec(reduce(operator.or_, known)) if known else "any"

    def is_needed(self, each: Any, field: str) -> bool:
        found: bool = each.model_fields[field].is_required()
        return found

    def _is_unknown(self, each: Any) -> bool:
        return getattr(each, "__name__", "").startswith(("Unset", "Unrecognized", "Unknown"))


def openrouter() -> Json:
    """Of chats, vectors and rankings. What it does not know, it takes, and leaves out."""
    components, operations = (import_module(f"openrouter.{name}") for name in ("components", "operations"))
    reader = _OpenRouters()
    roots = {
        reader.shape(root): name
        for root, name in (
            (components.ChatRequest, "chat"),
            (operations.CreateEmbeddingsRequestBody, "embed"),
            (operations.CreateRerankRequestBody, "rerank"),
        )
    }
    return {"shapes": {roots.get(n, n): {**shape, "open": True} for n, shape in reader.shapes.items()}}


def bedrock() -> Json:
    """Of Converse."""
    shapes: Json = {}
    service = Session().get_service_model("bedrock-runtime")
    shape = service.operation_model("Converse").input_shape
    assert shape is not None
    _of_aws(shape, shapes)
    chat = shapes.pop(shape.name)
    del chat["fields"]["modelId!"]
    return {"shapes": {"chat": chat, **shapes}}


def _of_aws(shape: Any, shapes: Json) -> Any:
    bounds = [shape.metadata.get("min"), shape.metadata.get("max")]
    match shape.type_name:
        case "structure" if getattr(shape, "is_document_type", False):
            return "any"
        case "structure":
            if shape.name not in shapes:
                shapes[shape.name] = {}
                needed = shape.required_members
                fields = {
                    f"{n}!" if n in needed else n: _of_aws(inner, shapes)
                    for n, inner in shape.members.items()
                }
                one: Json = {"one": True} if getattr(shape, "is_tagged_union", False) else {}
                shapes[shape.name] = {"fields": fields, **one}
            return {"object": shape.name}
        case "list":
            inner = {"list": _of_aws(shape.member, shapes)}
            return inner if bounds == [None, None] else inner | {"size": bounds}
        case "map":
            return {"map of": _of_aws(shape.value, shapes)}
        case "string" if shape.enum:
            return {"choice": list(shape.enum)}
        case "string" | "blob":
            return "text" if bounds == [None, None] else {"text": bounds}
        case "integer" | "long":
            return "integer" if bounds == [None, None] else {"integer": bounds}
        case "float" | "double":
            return "number" if bounds == [None, None] else {"number": bounds}
        case "boolean":
            return "flag"
    raise AssertionError(shape.type_name)


PACKAGES: dict[Path, tuple[str, Callable[[], Json]]] = {
    FOLDER / "anthropic.json": ("anthropic", anthropic),
    FOLDER / "openai.json": ("openai", openai),
    FOLDER / "gemini.json": ("google-genai", lambda: gemini("mldev")),
    FOLDER / "vertex.json": ("google-genai", lambda: gemini("vertex")),
    FOLDER / "bedrock.json": ("botocore", bedrock),
    FOLDER / "openrouter.json": ("openrouter", openrouter),
    ANSWERS / "anthropic.json": ("anthropic", anthropic_answers),
    ANSWERS / "openai_responses.json": ("openai", openai_answers),
    ANSWERS / "gemini.json": ("google-genai", gemini_answers),
    ANSWERS / "bedrock.json": ("botocore", bedrock_answers),
}


def _text(value: Json) -> str:
    """JSON with a line for each shape."""
    parts = [f"{json.dumps(key)}: {json.dumps(each)}" for key, each in value.items() if key != "shapes"]
    shapes = [f"{json.dumps(name)}: {json.dumps(shape)}" for name, shape in sorted(value["shapes"].items())]
    return "{\n" + ",\n".join(parts) + ',\n"shapes": {\n' + ",\n".join(shapes) + "\n}}\n"


def written(path: Path, day: str) -> str:
    """The text of one file."""
    package, read = PACKAGES[path]
    return _text({"source": f"https://pypi.org/project/{package}/{version(package)}/", "date": day, **read()})


def main() -> int:
    check = only_check(__doc__)
    texts = []
    sys.path.append(str(ALONE))
    for path, (package, _) in PACKAGES.items():
        if package == "openrouter" and not ALONE.is_dir():
            continue
        kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
        same = f"/{version(package)}/" in kept.get("source", "")
        if check and kept and not same:
            continue
        texts.append((path, written(path, kept["date"] if same else date.today().isoformat())))
    return status(list(put(texts, check)), check, "shapes")


if __name__ == "__main__":
    sys.exit(main())
