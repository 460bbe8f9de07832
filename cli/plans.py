"""A plan to run, from a plan file or straight from an `.infer` file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from attrs import frozen

from ..compiler.plan import Plan, PlanError, load_plan
from .output import fail, show
from .sources import add_settings


@frozen
class Ready:
    """A plan, and the directory that its paths start from."""

    plan: Plan
    base: Path


def add_plan(parser: ArgumentParser) -> None:
    """The argument that names what to run."""
    parser.add_argument("file", metavar="FILE", help="an .infer file, or a plan written by `inferc compile`")
    add_settings(parser)
    parser.set_defaults(format="terminal", deny=None)


def ready_plan(arguments: Namespace) -> Ready | int:
    """The plan behind the file, or the exit status when there is none."""
    path = Path(arguments.file)
    if path.suffix == ".json":
        if arguments.settings:
            return fail("--set belongs to `inferc compile`: a plan has its values already")
        try:
            return Ready(load_plan(path), path.parent)
        except PlanError as error:
            return fail(str(error))
    from ..compiler.compile import check_file, compile_checked

    checked = check_file(arguments.file, path, settings=dict(arguments.settings))
    status = show(checked.diagnostics, arguments) if checked.diagnostics else 0
    if status != 0:
        return status
    return Ready(compile_checked(checked, path.parent), path.parent)
