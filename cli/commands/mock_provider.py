"""`inferc mock-provider`: a provider on this machine, to try files against without a key."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from ..addresses import host, port
from ..logs import configure_logging
from ..output import fail

EXAMPLES = """\
  inferc mock-provider --port 9090
  inferc mock-provider --port 9090 --strict
  inferc mock-provider --port 9090 --fault 429:retry_after=1,count=2
  inferc mock-provider --port 9090 --fault cut:after=3 --rpm 60 --tpm 10000
"""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=port, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--host", type=host, default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--gap",
        type=float,
        default=5.0,
        metavar="MS",
        help="milliseconds between two pieces of a stream (default: 5)",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="WHAT[:key=value,…]",
        help="go wrong: WHAT is an error status, or slow, stall, cut, split, malformed, error, no_done, "
        "failed_choice or no_choices; keys are "
        "count, retry_after, form, code, status, after, seconds and until=new_key; may be repeated",
    )
    parser.add_argument("--rpm", type=int, metavar="N", help="requests in any minute, for each key")
    parser.add_argument("--tpm", type=int, metavar="N", help="tokens in any minute, for each key")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse what the real providers refuse, and write what they write, quirks included",
    )
    parser.add_argument(
        "--script",
        type=Path,
        metavar="FILE",
        help="JSON file with limits, faults and answers; wins over flags",
    )


def run(arguments: Namespace) -> int:
    from ...runtime.concurrency.event_loop import run_async
    from ...runtime.mock_provider import MockOptions, ScriptError, load_script, serve_mock
    from ...runtime.requests.errors import StartError

    def announce(url: str) -> None:
        print(f"mock provider at {url}, base URL {url}/v1 (Ctrl-C stops)", file=sys.stderr, flush=True)

    configure_logging()
    options = MockOptions(
        gap=arguments.gap / 1000,
        faults=tuple(arguments.fault),
        rpm=arguments.rpm,
        tpm=arguments.tpm,
        strict=arguments.strict,
    )
    try:
        if arguments.script is not None:
            options = options.following(load_script(arguments.script))
        run_async(serve_mock(arguments.port, options, host=arguments.host, ready=announce))
    except (StartError, ScriptError) as error:
        return fail(str(error))
    return 0


def _fault(text: str) -> object:
    from ...runtime.mock_provider import parse_fault

    try:
        return parse_fault(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
