"""What deployments take and give: by their task, and for local ones by what is in the model file."""

from __future__ import annotations

from collections.abc import Mapping

from ...dsl.catalogues.inference import WILDCARD
from ...dsl.deployment import Deployment
from ...dsl.kinds import InputType, TaskKind, TransportKind, VectorKind
from ...dsl.tasks import ClassifyTask, EmbedTask
from ..capabilities import capabilities_of
from ..declare import Declared
from ..onnx_model.fits import Asked, misfit, scores, vectors
from ..onnx_model.labels import LabelsError, read_labels
from ..onnx_model.model_files import ModelFiles
from ..onnx_model.signature import Dimension, DType, Signature, TensorSpec
from ..plan.types import (
    FLOAT,
    IMAGE,
    INT,
    JSON,
    TEXT,
    ChoiceType,
    ListType,
    RecordType,
    TensorType,
    Type,
)
from .callables import Callee, Parameter, constant, per_item
from .fit import Binding

TEXTS = ListType(element=TEXT)
INPUT_TYPE = ChoiceType(values=tuple(each.value for each in InputType if each is not InputType.NONE))
BATCH = "batch"
"""The name of the size that counts the texts of a request."""

CHAT_TAKES = (
    Parameter("message", (TEXT,), required=False),
    Parameter("messages", (JSON,), required=False),
    Parameter("system", (TEXT,), required=False),
    Parameter("images", (IMAGE, ListType(element=IMAGE)), required=False),
)


def deployment_callee(declared: Declared, models: ModelFiles) -> Callee | None:
    """What a call of the deployment takes and gives; None when a mistake leaves that open."""
    deployment = declared.deployment
    if deployment is None or not declared.right or not declared.runtime_is_known:
        return None
    task = deployment.effective_task
    signature: Signature | None = None
    if deployment.effective_runtime.transport is TransportKind.LOCAL:
        signature = _signature(declared, deployment, models)
        if signature is None or task is TaskKind.CHAT:
            return None
    why = f"because `{deployment.model}` says so" if signature is not None else None
    match task:
        case TaskKind.CHAT | TaskKind.GENERATE:
            return Callee(
                declared.symbol,
                task,
                CHAT_TAKES,
                constant(TEXT),
                1,
                choices=("message", "messages"),
                is_wildcard=WILDCARD in deployment.model,
                can=capabilities_of(deployment),
            )
        case TaskKind.EMBED:
            return _embed(declared, deployment, signature, why)
        case TaskKind.CLASSIFY:
            return _classify(declared, deployment, signature, why)
        case TaskKind.RERANK:
            parameters = (Parameter("query", (TEXT,)), Parameter("documents", (TEXTS,)))
            return Callee(declared.symbol, task, parameters, constant(_floats("n")), 2)
        case TaskKind.TENSOR:
            return _tensors(declared, signature, why)


def _signature(declared: Declared, deployment: Deployment, models: ModelFiles) -> Signature | None:
    """What the model of a local deployment says; None when it says nothing that can be used."""
    path = declared.file(deployment.model, "model")
    if not deployment.model.strip() or not path.is_file():
        return None
    model = models.open(path)
    if isinstance(model, str):
        return None
    if misfit(deployment.effective_task, model.signature, Asked.by(deployment.task)) is not None:
        return None
    return model.signature


def _floats(*shape: Dimension) -> TensorType:
    return TensorType(dtype=DType.F32, shape=shape)


def _embed(
    declared: Declared, deployment: Deployment, signature: Signature | None, why: str | None
) -> Callee:
    task, size = deployment.task, None
    if signature is not None:
        output = vectors(signature, Asked.by(task).pooling)
        last = output.shape[-1] if output is not None and output.shape else None
        size = last if isinstance(last, int) else None
    if isinstance(task, EmbedTask) and task.dimensions is not None:
        size = task.dimensions
    result = per_item(_floats(size), _floats(BATCH, size))
    takes = (Parameter("input", (TEXT, TEXTS)), Parameter("input_type", (INPUT_TYPE,), required=False))
    if isinstance(task, EmbedTask) and task.vectors is VectorKind.MULTI:
        matrix = _floats(None, size)
        result = per_item(matrix, ListType(element=matrix))
    return Callee(declared.symbol, TaskKind.EMBED, takes, result, 1, why)


