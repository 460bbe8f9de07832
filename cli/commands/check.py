"""`inferc check`: say what is wrong with files, and change nothing unless told to."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ...compiler.compile import check_file
from ...compiler.shared_settings import with_shared_settings
from ...compiler.unused import without_used_elsewhere
from ...dsl.diagnostics import Diagnostic
from ..output import add_format, fail, show
from ..sources import Input, add_files, add_settings, inputs

EXAMPLES = """\
  inferc check hello.infer
  inferc check samples/ --deny warnings
  inferc check --fix prod.infer
  inferc check --set region=eu-west-1 prod.infer
  cat hello.infer | inferc check -
  inferc check --format sarif . > findings.sarif
"""


def configure(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument("--fix", action="store_true", help="apply the fixes that cannot change a meaning")
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    chosen = inputs(arguments.files)
    if not chosen:
        return fail(f"no .infer file in {', '.join(arguments.files)}")
    if arguments.fix and (status := _fix(chosen, arguments)) != 0:
        return status
    files = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} files"
    return show(_check(chosen, arguments), arguments, fine=f"{files}: fine")


def _check(chosen: list[Input], arguments: Namespace) -> list[Diagnostic]:
    settings = dict(arguments.settings)
    all_checked = [check_file(each.name, each.path, text=each.text, settings=settings) for each in chosen]
    found: dict[tuple[object, ...], Diagnostic] = {}
    for checked in without_used_elsewhere(with_shared_settings(all_checked, settings)):
        for diagnostic in checked.diagnostics:
            found.setdefault(_identity(diagnostic), diagnostic)
    return list(found.values())


def _identity(diagnostic: Diagnostic) -> tuple[object, ...]:
    """What makes two findings the same, also when a shared file was read twice."""
    if diagnostic.primary is None:
        return (diagnostic.code, diagnostic.message)
    span = diagnostic.primary.span
    place = span.source.path.resolve() if span.source.path is not None else span.source.name
    return (diagnostic.code, diagnostic.message, place, span.start, span.end)


def _fix(chosen: list[Input], arguments: Namespace) -> int:
    """Make the safe fixes of the files that are named, and of no other; gives the exit status."""
    from ..fixes import fix_files

    try:
        made, left = fix_files([each for each in chosen if each.path is not None], dict(arguments.settings))
    except OSError as error:
        return fail(f"cannot write {error.filename}: {error.strerror}")
    print(f"made {made} {'fix' if made == 1 else 'fixes'}", file=sys.stderr)
    if left:
        print(
            f"left out {left} {'fix' if left == 1 else 'fixes'}: something else would be wrong afterwards",
            file=sys.stderr,
        )
    return 0
