"""`inferc inspect`: what an ONNX model takes and gives, as a deployment to start from."""

from __future__ import annotations

import json
import os
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...compiler.modules import file_beside
from ...compiler.onnx_model.onnx_file import check_onnx_file
from ...compiler.onnx_model.reader import ModelError, OnnxModel, read_model
from ...compiler.onnx_model.signature import Signature, TensorSpec
from ...compiler.onnx_model.start import Start, batches, quoted, suggest_task, why_not_batched
from ...compiler.project import project_left
from ...dsl.formatting import format_source
from ...dsl.kinds import TaskKind
from ...dsl.parsing.tokens import KEYWORDS
from ...dsl.record import frozen
from ...dsl.source import Source
from ..output import fail
from ..progress import progress

EXAMPLES = """\
  inferc inspect models/minilm.onnx
  inferc inspect models/minilm.onnx > app.infer && inferc check app.infer
  inferc inspect --json models/*.onnx
"""

_WIDEST = 100

_GENERIC = re.compile(
    r"onnx|snapshots|[0-9a-f]{40}|((encoder|decoder)_)?(with_past_)?model(_merged)?"
    r"(_(quantized|optimized|fp16|fp32|bf16|int8|uint8|bnb4|q4|q4f16|q8|qdq|O[1-4]|qu?int8_\w+))?"
)
"""Names that say nothing about a model: exporters, and the cache of Hugging Face, give them to all."""


@frozen
class _Found:
    """A model, and how it is named in a file that stands in the current folder."""

    name: str
    written: str
    path: Path
    model: OnnxModel
    start: Start


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="MODEL", help=".onnx files; their weights are not read")
    parser.add_argument("--json", action="store_true", help="print signatures as JSON, a list")


def run(arguments: Namespace) -> int:
    status = 0
    all_found: list[_Found] = []
    refused: list[dict[str, object]] = []
    files = list(dict.fromkeys(arguments.files))
    for number, file in enumerate(files, 1):
        with progress(f"looking into {file}, {number} of {len(files)}"):
            found = _look(file, {each.name for each in all_found})
        if isinstance(found, str) and arguments.json:
            status = 1
            refused.append({"file": file, "error": found})
        elif isinstance(found, str):
            status = fail(f"{file} cannot be used: {found}")
        else:
            all_found.append(found)
    if arguments.json:
        print(json.dumps([*map(_json, all_found), *refused], indent=2, ensure_ascii=False))
    elif all_found:
        sys.stdout.write("\n".join(_deployment(found) for found in all_found))
    return status


def _look(file: str, taken: set[str]) -> _Found | str:
    """The model in `file`, or why it cannot be used."""
    path = Path(file)
    reason = check_onnx_file(path)
    if reason is not None and (inside := next(_models_in(path), None)):
        return f"{reason}; did you mean {inside}?"
    if reason is not None:
        meant = None if path.exists() else file_beside(path, (".onnx",))
        return f"{reason}; did you mean {path.with_name(meant)}?" if meant is not None else reason
    try:
        model = read_model(path)
    except ModelError as error:
        return str(error)
    written = _written(path)
    folder, slash, _ = written.rpartition("/")
    start = suggest_task(model.signature, path, folder + slash, model.classes)
    return _Found(_name(path, taken), written, path, model, start)


def _models_in(folder: Path) -> Iterator[Path]:
    """The models in a folder, and where Optimum puts them in it, that of the usual name first."""
    for place in (folder, folder / "onnx"):
        yield from sorted(place.glob("*.onnx"), key=lambda path: (path.name != "model.onnx", path))


def _written(path: Path) -> str:
    """The path as a file in the current folder writes it."""
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return path.as_posix()


