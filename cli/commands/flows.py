"""`inferc flows`: which kinds of data go where, by which way, and whether they may."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...dsl.suggest import did_you_mean
from ..output import fail, in_line, misuse
from ..pictures import SUFFIXES, add_output, form_of, write, write_picture
from ..plans import add_analysis, outlined, ready_plan
from ..tables import in_columns

if TYPE_CHECKING:
    from ...compiler.analysis.flows import Flow
    from ...compiler.plan import Plan

EXAMPLES = """\
  inferc flows shop.infer                 # every kind of data that something carries
  inferc flows shop.infer customer_data   # one of them; or a key, pipeline, route or deployment
  inferc flows shop.infer -o flows.svg    # drawn, also where data goes where it may not
  inferc flows shop.infer --json
"""


class Words(StrEnum):
    """How flows are written that are not drawn."""

    TEXT = "text"
    JSON = "json"


_SUFFIXES: dict[str, str] = {".txt": Words.TEXT, ".json": Words.JSON, "": Words.TEXT} | SUFFIXES


def configure(parser: ArgumentParser) -> None:
    add_analysis(
        parser,
        ", the same as --format json; `allowed` is null where nothing is said",
        "a kind of data; or a key, pipeline, route or deployment: what comes from there, or through it "
        "(default: all)",
    )
    add_output(parser, Words.TEXT, tuple(Words))


def run(arguments: Namespace) -> int:
    from ...compiler.analysis.flow_parts import flows_through, words_of
    from ...compiler.analysis.flows import trace

    if arguments.json and arguments.form not in (None, Words.JSON):
        return misuse(f"--json is --format json, and not --format {arguments.form}: say one of them")
    form = Words.JSON if arguments.json else form_of(arguments, _SUFFIXES)
    if form is None:
        return 2
    plan = _plan(arguments)
    if isinstance(plan, int):
        return plan
    tracing, name = trace(plan), arguments.name
    words = words_of(plan)
    if name is not None and name not in words:
        hint = did_you_mean(name, words) or "a kind of data, a key, a pipeline, a route or a deployment"
        return fail(f"nothing in {arguments.file} is called `{name}`: {hint}")
    flows = flows_through(tracing.flows, name)
    if form == Words.JSON:
        text = json.dumps([_as_json(each) for each in flows], indent=2, ensure_ascii=False)
        return write(f"{text}\n", arguments)
    if form == Words.TEXT:
        return write(_table(flows, plan, arguments), arguments)
    if not any(each.labels for each in tracing.passages):
        return fail(_none(plan, arguments))
    from ...compiler.pictures import picture_of_flows

    return write_picture(picture_of_flows(plan, tracing, name), form, arguments)


def _plan(arguments: Namespace) -> Plan | int:
    """The plan behind the file, also where data goes where it may not; or the exit status."""
    path = Path(arguments.file)
    if path.suffix == ".json":
        ready = ready_plan(arguments)
        return ready if isinstance(ready, int) else ready.plan
    return outlined(arguments.file, path, arguments, although="E0440")


def _none(plan: Plan, arguments: Namespace) -> str:
    from ...compiler.analysis.labels import carriers_of

    if any(carried for _, carried in carriers_of(plan)):
        by = f" as `{arguments.name}`, or through it" if arguments.name else ""
        return in_line(f"nothing that {arguments.file} says to be carried comes to a deployment{by}")
    return in_line(f"nothing in {arguments.file} says that it `carries` any kind of data")


def _table(flows: Sequence[Flow], plan: Plan, arguments: Namespace) -> str:
    if not flows:
        return f"{_none(plan, arguments)}\n"
    return in_columns(("KIND", "FROM", "TO", "ALLOWED", "WAY"), sorted(map(_row, flows)))


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
