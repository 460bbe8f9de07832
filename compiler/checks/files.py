"""The files that a plan needs: models and tokenizers."""

from __future__ import annotations

from pathlib import Path

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import TransportKind
from ...dsl.suggest import near
from ...dsl.tasks import EmbedTask
from ..declare import Declared
from ..onnx_file import check_onnx_file
from ..program import Program, base_directory


def check(program: Program, found: Diagnostics) -> None:
    """Every file of a local deployment must be there, and be what it is taken for."""
    reasons: dict[Path, str | None] = {}
    for declared, deployment in program.deployments:
        if (
            deployment.effective_runtime().transport is not TransportKind.LOCAL
            or not deployment.model.strip()
        ):
            continue
        model = file_of(declared, deployment.model, "model")
        if _exists(model, "model file", declared, ("model",), found):
            if model not in reasons:
                reasons[model] = check_onnx_file(model)
            if reasons[model] is not None:
                found.error(
                    "E0502",
                    f"`{deployment.model}` is no ONNX model: {reasons[model]}",
                    declared.span("model"),
                    help="export the model to ONNX, for example with `optimum-cli export onnx`"
                    if ":" not in str(reasons[model])
                    else None,
                )
        _tokenizer(declared, deployment, found)


def _tokenizer(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    if not isinstance(deployment.task, EmbedTask):
        return
    if deployment.task.tokenizer is None:
        found.error(
            "E0305",
            "the task `embed` needs a `tokenizer`",
            declared.span("task"),
            "`tokenizer` is missing",
            help='add `tokenizer = "tokenizer.json"`, the file that belongs to the model',
        )
        return
    path = file_of(declared, deployment.task.tokenizer, "task", "tokenizer")
    if not _exists(path, "tokenizer", declared, ("task", "tokenizer"), found):
        return
    with path.open("rb") as file:
        beginning = file.read(64).lstrip()
    if not beginning.startswith(b"{"):
        found.error(
            "E0503",
            f"`{deployment.task.tokenizer}` is no tokenizer",
            declared.span("task", "tokenizer"),
            "expected a `tokenizer.json`",
            help="use the `tokenizer.json` that belongs to the model",
        )


def file_of(declared: Declared, written: str, *path: str) -> Path:
    """The file that a path in the source means: relative to the file that says it."""
    return base_directory(declared.span(*path)) / written


def _exists(path: Path, what: str, declared: Declared, where: tuple[str, ...], found: Diagnostics) -> bool:
    if path.is_file():
        return True
    why = (
        "it is a directory"
        if path.is_dir()
        else "there is no such file"
        if not path.exists()
        else "it is no plain file"
    )
    helps = [f"paths are relative to the file that says them: this is `{path}`"]
    beside = _beside(path)
    if beside:
        helps.insert(0, f"did you mean `{beside}`?")
    found.error("E0501", f"the {what} cannot be used: {why}", declared.span(*where), "not found", help=helps)
    return False


def _beside(path: Path) -> str | None:
    """A file in the same directory with nearly the same name."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return None
    meant = near(path.name, names)
    return meant[0] if meant else None
