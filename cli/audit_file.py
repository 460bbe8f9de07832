"""A file with what operators change, beside the log."""

from __future__ import annotations

import logging
import sys
from logging.handlers import WatchedFileHandler

from ..runtime.admin import AUDIT
from .logs import JsonFormatter

log = logging.getLogger(__name__)


class _AuditFile(WatchedFileHandler):
    """The file that is at a path now: `logrotate` puts another one there."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # there can be none
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, its name at the base
        log.error("%s cannot be written: %s", self.baseFilename, sys.exc_info()[1])


def keep_audit_log(path: str) -> None:
    """Write what operators change to the end of the file at `path`, too. Raises OSError."""
    handler = _AuditFile(path, encoding="utf-8")
    handler.setFormatter(JsonFormatter("%(message)s"))
    logging.getLogger(AUDIT).addHandler(handler)
