"""What validation finds, before it is known where in a file it stands."""

from __future__ import annotations

from attrs import frozen


@frozen
class Problem:
    """One thing that cannot work, at the field that `path` names.

    path: field names from the deployment inwards, such as ("serving", "max_concurrent").
    """

    code: str
    path: tuple[str, ...]
    message: str
    help: str | None = None
