"""Are the files there that a plan needs? Models, tokenizers, labels and chat templates."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...dsl.deployment import Deployment
from ...dsl.diagnostics import Diagnostics
from ...dsl.files import open_regular
from ...dsl.kinds import TransportKind
from ...dsl.record import frozen
from ...dsl.runtimes import OrtConfig, RemoteConfig
from ...dsl.tasks import ClassifyTask, EmbedTask, GenerateTask, RerankTask
from ..declare import Declared
from ..modules import file_beside, reason, where_is
from ..program import Program
from ..project import project_left


def check(program: Program, found: Diagnostics) -> None:
    """Every file of a local deployment must be there, and in the project unless it says otherwise; those of
    certificates hold some."""
    for declared, deployment in program.deployments:
        _certificates(declared, deployment, found)
        if deployment.effective_runtime.transport is not TransportKind.LOCAL or not deployment.model.strip():
            continue
        for named in _files_of(deployment):
            path = declared.file(named.written, *named.where)
            if not _exists(path, named, declared, found):
                continue
            _inside(named, declared, deployment, found)
            if named.what == _TOKENIZER:
                _is_tokenizer(path, named, declared, found)
        task = deployment.task
        if isinstance(task, EmbedTask | RerankTask | GenerateTask) and task.tokenizer is None:
            found.error(
                "E0305",
                f"the task `{task.kind}` needs a `tokenizer`",
                declared.span("task"),
                "`tokenizer` is missing",
                help='add `tokenizer = "tokenizer.json"`, the file that belongs to the model',
            )


def _certificates(declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    config = deployment.runtime_config
    tls = config.tls if isinstance(config, RemoteConfig) else None
    if tls is None:
        return
    from ..certificate_files import check_certificate, check_pair  # few files name any

    for name in ("ca", "cert", "key"):
        ref = getattr(tls, name)
        if ref is not None:
            check_certificate(ref, name, declared.span("runtime_config", "tls", name), found)
    if tls.key is not None:
        check_pair(tls.cert, tls.key, declared.span("runtime_config", "tls", "key"), found)


_TOKENIZER = "tokenizer"


@frozen(eq=False, repr=False, slots=False)
class _Named:
    """A file as a deployment names it. where: the field that does."""

    what: str
    written: str
    where: tuple[str, ...]


def _files_of(deployment: Deployment) -> Iterator[_Named]:
    yield _Named("model file", deployment.model, ("model",))
    config = deployment.effective_config
    if isinstance(config, OrtConfig):
        for library in config.custom_ops:
            yield _Named("library of operators", library, ("runtime_config", "custom_ops"))
    task = deployment.task
    if isinstance(task, EmbedTask | RerankTask | ClassifyTask | GenerateTask) and task.tokenizer is not None:
        yield _Named(_TOKENIZER, task.tokenizer, ("task", "tokenizer"))
    if isinstance(task, ClassifyTask) and task.labels is not None and task.labels.file is not None:
        yield _Named("file of labels", task.labels.file, ("task", "labels"))
    if isinstance(task, GenerateTask) and task.chat_template is not None:
        yield _Named("chat template", task.chat_template, ("task", "chat_template"))
    if isinstance(task, GenerateTask) and task.encoder is not None:
        yield _Named("encoder", task.encoder, ("task", "encoder"))


def _inside(named: _Named, declared: Declared, deployment: Deployment, found: Diagnostics) -> None:
    """A plan names files by their paths from it: those outside of the project do not travel with it."""
    config = deployment.effective_config
    if isinstance(config, OrtConfig) and config.outside_project:
        return
    span = declared.span(*named.where)
    left = project_left(span.source.folder, named.written)
    if left is None:
        return
    found.error(
        "E0512",
        f"the {named.what} is outside of the project, so that it does not travel with it",
        span,
        f"the project is the folder `{left.name}`",
        help=[
            "move it into the project, or put a symbolic link to it there",
            "if every machine has it at this place, say `outside_project = true` in `runtime ort { … }`",
        ],
    )


def _is_tokenizer(path: Path, named: _Named, declared: Declared, found: Diagnostics) -> None:
    with open_regular(path) as file:
        beginning = file.read(64).lstrip()
    if not beginning.startswith(b"{"):
        found.error(
            "E0503",
            f"`{named.written}` is no tokenizer",
            declared.span(*named.where),
            "expected a `tokenizer.json`",
            help="use the `tokenizer.json` that belongs to the model",
        )


def _exists(path: Path, named: _Named, declared: Declared, found: Diagnostics) -> bool:
    why = _unusable(path)
    if why is None:
        return True
    helps = [where_is(path, named.written)]
    is_missing = not os.path.lexists(path)
    beside = file_beside(path) if is_missing else None
    if beside:
        helps.insert(0, f"did you mean `{beside}`?")
    label = "not found" if is_missing else "no file that can be read"
    message = f"the {named.what} cannot be used: {why}"
    found.error("E0501", message, declared.span(*named.where), label, help=helps)
    return False


def _unusable(path: Path) -> str | None:
    """Why a file cannot be used, None when it can."""
    try:
        open_regular(path).close()
    except (OSError, ValueError) as error:
        return reason(error)
    return None
