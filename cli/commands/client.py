"""`inferc client`: a typed client for what a file serves."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..files import save
from ..output import fail, misuse
from ..plans import add_plan, ready_plan

EXAMPLES = """\
  inferc client shop.infer -o client.py                      # records are attrs classes
  inferc client shop.infer -o client.py --models pydantic
  inferc client shop.infer -o client.ts                      # TypeScript, without dependencies
  inferc client shop.infer -o client.py --check              # status 1 if it has to be written anew
"""

_SUFFIXES = (".py", ".ts")


def configure(parser: ArgumentParser) -> None:
    add_plan(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        help="the module to write: .py or .ts; `-` writes Python to standard output",
    )
    parser.add_argument(
        "--models",
        choices=("attrs", "pydantic"),
        default="attrs",
        help="what the records of a client in Python are (default: %(default)s)",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; 1 if the module is not what the file gives now"
    )


def run(arguments: Namespace) -> int:
    output = arguments.output
    if output != "-" and Path(output).suffix not in _SUFFIXES:
        return misuse(f"-o {output}: a client is written into a file that ends with .py or .ts")
    if output == "-" and arguments.check:
        return misuse("--check is for a file that was written: name it with -o")
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.emit.client import Models, python_client, typescript_client

    source = Path(arguments.file).name
    if output.endswith(".ts"):
        text = typescript_client(source, ready.plan)
    else:
        text = python_client(source, ready.plan, Models(arguments.models))
    if arguments.check:
        return _check(Path(output), text, arguments.file)
    if output == "-":
        sys.stdout.write(text)
        return 0
    return save(Path(output), text)


def _check(path: Path, text: str, file: str) -> int:
    try:
        written = path.read_bytes()
    except OSError as error:
        return fail(f"{path}: {error.strerror or error}: `inferc client {file} -o {path}` writes it")
    if written != text.encode():
        return fail(f"{path} is not what {file} gives now: `inferc client {file} -o {path}` writes it anew")
    print(f"{path}: as {file} gives it", file=sys.stderr)
    return 0
