"""Runs at the same time: one of them is made by a thread of ONNX Runtime's pool, with the same outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import pytest

from inferc.compiler.plan import SessionOptions
from inferc.runtime.replicas.onnx.model import OnnxModel, run_options
from inferc.runtime.replicas.onnx.queue.runner import Stopper
from inferc.runtime.replicas.onnx.sessions import side_by_side
from inferc.runtime.replicas.onnx.sessions.side_by_side import SideBySide

from .plans import onnx_plan
from .toys import endless_for, scorer

ENDLESS_TOKEN = 7
PATIENCE = 60.0


class Session:
    """A real one, which says who made its runs: `by_caller` and `by_pool` of them."""

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.real: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.by_caller = self.by_pool = 0
        self.get_session_options = self.real.get_session_options

    def run(self, *arguments: Any) -> Any:
        self.by_caller += 1
        return self.real.run(*arguments)

    def run_async(self, *arguments: Any) -> None:
        self.by_pool += 1
        self.real.run_async(*arguments)


def feed(*tokens: int) -> dict[str, Any]:
    ids = numpy.array([tokens], numpy.int64)
    return {"input_ids": ids, "attention_mask": numpy.ones_like(ids)}


class Busy:
    """`runs` of a model, of which one that never ends is under way until `end`."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self.session = Session(path, threads)
        self.runs = SideBySide(self.session)  # type: ignore[arg-type]
        self._callers = ThreadPoolExecutor(3)
        self.stopper = Stopper()
        self.endless = self.start(feed(ENDLESS_TOKEN), self.stopper)
        while not self.session.by_caller:
            time.sleep(0.001)

    def start(self, inputs: dict[str, Any], stopper: Stopper) -> Future[Any]:
        return self._callers.submit(self.runs.run, ["logits"], inputs, run_options(stopper))

    def run(self, inputs: dict[str, Any]) -> Any:
        return self.start(inputs, Stopper()).result(PATIENCE)[0]

    def end(self) -> None:
        self.stopper.stop()
        self._callers.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A score for each text of tokens below 100. It never gets done with the endless one."""
    folder = tmp_path_factory.mktemp("scorer")
    plain = scorer(folder / "plain.onnx", 3, vocabulary=100)
    return endless_for(folder / "m.onnx", plain, "input_ids", ENDLESS_TOKEN, "logits")


@pytest.fixture
def busy(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    monkeypatch.setattr(side_by_side, "LONG", -1.0)  # whatever a run takes is long
    made = Busy(model)
    yield made
    made.end()


def test_a_run_alone_has_all_cores(model: Path) -> None:
    session = Session(model, 2)
    runs = SideBySide(session)  # type: ignore[arg-type]
    for _ in range(3):
        runs.run(["logits"], feed(1, 2), run_options())
    assert (session.by_caller, session.by_pool) == (3, 0)


def test_beside_another_run_the_pool_makes_one_with_the_same_outcome(busy: Busy) -> None:
    alone = busy.session.real.run(["logits"], feed(1, 2, 3))[0]
    assert numpy.array_equal(busy.run(feed(1, 2, 3)), alone)
    assert busy.session.by_pool == 1


def test_only_one_at_a_time_is_made_by_the_pool(busy: Busy) -> None:
    stopper = Stopper()
    second = busy.start(feed(ENDLESS_TOKEN), stopper)
    while not busy.session.by_pool:
        time.sleep(0.001)
    alone = busy.session.real.run(["logits"], feed(4))[0]
    assert numpy.array_equal(busy.run(feed(4)), alone)
    assert busy.session.by_pool == 1
    stopper.stop()
    with pytest.raises(Exception, match="terminate flag"):
        second.result(PATIENCE)


def test_what_fails_there_raises_what_it_raises_alone(busy: Busy) -> None:
    with pytest.raises(Exception, match="out of data bounds") as alone:
        busy.session.real.run(["logits"], feed(1000))
    with pytest.raises(type(alone.value)) as beside:
        busy.run(feed(1000))
    assert str(beside.value) == str(alone.value)
    assert busy.session.by_pool == 1
    assert busy.run(feed(1)).shape == (1, 3)


def test_short_runs_stay_with_their_callers(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "LONG", 1e9)
    busy = Busy(model)
    busy.run(feed(1))
    busy.end()
    assert busy.session.by_pool == 0


def test_on_one_core_there_is_no_pool(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "LONG", -1.0)
    busy = Busy(model, threads=1)
    busy.run(feed(1))
    busy.end()
    assert busy.session.by_pool == 0


@pytest.mark.parametrize(
    ("options", "is_on_cpu", "shares"),
    [
        (SessionOptions(), True, True),
        (SessionOptions(), False, False),
        (SessionOptions(intra_op_threads=2), True, False),
        (SessionOptions(inter_op_threads=2), True, False),
    ],
)
def test_only_runs_that_take_all_cores_are_made_so(
    options: SessionOptions, is_on_cpu: bool, shares: bool, model: Path
) -> None:
    session: Any = Session(model, 2)
    runs = SideBySide(session)
    plan = onnx_plan(session=options)
    with ThreadPoolExecutor(1) as threads:
        served = OnnxModel(
            plan, session, threads, 2, 2, model.parent, ("cpu", 0), "deployment `x`",
            is_on_cpu=is_on_cpu, side_by_side=runs,
        )  # fmt: skip
    assert served.long_run == (runs.run if shares else session.run)
