"""`inferc check`: say what is wrong with files, and change nothing unless told to."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ...compiler.compile import check_file
from ...dsl.diagnostics import Diagnostic
from ..output import add_format, fail, show
from ..sources import add_files, add_settings, inputs

EXAMPLES = """\
  inferc check hello.infer
  inferc check samples/ --deny warnings
  inferc check --set region=eu-west-1 prod.infer
  cat hello.infer | inferc check -
  inferc check --format sarif . > findings.sarif
"""


def configure(parser: ArgumentParser) -> None:
    add_files(parser, "files, folders, or - for standard input")
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    chosen = inputs(arguments.files)
    if not chosen:
        return fail(f"no .infer file in {', '.join(arguments.files)}")
    found: list[Diagnostic] = []
    for each in chosen:
        checked = check_file(each.name, each.path, text=each.text, settings=dict(arguments.settings))
        found += checked.diagnostics
    files = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} files"
    return show(list(dict.fromkeys(found)), arguments, fine=f"{files}: fine")
