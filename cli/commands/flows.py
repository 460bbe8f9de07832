"""`inferc flows`: which kinds of data go where, by which way, and whether they may."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..output import harmless
from ..plans import add_analysis, outlined, ready_plan
from ..tables import table

if TYPE_CHECKING:
    from ...compiler.analysis.flows import Flow
    from ...compiler.plan import Plan

EXAMPLES = """\
  inferc flows shop.infer                 # every kind of data that something carries
  inferc flows shop.infer customer_data   # one of them
  inferc flows shop.infer --json
"""


def configure(parser: ArgumentParser) -> None:
    add_analysis(
        parser,
        "; `allowed` is null where nothing is said",
        "a kind of data; default: all of them",
        metavar="KIND",
    )


def run(arguments: Namespace) -> int:
    from ...compiler.analysis.flows import flows_of

    plan = _plan(arguments)
    if isinstance(plan, int):
        return plan
    flows = [each for each in flows_of(plan) if arguments.name in (None, each.kind)]
    if arguments.json:
        json.dump([_as_json(each) for each in flows], sys.stdout, indent=2, ensure_ascii=False)
        print()
        return 0
    if not flows:
        what = "any kind of data" if arguments.name is None else f"`{arguments.name}`"
        print(harmless(f"nothing in {arguments.file} says that it `carries` {what}"))
        return 0
    table(("KIND", "FROM", "TO", "ALLOWED", "WAY"), sorted(map(_row, flows)))
    return 0


def _plan(arguments: Namespace) -> Plan | int:
    """The plan behind the file, also where data goes where it may not; or the exit status."""
    path = Path(arguments.file)
    if path.suffix == ".json":
        ready = ready_plan(arguments)
        return ready if isinstance(ready, int) else ready.plan
    return outlined(arguments.file, path, arguments, although="E0440")


_ALLOWED = {True: "yes", False: "NO", None: "here"}


def _row(flow: Flow) -> tuple[str, ...]:
    return flow.kind, str(flow.source), flow.deployment, _ALLOWED[flow.allowed], " → ".join(flow.way)


def _as_json(flow: Flow) -> dict[str, Any]:
    source = {"what": flow.source.what, "name": flow.source.name}
    if flow.source.parameter:
        source["parameter"] = flow.source.parameter
    return {
        "kind": flow.kind,
        "from": source,
        "to": flow.deployment,
        "allowed": flow.allowed,
        "way": list(flow.way),
    }
