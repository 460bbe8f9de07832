"""What the references of providers say of their fields, as data, and what really becomes of each.

`tables/NAME.json` is one provider. `runtime`, and `settings` where its block needs any, say what stands in
the file of a user; `mock`: whose strict table judges, where that is not the runtime's name; `date`: when it
was read. Each kind of request has a section of its own, `chat`, `embed`, or one of `PASSED`:

    source: where the fields are documented.
    model: what is asked. models: for single fields, another one.
    takes: all documented fields, each with a value; null stands for OpenAI's own field, and the value of its
      table. beside: what must be said with a field.
    changed: documented fields that do not go on as they are for a client that speaks OpenAI's protocol.
    lacks: OpenAI's fields that are not documented.

What becomes of a field is a word, or a word and, behind a colon, why:

    same: the provider gets it as it is.
    as NAME: it gets something of that name instead, a header perhaps; several names have commas between them.
    left out: it gets nothing, and the client is told, in a header.
    refused: the client gets an error that names the field.
    needless: it gets nothing, and nobody is told, as nothing is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from inferc.compiler.compile import check_file, compile_checked
from inferc.compiler.plan import RemotePoolPlan
from inferc.runtime.dialects.exact_json import dumps, loads
from inferc.runtime.dialects.multipart import read_form
from inferc.runtime.dialects.openai.embeddings import read_embed
from inferc.runtime.dialects.retrieval import retrieval_of
from inferc.runtime.mock_provider.strict import PROVIDERS, Table, table
from inferc.runtime.replicas.remote.chats import Chats
from inferc.runtime.replicas.remote.passthrough.requests import JSON, Passed
from inferc.runtime.requests.errors import BadRequest
from inferc.runtime.requests.request import ChatRequest, CompletionRequest, Part, PassedRequest

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "tables"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))
MESSAGES = [{"role": "user", "content": "Give me json."}]
FILE = b"RIFF of some kind"
"""What stands for a file in a form; in the tables, "FILE" does."""

PASSED: dict[str, tuple[str, Json]] = {
    "images": ("/images/generations", {"prompt": "a cat"}),
    "edits": ("/images/edits", {"image": FILE, "prompt": "a cat"}),
    "variations": ("/images/variations", {"image": FILE}),
    "speech": ("/audio/speech", {"input": "hello", "voice": "alloy"}),
    "transcriptions": ("/audio/transcriptions", {"file": FILE}),
    "translations": ("/audio/translations", {"file": FILE}),
    "moderations": ("/moderations", {"input": "hello"}),
    "completions": ("/completions", {"prompt": "hello"}),
}
"""The path of each kind of request that is no chat, and what must be said."""


@frozen
class Field:
    """One field of a kind of request. others: what is said beside it. fate: what the table says of it."""

    name: str
    value: Any
    others: Json
    model: str
    fate: str
    documented: bool
    kind: str = "chat"

    @property
    def body(self) -> Json:
        if self.kind in PASSED:
            return {"model": self.model, **PASSED[self.kind][1], **self.others, self.name: self.value}
        asked: Json = {"messages": MESSAGES} if self.kind == "chat" else {"input": ["one", "two"]}
        return {"model": self.model, **asked, **self.others, self.name: self.value}


@cache
def read(name: str) -> Json:
    """The table of a provider."""
    said: Json = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return said


def fields(name: str, kind: str) -> Iterator[Field]:
    """All fields that the table has, those of OpenAI's that the provider lacks among them."""
    section, openai = read(name)[kind], read("openai")[kind]
    models, changed = section.get("models", {}), section.get("changed", {})
    for documented, named in ((True, section["takes"]), (False, section.get("lacks", {}))):
        for field in named:
            value = named[field] if documented else None
            own = value is not None or name == "openai"
            value = value if own else openai["takes"][field]
            yield Field(
                field,
                FILE if value == "FILE" else value,
                section.get("beside", {}).get(field) or openai.get("beside", {}).get(field, {}),
                models.get(field, section["model"]),
                changed.get(field, "same") if documented else named[field],
                documented,
                kind,
            )


