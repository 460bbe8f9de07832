"""`with { … }` where an extern is declared: where its code runs, and within which limits."""

from __future__ import annotations

from ...dsl.data_kinds import DataKind
from ...dsl.fields import above, at_least, doc
from ...dsl.kinds import Isolation
from ...dsl.record import frozen
from ...dsl.units import Duration, Size


@frozen(eq=False, repr=False)
class ExternOptions:
    """What stands behind `with` where an extern is declared."""

    isolation: Isolation = doc(
        "where it runs: in processes, which are ended when a call takes too long; or on threads of the "
        "executor, which cannot be",
        default=Isolation.PROCESS,
    )
    workers: int = at_least(
        1, "processes at most; each takes one call at a time, or 256 if it is `async`", at_most=64, default=4
    )
    timeout: Duration = above(
        0, "longest that a call may take, where the call does not say so itself", default=Duration(60)
    )
    memory: Size | None = above(
        0, "address space of each process (not on macOS); unset: no limit", default=None
    )
    carries: tuple[DataKind, ...] = doc(
        "kinds of data in what it gives, whatever it takes: of a database, say", default=()
    )
    removes: tuple[DataKind, ...] = doc("kinds of data that are not in what it gives any more", default=())
