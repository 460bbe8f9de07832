"""Does the task of a local model fit what the model takes and gives?"""

from __future__ import annotations

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import Activation, TaskKind, VectorKind
from ...dsl.tasks import ClassifyTask, EmbedTask, RerankTask
from ..declare import Declared
from ..onnx_model.fits import Asked, misfit, relevance, scores, vectors
from ..onnx_model.signature import Signature, TensorSpec


def check_task(declared: Declared, deployment: Deployment, signature: Signature, found: Diagnostics) -> None:
    """Report a task that the model cannot do, and settings of it that its numbers speak against."""
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
