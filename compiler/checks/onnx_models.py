"""The files of local models, opened for what is said about them to be checked; weights are not read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.runtimes import OrtConfig
from ..declare import Declared
from ..onnx_model.model_files import ModelFiles
from ..onnx_model.reader import OnnxModel
from .onnx_runs import CONFIG, check_batching, check_division, check_preferred, check_warm_up
from .onnx_tasks import check_task

RUNTIME = "1.31"
"""The release of ONNX Runtime of which these are the newest versions."""
NEWEST_IR, NEWEST_OPSET = 13, 26


def check_models(
    deployments: Iterable[tuple[Declared, Deployment]], models: ModelFiles, found: Diagnostics
) -> None:
    """Every one of these local deployments must fit the model that it names."""
    for declared, deployment in deployments:
        config = deployment.effective_config
        assert isinstance(config, OrtConfig)
        check_preferred(declared, config, found)
        if config.providers == () and not deployment.gpus:
            found.warning(
                "W0520",
                "`providers` names none: the model runs on the CPU, and nothing else is tried",
                declared.span(CONFIG, "providers"),
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
        _too_new(declared, model, found)
        check_task(declared, deployment, model.signature, found)
        check_batching(declared, deployment, config, model.signature, found)
        check_division(declared, deployment, path, model.signature, found)
        if config.warm_up:
            check_warm_up(declared, config, model.signature, found)
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


def _too_new(declared: Declared, model: OnnxModel, found: Diagnostics) -> None:
    """Report a model that ONNX Runtime does not know how to read."""
    opset = model.signature.opsets.get("", 0)
    newer = [
        f"{what} {version} where that knows {newest}"
        for what, version, newest in (
            ("the form of its file is", model.ir_version, NEWEST_IR),
            ("its operators are of opset", opset, NEWEST_OPSET),
        )
        if version > newest
    ]
    if newer:
        found.warning(
            "W0521",
            f"this model is newer than ONNX Runtime {RUNTIME}, which will most likely not load it",
            declared.span("model"),
            f"{' and '.join(newer)}",
            help="export it for an older version of ONNX, such as `opset_version=17`, or convert it: "
            "`onnx.version_converter`, and `model.ir_version = 10`",
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
