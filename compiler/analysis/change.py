"""One thing that a change of a file means for requests, and how grave it is."""

from __future__ import annotations

from enum import StrEnum

from ...dsl.record import frozen


class Severity(StrEnum):
    """breaking: what worked may fail. risk: it works, and costs more or is less safe. info: all else."""

    BREAKING = "breaking"
    RISK = "risk"
    INFO = "info"


@frozen
class Change:
    """severity; about: the name, key or part; what: one sentence. why: how it comes to be, in lines."""

    severity: Severity
    about: str
    what: str
    why: tuple[str, ...] = ()
