"""`inferc compile`: check files and write their plans."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...compiler.compile import Checked, check_file, compile_checked
from ...compiler.shared_settings import with_shared_settings
from ...compiler.unused import without_used_elsewhere
from ..files import save_all
from ..output import add_format, fail, in_line, misuse, show, status_of
from ..sources import Input, add_files, add_settings, inputs

EXAMPLES = """\
  inferc compile hello.infer                       # hello.plan.json beside it
  inferc compile hello.infer -o build/hello.plan.json
  inferc compile hello.infer -o -                  # to standard output
  inferc compile prod/ -o build/                   # every file of a folder
  inferc compile hello.infer --explain-values      # where each value came from
  inferc compile hello.infer --watch
"""


def configure(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PLAN",
        help="a file, a folder for several plans, or - for standard output (default: FILE.plan.json)",
    )
    parser.add_argument("--watch", action="store_true", help="compile again whenever a file changes")
    parser.add_argument(
        "--explain-values",
        action="store_true",
        help="list each effective value and its origin; write no plan",
    )
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    chosen = inputs(arguments.files)
    if not chosen:
        return fail(f"no .infer file in {', '.join(arguments.files)}")
    if not arguments.explain_values and (clash := _clash(chosen, arguments.output)):
        return misuse(clash)
    if arguments.watch:
        return _watch(chosen, arguments)
    return _compile(chosen, arguments)[0]


def _compile(chosen: list[Input], arguments: Namespace) -> tuple[int, list[Checked]]:
    """Check all files, print what is wrong with any, and write the plans of those that are fine."""
    settings = dict(arguments.settings)
    alone = [check_file(each.name, each.path, text=each.text, settings=settings) for each in chosen]
    all_checked = without_used_elsewhere(with_shared_settings(alone, settings))
    found = [diagnostic for checked in all_checked for diagnostic in checked.diagnostics]
    prints = arguments.explain_values or any(_output(arguments.output, each.path) is None for each in chosen)
    status = show(found, arguments, taken=prints)
    plans: dict[Path, str] = {}
    for each, checked in zip(chosen, all_checked, strict=True):
        if status_of(checked.diagnostics, arguments.deny == "warnings") == 0:
            if arguments.explain_values:
                _explain(checked)
            else:
                _put(each, checked, arguments, plans)
    return max(status, save_all(plans)), all_checked


def _put(each: Input, checked: Checked, arguments: Namespace, plans: dict[Path, str]) -> None:
    """Add the plan to `plans`, or print it where it goes to standard output."""
    from ...compiler.plan import dump_plan

    output = _output(arguments.output, each.path)
    text = dump_plan(compile_checked(checked, output.parent if output is not None else Path()))
    if output is None:
        sys.stdout.write(text)
    else:
        plans[output] = text


def _clash(chosen: list[Input], asked: str | None) -> str | None:
    """Why the plans cannot all be written, None when they can."""
    if len(chosen) > 1 and asked is not None and not os.path.isdir(asked):
        return f"{asked} is no folder, and there are {len(chosen)} plans to write"
    sources: dict[Path | None, str] = {}
    for each in chosen:
        output = _output(asked, each.path)
        first = sources.setdefault(output, each.name)
        if first is not each.name and output is not None:
            return f"{first} and {each.name} would both be written to {output}"
    return None


def _output(asked: str | None, source: Path | None) -> Path | None:
    """The file to write, None for standard output."""
    if asked == "-" or (asked is None and source is None):
        return None
    if asked is not None and os.path.isdir(asked) and source is not None:
        return Path(asked) / f"{source.stem}.plan.json"
    if asked is not None:
        return Path(asked)
    assert source is not None
    return source.with_suffix(".plan.json")


def _explain(checked: Checked) -> None:
    from ...compiler.provenance import effective_values

    assert checked.program is not None
    for name, values in effective_values(checked.program):
        print(in_line(f"deployment {name}"))
        for each in values:
            print(in_line(f"  {'.'.join(each.path)} = {each.value}  # {each.origin}"))


def _watch(chosen: list[Input], arguments: Namespace) -> int:
    from ..watch import stamp, wait_for_change

    if any(each.path is None for each in chosen):
        return misuse("standard input cannot be watched: name a file")
    paths = [each.path for each in chosen if each.path is not None]
    while True:
        before = stamp(paths)
        _, all_checked = _compile(chosen, arguments)
        sources = [module.source for checked in all_checked for module in checked.modules]
        imported = [source.path for source in sources if source.path is not None]
        missing = [path for checked in all_checked for path in checked.missing]
        before = stamp([*imported, *missing]) | before
        paths = list(before)
        print("waiting for a change (Ctrl-C stops)", file=sys.stderr, flush=True)
        wait_for_change(before)
