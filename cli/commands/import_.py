"""`inferc import`: files of other systems as `.infer`, with a word on each setting that has no equivalent."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from ...compiler.importers import FORMATS, Imported, ImportFailed, Outcome, import_text, read_text
from ..files import save
from ..output import fail, harmless, in_line
from ..progress import progress
from ..sources import read_stdin

EXAMPLES = """\
  inferc import config.yaml -o gateway.infer     # of LiteLLM, and others: see docs/import.md
  inferc import config.yaml                      # to standard output
  inferc import config.yaml -o gateway.infer --report json
"""

_WIDEST = 60


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a file of another system, or - for standard input")
    parser.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: standard output)")
    parser.add_argument(
        "--from",
        dest="format",
        choices=[each.name for each in FORMATS],
        help="the system that the file is of (default: found out)",
    )
    parser.add_argument(
        "--report",
        choices=["table", "json", "none"],
        default="table",
        help="what became of each setting: a table on standard error, or JSON on standard output, if that is "
        "not where the file goes (default: %(default)s)",
    )


def run(arguments: Namespace) -> int:
    name: str = arguments.file
    output = None if arguments.output in (None, "-") else Path(arguments.output)
    if output is not None and name != "-" and output.resolve() == Path(name).resolve():
        return fail(f"{output} is the file that is read: write what comes of it into another one")
    if name.endswith((".infer", ".plan.json")):
        return fail(f"{name} is a file of inferc already: `inferc import` is for those of other systems")
    try:
        if name == "-":
            text, shown, folder = read_stdin(), "<stdin>", Path()
        else:
            text, shown, folder = read_text(Path(name)), name, Path(name).parent
        with progress(f"reading {shown}"):
            imported = import_text(text, shown, folder, output or Path("imported.infer"), arguments.format)
    except ImportFailed as error:
        place = f"{name}:{error.line}" if error.line is not None else name
        fail(f"{place}: {error.message}")
        if error.help is not None:
            print(f"  = help: {harmless(error.help)}", file=sys.stderr)
        return 1
    status = 0
    if output is None:
        sys.stdout.write(imported.text)
    else:
        status = save(output, imported.text, f"wrote {output}; next: inferc check {output}")
    if status == 0 and arguments.report == "json":
        print(_json(imported), file=sys.stdout if output is not None else sys.stderr)
    elif status == 0 and arguments.report == "table":
        print("\n".join(_table(imported)), file=sys.stderr)
    return status


def _json(imported: Imported) -> str:
    """Three lists of settings, and a note on each that is not the same here."""
    report = imported.report
    lists = {outcome.value: [entry.setting for entry in report.of(outcome)] for outcome in Outcome}
    notes = [
        {"setting": entry.setting, "line": entry.line, "outcome": entry.outcome.value, "says": entry.says}
        for entry in report.entries()
        if entry.outcome is not Outcome.KEPT
    ]
    return json.dumps({"format": imported.format, **lists, "notes": notes}, indent=2, ensure_ascii=False)


def _table(imported: Imported) -> Iterator[str]:
    """A line for each setting that changed or was lost, and how many there are of each kind."""
    entries = [entry for entry in imported.report.entries() if entry.outcome is not Outcome.KEPT]
    wide = min(_WIDEST, max((len(entry.setting) for entry in entries), default=0))
    for entry in entries:
        yield in_line(f"{entry.outcome.value:8}{entry.line:>5}  {entry.setting:{wide}}  {entry.says}")
    counts = ", ".join(f"{len(imported.report.of(outcome))} {outcome.value}" for outcome in Outcome)
    yield f"{counts}; what changed or was lost stands in the file as comments"
