"""The project that a file belongs to: what is copied, reviewed and shipped together."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_ROOTS = (".git", ".hg")


def project_of(folder: Path) -> Path | None:
    """The working copy that `folder` is in; absolute, or None where there is none."""
    here = Path(os.path.abspath(folder))
    return next(
        (each for each in (here, *here.parents) if any((each / root).exists() for root in _ROOTS)), None
    )


def project_left(folder: Path, written: str, find: Callable[[Path], Path | None] = project_of) -> Path | None:
    """The project that the path `written` leaves, None when it stays inside. Paths start from `folder`, and
    `find` gives the project of that.

    Without a working copy the project is `folder`, and only absolute paths leave it. Symbolic links are not
    followed.
    """
    if not os.path.isabs(written) and os.pardir not in written:
        return None
    project = find(folder)
    if project is None:
        if not Path(written).is_absolute():
            return None
        project = Path(os.path.abspath(folder))
    return None if Path(os.path.abspath(folder / written)).is_relative_to(project) else project
