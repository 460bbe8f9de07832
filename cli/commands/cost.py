"""`inferc cost`: what a running server has spent, and on whom."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace

from ..durations import seconds_in
from ..output import fail
from ..server import NoServer, add_server, ask
from ..tables import table

EXAMPLES = """\
  inferc cost
  inferc cost --since 24h --by key,deployment
  inferc cost --since 7d --by user --json
"""


def configure(parser: ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=seconds_in,
        default=86400.0,
        help="how far back, in whole hours (default: 24h; up to 32d)",
    )
    parser.add_argument(
        "--by",
        metavar="NAMES",
        default="key,asked",
        help="key, asked (what the client named as model), deployment, user (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    by = [name.strip() for name in arguments.by.split(",")]
    by = ["asked" if name == "model" else name for name in by]
    try:
        answer = ask(arguments.server, "cost", by=by, seconds=arguments.since)
    except NoServer as error:
        return fail(str(error))
    if arguments.json:
        print(json.dumps(answer))
        return 0
    rows = [
        (
            *(name or "-" for name in row["group"]),
            str(row["requests"]),
            str(row["prompt_tokens"]),
            str(row["completion_tokens"]),
            f"${row['cost']:.6g}" + (" and more" if row["unpriced"] else ""),
        )
        for row in answer["rows"]
    ]
    table((*(name.upper() for name in by), "REQUESTS", "PROMPT", "ANSWER", "COST"), rows)
    if answer["since"] > time.time() - arguments.since:
        print(f"counted since {time.strftime('%Y-%m-%d %H:%M', time.localtime(answer['since']))}")
    return 0
