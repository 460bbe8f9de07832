"""Does a local model run as its file says: which requests share a run, and with what it is warmed up?"""

from __future__ import annotations

from pathlib import Path

from ...dsl import syntax as s
from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import TaskKind
from ...dsl.runtimes import OrtConfig
from ...dsl.tasks import ClassifyTask
from ..declare import Declared
from ..onnx_model.batch_axis import no_batch
from ..onnx_model.division import divided_integers
from ..onnx_model.fits import INPUT_IDS, without_rows
from ..onnx_model.signature import Signature

CONFIG = "runtime_config"


def check_preferred(declared: Declared, config: OrtConfig, found: Diagnostics) -> None:
    """Report preferred sizes that no run has."""
    if config.batching is None:
        return
    most = config.batching.max_size
    setting = declared.setting(CONFIG, "batching", "preferred")
    for index, size in enumerate(config.batching.preferred):
        if 1 <= size <= most:
            continue
        span = declared.span(CONFIG, "batching", "preferred")
        if setting is not None and isinstance(setting.node.value, s.ListExpression):
            span = setting.scope.span(setting.node.value.items[index])
        found.error(
            "E0508",
            f"a run never has {size} items",
            span,
            f"`max_size` is {most}" if size > most else "at least 1",
            help=f"prefer sizes up to {most}, or raise `max_size`" if size > most else None,
        )


def check_batching(
    declared: Declared, deployment: Deployment, config: OrtConfig, signature: Signature, found: Diagnostics
) -> None:
    """Report `batching` that the model cannot take, or that changes nothing or answers."""
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
            declared.span(CONFIG, "batching", "max_size"),
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
            declared.span(CONFIG, "batching"),
            f"the model has {signature.inputs[0]}",
            help="remove `batching`: requests that change each other's answers never share a run",
        )


def _unbatched(declared: Declared, deployment: Deployment, signature: Signature, found: Diagnostics) -> None:
    """Report `batching` that lets no requests share a run."""
    alone = without_rows(signature) if _takes_tensors(deployment) else None
    if alone is not None:
        found.warning(
            "W0517",
            f"`batching` changes nothing: `{alone.name}` has not one row for each row that comes",
            declared.span(CONFIG, "batching"),
            f"the model has {alone}",
            help="export the model with an open first dimension everywhere, or remove `batching`",
        )
        return
    _mixed(declared, signature, found)


def _takes_tensors(deployment: Deployment) -> bool:
    task = deployment.task
    return deployment.effective_task is TaskKind.TENSOR or (
        isinstance(task, ClassifyTask) and task.tokenizer is None
    )


def check_division(
    declared: Declared, deployment: Deployment, path: Path, signature: Signature, found: Diagnostics
) -> None:
    """Report a model that a client can end the server by."""
    divided = divided_integers(path, signature) if _takes_tensors(deployment) else None
    if divided is not None:
        found.warning(
            "W0522",
            "a request can end the server: ONNX Runtime crashes where this model divides the least integer "
            "by -1",
            declared.span("model"),
            f"divides `{divided[0]}` by `{divided[1]}`, both made of integers that are sent",
            help="take what it divides by through `Clip` or `Abs`, or divide floats, and export it again",
        )


def check_warm_up(declared: Declared, config: OrtConfig, signature: Signature, found: Diagnostics) -> None:
    """Report shapes that the model cannot be run with."""
    from ..onnx_model.warm_up import WarmUpError, warm_up_shapes

    try:
        warm_up_shapes(config.warm_up, signature)
    except WarmUpError as error:
        setting = declared.setting(CONFIG, "warm_up", error.input)
        unknown = setting is not None and signature.input(error.input) is None
        span = (
            setting.name_span
            if setting is not None and unknown
            else declared.span(CONFIG, "warm_up", error.input)
        )
        found.error("E0509", str(error), span, error.label, help=error.help)
