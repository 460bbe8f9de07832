"""The quick half of the faults, however long each takes here; `make faults` plays all of them."""

from __future__ import annotations

import sys

import pytest

from ..support.forked import forked
from . import processes
from .table import Fault, faults

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what processes use is read from /proc")


@pytest.mark.parametrize("fault", [each for each in faults() if each.quick], ids=lambda each: each.name)
def test_a_promise_is_kept(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "start", forked)
    seen, _ = fault.played(busy=True)
    assert not seen.broken, f"{fault.promise}\n{fault.done}\nseen: {'; '.join(seen.notes)}"
