"""What a function of the user's takes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any


def call_signature(function: Callable[..., Any]) -> inspect.Signature:
    """Its parameters, with annotations as they are written. Raises TypeError, ValueError: it has none.

    From Python 3.14 on, annotations are evaluated when somebody asks: what they name may be there for type
    checkers alone.
    """
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        options["annotation_format"] = Format.STRING
    return inspect.signature(function, **options)