def _classify(
    declared: Declared, deployment: Deployment, signature: Signature | None, why: str | None
) -> Callee:
    task = deployment.task
    labels = _labels(declared, task) if isinstance(task, ClassifyTask) else ()
    label: Type = ChoiceType(values=labels) if labels else TEXT
    verdict = RecordType(fields={"label": label, "confidence": FLOAT})
    if isinstance(task, ClassifyTask) and task.aggregation is not None:
        fields = {**verdict.fields, "text": TEXT, "start": INT, "end": INT}
        spans = ListType(element=RecordType(fields=fields))
        result = per_item(spans, ListType(element=spans))
        return Callee(declared.symbol, TaskKind.CLASSIFY, (Parameter("input", (TEXT, TEXTS)),), result, 1)
    if signature is None or (isinstance(task, ClassifyTask) and task.tokenizer is not None):
        result = per_item(verdict, ListType(element=verdict))
        return Callee(declared.symbol, TaskKind.CLASSIFY, (Parameter("input", (TEXT, TEXTS)),), result, 1)
    decodes = isinstance(task, ClassifyTask) and task.decoding is not None
    if decodes:
        verdict = RecordType(fields={"label": TEXT, "confidence": FLOAT})
    output, parameters = scores(signature, per_token=decodes), _inputs(signature)
    batch = output.shape[0] if output is not None and output.shape else None

    def classified(given: Mapping[str, Type], binding: Binding) -> Type:
        size = batch
        if isinstance(batch, str):
            size = binding.bound(batch, _first_size(given.get(parameters[0].name)) if parameters else None)
        return verdict if size == 1 else ListType(element=verdict)

    return Callee(declared.symbol, TaskKind.CLASSIFY, parameters, classified, _positional(parameters), why)


def _first_size(type: Type | None) -> Dimension:
    """How many items a tensor holds."""
    return type.shape[0] if isinstance(type, TensorType) and type.shape else None


def _labels(declared: Declared, task: ClassifyTask) -> tuple[str, ...]:
    if task.labels is None:
        return ()
    if task.labels.file is None:
        return tuple(dict.fromkeys(task.labels.names))
    try:
        return tuple(dict.fromkeys(read_labels(declared.file(task.labels.file, "task", "labels"))))
    except LabelsError:
        return ()


def _tensors(declared: Declared, signature: Signature | None, why: str | None) -> Callee:
    if signature is None:
        return Callee(declared.symbol, TaskKind.TENSOR, (Parameter("input", (JSON,)),), constant(JSON), 1)
    outputs = {spec.name: _tensor(spec) for spec in signature.outputs}
    one = next(iter(outputs.values())) if len(outputs) == 1 else RecordType(fields=outputs)
    parameters = _inputs(signature)
    return Callee(declared.symbol, TaskKind.TENSOR, parameters, constant(one), _positional(parameters), why)


def _inputs(signature: Signature) -> tuple[Parameter, ...]:
    needed = tuple(Parameter(spec.name, (_tensor(spec),)) for spec in signature.inputs)
    own = {spec.name for spec in signature.inputs}
    optional = (spec for spec in signature.optional if spec.name not in own and spec.dtype is not None)
    return (*needed, *(Parameter(spec.name, (_tensor(spec),), required=False) for spec in optional))


def _positional(parameters: tuple[Parameter, ...]) -> int:
    """The only input of a model needs no name."""
    return 1 if sum(parameter.required for parameter in parameters) == 1 else 0


def _tensor(spec: TensorSpec) -> Type:
    assert spec.dtype is not None
    return TensorType(dtype=spec.dtype, shape=spec.shape)
