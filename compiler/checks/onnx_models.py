"""Does what is said about a local model fit the model? The file is opened; its weights are not read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import Activation, TaskKind, VectorKind
from ...dsl.runtimes import OrtConfig
from ...dsl.tasks import ClassifyTask, EmbedTask, RerankTask
from ..declare import Declared
from ..model_files import ModelFiles
from ..onnx_model.batch_axis import no_batch
from ..onnx_model.fits import INPUT_IDS, Asked, misfit, relevance, scores, vectors, without_rows
from ..onnx_model.reader import OnnxModel
from ..onnx_model.signature import Signature, TensorSpec

_CONFIG = "runtime_config"


def check_models(
    deployments: Iterable[tuple[Declared, Deployment]], models: ModelFiles, found: Diagnostics
) -> None:
    """Every one of these local deployments must fit the model that it names."""
    for declared, deployment in deployments:
        config = deployment.effective_config
        assert isinstance(config, OrtConfig)
        _preferred(declared, config, found)
        if config.providers == () and not deployment.gpus:
            found.warning(
                "W0520",
                "`providers` names none: the model runs on the CPU, and nothing else is tried",
                declared.span(_CONFIG, "providers"),
                "is empty",
                help="write `[cpu]` if that is meant, `[cuda, cpu]` for a GPU, or leave `providers` out",
            )
        if config.cuda or config.tensorrt:
            from .provider_options import check_options

            check_options(declared, deployment, config, found)
        if deployment.gpus is not None:
            from .provider_options import check_gpus

            check_gpus(declared, deployment, config, found)
        path = declared.file(deployment.model, "model")
        if not path.is_file():
            continue
        model = models.open(path)
        if isinstance(model, str):
            _no_model(declared, deployment, model, found)
            continue
        _external(declared, model, path, found)
        _fits(declared, deployment, model.signature, found)
        _batch(declared, deployment, config, model.signature, found)
        if config.warm_up:
            _warm_up(declared, config, model.signature, found)
        if config.tensorrt:
            from .provider_options import check_profiles

            check_profiles(declared, config, model.signature, found)


def _no_model(declared: Declared, deployment: Deployment, reason: str, found: Diagnostics) -> None:
    is_all = reason == "it is no ONNX model"
    found.error(
        "E0502",
        f"`{deployment.model}` is no ONNX model" + ("" if is_all else f": {reason}"),
        declared.span("model"),
        help="export the model to ONNX, for example with `optimum-cli export onnx`"
        if ":" not in reason
        else None,
    )


def _external(declared: Declared, model: OnnxModel, path: Path, found: Diagnostics) -> None:
    for file in model.external:
        place = path.parent / file.location
        inside = not Path(file.location).is_absolute() and ".." not in Path(file.location).parts
        size = place.stat().st_size if inside and place.is_file() else -1
        if size >= file.bytes:
            continue
        if not inside:
            why, advice = "it is not beside the model", "export the model again, with its weights beside it"
        elif size < 0:
            why = "there is no such file" if not place.exists() else "it is no plain file"
            advice = f"put `{place.name}` beside the model: both are parts of it"
        else:
            why = f"it has {size:,} bytes, the model needs {file.bytes:,}"
            advice = f"fetch `{place.name}` again: it was cut off, or belongs to another model"
        found.error(
            "E0510",
            f"weights of this model are in `{file.location}`, which cannot be used: {why}",
            declared.span("model"),
            help=advice,
        )


# ---- the task


def _fits(declared: Declared, deployment: Deployment, signature: Signature, found: Diagnostics) -> None:
    kind, task = deployment.effective_task, deployment.task
    if kind is TaskKind.CHAT:
        _task_error(
            declared,
            ("task",),
            "local models do not chat by themselves",
            signature,
            found,
            "`task generate` answers chats, too",
        )
        return
    asked = Asked.by(task)
    why = misfit(kind, signature, asked)
    if why is not None:
        where = ("task", "pooling") if "pooling" in why.reason else ("task",)
        _task_error(
            declared,
            where,
            f"this model cannot do the task `{kind}`: {why.reason}",
            signature,
            found,
            why.help,
        )
    elif isinstance(task, EmbedTask):
        _vectors(declared, task, vectors(signature, asked.pooling), signature, found)
    elif isinstance(task, ClassifyTask):
        output = scores(signature, per_token=asked.per_token)
        _activation(declared, task, output, signature, found)
        _scored_already(declared, task.activation, output, signature, found)
        _labels(declared, task, output, found)
        _per_token(declared, task, found)
    elif isinstance(task, RerankTask):
        output = relevance(signature)
        usual = Activation.SOFTMAX if output and output.shape and output.shape[1:] == (2,) else None
        _scored_already(declared, task.activation or usual or Activation.SIGMOID, output, signature, found)


def _task_error(
    declared: Declared,
    where: tuple[str, ...],
    message: str,
    signature: Signature,
    found: Diagnostics,
    advice: str | None,
) -> None:
    found.error("E0504", message, declared.span(*where), notes=[f"this model {signature}"], help=advice)


def _dimensions(
    declared: Declared, asked: int, output: TensorSpec | None, signature: Signature, found: Diagnostics
) -> None:
    size = output.shape[-1] if output is not None and output.shape else None
    if isinstance(size, int) and asked > size:
        message = f"this model's vectors have {size} numbers, `dimensions` asks for {asked}"
        _task_error(declared, ("task", "dimensions"), message, signature, found, None)


def _vectors(
    declared: Declared, task: EmbedTask, output: TensorSpec | None, signature: Signature, found: Diagnostics
) -> None:
    for name in ("query_length", "attends_expansion"):
        needed = VectorKind.MULTI if name == "query_length" else None
        if getattr(task, name) and (task.vectors is not needed if needed else task.query_length is None):
            what = "`vectors = multi`" if needed else "`query_length`"
            found.error(
                "E0308",
                f"`{name}` says nothing without {what}",
                declared.span("task", name),
                help=f"set {what}, or remove it",
            )
    if task.vectors is not VectorKind.DENSE and task.dimensions is not None:
        message = f"`dimensions` cuts dense vectors, and these are {task.vectors}"
        _task_error(declared, ("task", "dimensions"), message, signature, found, None)
    elif task.dimensions is not None:
        _dimensions(declared, task.dimensions, output, signature, found)


def _per_token(declared: Declared, task: ClassifyTask, found: Diagnostics) -> None:
    """Report settings that say nothing where tokens are labelled."""
    if task.aggregation is not None and task.top_k is not None:
        found.error(
            "E0308",
            "each span has one label, so there is no `top_k`",
            declared.span("task", "top_k"),
            help="remove it",
        )
    for name in ("tokenizer", "aggregation", "top_k") if task.decoding is not None else ():
        if getattr(task, name) is not None:
            found.error(
                "E0308",
                f"what is decoded is one text for each row of a tensor, so there is no `{name}`",
                declared.span("task", name),
                help="remove it",
            )
    if task.decoding is not None and task.labels is None:
        found.error(
            "E0308",
            "a text is put together of `labels`, and there are none",
            declared.span("task", "decoding"),
            help='name them: `labels = "characters.txt"`, the blank first',
        )


def _scored_already(
    declared: Declared,
    activation: Activation,
    output: TensorSpec | None,
    signature: Signature,
    found: Diagnostics,
) -> None:
    """Warn about scores that are made of scores."""
    end = signature.activations.get(output.name) if output is not None else None
    if end is None or activation is Activation.NONE:
        return
    assert output is not None
    made = {"shares": "scores of its classes"}.get(end, f"the {end} of its numbers")
    found.warning(
        "W0519",
        f"`{output.name}` is {made} already, and `activation = {activation}` is applied to it again",
        declared.span("task", "activation"),
        f"the model gives {output}",
        help="set `activation = none`",
    )


def _activation(
    declared: Declared,
    task: ClassifyTask,
    output: TensorSpec | None,
    signature: Signature,
    found: Diagnostics,
) -> None:
    if (
        task.activation is Activation.SOFTMAX
        and output is not None
        and output.shape
        and output.shape[-1] == 1
    ):
        message = "the softmax of one class is always 1: this model gives a single number"
        advice = "set `activation = sigmoid`, or rank documents with it: `task rerank`"
        _task_error(declared, ("task", "activation"), message, signature, found, advice)


def _labels(declared: Declared, task: ClassifyTask, output: TensorSpec | None, found: Diagnostics) -> None:
    if task.labels is None:
        return
    labels = task.labels.names
    if task.labels.file is not None:
        from ..onnx_model.labels import LabelsError, read_labels

        path = declared.file(task.labels.file, "task", "labels")
        if not path.is_file():
            return
        try:
            labels = read_labels(path)
        except LabelsError as error:
            found.error(
                "E0511",
                f"the labels in `{task.labels.file}` cannot be used: {error}",
                declared.span("task", "labels"),
                help="write one label on each line, in the model's order",
            )
            return
    classes = output.shape[-1] if output is not None and output.shape else None
    if isinstance(classes, int) and len(labels) != classes:
        assert output is not None
        found.error(
            "E0511",
            f"there are {len(labels):,} labels, and the model has {classes:,} classes",
            declared.span("task", "labels"),
            f"the model gives {output}",
            help="name each class once, in the model's order",
        )


# ---- how it is run


def _preferred(declared: Declared, config: OrtConfig, found: Diagnostics) -> None:
    if config.batching is None:
        return
    most = config.batching.max_size
    setting = declared.setting(_CONFIG, "batching", "preferred")
    for index, size in enumerate(config.batching.preferred):
        if 1 <= size <= most:
            continue
        span = declared.span(_CONFIG, "batching", "preferred")
        if setting is not None and isinstance(setting.node.value, s.ListExpression):
            span = setting.scope.span(setting.node.value.items[index])
        found.error(
            "E0508",
            f"a run never has {size} items",
            span,
            f"`max_size` is {most}" if size > most else "at least 1",
            help=f"prefer sizes up to {most}, or raise `max_size`" if size > most else None,
        )


def _batch(
    declared: Declared, deployment: Deployment, config: OrtConfig, signature: Signature, found: Diagnostics
) -> None:
    if config.batching is None or config.batching.max_size <= 1:
        return
    only_ids = deployment.effective_task is TaskKind.GENERATE
    for spec in signature.inputs:
        if spec.shape is None or (only_ids and spec.name != INPUT_IDS):
            continue
        first = spec.shape[0] if spec.shape else 0
        if not isinstance(first, int) or first >= config.batching.max_size:
            continue
        why = f"`{spec.name}` is one value"
        if spec.shape:
            why = f"`{spec.name}` takes {first} item{'' if first == 1 else 's'} in each run"
        found.error(
            "E0505",
            f"requests cannot share a run of this model: {why}",
            declared.span(_CONFIG, "batching", "max_size"),
            f"the model takes {spec}",
            help="export the model with an open batch dimension, or remove `batching`",
        )
        return
    _unbatched(declared, deployment, signature, found)


def _mixed(declared: Declared, signature: Signature, found: Diagnostics) -> None:
    """Report `batching` that would let requests change each other's answers."""
    why = no_batch(signature) or signature.one_scale
    if why is not None:
        found.warning(
            "W0518",
            f"`batching` will most likely be given up when the model is loaded: {why}",
            declared.span(_CONFIG, "batching"),
            f"the model has {signature.inputs[0]}",
            help="remove `batching`: requests that change each other's answers never share a run",
        )


