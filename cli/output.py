"""How findings reach the user: format, colour, and the exit status they lead to."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from ..dsl.diagnostics import Diagnostic, Severity
from ..dsl.render import OutputFormat, render, summary
from ..dsl.secrets.texts import masked

ERRORS = "inferc.errors/1"


def add_format(parser: argparse.ArgumentParser) -> None:
    """`--format` and `--deny`."""
    parser.add_argument(
        "--format",
        choices=[form.value for form in OutputFormat],
        default=OutputFormat.TERMINAL.value,
        help="how findings are printed (default: %(default)s)",
    )
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="the same as --format json"
    )
    parser.add_argument("--deny", choices=["warnings"], help="fail when there are warnings, too")


def show(
    diagnostics: Sequence[Diagnostic], arguments: argparse.Namespace, fine: str = "", taken: bool = False
) -> int:
    """Print findings and give the exit status; `fine` is said when there are none to speak of.

    The terminal format goes to standard error, the formats for machines to standard output, unless
    that is `taken` by something else.
    """
    form = OutputFormat(arguments.format)
    if form is OutputFormat.TERMINAL and not diagnostics:
        if fine:
            print(fine, file=sys.stderr)
    elif form is OutputFormat.TERMINAL:
        text = render(diagnostics, form, color=wants_color(sys.stderr), width=_width())
        sys.stderr.write(text)
        print(f"\n{summary(diagnostics)}", file=sys.stderr)
    else:
        (sys.stderr if taken else sys.stdout).write(render(diagnostics, form))
    return status_of(diagnostics, arguments.deny == "warnings")


def status_of(diagnostics: Sequence[Diagnostic], deny_warnings: bool) -> int:
    """1 when something stands in the way, else 0."""
    failing = {Severity.ERROR, Severity.WARNING} if deny_warnings else {Severity.ERROR}
    return 1 if any(diagnostic.severity in failing for diagnostic in diagnostics) else 0


_failures: ContextVar[list[str] | None] = ContextVar("failures", default=None)
"""What went wrong in a command that answers programs; None: it answers people."""


@contextmanager
def for_programs(wanted: bool) -> Iterator[None]:
    """Where it is `wanted`, say what goes wrong outside of any file in one JSON document."""
    if not wanted:
        yield
        return
    failures: list[str] = []
    token = _failures.set(failures)
    try:
        yield
    finally:
        _failures.reset(token)
        if failures:
            json.dump({"schema": ERRORS, "errors": [{"message": each} for each in failures]}, sys.stdout)
            print()


def answers_programs(arguments: argparse.Namespace) -> bool:
    """Whether JSON is asked for."""
    asked = (getattr(arguments, name, None) for name in ("format", "form"))
    return getattr(arguments, "json", None) is True or "json" in asked


def fail(message: str, status: int = 1) -> int:
    """Say on one line what went wrong outside of any file; gives the exit status."""
    if (failures := _failures.get()) is not None:
        failures.append(_without_secrets(message))
        return status
    label = "\x1b[1;31merror\x1b[0m" if wants_color(sys.stderr) else "error"
    print(f"{label}: {in_line(message)}", file=sys.stderr)
    return status


def harmless(message: str) -> str:
    """`message`, which may quote others, without keys and without anything that a terminal would obey."""
    return "\n".join(map(in_line, _without_secrets(message).split("\n")))


def in_line(text: str) -> str:
    """The same on one line: a name that others chose begins no line of its own."""
    from ..runtime.requests.foreign_text import escaped  # where all is fine, nothing of others is shown

    return escaped(_without_secrets(text))


def _without_secrets(text: str) -> str:
    """`text` with bullets over keys, passwords of addresses, and values of options for secrets."""
    if "://" not in text and "--" not in text:
        return masked(text)
    from ..dsl.secrets.fields import without_secrets

    return masked(without_secrets(text))


def misuse(message: str) -> int:
    """Say what is wrong with the command line; gives the exit status."""
    return fail(message, status=2)


def wants_color(stream: TextIO) -> bool:
    """Whether `stream` is a terminal whose user did not switch colour off."""
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _width() -> int:
    return min(120, max(60, shutil.get_terminal_size((100, 24)).columns))