@cache
def plan(name: str, model: str, kind: str = "chat", more: str = "", beside: str = "") -> RemotePoolPlan:
    """What a user's file with this provider and model is compiled to. more: further settings. beside: what
    stands beside the runtime."""
    said = read(name)
    settings = "\n".join(('api_key = env("KEY")', *said.get("settings", ()), more))
    task = f"task {kind} {{}}" if kind == "embed" else ""
    text = (
        f'deployment it {{ model = "{model}"\nruntime {said["runtime"]} {{ {settings} }}\n{task}{beside} }}'
    )
    checked = check_file("it.infer", None, text=text)
    assert [each.message for each in checked.diagnostics if each.is_error] == []
    [made] = compile_checked(checked, Path()).deployments
    assert isinstance(made, RemotePoolPlan)
    return made


def judge(name: str) -> Table | None:
    """The strict table of a provider, where there is one."""
    mock = read(name).get("mock", read(name)["runtime"])
    return table(mock) if mock in PROVIDERS else None


@frozen
class Became:
    """fate: the word for what became of a field. sent: what its provider gets, None where it is refused."""

    fate: str
    sent: Json | None


def became(name: str, field: Field) -> Became:
    """What becomes of a field of a request."""
    made_plan = plan(name, field.model, field.kind)
    headers: list[Mapping[str, str]] = []

    def sent(body: Json) -> tuple[Json, tuple[str, ...]]:
        if field.kind == "embed":
            return _embedding(made_plan, body)
        if field.kind in PASSED:
            return _passed(made_plan, PASSED[field.kind][0], body)
        fit = Chats(made_plan).fit(ChatRequest(dict(body), bool(body.get("stream"))))
        found: Json = loads(fit.body)
        headers.append(fit.headers)
        return found, fit.changes

    without = {key: value for key, value in field.body.items() if key != field.name}
    try:
        made, noted = sent(field.body)
    except BadRequest as error:
        if f"`{field.name}`" not in error.message:
            raise
        return Became("refused", None)
    if made.get(field.name) == field.value:
        return Became("same", made)
    plain, _ = sent(without)
    new = [path for path in _new(made, plain) if path != "model"]
    new += [each for each in headers[0] if each not in headers[1]] if headers else []
    if new:
        return Became(f"as {', '.join(new)}", made)
    told = any(each.split(".")[0] == field.name for each in noted)
    return Became("left out" if told else "needless", made)


def _embedding(made_plan: RemotePoolPlan, body: Json) -> tuple[Json, tuple[str, ...]]:
    """What a provider of vectors gets, and what is left out."""
    request, asks = read_embed(body).request, retrieval_of(made_plan)
    found: Json = loads(asks.request(request).body)
    return found, asks.left_out(request)


def _passed(made_plan: RemotePoolPlan, path: str, body: Json) -> tuple[Json, tuple[str, ...]]:
    """What a provider gets of what is no chat, and what is left out; a form where there is a file."""
    asks = Passed(made_plan)
    request: CompletionRequest | PassedRequest
    if path == "/completions":
        request = CompletionRequest(body, bool(body.get("stream")))
    elif FILE in body.values():
        form = tuple(part for name, value in body.items() for part in _parts(name, value))
        request = PassedRequest(path, body["model"], form=form)
    else:
        request = PassedRequest(path, body["model"], body=body)
    sent = asks.request(request)
    if sent.content_type == JSON:
        return loads(sent.body), asks.left_out(request)
    parts = read_form(sent.body, sent.content_type)
    found: Json = {}
    for part in parts:
        name, of = part.name.partition("[")[::2]
        like = body[name]
        value = FILE if like == FILE else loads(part.content) if _is_json(like) else part.content.decode()
        found[name] = [*found.get(name, ()), value] if of else value
    return found, asks.left_out(request)


def _parts(name: str, value: Any) -> Iterator[Part]:
    """A field of a form, as OpenAI's client writes it."""
    if isinstance(value, list):
        for each in value:
            yield from _parts(f"{name}[]", each)
        return
    head = f'Content-Disposition: form-data; name="{name}"' + ('; filename="a.wav"' if value == FILE else "")
    content = FILE if value == FILE else dumps(value) if _is_json(value) else value.encode()
    yield Part(name, head.encode(), content)


def _is_json(value: Any) -> bool:
    return not isinstance(value, str | bytes | list)


def _new(made: Any, plain: Any, at: str = "") -> Iterator[str]:
    """The places of objects at which `made` has something that `plain` has not."""
    for key, value in made.items():
        place = f"{at}.{key}" if at else key
        if key not in plain:
            yield place
        elif isinstance(value, dict) and isinstance(plain[key], dict):
            yield from _new(value, plain[key], place)
        elif value != plain[key]:
            yield place
