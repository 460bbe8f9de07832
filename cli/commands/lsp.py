"""`inferc lsp`: the language server, started by editors."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from ...compiler.plan.installing import pip_install
from ..logs import configure_logging
from ..output import fail

EXAMPLES = """\
  inferc lsp                          # on standard input and output, as editors start it
  inferc lsp --tcp 127.0.0.1:2087     # for one client of this machine
"""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def configure(parser: ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--stdio", action="store_true", help="use standard input and output, which is the default"
    )
    where.add_argument(
        "--tcp", metavar="HOST:PORT", type=_address, help="listen at an address of this machine instead"
    )


def run(arguments: Namespace) -> int:
    configure_logging()
    try:
        from ...editor.serve import serve_stdio, serve_tcp
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        return fail(f"the language server needs pygls: {pip_install('lsp')}")
    if arguments.tcp is None:
        if sys.stdin.isatty():
            print(
                "waiting for an editor on standard input; editors start this command themselves",
                file=sys.stderr,
            )
        return serve_stdio()
    host, port = arguments.tcp
    try:
        return serve_tcp(host, port)
    except OSError as error:
        return fail(f"cannot listen at {host}:{port}: {error.strerror}")


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    host = host.strip("[]")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise ArgumentTypeError(f"`{text}` is no address and port: write 127.0.0.1:2087")
    if host not in _LOOPBACK:
        raise ArgumentTypeError(f"`{host}` is not this machine, and whoever connects can read files")
    return host, int(port)