def _unbatched(declared: Declared, deployment: Deployment, signature: Signature, found: Diagnostics) -> None:
    """Report `batching` that lets no requests share a run."""
    task = deployment.task
    takes_tensors = deployment.effective_task is TaskKind.TENSOR or (
        isinstance(task, ClassifyTask) and task.tokenizer is None
    )
    alone = without_rows(signature) if takes_tensors else None
    if alone is not None:
        found.warning(
            "W0517",
            f"`batching` changes nothing: `{alone.name}` has not one row for each row that comes",
            declared.span(_CONFIG, "batching"),
            f"the model has {alone}",
            help="export the model with an open first dimension everywhere, or remove `batching`",
        )
        return
    _mixed(declared, signature, found)


def _warm_up(declared: Declared, config: OrtConfig, signature: Signature, found: Diagnostics) -> None:
    from ..onnx_model.warm_up import WarmUpError, warm_up_shapes

    try:
        warm_up_shapes(config.warm_up, signature)
    except WarmUpError as error:
        setting = declared.setting(_CONFIG, "warm_up", error.input)
        unknown = setting is not None and signature.input(error.input) is None
        span = (
            setting.name_span
            if setting is not None and unknown
            else declared.span(_CONFIG, "warm_up", error.input)
        )
        found.error("E0509", str(error), span, error.label, help=error.help)
