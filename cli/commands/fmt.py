"""`inferc fmt`: bring files into the one style."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ...compiler.modules import advice, read_file, reason
from ...dsl.formatting import format_source, unified_diff
from ...dsl.source import Source
from ..files import save
from ..output import fail
from ..sources import Input, add_files, inputs

EXAMPLES = """\
  inferc fmt hello.infer
  inferc fmt --check .            # exit 1 when something would change
  inferc fmt --diff hello.infer   # show what would change
  cat hello.infer | inferc fmt -
"""


def configure(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when something would change"
    )
    parser.add_argument("--diff", action="store_true", help="change nothing; print what would change")


def run(arguments: Namespace) -> int:
    chosen = inputs(arguments.files)
    if not chosen:
        return fail(f"no .infer file in {', '.join(arguments.files)}")
    return max(_format(each, arguments) for each in chosen)


def _format(each: Input, arguments: Namespace) -> int:
    text = each.text
    if text is None:
        assert each.path is not None
        try:
            text = read_file(each.path)
        except (OSError, UnicodeDecodeError) as error:
            help = advice(error, each.path)
            return fail(f"cannot read `{each.name}`: {reason(error)}{f'; {help}' if help else ''}")
    formatted = format_source(Source(each.name, text, each.path))
    damaged = any(diagnostic.is_error for diagnostic in formatted.diagnostics)
    if damaged:
        fail(f"{each.name}: a part with mistakes was left as it is; `inferc check` shows them")
    if arguments.diff:
        before, after = Source(each.name, text), Source(each.name, formatted.text)
        sys.stdout.write(unified_diff(before.shown, after.shown, each.name))
    if arguments.check or arguments.diff:
        if arguments.check and formatted.changed:
            print(f"would change {each.name}", file=sys.stderr)
        return 1 if damaged or (arguments.check and formatted.changed) else 0
    if each.path is None:
        sys.stdout.write(formatted.text)
    elif formatted.changed:
        return max(save(each.path, formatted.text, f"formatted {each.name}"), int(damaged))
    return 1 if damaged else 0
