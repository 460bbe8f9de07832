"""`inferc check`: say what is wrong with files, and change nothing unless told to."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from ...compiler.compile import check_file
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

_ROUNDS = 10
"""A fix may uncover the next mistake; more rounds than this would be going in circles."""


def configure(parser: ArgumentParser) -> None:
    add_files(parser, "files, folders, or - for standard input")
    parser.add_argument("--fix", action="store_true", help="apply the fixes that cannot change a meaning")
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    chosen = inputs(arguments.files)
    if not chosen:
        return fail(f"no .infer file in {', '.join(arguments.files)}")
    found = _check(chosen, arguments)
    if arguments.fix:
        try:
            found = _fix(found, chosen, arguments)
        except OSError as error:
            return fail(f"cannot write {error.filename}: {error.strerror}")
    files = chosen[0].name if len(chosen) == 1 else f"{len(chosen)} files"
    return show(found, arguments, fine=f"{files}: fine")


def _check(chosen: list[Input], arguments: Namespace) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    seen: set[tuple[object, ...]] = set()
    for each in chosen:
        checked = check_file(each.name, each.path, text=each.text, settings=dict(arguments.settings))
        for diagnostic in checked.diagnostics:
            if (key := _identity(diagnostic)) not in seen:
                seen.add(key)
                found.append(diagnostic)
    return found


def _identity(diagnostic: Diagnostic) -> tuple[object, ...]:
    """What makes two findings the same, also when a shared file was read twice."""
    if diagnostic.primary is None:
        return (diagnostic.code, diagnostic.message)
    span = diagnostic.primary.span
    place = span.source.path.resolve() if span.source.path is not None else span.source.name
    return (diagnostic.code, diagnostic.message, place, span.start, span.end)


def _fix(found: list[Diagnostic], chosen: list[Input], arguments: Namespace) -> list[Diagnostic]:
    from ..fixes import apply_safe_fixes

    made = 0
    for _ in range(_ROUNDS):
        new = apply_safe_fixes(found)
        if new == 0:
            break
        made += new
        found = _check(chosen, arguments)
    print(f"made {made} {'fix' if made == 1 else 'fixes'}", file=sys.stderr)
    return found
