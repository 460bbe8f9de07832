"""`inferc why`: the story of one request."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from ..output import fail, in_line
from ..server import NoServer, add_server, ask
from ..tables import table

EXAMPLES = """\
  inferc why
  inferc why req_0123456789abcdef00000001
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id",
        metavar="REQUEST-ID",
        nargs="?",
        help="what the header x-request-id of the answer said; without it, the last requests that failed, or "
        "needed more than one attempt",
    )
    add_server(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    try:
        answer = ask(arguments.server, "why", id=arguments.id)
    except NoServer as error:
        return fail(str(error))
    if arguments.json:
        print(json.dumps(answer))
    elif arguments.id is None:
        _list(answer["requests"])
    else:
        _tell(answer)
    return 0


def _list(requests: list[dict[str, Any]]) -> None:
    rows = [
        (
            _clock(each["time"]),
            each["id"],
            each.get("key", "-"),
            each.get("asked", "-"),
            str(each["attempts"]),
            f"{each['seconds']:.2f}s",
            each["outcome"],
        )
        for each in requests
    ]
    if rows:
        table(("TIME", "REQUEST", "KEY", "ASKED", "ATTEMPTS", "TOOK", "OUTCOME"), rows)
    else:
        print("nothing went wrong, as far as is remembered")


def _tell(story: dict[str, Any]) -> None:
    by = f", key {story['key']}" if "key" in story else ""
    asked = f", asked {story['asked']}" if "asked" in story else ""
    print(in_line(f"{_clock(story['time'])} {story['method']} {story['path']}{asked}{by}"))
    for event in story["events"]:
        print(in_line(f"  {event['at']:8.3f}s  {_event(event)}"))
    spent = f", ${story['cost']:.6g}" if story.get("cost") else ""
    tokens = story["prompt_tokens"] + story["completion_tokens"]
    used = f", {tokens} tokens{spent}" if tokens else ""
    print(in_line(f"  {story['seconds']:8.3f}s  {story['outcome']}, status {story['status']}{used}"))
    if "error" in story:
        print(in_line(f"             {story['error']}"))


def _event(event: dict[str, Any]) -> str:
    if "text" in event:
        return str(event["text"])
    who = event["deployment"] + ("" if event["replica"] is None else f" #{event['replica']}")
    step = f"step {event['step']}: " if event["step"] else ""
    said = f"{step}{who}: " + ("answered" if event["ok"] else "sent, without a whole answer")
    first = "" if event["first"] is None else f", began after {event['first']:.3f} s"
    return f"{said}{first}, took {event['seconds']:.3f} s"


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
