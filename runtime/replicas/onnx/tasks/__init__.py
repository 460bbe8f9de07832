"""What a loaded model answers: one module per task."""

from __future__ import annotations

from .....compiler.plan import ClassifySpec, EmbedSpec, GenerateSpec, RerankSpec, TaskKind, TaskSpec
from ....requests.errors import StartError
from ..model import OnnxModel, ServedTask
from .classify import ClassifyTask
from .embed import EmbedTask
from .generate import GenerateTask
from .rerank import RerankTask
from .tensor import TensorTask


def make_task(model: OnnxModel) -> ServedTask:
    """The task that the plan of `model` asks for. Blocks: it may read files. Raises StartError."""
    match model.plan.task:
        case EmbedSpec() as spec:
            return EmbedTask(model, spec)
        case RerankSpec() as spec:
            return RerankTask(model, spec)
        case ClassifySpec() as spec:
            return ClassifyTask(model, spec)
        case GenerateSpec() as spec:
            return GenerateTask(model, spec)
        case TaskSpec(kind=TaskKind.TENSOR):
            return TensorTask(model)
        case other:
            raise StartError(f"{model.owner}: a local model cannot have the task `{other.kind}`")


__all__ = ["make_task"]
