"""Models that never get done: they do not start, their requests end in time, and nothing is left behind."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy
import pytest
from tokenizers import Tokenizer

from inferc.compiler.plan import (
    Activation,
    Batching,
    ClassifySpec,
    GenerateSpec,
    Pooling,
    RerankSpec,
    TaskKind,
    TaskSpec,
)
from inferc.runtime.concurrency.virtual_time import run_virtual
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.replicas.onnx.loading import isolated_load
from inferc.runtime.replicas.onnx.loading.time_limit import limited
from inferc.runtime.replicas.onnx.remembered import Remembered
from inferc.runtime.replicas.onnx.runs import batching_trial
from inferc.runtime.requests.errors import RequestTimeout, StartError
from inferc.runtime.requests.request import (
    ClassifyRequest,
    CompletionRequest,
    EmbedRequest,
    Request,
    RerankRequest,
    TensorRequest,
)
from inferc.runtime.requests.tensor import Tensor

from ...support.forked import PATIENCE, forked
from .plans import MODELS, PLACEMENT, embed_spec, file_ref, onnx_plan, running
from .toys import ENDLESS, byte_tokenizer, causal_lm, endless_for, looping, scorer, tensor_plan

TOKENIZER = MODELS / "tokenizer.json"

Case = tuple[Path, TaskSpec, Sequence[Request]]
"""A model, its task, a request that it answers, and one that it never gets done with."""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(isolated_load, "_worked", Remembered("loaded"))


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


# ---- the start


@pytest.mark.parametrize(("trusted", "limit"), [(True, "100ms"), (False, "1s")])
async def test_a_model_that_never_gets_done_is_an_error_and_its_threads_end(
    trusted: bool, limit: str, tmp_path: Path
) -> None:
    plan = tensor_plan(looping(tmp_path / "m.onnx", ENDLESS))
    replica = OnnxReplica(plan, PLACEMENT, Path(), trusted=trusted, time_limit=0.1 if trusted else 1)
    with pytest.raises(StartError, match=rf"deployment `toy`: .*m\.onnx.* takes more than {limit}"):
        await replica.start()
    await replica.stop()


async def test_a_model_with_a_loop_that_ends_is_served(tmp_path: Path) -> None:
    async with running(tensor_plan(looping(tmp_path / "m.onnx", 3))) as replica:
        assert replica.status().ready


@linux
async def test_a_start_that_is_broken_off_leaves_no_process(tmp_path: Path) -> None:
    replica = OnnxReplica(
        tensor_plan(looping(tmp_path / "m.onnx", ENDLESS)), PLACEMENT, Path(), trusted=False
    )
    others = _running()
    starting = asyncio.create_task(replica.start())
    [child] = await asyncio.to_thread(_children, others=others)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await replica.stop()
    assert _is_gone(child)


def test_a_part_of_a_start_is_told_while_it_goes_on_and_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with limited("loading m", 60):
            await asyncio.sleep(100)

    with (
        caplog.at_level(logging.INFO, "inferc"),
        pytest.raises(StartError, match="loading m takes more than 1m"),
    ):
        run_virtual(work())
    assert [record.getMessage() for record in caplog.records] == [
        f"loading m: {seconds} s so far, 1m at most" for seconds in (2, 10, 40)
    ]


def test_a_time_limit_that_is_kept_says_nothing_and_lets_errors_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        async with limited("loading m", 60):
            await asyncio.sleep(1)
            raise TimeoutError("of something else")

    with caplog.at_level(logging.INFO, "inferc"), pytest.raises(TimeoutError, match="something else"):
        run_virtual(work())
    assert not caplog.records


# ---- as processes


def _running(of: int | str = "self") -> set[int]:
    """The processes that a process has started and that run."""
    found: set[int] = set()
    for task in Path(f"/proc/{of}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
            found |= set(map(int, (task / "children").read_text().split()))
    return found


def _children(of: int | str = "self", others: Set[int] = frozenset()) -> set[int]:
    """What a process has started beside others, once there is something."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := _running(of) - others:
            return found
        time.sleep(0.02)
    pytest.fail("no process was started")


def _is_gone(pid: int) -> bool:
    """Whether a process ends within the patience of a test."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def _run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`inferc run` of a model that never gets done."""
    looping(folder / "m.onnx", ENDLESS)
    (folder / "m.infer").write_text('deployment m { model = "m.onnx" }\n')
    return forked("run", "m.infer", "--port", "0", *arguments, cwd=folder, stderr=subprocess.PIPE, text=True)


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_process_of_a_first_load_ends_with_the_one_that_started_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = _run(tmp_path)
    children = _children(process.pid)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    assert all(map(_is_gone, children))


