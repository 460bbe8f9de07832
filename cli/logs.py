"""What a running server says: its own news, and only warnings of the libraries."""

from __future__ import annotations

import logging
import sys


def configure_logging() -> None:
    """Log to standard error, one line an event."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("inferc").setLevel(logging.INFO)
