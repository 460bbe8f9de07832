"""Whether rows that run together get what each gets alone. Nothing in a model says so: it is tried.

A first size need not be a batch: it may be time, along which a model sums or looks around. And a model that
quantises while it runs takes one scale from all rows.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Timer
from typing import Any, TypeVar

import numpy
from numpy.typing import NDArray

from .....compiler.plan import Signature
from ....requests.errors import RequestError
from ..cache_key import cache_key
from ..model import OnnxModel
from ..queue.runner import Stopper
from ..remembered import Remembered

Row = TypeVar("Row")
Outputs = Sequence[NDArray[Any]]
"""What a run gives: in each, one row for each that went in, or else it is not made of rows."""

MOST_ROWS = 32
"""Rows in the largest of the runs that are tried."""

TRIAL_SECONDS = 30.0
"""Longest time for a trial."""

_QUICK = 1.0
"""Seconds that a run may be expected to take if it is to be tried."""

_CLOSE, _COARSE = 1e-3, 2e-2

_alike = Remembered("shared_runs")
"""Models whose rows get the same alone and together."""

_RANDOM = (
    "the same row gets another result each time: the model draws random numbers, as one does that was "
    "exported as it is trained"
)

_TRIAL = 1
"""Another number with each change of what is tried, or of how rows are put together: all is tried anew."""


def reason_to_run_alone(
    candidates: Iterable[Sequence[Row]],
    run: Callable[[Sequence[Row], Stopper], Outputs],
    model: OnnxModel,
    stopper: Stopper,
    what: str,
) -> str | None:
    """Why each row needs a run of its own; None where rows that run together get what each gets alone.

    candidates: rows to try it with; the first are taken that the model can take. what: which rows of the
    model these are. Blocks, until `stopper` ends it. On a CPU, a model in whose runs all rows could be tried
    is not tried again.
    """
    key = _key(model, what) if model.device[0] == "cpu" else None
    if key is not None and _alike.has(key):
        return None

    def tried_all() -> None:
        if key is not None:
            _alike.add(key)

    with _brief(stopper) as trial:
        reason = _reason(candidates, lambda rows: run(rows, trial), model, tried_all)
        if trial.stopped and reason is not None:
            return f"whether they can share runs could not be found out within {TRIAL_SECONDS:g} s"
        return reason


def _key(model: OnnxModel, what: str) -> str:
    """The same where the same rows would be run in the same way."""
    import onnxruntime

    plan = model.plan
    most = plan.batching and plan.batching.max_size
    on = model.session.get_providers()  # a plan may ask for more than there is today
    parts = (what, most, plan.task, plan.signature, plan.warm_up, plan.session, on, _TRIAL)
    key = cache_key(plan, plan.providers, onnxruntime.__version__ + onnxruntime.get_build_info())
    return hashlib.sha256(f"{key}\0{parts!r}".encode()).hexdigest()[:32]


@contextmanager
def _brief(stopper: Stopper) -> Iterator[Stopper]:
    """What ends a trial: `stopper`, or that it takes too long: made-up rows may be too much for a model."""
    trial = Stopper()
    stopper.on_stop(trial.stop)
    timer = Timer(TRIAL_SECONDS, trial.stop)
    timer.daemon = True
    timer.start()
    try:
        yield trial
    finally:
        timer.cancel()


def _reason(
    candidates: Iterable[Sequence[Row]],
    run: Callable[[Sequence[Row]], Outputs],
    model: OnnxModel,
    tried_all: Callable[[], None],
) -> str | None:
    refused = "it is given nothing to try it with"
    for rows in candidates:
        try:
            run(rows[:1])
        except RequestError as error:
            refused = (
                "the model takes none of the inputs that it was tried with: name a shape that it takes in "
                f"`warm_up` ({error.message})"
            )
            continue
        try:
            if _same_in_company(rows, run, model.device[0], tried_all):
                return None
            once, again = run(rows[:1]), run(rows[:1])
        except RequestError as error:
            return f"several rows together make the model fail ({error.message})"
        is_random = not _all_same(once, again, model.device[0])
        return _RANDOM if is_random else _mixed(model.plan.signature)
    return refused


def _all_same(some: Outputs, others: Outputs, device: str) -> bool:
    return all(is_same(one, other, device) for one, other in zip(some, others, strict=True))


def _mixed(signature: Signature) -> str:
    unknown = "the first size of its inputs is no batch, or the model computes across it"
    return f"rows that run together change each other's results: {signature.one_scale or unknown}"


def _same_in_company(
    rows: Sequence[Row],
    run: Callable[[Sequence[Row]], Outputs],
    device: str,
    tried_all: Callable[[], None],
) -> bool:
    """Whether the first, a middle and the last of `rows` get the same alone and with different neighbours.

    tried_all: called where there was time for as many neighbours as there are. Raises RequestError.
    """
    watched = {0, len(rows) // 2, len(rows) - 1}
    alone = {index: run([rows[index]]) for index in sorted(watched)}
    for group in _groups(len(rows)):
        began = time.monotonic()
        together = run([rows[index] for index in group])
        if any(each.ndim == 0 or len(each) != len(group) for each in together):
            return False
        for at, index in enumerate(group):
            if index in watched and not all(
                is_same(one[:1], many[at : at + 1], device)
                for one, many in zip(alone[index], together, strict=True)
            ):
                return False
        seconds = (time.monotonic() - began) / len(group)
        if seconds * len(rows) > _QUICK and len(group) > 2:
            break
    else:
        tried_all()
    return True


def _groups(rows: int) -> Iterator[Sequence[int]]:
    """Which rows are tried together, small runs first: each in front of others and behind them."""
    last = rows - 1
    yield 0, last
    yield last, 0
    some = sorted({0, rows // 4, rows // 2, last})
    yield some
    yield some[::-1]
    yield range(rows)
    yield range(last, -1, -1)


def is_same(one: NDArray[Any], other: NDArray[Any], device: str = "cpu") -> bool:
    """Whether two results are equal but for rounding, which depends on the type of their numbers.

    On a GPU, numbers are rounded as coarsely as with 16 bits, whatever their type is.
    """
    if one.shape != other.shape:
        return False
    if not numpy.issubdtype(one.dtype, numpy.floating):
        return numpy.array_equal(one, other)
    part = _COARSE if device != "cpu" or one.dtype == numpy.float16 else _CLOSE
    a, b = one.astype(numpy.float64), other.astype(numpy.float64)
    same = (a == b) | (numpy.isnan(a) & numpy.isnan(b))
    if not (same | (numpy.isfinite(a) & numpy.isfinite(b))).all():
        return False
    span = numpy.abs(a[numpy.isfinite(a)]).max(initial=0.0)
    return bool((numpy.abs(a[~same] - b[~same]) <= part * span).all())
