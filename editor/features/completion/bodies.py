"""Inside of the braces of a deployment: fields that fit, and what each of them takes."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol.types import CompletionItemKind as Kind

from ....compiler.globals import GatewayFields
from ....compiler.scope import VALUES
from ....dsl import syntax as s
from ....dsl.kinds import RuntimeKind, TaskKind
from ....dsl.policies import CapacityPolicy
from ....dsl.runtimes import CONFIG_CLASSES, SecretRef
from ....dsl.tasks import TASK_CLASSES
from ...fields import LABELLED, FieldInfo, Place, class_doc, field_info, fields_of, holds, units_of, words_of
from .context import Context, Offer
from .units import quantities

_TEXTS = ("text", "list of text")


def fields(context: Context) -> Iterator[Offer]:
    """The fields and blocks that fit here and are not given yet, those that are needed first."""
    place = context.place
    assert place is not None
    given = context.cursor.frame.given
    for info in fields_of(place):
        if info.name not in given or info.name == "node":
            yield _field(context, place, info)


def _field(context: Context, place: Place, info: FieldInfo) -> Offer:
    order = 1 if info.required else 2
    kind = Kind.Module if info.block else Kind.Field
    detail = info.takes if not info.block else class_doc(info.cls) if info.cls is not None else "block"
    return Offer(info.name, kind, detail, info.told, order=order, **_inserted(context, place, info))  # type: ignore[arg-type]


def _inserted(context: Context, place: Place, info: FieldInfo) -> dict[str, object]:
    """What is written for a field: the beginning of a value of its type."""
    name = info.name
    if context.goes_on:
        return {}
    if name == "node":
        return {"insert": "node ", "snippet": "node ${1:a} { gpus = ${2:1} }"}
    if name == "runtime":
        kind = context.runtime or RuntimeKind.OPENAI
        return {"insert": f"runtime {kind} {{ }}", "snippet": f"runtime ${{1:{kind}}} {{\n  $0\n}}"}
    if name == "task":
        return {"insert": "task ", "snippet": "task ${1:embed} { $0 }"}
    if info.block:
        return {"insert": f"{name} {{ }}", "snippet": f"{name} {{ $0 }}"}
    if holds(place, name, SecretRef) or (place.cls is GatewayFields and name == "auth"):
        variable = (context.key_variable or "API_KEY") if name == "api_key" else "TOKEN"
        secret = f'env("${{1:{variable}}}")'
        written = f"bearer({secret})" if name == "auth" else secret
        return {"insert": f"{name} = ", "snippet": f"{name} = {written}"}
    if place.cls is not None and info.takes in _TEXTS:
        text = '"$1"' if info.takes == "text" else '["$1"]'
        return {"insert": f"{name} = ", "snippet": f"{name} = {text}"}
    return {"insert": f"{name} = "}


def values(context: Context) -> Iterator[Offer]:
    """What may stand after `name =`, or as the label of a block."""
    words, place = context.words, context.place
    frame = context.cursor.frame
    if frame.opener in ("LSQB", "LPAR"):
        name = frame.head[0].text if frame.head else ""
        called = frame.head[-1].text if frame.opener == "LPAR" and frame.head else ""
        yield from _inside(context, place, name, called)
        return
    if len(words) == 1 and words[0] in LABELLED:
        yield from _labels(words[0])
    elif "=" in words and place is not None:
        yield from _values_of(context, place, words[0])


def _inside(context: Context, place: Place | None, name: str, called: str) -> Iterator[Offer]:
    """Inside of a list or a call that is the value of a field."""
    if called == "fallback":
        own = context.cursor.frames[1].head[1].text if len(context.cursor.frames[1].head) > 1 else ""
        yield from (o for o in context.names(s.DeploymentDeclaration) if o.label != own)
    elif called in ("bearer",):
        yield from _secrets(context)
    elif place is not None and not called:
        yield from _values_of(context, place, name, in_list=True)
    elif not called:
        yield from context.names(*VALUES)


def _values_of(context: Context, place: Place, name: str, in_list: bool = False) -> Iterator[Offer]:
    if name == "providers" and not in_list:
        yield Offer("[cuda, cpu]", Kind.Value, "list", order=1)
    elif name not in ("runtime", "task"):
        for word in words_of(place, name):
            yield Offer(str(word), Kind.EnumMember, _default_mark(place, name, word), order=1)
    if name in LABELLED:
        yield from _labels(name)
    if holds(place, name, CapacityPolicy):
        for word, meaning in (("queue", "a request waits"), ("reject", "it is refused with 429")):
            yield Offer(word, Kind.EnumMember, meaning, order=1)
        fallback = "another deployment takes it"
        yield Offer("fallback", Kind.Function, fallback, insert="fallback()", snippet="fallback($0)", order=1)
    if holds(place, name, SecretRef):
        yield from _secrets(context)
    if place.cls is GatewayFields and name == "auth":
        yield Offer(
            "bearer", Kind.Function, "a token", insert="bearer()", snippet='bearer(env("${1:TOKEN}"))'
        )
        yield Offer("none", Kind.EnumMember, "everyone may call")
    kind = units_of(place, name)
    if kind is not None:
        yield from quantities(kind)
    if holds(place, name, str):
        yield Offer('"…"', Kind.Value, "text", insert='""', snippet='"$0"', filter='"')
        if not holds(place, name, SecretRef):
            late = "an environment variable with a default, read when a plan starts"
            yield Offer("env", Kind.Function, late, insert='env("")', snippet='env("${1:NAME}", "$0")')
    yield from context.names(*VALUES)


def _default_mark(place: Place, name: str, word: str) -> str:
    info = field_info(place, name)
    return "the default" if info is not None and info.default == f"`{word}`" else ""


def _labels(name: str) -> Iterator[Offer]:
    classes: dict[str, type] = {str(kind): cls for kind, cls in CONFIG_CLASSES.items()}
    if name == "task":
        classes = {str(kind): TASK_CLASSES[kind] for kind in TaskKind}
    for word, cls in classes.items():
        if word != RuntimeKind.CUDARC:
            yield Offer(word, Kind.EnumMember, class_doc(cls), order=1)


def _secrets(context: Context) -> Iterator[Offer]:
    variable = context.key_variable or "API_KEY"
    yield Offer(
        "env",
        Kind.Function,
        "an environment variable, read when a plan starts",
        insert='env("")',
        snippet=f'env("${{1:{variable}}}")',
        order=1,
    )
    yield Offer(
        "file",
        Kind.Function,
        "a file, read when a plan starts",
        insert='file("")',
        snippet='file("$1")',
        order=1,
    )
