"""`inferc diff`: what a change means for requests, not which lines changed."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from ...compiler.plan import Plan, PlanError, load_plan
from ...compiler.plan.reach import values_in
from ...compiler.plan.source import SourceRef
from ..output import fail, in_line
from ..plans import outlined, plain_name
from ..revisions import NoRevision, read_revision
from ..sources import add_settings

if TYPE_CHECKING:
    from ...compiler.analysis.change import Change

EXAMPLES = """\
  inferc diff prod.infer new.infer
  inferc diff HEAD~1:prod.infer prod.infer       # against what git has; imports, too
  inferc diff deployed.plan.json prod.infer      # against what runs
  inferc diff main:prod.infer prod.infer --format markdown --fail-on risk
"""

SEVERITIES = ("breaking", "risk", "info")
_STATUS = {"info": 3, "risk": 4, "breaking": 5}
"""Above those that say that a file cannot be read."""
_SIGNS = {"breaking": "✗", "risk": "!", "info": "·"}


def configure(parser: ArgumentParser) -> None:
    for name, what in (("old", "what is there"), ("new", "what is to be")):
        parser.add_argument(
            name, metavar=name.upper(), help=f"{what}: a file, a plan, or REVISION:file as git has it"
        )
    parser.add_argument(
        "--format", choices=sorted(_FORMS), default="text", help="how it is shown (default: %(default)s)"
    )
    parser.add_argument(
        "--fail-on",
        choices=(*SEVERITIES, "never"),
        default="breaking",
        help="end with status 1 where there is a change as grave as that (default: %(default)s)",
    )
    parser.add_argument(
        "--status-by-severity",
        action="store_true",
        help="end with 0 where nothing changes, 3 for info, 4 for a risk, 5 for what breaks",
    )
    add_settings(parser)
    parser.set_defaults(deny=None)


def run(arguments: Namespace) -> int:
    with ExitStack() as stack:
        plans = []
        for written in (arguments.old, arguments.new):
            plan = _plan(written, arguments, stack)
            if isinstance(plan, int):
                return 2
            plans.append(_without_file_name(plan, written))
        from ...compiler.analysis.differences import differences

        old, new = plans
        changes = differences(old, new)
        _FORMS[arguments.format](changes, _reload(old, new))
    if arguments.status_by_severity:
        return max((_STATUS[each.severity] for each in changes), default=0)
    grave = SEVERITIES[: SEVERITIES.index(arguments.fail_on) + 1] if arguments.fail_on != "never" else ()
    return 1 if any(each.severity in grave for each in changes) else 0


def _plan(written: str, arguments: Namespace, stack: ExitStack) -> Plan | int:
    """What is called `written`, as a plan without the contents of models; or the exit status."""
    path = Path(written)
    if ":" in written and not path.exists():
        try:
            path = stack.enter_context(read_revision(written))
        except NoRevision as error:
            return fail(str(error))
    if path.suffix == ".json":
        try:
            return load_plan(path)
        except PlanError as error:
            return fail(str(error))
    from ...compiler.importers.checked import MISSING_MODEL

    return outlined(written, path, arguments, although=MISSING_MODEL)


def _without_file_name(plan: Plan, written: str) -> Plan:
    """State that has no name of its own has that of its file, and no one means to exchange it."""
    files = {plain_name(each.file) for each in values_in(plan) if isinstance(each, SourceRef)}
    files.add(plain_name(written.rpartition(":")[2]))
    is_own = plan.state.name not in files
    return plan if is_own else evolve(plan, state=evolve(plan.state, name="that of the file"))


def _reload(old: Plan, new: Plan) -> dict[str, list[str]]:
    """What a running server would take over, part by part, and what it does for that."""
    from ...runtime.plan_changes import changes, effects

    return {"a reload takes over": changes(old, new), "for that, it": effects(old, new)}


def _text(changes: Iterable[Change], reload: dict[str, list[str]]) -> None:
    lines = []
    for each in changes:
        lines.append(f"{_SIGNS[each.severity]} {each.severity:<8}  {each.about}: {each.what}")
        lines += [f"{'':12}{why}" for why in each.why]
    lines = lines or ["nothing changes for requests"]
    for what, parts in reload.items():
        if parts:
            lines += ["", f"{what}:", *(f"  {each}" for each in parts)]
    for line in lines:
        print(in_line(line))


def _markdown(changes: Iterable[Change], reload: dict[str, list[str]]) -> None:
    """For the comment of a pull request."""
    rows = [
        f"| {_SIGNS[each.severity]} {each.severity} | `{_cell(each.about)}` | {_cell(each.what)}"
        f"{''.join(f'<br>{_cell(why)}' for why in each.why)} |"
        for each in changes
    ]
    if rows:
        print("\n".join(["| | | what changes for requests |", "| --- | --- | --- |", *rows]))
    else:
        print("Nothing changes for requests.")
    for what, parts in reload.items():
        if parts:
            print(f"\n{what.capitalize()}:\n")
            print("\n".join(f"- {_cell(each)}" for each in parts))


def _cell(text: str) -> str:
    return in_line(text).replace("|", "\\|").replace("<", "&lt;")


def _json(changes: Iterable[Change], reload: dict[str, list[str]]) -> None:
    found = [
        {"severity": each.severity, "about": each.about, "what": each.what, "why": list(each.why)}
        for each in changes
    ]
    taken, done = reload.values()
    json.dump({"changes": found, "reload": taken, "effects": done}, sys.stdout, indent=2, ensure_ascii=False)
    print()


_FORMS: dict[str, Callable[[Iterable[Change], dict[str, list[str]]], None]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
}