def _name(path: Path, taken: set[str]) -> str:
    """A name for the deployment: that of the file, or of its folder where the file's says nothing."""
    names = (path.stem, *Path(os.path.abspath(path)).parent.parts[::-1])
    telling = next((name for name in names if not _GENERIC.fullmatch(name)), path.stem)
    stem = re.sub(r"^models--.*--", "", telling)  # as that cache names the folder of a model
    plain = re.sub(r"\W+", "_", stem).strip("_")
    if not plain or plain[0].isdigit() or plain in KEYWORDS:
        plain = f"model_{plain}".rstrip("_")
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    return name


# ---- as a deployment


def _deployment(found: _Found) -> str:
    signature, start = found.model.signature, found.start
    lines = [f"# {_plain(comment)}" for comment in _comments(found)]
    lines += [f"deployment {found.name} {{", f"  model = {quoted(found.written)}"]
    settings = ["outside_project = true"] if project_left(Path(), found.written) else []
    is_loop = start.kind is TaskKind.GENERATE
    alone = why_not_batched(signature) if batches(signature) else None
    if alone is not None:
        lines.insert(-2, f"# {_plain(f'without batching: {alone}')}")
    elif batches(signature):
        settings.append(
            "batching { max_size = 8 }" if is_loop else "batching { max_size = 32, max_delay = 2ms }"
        )
    if start.warm_up is not None:
        settings.append(f"warm_up {{ {start.warm_up} }}")
    if settings:
        lines += _block("runtime ort", settings)
    if start.hint is not None:
        lines.append(f"  # {_plain(start.hint)}")
    if start.settings is None:
        lines.append(f"  task = {start.kind}")
    else:
        lines += _block(f"task {start.kind}", start.settings)
    lines.append("}")
    if start.image is not None:
        lines += ["", _image_pipeline(found, start.image)]
    return "\n".join([*lines, ""])


def _block(head: str, settings: Sequence[str]) -> list[str]:
    """A block of a deployment, on one line where that is short enough."""
    on_one_line = f"  {head} {{ {', '.join(settings)} }}"
    if len(on_one_line) <= _WIDEST:
        return [on_one_line]
    return [f"  {head} {{", *(f"    {setting}" for setting in settings), "  }"]


def _image_pipeline(found: _Found, image: str) -> str:
    """A pipeline that hands an image to the model as its folder says."""
    call, gives = f"{found.name}({image})", "{ label: text, confidence: float }"
    if found.start.kind is TaskKind.TENSOR:
        call, gives = f"json({call})", "json"
    text = f"pipeline {found.name}_of_image(photo: image) -> {gives} {{\n  return {call}\n}}\n"
    return format_source(Source("", text)).text.rstrip("\n")


def _comments(found: _Found) -> list[str]:
    signature = found.model.signature
    opsets = ", ".join(f"{name} {v}".strip() for name, v in signature.opsets.items())
    facts = [
        f"{signature.parameters:,} parameters in {signature.parameter_bytes:,} bytes",
        f"opset {opsets}" if opsets else "no opset",
        *([f"made by {signature.producer}"] if signature.producer else []),
    ]
    comments = ["; ".join(facts)]
    comments += _listed("takes", signature.inputs) + _listed("gives", signature.outputs)
    for file in found.model.external:
        there = (found.path.parent / file.location).is_file()
        comments.append(f"weights in {file.location}" + ("" if there else ", which is missing"))
    return comments


def _listed(word: str, specs: tuple[TensorSpec, ...]) -> list[str]:
    return [f"{word if index == 0 else '':5} {spec}" for index, spec in enumerate(specs)]


def _plain(text: str) -> str:
    """`text` on one line: a model may call its inputs anything."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


# ---- as JSON


def _json(found: _Found) -> dict[str, object]:
    from ...compiler.plan import plan_converter

    signature: dict[str, object] = plan_converter().unstructure(found.model.signature, Signature)
    return {
        "file": str(found.path),
        "bytes": found.path.stat().st_size,
        **signature,
        "external_data": [file.location for file in found.model.external],
        "task": found.start.kind.value,
        "deployment": _deployment(found),
    }
