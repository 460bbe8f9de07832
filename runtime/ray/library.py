"""Ray itself, imported when it is needed: it is no part of a plain installation."""

from __future__ import annotations

import re
from typing import Any

from ...compiler.plan.installing import pip_install
from ...compiler.plan.record import frozen
from ..requests.errors import StartError

OLDEST = (2, 60)
"""Whose Serve starts new replicas before old ones end, and places them elsewhere where a node is gone."""

_INSTALL = pip_install("ray")


@frozen
class Ray:
    """The modules of Ray that are called."""

    core: Any
    serve: Any


def load_ray() -> Ray:
    """Ray with its Serve. Raises StartError where it is not installed, or too old."""
    try:
        import ray
    except ImportError:
        raise StartError(f"`--engine ray` needs Ray, which is not installed: {_INSTALL}") from None
    version = str(ray.__version__)
    if version_of(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise StartError(f"Ray {version} is too old: {oldest} or newer is needed: {_INSTALL}")
    try:
        from ray import serve
    except ImportError as error:
        raise StartError(
            f"`--engine ray` needs Ray Serve, which cannot be loaded ({error}): {_INSTALL}"
        ) from None
    return Ray(ray, serve)


def version_of(text: str) -> tuple[int, int]:
    """The first two numbers of a version."""
    numbers = re.match(r"(\d+)\.(\d+)", text)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
