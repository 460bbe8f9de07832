"""What a running server says: its own news, and only warnings of the libraries."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..runtime.admin import AUDIT
from ..runtime.requests.foreign_text import escaped
from ..runtime.secrets.secret import scrub_all

if TYPE_CHECKING:
    from ..runtime.gateway.telemetry.access_log import AccessLog


log = logging.getLogger(__name__)


class SafeFormatter(logging.Formatter):
    """One event a line, whatever an event quotes: further lines are indented, what is not printable is
    escaped, and no secret that is in use is shown. What comes from outside is made safe before; this is the
    second line of defence.
    """

    def format(self, record: logging.LogRecord) -> str:
        first, *more = scrub_all(super().format(record)).split("\n")
        return "\n".join((escaped(first), *(f"  {escaped(line)}" for line in more)))


class JsonFormatter(SafeFormatter):
    """The same, as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": super().format(record),
            **getattr(record, "said", {}),
        }
        return json.dumps(said, ensure_ascii=False)


MOST_LINES, SECONDS = 5, 10.0
"""So many lines of one kind are written in so long."""

MOST_KINDS = 1_000


class NoFlood(logging.Filter):
    """Lets few lines of one `kind` through, which is an attribute of records of what fails again and again.

    While a provider is away, each request says so. The next line that is written tells how many were not.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[Hashable, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind: Hashable = getattr(record, "kind", None)
        if kind is None:
            return True
        since, lines = self._told.get(kind, (record.created, 0))
        if not 0 <= record.created - since < SECONDS:  # clocks are set back, too
            if (untold := lines - MOST_LINES) > 0:
                record.msg = f"{record.getMessage()}; {untold} more like it were not written"
                record.args = ()
            since, lines = record.created, 0
        if len(self._told) >= MOST_KINDS:
            self._told.clear()
        self._told[kind] = since, lines + 1
        return lines < MOST_LINES


def configure_logging(level: str = "info", *, as_json: bool = False) -> None:
    """Log to standard error. level: from which on news of inferc's own is said; debug: each retry, too."""
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        handler.setFormatter(JsonFormatter("%(message)s"))
    else:
        handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    if level != "debug":
        handler.addFilter(NoFlood())
    logging.raiseExceptions = False  # no traceback where standard error is on a full disk
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("inferc").setLevel(level.upper())
    logging.getLogger(AUDIT).setLevel(logging.WARNING)  # which is said whatever else is not


def access_log(form: str | None) -> AccessLog | None:
    """What writes a line for each request to standard output, in that form; None: nothing does."""
    if form is None:
        return None
    from ..runtime.gateway.telemetry.access_log import AccessLog, LogForm

    return AccessLog(open(sys.stdout.fileno(), "wb", 0, closefd=False), LogForm(form))


@contextmanager
def no_logs() -> Iterator[None]:
    """Say nothing: what happens is told otherwise."""
    own = logging.getLogger("inferc")
    before = own.level
    own.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        own.setLevel(before)