@pytest.mark.parametrize(("limit", "trust"), [("1s", ()), ("100ms", ("--trust-models",))])
def test_a_server_says_which_model_never_gets_done(
    limit: str, trust: tuple[str, ...], tmp_path: Path
) -> None:
    process = _run(tmp_path, "--load-timeout", limit, *trust)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "m.onnx" in said
    assert f"takes more than {limit}" in said
    assert "Traceback" not in said


def test_a_time_without_a_unit_is_refused(tmp_path: Path) -> None:
    process = _run(tmp_path, "--load-timeout", "soon")
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "`soon` is no time: write one like `90s`" in said


def test_a_process_ends_while_a_thread_of_its_own_works_on() -> None:
    script = """
import asyncio, time
from inferc.runtime.concurrency.native_work import end_process, in_own_thread

async def main():
    assert await in_own_thread(lambda: 5) == 5
    await asyncio.wait_for(in_own_thread(lambda: time.sleep(1000)), 0.1)

try:
    asyncio.run(main())
except TimeoutError:
    raise SystemExit(end_process(3))
"""
    ended = subprocess.run([sys.executable, "-c", script], timeout=PATIENCE, check=False)
    assert ended.returncode == 3


# ---- requests


TEXTS = ("a horse", "a zebra")
"""The second one is never done."""


def _tensors(value: int) -> TensorRequest:
    values = numpy.array([[value]], numpy.int64)
    return TensorRequest(tuple(Tensor(name, "INT64", values) for name in ("input_ids", "attention_mask")))


def _reader(folder: Path, word: str) -> Path:
    """A model that gives a number for each text, and never gets done with one that holds `word`."""
    made: Any = Tokenizer.from_file(str(TOKENIZER))
    model = scorer(folder / "plain.onnx", 1)
    return endless_for(folder / "m.onnx", model, "input_ids", made.token_to_id(word), "logits")


def _embed(folder: Path) -> Case:
    spec = embed_spec(pooling=Pooling.NONE, normalize=False)
    return _reader(folder, "zebra"), spec, [EmbedRequest((text,)) for text in TEXTS]


def _rerank(folder: Path) -> Case:
    spec = RerankSpec(tokenizer=file_ref(TOKENIZER))
    return _reader(folder, "zebra"), spec, [RerankRequest("what", (text,)) for text in TEXTS]


def _classify(folder: Path) -> Case:
    spec = ClassifySpec(tokenizer=file_ref(TOKENIZER), activation=Activation.SIGMOID)
    return _reader(folder, "zebra"), spec, [ClassifyRequest((text,)) for text in TEXTS]


def _tensor(folder: Path) -> Case:
    model = endless_for(folder / "m.onnx", scorer(folder / "plain.onnx", 1), "input_ids", 7, "logits")
    return model, TaskSpec(kind=TaskKind.TENSOR), [_tensors(1), _tensors(7)]


def _generate(folder: Path) -> Case:
    tokenizer = byte_tokenizer(folder / "tokenizer.json")
    made: Any = Tokenizer.from_file(str(tokenizer))
    model = endless_for(
        folder / "m.onnx", causal_lm(folder / "plain.onnx"), "input_ids", made.token_to_id("Z"), "logits"
    )
    spec = GenerateSpec(tokenizer=file_ref(tokenizer), temperature=0.0, max_new_tokens=1)
    return model, spec, [CompletionRequest({"model": "m", "prompt": text}, stream=False) for text in "aZ"]


@pytest.mark.parametrize("batching", [None, Batching(max_size=4)], ids=["alone", "batched"])
@pytest.mark.parametrize("case", [_tensor, _embed, _rerank, _classify, _generate])
async def test_a_run_that_never_ends_is_stopped_at_the_deadline(
    case: Callable[[Path], Case],
    batching: Batching | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching_trial, "TRIAL_SECONDS", 0.5)  # made-up rows may hold the value, too
    model, task, (good, bad) = case(tmp_path)
    async with running(onnx_plan(model=model, task=task, batching=batching)) as replica:
        await replica.answer(good, None)
        with pytest.raises(RequestTimeout):
            await replica.answer(bad, asyncio.get_running_loop().time() + 0.1)
        await replica.answer(good, None)
