"""Inside of quotes: models with their price, files, variables of the environment, names between braces."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lsprotocol.types import CompletionItemKind as Kind

from ....compiler.scope import VALUES
from ....dsl.catalogues.models import find_model, known_models
from ....dsl.catalogues.presets import HOSTED
from ....dsl.secrets.texts import holds_key
from ...facts import model_line, model_text
from ...fields import FILE_ENDINGS
from .context import Context, Offer
from .pipelines import local_names, match_arms

_ENV = re.compile(r"\benv\(\s*\"([^\"\n]+)\"")
_PATH = re.compile(r"(?<![\w.])([^\W\d][\w.]*)\.\Z")
_MOST = 200


def in_text(context: Context) -> Iterator[Offer]:
    """What fits into the text around the place."""
    typed, words, frame = context.typed, context.words, context.cursor.frame
    if words[-1:] == ["prompt"]:
        yield from _prompt(context)
    elif typed.rfind("${") > typed.rfind("}"):
        yield from _interpolated(context)
    elif words[-1:] in (["import"], ["from"]) and words[:1] == ["import"]:
        yield from _paths(context, (".infer",))
    elif frame.opener == "LBRACE" and not words and context.declaration == "pipeline":
        yield from match_arms(context)
    elif frame.opener == "LPAR" and frame.head and frame.head[-1].text == "env":
        yield from _variables(context)
    elif frame.opener == "LPAR" and frame.head and frame.head[-1].text == "file":
        yield from _paths(context, ("",))
    elif words[-1:] == ["="] and words[0] == "model":
        yield from _models(context)
        yield from _paths(context, FILE_ENDINGS["model"])
    elif words[-1:] == ["="] and words[0] in FILE_ENDINGS:
        yield from _paths(context, FILE_ENDINGS[words[0]])


def _models(context: Context) -> Iterator[Offer]:
    says_runtime = context.runtime in HOSTED and "runtime" in context.cursor.frame.given
    provider = context.runtime.provider if context.runtime is not None and says_runtime else None
    for name in known_models():
        info = find_model(name)
        if info is None or provider not in (None, info.provider):
            continue
        yield Offer(
            name, Kind.Value, model_line(info), model_text(info), order=7 if info.deprecated else 2,
            filter=name, deprecated=info.deprecated,
        )  # fmt: skip


def _variables(context: Context) -> Iterator[Offer]:
    """Those that this file names already, and the usual one; the environment itself is not looked at."""
    typed = context.typed
    used = [name for name in _ENV.findall(context.view.text) if name != typed and not holds_key(name)]
    usual = context.key_variable
    for name in dict.fromkeys([*used, *([usual] if usual else [])]):
        detail = "used in this file" if name in used else "the usual one"
        yield Offer(name, Kind.Variable, detail, order=1 if name in used else 2)


def _interpolated(context: Context) -> Iterator[Offer]:
    begun = context.typed[: context.typed.rfind("${") + 2]
    for offer in context.names(*VALUES):
        yield Offer(
            offer.label, offer.kind, offer.detail, offer.doc,
            insert=f"{begun}{offer.label}}}" if not _is_closed(context) else f"{begun}{offer.label}",
            filter=f"{begun}{offer.label}",
        )  # fmt: skip


def _is_closed(context: Context) -> bool:
    rest = context.view.text[context.cursor.offset : context.cursor.offset + 200].partition("\n")[0]
    return re.match(r"\w*\s*\}", rest) is not None


def _prompt(context: Context) -> Iterator[Offer]:
    """The values of the pipeline, their fields and what can be made of them, between `{{` and `}}`."""
    typed = context.typed
    if typed.rfind("{{") <= typed.rfind("}}") or len(context.cursor.frames) < 2:
        return
    begun = typed[: len(typed) - len(re.split(r"\W", typed)[-1])]
    for offer in _in_prompt(context, begun):
        text = begun + offer.label
        yield Offer(offer.label, offer.kind, offer.detail, insert=text, filter=text, order=offer.order)


def _in_prompt(context: Context, begun: str) -> Iterator[Offer]:
    path = _PATH.search(begun)
    if path is not None:
        from ...types import fields_after

        found = fields_after(context.view, context.cursor.offset, path[1].split("."))
        yield from (Offer(name, Kind.Field, shown, order=1) for name, shown in found.items())
    elif begun.rstrip().endswith("|"):
        from ....compiler.pipelines.prompts.sandbox import environment

        yield from (Offer(name, Kind.Function, "filter") for name in sorted(environment().filters))
    elif not begun.endswith("."):
        yield from local_names(context)


def _paths(context: Context, endings: tuple[str, ...]) -> Iterator[Offer]:
    """Files and folders beside the document that go on what is typed."""
    path = context.view.document.path
    folder, _, _ = context.typed.rpartition("/")
    if path is None or "\0" in folder:
        return
    base = path.parent / folder if folder else path.parent
    begun = f"{folder}/" if "/" in context.typed else ""
    for name, is_folder in _listed(base):
        if is_folder and not name.startswith("."):
            label = f"{begun}{name}/"
            yield Offer(label, Kind.Folder, order=4, filter=label)
        elif not is_folder and name.endswith(endings) and base / name != path:
            yield Offer(f"{begun}{name}", Kind.File, order=3, filter=f"{begun}{name}")


def _listed(folder: Path) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry.name, entry.is_dir()) for entry, _ in zip(entries, range(_MOST), strict=False)
            )
    except (OSError, ValueError):
        return []
