"""`inferc export`: a file as those of another system, with a word on what they cannot say."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...compiler.compile import check_file
from ...compiler.exporters import TARGETS, Exported, export
from ...compiler.importers.checked import MISSING_MODEL
from ...compiler.plan.installing import pip_install
from ..files import save, save_all
from ..output import add_format, fail, in_line, misuse, show
from ..sources import add_settings, inputs

EXAMPLES = """\
  inferc export gateway.infer --to litellm -o config.yaml
  inferc export gateway.infer --to atomr                    # to standard output
  inferc export models.infer --to triton -o repository/     # a folder for each model
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("--to", required=True, choices=list(TARGETS), help="the system to write for")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="a file, or a folder for several (default: standard output)"
    )
    add_settings(parser)
    add_format(parser)


def run(arguments: Namespace) -> int:
    found = inputs([arguments.file])
    if len(found) != 1:
        return fail(f"{arguments.file} is a folder: name one file")
    chosen = found[0]
    settings = dict(arguments.settings)
    checked = check_file(chosen.name, chosen.path, text=chosen.text, settings=settings)
    errors = [each for each in checked.diagnostics if each.is_error and each.code != MISSING_MODEL]
    if errors or checked.program is None:
        return show(errors, arguments)
    try:
        exported = export(checked.program, arguments.to)
    except ImportError:
        return fail(f"writing YAML needs the package PyYAML: {pip_install('yaml')}")
    if not exported.files:
        return fail(f"nothing in {chosen.name} can be written for {arguments.to}: {_first(exported)}")
    status = _write(exported, arguments.output)
    for each in exported.lost:
        print(in_line(f"lost  {each.where}: {each.says}"), file=sys.stderr)
    return status


def _first(exported: Exported) -> str:
    return exported.lost[0].says if exported.lost else "it has no deployments"


def _write(exported: Exported, output: str | None) -> int:
    if output in (None, "-"):
        if len(exported.files) > 1:
            return misuse(f"these are {len(exported.files)} files: name a folder with -o")
        sys.stdout.write(next(iter(exported.files.values())))
        return 0
    target = Path(str(output))
    if len(exported.files) == 1 and not os.path.isdir(target) and not str(output).endswith("/"):
        return save(target, next(iter(exported.files.values())))
    return save_all({target / name: text for name, text in exported.files.items()}, with_folders=True)
