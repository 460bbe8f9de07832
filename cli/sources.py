"""Which files a command works on: files as named, folders searched, `-` for standard input."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path

from ..dsl.files import LARGEST
from ..dsl.record import frozen
from .other_files import why_other
from .output import fail


@frozen(slots=False)
class Input:
    """One file to work on; `text` is set when it came from standard input."""

    name: str
    path: Path | None
    text: str | None = None


def inputs(names: list[str]) -> list[Input]:
    """The inputs behind the names on the command line, each file once, folders in order.

    Ends the program where one of them is a file of another kind.
    """
    found: dict[str, Input] = {}
    for name in names:
        if name == "-":
            found["-"] = Input("<stdin>", None, read_stdin())
            continue
        if (why := why_other(name, takes_folders=True)) is not None:
            raise SystemExit(fail(why))
        path = Path(name)
        if os.path.isdir(path):
            for file in sorted(path.rglob("*.infer")):
                if not file.is_dir():
                    found.setdefault(os.path.realpath(file), Input(str(file), file))
        else:
            found.setdefault(os.path.realpath(path), Input(name, path))
    return list(found.values())


def read_stdin() -> str:
    """Standard input as text. Ends the program when there is too much, or it is not UTF-8."""
    given = sys.stdin.buffer.read(LARGEST + 1)
    if len(given) > LARGEST:
        raise SystemExit(fail(f"standard input is larger than {LARGEST >> 20} MiB"))
    try:
        return given.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SystemExit(fail(f"standard input is not UTF-8 text (byte {error.start})")) from None


def add_files(parser: ArgumentParser) -> None:
    """The `FILE…` arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, or - for standard input")


def add_settings(parser: ArgumentParser) -> None:
    """`--set name=value`, as often as needed."""
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_setting,
        help="give a parameter its value; may be repeated",
    )


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ArgumentTypeError(f"`{text}` is not of the form name=value")
    return name.strip(), value
