"""A first deployment for a model: what its signature and the files around it suggest."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

from ...dsl.files import read_regular
from ...dsl.kinds import Pooling, TaskKind
from ...dsl.values import show
from .batch_axis import no_batch, one_dimensional
from .fits import misfit, scores, takes_tokens, vectors, without_rows
from .labels import LabelsError, read_labels
from .signature import Signature

_SENTENCES = ("sentence_embedding", "sentence_embeddings")
"""What exporters call the vector of a text that the model pools by itself, as it was trained to."""

_LARGEST_CONFIG = 64 << 20

_POOLED = re.compile(r"embed|pool", re.IGNORECASE)


@frozen
class Start:
    """A task to start with. settings: its fields as they are written, or None for a task without a block.

    hint: another task that may be meant, and what it needs.
    """

    kind: TaskKind
    settings: tuple[str, ...] | None = None
    hint: str | None = None


def suggest_task(signature: Signature, model: Path, written: str) -> Start:
    """The task that the model was most likely made for; `tensor` where that cannot be told.

    model: the file itself. written: the path of its folder as the deployment writes it, "" or with a
    slash at its end.
    """
    kind, own = _meant(signature)
    if kind is TaskKind.TENSOR:
        if why := misfit(kind, signature):
            return Start(kind, hint="; ".join(filter(None, (f"cannot be served: {why.reason}", why.help))))
        classifies = misfit(TaskKind.CLASSIFY, signature, tokens=False) is None
        return Start(
            kind, hint="or `task classify { top_k = 3 }`, for scores by label" if classifies else None
        )
    tokenizer = _beside(model, written, "tokenizer.json")
    if tokenizer is None:
        return Start(
            TaskKind.TENSOR,
            hint=f"for texts, put its `tokenizer.json` beside the model and say "
            f'`task {kind} {{ tokenizer = "tokenizer.json" }}`',
        )
    settings = [f"tokenizer = {quoted(tokenizer)}", *own]
    if kind is TaskKind.CLASSIFY:
        settings += _labels(signature, model, written)
    if kind is TaskKind.GENERATE:
        template = _chat_template(model, written)
        settings += [f"chat_template = {quoted(template)}"] if template is not None else []
    return Start(kind, tuple(settings))


def batches(signature: Signature) -> bool:
    """Whether several requests can share a run, as far as the file says."""
    return bool(signature.inputs) and without_rows(signature) is None


def why_not_batched(signature: Signature) -> str | None:
    """Why it is better not to start with `batching`, where requests could share runs."""
    return no_batch(signature) or one_dimensional(signature) or signature.one_scale


def quoted(text: str) -> str:
    """`text` as a literal of the language."""
    return show(text).replace("${", "\\${")


def _meant(signature: Signature) -> tuple[TaskKind, tuple[str, ...]]:
    """The task that inputs and outputs speak for, and settings that follow from them."""
    if misfit(TaskKind.GENERATE, signature) is None:
        return TaskKind.GENERATE, ()
    if not takes_tokens(signature):
        return TaskKind.TENSOR, ()
    per_token, whole = vectors(signature, Pooling.MEAN), scores(signature)
    if whole is not None and whole.name in _SENTENCES:
        return TaskKind.EMBED, ("pooling = none",)
    if per_token is not None and per_token.name != "logits":
        return TaskKind.EMBED, ()
    if whole is None:
        return TaskKind.TENSOR, ()
    if _POOLED.search(whole.name):
        return TaskKind.EMBED, ("pooling = none",)
    if misfit(TaskKind.RERANK, signature) is None:
        return TaskKind.RERANK, ()
    return TaskKind.CLASSIFY, ()


def _beside(model: Path, written: str, name: str) -> str | None:
    """The path, as it is written, of a file in the folder of the model or the one above."""
    for folder, prefix in ((model.parent, written), (model.parent / "..", written + "../")):
        if (folder / name).is_file():
            return prefix + name
    return None


def _labels(signature: Signature, model: Path, written: str) -> list[str]:
    """The `id2label` that was published with the model, if it names every class."""
    config, output = _beside(model, written, "config.json"), scores(signature)
    classes = output.shape[-1] if output is not None and output.shape else None
    if config is None or not isinstance(classes, int):
        return []
    try:
        count = len(read_labels(model.parent / config.removeprefix(written)))
    except LabelsError:
        return []
    return [f"labels = {quoted(config)}"] if count == classes else []


def _chat_template(model: Path, written: str) -> str | None:
    template = _beside(model, written, "chat_template.jinja")
    if template is not None:
        return template
    config = _beside(model, written, "tokenizer_config.json")
    if config is None:
        return None
    try:
        contents = read_regular(model.parent / config.removeprefix(written), _LARGEST_CONFIG)
    except OSError:
        return None
    return config if b'"chat_template"' in contents else None
