"""How often Python looks for garbage while requests are served."""

from __future__ import annotations

import gc

_YOUNG = 50_000
"""Objects that are made, and not dropped, before the youngest are looked through; Python says 700, and from
3.13 on 2,000."""

_OLDER = 20


def collect_from_now_on() -> None:
    """Leave what is there now out of every search to come, where a start had put collecting off."""
    gc.freeze()
    gc.enable()


def collect_rarely() -> None:
    """Leave what is there now out of every search to come, and search less often.

    Requests leave hardly any cycles: nearly everything goes when its last reference does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)
