"""What validation finds, before it is known where in a file it stands."""

from __future__ import annotations

from attrs import field

from .record import frozen


@frozen(slots=False)
class Problem:
    """One thing that cannot work, or (`W…`) probably not as meant, at the field that `path` names.

    path: field names from the deployment inwards, such as ("serving", "max_concurrent").
    """

    code: str = field(metadata={"doc": "as in the error index; `W…` is a warning"})
    path: tuple[str, ...]
    message: str
    help: str | None = None
