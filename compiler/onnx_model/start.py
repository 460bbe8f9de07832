"""A first deployment for a model: what its signature and the files around it suggest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from ...dsl.kinds import Activation, Pooling, TaskKind
from ...dsl.record import frozen
from ...dsl.values import show
from .batch_axis import no_batch, one_dimensional
from .fits import (
    ENCODER_STATES,
    INPUT_IDS,
    LOGITS,
    PAST,
    Asked,
    misfit,
    relevance,
    scores,
    takes_tokens,
    vectors,
    without_rows,
)
from .image_input import image_input, image_shape
from .sidecars import Sidecars
from .signature import Signature, TensorSpec

_SENTENCES = ("sentence_embedding", "sentence_embeddings")
"""What exporters call the vector of a text that the model pools by itself, as it was trained to."""

_ENCODER = "encoder_model.onnx"

_POOLED = re.compile(r"embed|pool", re.IGNORECASE)
_PROBABILITIES = re.compile(r"^(?!.*log).*prob(s|abilit)", re.IGNORECASE)


@frozen
class Start:
    """A task to start with. settings: its fields as they are written, or None for a task without a block.

    hint: another task that may be meant, and what it needs; or what the task cannot do as it was meant.
    image: what makes the input of the model out of the image `photo`. warm_up: the shape of that input.
    """

    kind: TaskKind
    settings: tuple[str, ...] | None = None
    hint: str | None = None
    image: str | None = None
    warm_up: str | None = None


def suggest_task(signature: Signature, model: Path, written: str, classes: tuple[str, ...] = ()) -> Start:
    """The task that the model was most likely made for; `tensor` where that cannot be told.

    model: the file itself. written: the path of its folder as the deployment writes it, "" or with a
    slash at its end. classes: their names, where they stand in the model.
    """
    beside = Sidecars(model, written)
    kind = _meant(signature, beside)
    if kind is TaskKind.TENSOR:
        image, shape = image_input(signature, beside), image_shape(signature, beside)
        return evolve(_tensors(signature, beside, classes), image=image, warm_up=shape)
    tokenizer = beside.find("tokenizer.json")
    if tokenizer is None:
        return Start(
            TaskKind.TENSOR,
            hint=f"for texts, put its `tokenizer.json` beside the model and say "
            f'`task {kind} {{ tokenizer = "tokenizer.json" }}`',
        )
    settings, hint = _SETTINGS[kind](signature, beside)
    return Start(kind, (f"tokenizer = {quoted(tokenizer)}", *settings), hint)


def batches(signature: Signature) -> bool:
    """Whether several requests can share a run, as far as the file says."""
    return bool(signature.inputs) and without_rows(signature) is None


def why_not_batched(signature: Signature) -> str | None:
    """Why it is better not to start with `batching`, where requests could share runs."""
    return no_batch(signature) or one_dimensional(signature) or signature.one_scale


def quoted(text: str) -> str:
    """`text` as a literal of the language."""
    return show(text).replace("${", "\\${")


def _meant(signature: Signature, beside: Sidecars) -> TaskKind:
    """The task that inputs and outputs speak for, and what is published with the model."""
    if misfit(TaskKind.GENERATE, signature) is None or _writes_with_an_encoder(signature, beside):
        return TaskKind.GENERATE
    if not takes_tokens(signature):
        return TaskKind.TENSOR
    per_token, whole = vectors(signature, Pooling.MEAN), scores(signature)
    if whole is not None and whole.name in _SENTENCES:
        return TaskKind.EMBED
    if per_token is not None and _labels_tokens(per_token, beside):
        return TaskKind.CLASSIFY
    if per_token is not None and (per_token.name != "logits" or _is_sparse(signature, beside)):
        return TaskKind.EMBED
    if whole is None:
        return TaskKind.RERANK if relevance(signature) is not None else TaskKind.TENSOR
    if _POOLED.search(whole.name):
        return TaskKind.EMBED
    classes = whole.shape[-1] if whole.shape else None
    is_reranker = classes == 1 or (classes == 2 and beside.rerank_activation is not None)
    return TaskKind.RERANK if is_reranker else TaskKind.CLASSIFY


def _writes_with_an_encoder(signature: Signature, beside: Sidecars) -> bool:
    fits = misfit(TaskKind.GENERATE, signature, Asked(has_encoder=True)) is None
    return fits and beside.find(_ENCODER) is not None


def _labels_tokens(output: TensorSpec, beside: Sidecars) -> bool:
    classes = output.shape[-1] if output.shape else None
    return beside.is_for("ForTokenClassification") and classes == beside.labels()


def _is_sparse(signature: Signature, beside: Sidecars) -> bool:
    """Whether it was made for sparse vectors: Sentence Transformers says so."""
    kinds = [kind for kind, _ in beside.modules]
    return "SpladePooling" in kinds and vectors(signature, Pooling.MEAN) is not None


# ---- the settings of each task

_Settings = tuple[list[str], str | None]


def _tensors(signature: Signature, beside: Sidecars, classes: tuple[str, ...]) -> Start:
    kind = TaskKind.TENSOR
    if why := misfit(kind, signature):
        return Start(kind, hint="; ".join(filter(None, (f"cannot be served: {why.reason}", why.help))))
    classifies = misfit(TaskKind.CLASSIFY, signature, Asked(reads_tokens=False)) is None
    output = scores(signature)
    if classifies and output is not None and beside.is_for("ForImageClassification"):
        labels = _labels(output, beside)
        if labels:
            return Start(TaskKind.CLASSIFY, (*labels, *_activation(signature, output, beside)))
    if writes := _writes(signature, beside):
        return Start(kind, hint=writes)
    hint = _scores_by_label(signature, output, beside, classes) if classifies and output else None
    return Start(kind, hint=hint)


def _writes(signature: Signature, beside: Sidecars) -> str | None:
    """Of a model that says how a text goes on: why `task generate` cannot serve it as it is."""
    logits = next((each for each in signature.outputs if each.name == LOGITS), None)
    reads_encoder = signature.input(ENCODER_STATES) is not None
    has_past = any(each.name.startswith(PAST) for each in signature.inputs)
    is_meant_to = has_past or beside.is_for("ForCausalLM") or beside.is_for("LMHeadModel")
    if logits is None or not (reads_encoder or is_meant_to):
        return None
    why = misfit(TaskKind.GENERATE, signature, Asked(has_encoder=reads_encoder))
    return "; ".join(filter(None, (f"for `task generate`, {why.reason}", why.help))) if why else None


def _scores_by_label(
    signature: Signature, output: TensorSpec, beside: Sidecars, classes: tuple[str, ...]
) -> str | None:
    """How it is served as a classifier; None where that is not known, or one number is no choice."""
    if not output.shape or output.shape[-1] == 1:
        return None
    activation = ["activation = none"] if _PROBABILITIES.search(output.name) else []
    labels = [f"labels = [{', '.join(map(quoted, classes))}]"] if len(classes) == output.shape[-1] else []
    settings = [*labels, "top_k = 3", *(activation or _activation(signature, output, beside))]
    return f"or `task classify {{ {', '.join(settings)} }}`, for scores by label"


def _embed(signature: Signature, beside: Sidecars) -> _Settings:
    settings: list[str] = []
    hints: list[str] = []
    kinds = [kind for kind, _ in beside.modules]
    per_token, whole = vectors(signature, Pooling.MEAN), vectors(signature, Pooling.NONE)
    is_pooled = whole is not None and (whole.name in _SENTENCES or per_token is None)
    expansion = beside.expansion()
    if expansion is not None and per_token is not None:
        settings += ["vectors = multi", f"query_length = {expansion[0]}"]
        settings += ["attends_expansion = true"] if expansion[1] else []
    elif _is_sparse(signature, beside):
        settings += ["vectors = sparse", "pooling = max", "normalize = false"]
    elif is_pooled:
        settings.append("pooling = none")
    elif (pooling := beside.pooling()) is not None:
        if isinstance(pooling, Pooling):
            settings += [f"pooling = {pooling}"] if pooling is not Pooling.MEAN else []
        else:
            hints.append(f"its folder says that vectors are pooled by {pooling}, which this is not")
    if kinds and "Normalize" not in kinds and "normalize = false" not in settings and expansion is None:
        settings.append("normalize = false")
    if "Dense" in kinds and not is_pooled:
        hints.append("its folder has a `Dense` layer behind the pooling, which is not in this model")
    settings += _max_length(signature, beside)
    query, document, meant = beside.prompts()
    settings += [f"query_prompt = {quoted(query)}"] if query else []
    settings += [f"document_prompt = {quoted(document)}"] if document else []
    settings += [f"input_type = {meant}"] if meant and (query or document) else []
    if beside.lowers_case:
        hints.append("its folder says that texts are made lower case first: the tokenizer must do that")
    return settings, "; ".join(hints) or None


def _rerank(signature: Signature, beside: Sidecars) -> _Settings:
    output = relevance(signature)
    activation = Activation.NONE if output and output.name in signature.activations else None
    activation = activation or beside.rerank_activation
    settings = [f"activation = {activation}"] if activation is not None else []
    return [*_max_length(signature, beside), *settings], None


def _classify(signature: Signature, beside: Sidecars) -> _Settings:
    per_token = vectors(signature, Pooling.MEAN)
    if per_token is not None and _labels_tokens(per_token, beside):
        settings = [*_labels(per_token, beside), *_max_length(signature, beside), "aggregation = simple"]
        return [*settings, *_activation(signature, per_token, beside)], None
    output = scores(signature)
    if output is None:
        return [], None
    return [
        *_labels(output, beside),
        *_max_length(signature, beside),
        *_activation(signature, output, beside),
    ], None


def _generate(signature: Signature, beside: Sidecars) -> _Settings:
    settings: list[str] = []
    if _writes_with_an_encoder(signature, beside):
        settings.append(f"encoder = {quoted(beside.find(_ENCODER) or _ENCODER)}")
        start = beside.token_texts(beside.config.get("decoder_start_token_id"))
        settings += [f"decoder_start = {quoted(start[0])}"] if start and start[0] != "<pad>" else []
    template = beside.find("chat_template.jinja")
    config = beside.find("tokenizer_config.json")
    if template is None and config is not None and "chat_template" in beside.fields("tokenizer_config.json"):
        template = config
    settings += [f"chat_template = {quoted(template)}"] if template is not None else []
    length = beside.config.get("max_position_embeddings") or beside.config.get("n_positions")
    settings += [f"max_length = {length}"] if type(length) is int and length > 0 else []
    said = beside.fields("generation_config.json")
    if said:
        settings += _sampling(said)
        ends = beside.token_texts(said.get("eos_token_id"))
        settings += [f"eos = [{', '.join(map(quoted, ends))}]"] if ends else []
    return settings, None


def _sampling(said: Mapping[str, Any]) -> list[str]:
    """As `transformers` reads it: without `do_sample`, the likeliest token always."""
    settings: list[str] = []
    if said.get("do_sample") is not True:
        settings.append("temperature = 0")
    else:
        for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1)):
            value = said.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and low < value <= high:
                settings += [f"{name} = {value}"] if value != 1 else []
        top_k = said.get("top_k", 50)
        settings += [f"top_k = {top_k}"] if type(top_k) is int and top_k > 0 else []
    most = said.get("max_new_tokens")
    return [*settings, *([f"max_new_tokens = {most}"] if type(most) is int and most > 0 else [])]


_SETTINGS: dict[TaskKind, Callable[[Signature, Sidecars], _Settings]] = {
    TaskKind.EMBED: _embed,
    TaskKind.RERANK: _rerank,
    TaskKind.CLASSIFY: _classify,
    TaskKind.GENERATE: _generate,
}


def _max_length(signature: Signature, beside: Sidecars) -> list[str]:
    """What texts are cut at: no more than the model takes, where that is fixed."""
    ids = signature.input(INPUT_IDS)
    fixed = ids.shape[1] if ids is not None and ids.shape is not None and len(ids.shape) == 2 else None
    said = beside.max_length
    lengths = [each for each in (fixed, said) if isinstance(each, int)]
    return [f"max_length = {min(lengths)}"] if lengths else []


def _labels(output: TensorSpec, beside: Sidecars) -> list[str]:
    """The `id2label` that was published with the model, if it names every class."""
    config, classes = beside.find("config.json"), output.shape[-1] if output.shape else None
    if config is None or not isinstance(classes, int) or beside.labels() != classes:
        return []
    return [f"labels = {quoted(config)}"]


def _activation(signature: Signature, output: TensorSpec, beside: Sidecars) -> list[str]:
    """What makes scores, where that is no softmax."""
    if output.name in signature.activations:
        return ["activation = none"]
    is_one = output.shape is not None and output.shape[-1] == 1
    return ["activation = sigmoid"] if beside.has_many_labels or is_one else []
