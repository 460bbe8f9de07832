"""What a loaded model answers: one module per task, imported for those that have it."""

from __future__ import annotations

from .....compiler.plan import ClassifySpec, EmbedSpec, GenerateSpec, RerankSpec, TaskKind, TaskSpec
from ....requests.errors import StartError
from ..model import OnnxModel, ServedTask


def make_task(model: OnnxModel) -> ServedTask:
    """The task that the plan of `model` asks for. Blocks: it may read files. Raises StartError."""
    match model.plan.task:
        case EmbedSpec() as spec:
            from .embed import EmbedTask

            return EmbedTask(model, spec)
        case RerankSpec() as spec:
            from .rerank import RerankTask

            return RerankTask(model, spec)
        case ClassifySpec() as spec:
            from .classify import ClassifyTask

            return ClassifyTask(model, spec)
        case GenerateSpec() as spec:
            from .generate import GenerateTask

            return GenerateTask(model, spec)
        case TaskSpec(kind=TaskKind.TENSOR):
            from .tensor import TensorTask

            return TensorTask(model)
        case other:
            raise StartError(f"{model.owner}: a local model cannot have the task `{other.kind}`")


__all__ = ["make_task"]
