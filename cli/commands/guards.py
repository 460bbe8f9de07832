"""`inferc guards`: which guards see what clients ask, and that no way leads past them."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from ..output import in_line
from ..plans import add_analysis, ready_plan
from ..tables import table

if TYPE_CHECKING:
    from ...compiler.analysis.guards import Asked

EXAMPLES = """\
  inferc guards shop.infer
  inferc guards shop.infer --json
"""


def configure(parser: ArgumentParser) -> None:
    add_analysis(parser, "")


def run(arguments: Namespace) -> int:
    ready = ready_plan(arguments)
    if isinstance(ready, int):
        return ready
    from ...compiler.analysis.guards import asked_of, ways_past

    asked, past = asked_of(ready.plan), list(ways_past(ready.plan))
    if arguments.json:
        said: dict[str, Any] = {
            "asked": [_as_json(each) for each in asked],
            "past": [{"guard": each.guard.name, "by": each.asker, "way": each.way} for each in past],
        }
        json.dump(said, sys.stdout, indent=2)
        print()
    else:
        table(
            ("ASKED", "REQUEST SEEN BY", "ANSWER SEEN BY", "REACHES", "ASKED BY"),
            [_row(each) for each in asked],
        )
        print()
        for each in past:
            print(in_line(f"past `{each.guard.name}`: {each.asker} may ask {each.said()}"))
        if not past:
            count = len(ready.plan.gateway.guards)
            print(
                "there are no guards"
                if count == 0
                else "no way leads past a guard: in every protocol, streamed or not, in the background, from "
                "caches, and whatever routes and pipelines do"
            )
    return 1 if past else 0


def _row(asked: Asked) -> tuple[str, ...]:
    before, after = _seen(asked)
    return asked.name, before or "-", after or "-", ", ".join(asked.reaches), ", ".join(asked.by) or "nobody"


def _seen(asked: Asked) -> tuple[str, str]:
    def those(field: str) -> str:
        return ", ".join(
            each.name + (f" (keys {', '.join(each.keys)})" if each.keys else "")
            for each in asked.guards
            if getattr(each, field) is not None
        )

    return those("request"), those("answer")


def _as_json(asked: Asked) -> dict[str, Any]:
    return {
        "name": asked.name,
        "by": asked.by,
        "request": [each.name for each in asked.guards if each.request is not None],
        "answer": [each.name for each in asked.guards if each.answer is not None],
        "reaches": asked.reaches,
    }
