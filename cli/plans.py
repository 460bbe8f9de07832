"""A plan to run, from a plan file or straight from an `.infer` file."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from ..compiler.plan import Plan, PlanError, load_plan
from ..compiler.plan.reach import files_of
from ..compiler.plan.state import keeps_state, shares_state
from ..dsl.files import text_of_name
from ..dsl.record import frozen
from ..dsl.suggest import did_you_mean
from .other_files import why_other
from .output import answers_programs, fail, show, status_of
from .progress import progress
from .sources import add_settings

if TYPE_CHECKING:
    from ..compiler.compile import Checked

T = TypeVar("T")

_MOST_PARTS = 20_000
_DEEPEST = 200


@frozen
class Ready:
    """A plan, the directory that its paths start from, and the files that say it."""

    plan: Plan
    base: Path
    files: tuple[Path, ...] = ()
    checked: Checked | None = None
    """What was found in the files; None for a plan that was compiled before."""

    def sources(self) -> dict[str, Any]:
        """The files as texts, and what was found in them, as the page of the gateway shows them."""
        if self.checked is None:
            return {}
        from ..dsl.render.as_json import diagnostic_as_json

        folder = self.base.resolve()
        texts = {}
        for module in self.checked.modules:
            source = module.source
            path = source.path.resolve() if source.path is not None else Path(source.name)
            name = str(path.relative_to(folder)) if path.is_relative_to(folder) else source.name
            texts[source.name] = {"name": text_of_name(name), "text": source.shown}
        findings = [diagnostic_as_json(each) for each in self.checked.diagnostics]
        for each in findings:
            each["file"] = texts[each["file"]]["name"] if each["file"] in texts else each["file"]
        return {"files": list(texts.values()), "findings": findings}


def plain_name(file: str) -> str:
    """The name of an `.infer` file or a plan, without folder and ending."""
    return Path(file).name.removesuffix(".plan.json").removesuffix(".json").removesuffix(".infer")


def add_plan(parser: ArgumentParser, *, optional: bool = False) -> None:
    """The argument that names what to run."""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?" if optional else None,
        help="an .infer file, or a plan written by `inferc compile`",
    )
    add_settings(parser)
    parser.set_defaults(format="terminal", deny=None)


def add_analysis(parser: ArgumentParser, json: str, name: str = "") -> None:
    """What all that say something of a plan are told: the file, perhaps one name in it, and `--json`."""
    add_plan(parser)
    if name:
        parser.add_argument("name", metavar="NAME", nargs="?", help=name)
    parser.add_argument("--json", action="store_true", help=f"print JSON{json}")


def add_state(parser: ArgumentParser) -> None:
    """The option that says where state is kept."""
    parser.add_argument(
        "--state",
        metavar="WHERE",
        help="keep spend and shared limits here: a folder, or redis://… to share them between machines "
        "(default: .inferc/state beside the file when it has budgets or workers, else nothing is kept)",
    )


def add_shared(parser: ArgumentParser) -> None:
    """The option that says that other machines serve the file, too."""
    parser.add_argument(
        "--shared",
        action="store_true",
        help="other machines serve the same file: do not start where what they count together would be "
        "counted by each alone",
    )


def unshared(arguments: Namespace, ready: Ready) -> str | None:
    """Why the plan must not be served by several machines with the state that was named, if it must not."""
    if not (arguments.shared and shares_state(ready.plan)):
        return None
    from ..runtime.limits.store import is_on_redis

    if is_on_redis(arguments.state):
        return None
    return (
        "--shared: the file has budgets, strict limits or limits of keys, which every machine would count by "
        "itself: name a Redis server that all of them reach, `--state redis://HOST:6379/0`"
    )


def add_exec(parser: ArgumentParser) -> None:
    """The option that lets files run commands."""
    parser.add_argument(
        "--allow-exec",
        action="store_true",
        help="run the commands that the file names with `exec(…)`",
    )


def allow_exec(arguments: Namespace) -> None:
    """Let files run commands, where the command line says so: in the processes that are started, too."""
    if arguments.allow_exec:
        from ..runtime.secrets.sources import ALLOW_EXEC

        os.environ[ALLOW_EXEC] = "1"


def state_of(asked: str | None, ready: Ready) -> str | Path | None:
    """Where state is kept: as asked; else beside the plan, if there is anything to keep."""
    if asked is not None:
        return asked if "://" in asked else Path(asked)
    return ready.base / ".inferc" / "state" if keeps_state(ready.plan) else None


def in_environment(ready: Ready) -> Ready | int:
    """`ready` with what the environment holds of its texts, or the exit status when that lacks some."""
    from ..runtime.environment import in_environment as read
    from ..runtime.requests.errors import StartError

    try:
        plan = read(ready.plan)
    except StartError as error:
        return max(fail(problem) for problem in error.problems)
    return ready if plan is ready.plan else evolve(ready, plan=plan)


def chosen(found: dict[str, T], arguments: Namespace) -> dict[str, T] | int:
    """What the command line names of `found`, all where it names nothing, or the exit status."""
    name = arguments.name
    if name is None:
        return found
    if name in found:
        return {name: found[name]}
    hint = did_you_mean(name, list(found)) or f"it has {', '.join(f'`{each}`' for each in found)}"
    return fail(f"{arguments.file} serves nothing called `{name}`; {hint}")


def outlined(name: str, path: Path, arguments: Namespace, *, although: str) -> Plan | int:
    """The plan of a file without the contents of models, or the exit status when there is none.

    although: the code of errors that do not stand in the way.
    """
    from ..compiler.compile import check_file
    from ..compiler.lowering.lower import outline

    checked = check_file(name, path, settings=dict(arguments.settings))
    errors = [each for each in checked.diagnostics if each.is_error and each.code != although]
    if errors or checked.program is None:
        form = "json" if answers_programs(arguments) else "terminal"
        return show(errors, Namespace(format=form, deny=None))
    return outline(checked.program)


def ready_plan(arguments: Namespace) -> Ready | int:
    """The plan behind the file, or the exit status when there is none."""
    path = Path(arguments.file)
    if (why := why_other(arguments.file, takes_plans=True)) is not None:
        return fail(why)
    if path.suffix == ".json":
        if arguments.settings:
            return fail("--set belongs to `inferc compile`: a plan has its values already")
        try:
            plan = load_plan(path)
            return Ready(plan, path.parent, (path, *(path.parent / name for name in files_of(plan))))
        except PlanError as error:
            return fail(str(error))
    from ..compiler.compile import check_file, compile_checked

    checked = check_file(arguments.file, path, settings=dict(arguments.settings))
    found = checked.diagnostics
    as_json = answers_programs(arguments) and status_of(found, False) != 0
    told = Namespace(format="json" if as_json else arguments.format, deny=arguments.deny)
    status = show(found, told) if found else 0
    if status != 0:
        return status
    files = [each.source.path for each in checked.modules if each.source.path is not None]
    with progress(f"compiling {arguments.file}"):  # each model is read for its hash
        plan = compile_checked(checked, path.parent)
    files += [path.parent / name for name in files_of(plan)]
    return Ready(plan, path.parent, tuple(files), checked)


VAST = "there are more ways than can be shown: ask for a NAME that is nearer to the models"


def is_vast(parts: Iterable[Any]) -> bool:
    """Whether the ways through `parts` are more than anyone reads: shared members multiply them."""
    left, count = [(part, 0) for part in parts], 0
    while left:
        part, depth = left.pop()
        count += 1
        if count > _MOST_PARTS or depth > _DEEPEST:
            return True
        left += [(each, depth + 1) for each in part.parts]
    return False
