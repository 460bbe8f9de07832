"""What a worker is to run."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any


class Job:
    """`maker(*arguments)`, called once in each worker, gives a function of the values of a call.

    The maker is a function of inferc, and its arguments are values of its own: they are pickled. What the
    function takes and gives is not. It raises StepFailed, ExternFailed or StartError.
    """

    __slots__ = ("key",)

    def __init__(self, maker: Callable[..., Any], *arguments: Any) -> None:
        self.key = pickle.dumps((maker, arguments))
