"""`inferc compile`: check a file and write its plan."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...compiler.compile import check_file, compile_checked
from ...compiler.plan import dump_plan
from ..files import write_atomically
from ..output import add_format, fail, show
from ..sources import add_settings, inputs

EXAMPLES = """\
  inferc compile hello.infer                       # hello.plan.json beside it
  inferc compile hello.infer -o build/hello.plan.json
  inferc compile hello.infer -o -                  # to standard output
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PLAN",
        help="where the plan goes; - is standard output (default: FILE.plan.json)",
    )
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    chosen = inputs([arguments.file])
    if len(chosen) != 1:
        return fail(f"{arguments.file} is a folder: name one file")
    [source] = chosen
    checked = check_file(source.name, source.path, text=source.text, settings=dict(arguments.settings))
    status = show(checked.diagnostics, arguments)
    if status != 0:
        return status
    output = _output(arguments, source.path)
    base = output.parent if output is not None else Path()
    text = dump_plan(compile_checked(checked, base))
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        write_atomically(output, text)
    except OSError as error:
        return fail(f"cannot write {output}: {error.strerror}")
    print(f"wrote {output}", file=sys.stderr)
    return 0


def _output(arguments: Namespace, source: Path | None) -> Path | None:
    """The file to write, None for standard output."""
    if arguments.output == "-" or (arguments.output is None and source is None):
        return None
    if arguments.output is not None:
        return Path(arguments.output)
    assert source is not None
    return source.with_suffix(".plan.json")
