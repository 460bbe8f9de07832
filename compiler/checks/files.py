"""Are the files there that a plan needs? Models, tokenizers, labels and chat templates."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...dsl.diagnostics import Diagnostics
from ...dsl.kinds import TransportKind
from ...dsl.suggest import near
from ...dsl.tasks import ClassifyTask, EmbedTask, GenerateTask, RerankTask
from ..declare import Declared
from ..modules import reason
from ..program import Program, base_directory


def check(program: Program, found: Diagnostics) -> None:
    """Every file of a local deployment must be there."""
    for declared, deployment in program.deployments:
        if (
            deployment.effective_runtime().transport is not TransportKind.LOCAL
            or not deployment.model.strip()
        ):
            continue
        _exists(file_of(declared, deployment.model, "model"), "model file", declared, ("model",), found)
        task = deployment.task
        if isinstance(task, EmbedTask | RerankTask | ClassifyTask | GenerateTask):
            _tokenizer(declared, task, found)
        if isinstance(task, ClassifyTask) and task.labels is not None and task.labels.file is not None:
            _exists(
                file_of(declared, task.labels.file, "task", "labels"),
                "file of labels",
                declared,
                ("task", "labels"),
                found,
            )
        if isinstance(task, GenerateTask) and task.chat_template is not None:
            _exists(
                file_of(declared, task.chat_template, "task", "chat_template"),
                "chat template",
                declared,
                ("task", "chat_template"),
                found,
            )


def _tokenizer(
    declared: Declared, task: EmbedTask | RerankTask | ClassifyTask | GenerateTask, found: Diagnostics
) -> None:
    if task.tokenizer is None:
        if not isinstance(task, ClassifyTask):
            found.error(
                "E0305",
                f"the task `{task.kind}` needs a `tokenizer`",
                declared.span("task"),
                "`tokenizer` is missing",
                help='add `tokenizer = "tokenizer.json"`, the file that belongs to the model',
            )
        return
    path = file_of(declared, task.tokenizer, "task", "tokenizer")
    if not _exists(path, "tokenizer", declared, ("task", "tokenizer"), found):
        return
    with path.open("rb") as file:
        beginning = file.read(64).lstrip()
    if not beginning.startswith(b"{"):
        found.error(
            "E0503",
            f"`{task.tokenizer}` is no tokenizer",
            declared.span("task", "tokenizer"),
            "expected a `tokenizer.json`",
            help="use the `tokenizer.json` that belongs to the model",
        )


def file_of(declared: Declared, written: str, *path: str) -> Path:
    """The file that a path in the source means: relative to the file that says it."""
    return base_directory(declared.span(*path)) / written


def _exists(path: Path, what: str, declared: Declared, where: tuple[str, ...], found: Diagnostics) -> bool:
    why = _unusable(path)
    if why is None:
        return True
    helps = [f"paths are relative to the file that says them: this is `{path}`"]
    is_missing = not os.path.lexists(path)
    beside = _beside(path) if is_missing else None
    if beside:
        helps.insert(0, f"did you mean `{beside}`?")
    label = "not found" if is_missing else "no file that can be read"
    found.error("E0501", f"the {what} cannot be used: {why}", declared.span(*where), label, help=helps)
    return False


def _unusable(path: Path) -> str | None:
    """Why a file cannot be used, None when it can."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "there is no such file"
    except (OSError, ValueError) as error:
        return reason(error)
    if stat.S_ISREG(mode):
        return None
    return "it is a directory" if stat.S_ISDIR(mode) else "it is no plain file"


def _beside(path: Path) -> str | None:
    """A file in the same directory with nearly the same name."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except (OSError, ValueError):
        return None
    meant = near(path.name, names)
    return meant[0] if meant else None
