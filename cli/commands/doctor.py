"""`inferc doctor`: what this machine can do, and what a file lacks here."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from attrs import asdict

from ..machine import Seen, machine
from ..output import in_line, wants_color
from ..plans import Ready, ready_plan
from ..readiness import readiness
from ..sources import add_settings

EXAMPLES = """\
  inferc doctor                 # this machine
  inferc doctor chat.infer      # and what the file needs: keys, endpoints, models, its port
  inferc doctor chat.infer --json
"""

_MARKS = {"ok": ("ok", "32"), "note": ("-", "2"), "missing": ("no", "1;31")}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="an .infer file, or a plan")
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(format="terminal", deny=None)


def run(arguments: Namespace) -> int:
    """0 when nothing stands in the way of the file, else 1."""
    here = tuple(machine())
    if not arguments.json:
        _show("this machine", here)
    for_people = Namespace(**vars(arguments) | {"json": False})  # standard output has another document
    ready = ready_plan(for_people) if arguments.file is not None else None
    needed: tuple[Seen, ...] | None = None
    if isinstance(ready, Ready):
        needed = tuple(readiness(ready.plan, ready.base))
    elif ready is not None:
        needed = (Seen("file", "missing", "has mistakes: `inferc check` says which"),)
    if arguments.json:
        print(
            json.dumps(
                {"machine": _plain(here), "file": None if needed is None else _plain(needed)}, indent=2
            )
        )
    elif needed is not None:
        _show(arguments.file, needed)
    return 1 if any(each.state == "missing" for each in needed or ()) else 0


def _plain(all_seen: Sequence[Seen]) -> list[dict[str, str]]:
    return [{name: text.strip() for name, text in asdict(each).items()} for each in all_seen]


def _show(title: str, all_seen: Sequence[Seen]) -> None:
    colored = wants_color(sys.stdout)
    width = max(len(each.what) for each in all_seen)
    print(in_line(title))
    for each in all_seen:
        mark, color = _MARKS[each.state]
        shown = f"{mark:>4}"
        shown = f"\x1b[{color}m{shown}\x1b[0m" if colored else shown
        print(f"{shown}  {in_line(each.what).ljust(width)}  {in_line(each.text)}")
