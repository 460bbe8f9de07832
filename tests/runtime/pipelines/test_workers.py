"""What code of users and requests do to the processes that run them: it hits their own call, and no other."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from inferc.compiler.plan import BYTES, JSON, TEXT, DType, Duration, TensorType, Type
from inferc.dsl.units import Size
from inferc.runtime.requests.errors import ExternFailed, RequestTimeout, StartError, StepFailed
from inferc.runtime.requests.pipeline_call import PipelineCall
from inferc.runtime.serving.pipelines.builtins.table import making_image, splitting
from inferc.runtime.serving.pipelines.pipeline import Pipeline
from inferc.runtime.serving.pipelines.prompts import rendering
from inferc.runtime.serving.pipelines.workers import worker, workers as all_workers
from inferc.runtime.serving.pipelines.workers.wire import MAX_TREE, BadFrame, Unsendable, decode, encode
from inferc.runtime.serving.pipelines.workers.workers import Workers

from ...support.externs import Externs, Write
from ...support.flows import pipeline_of, value_of
from ...support.pipelines import Graph, extern
from ...support.remote import eventually, until

PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4

DOES = """
import ctypes, os, re, signal, sys, threading, time

def f(x):
    if x == "good":
        return x
    exec(x)
    return "done"

async def g(x):
    return f(x)
"""

HANGS = [
    "time.sleep(1000)",
    "while True: pass",
    "re.match('(a|a)*b', 'a' * 40)",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)",
]


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("sys.exit(3)", "raised SystemExit"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("os._exit(3)", "ended its process, with status 3: it may raise an error or return, never exit"),
        ("ctypes.string_at(0)", "was ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
        ("os.fork() and os._exit(1)", "ended its process, with status 1"),
        ("os.kill(os.getppid(), signal.SIGKILL); time.sleep(100)", "lost its process"),
        ("os.closerange(3, 200); time.sleep(100)", "closed the connection of its process"),
        (
            "[os.write(int(fd), b'x' * 999) for fd in os.listdir('/proc/self/fd')"
            " if os.path.exists(f'/proc/self/fd/{fd}') and 'socket' in os.readlink(f'/proc/self/fd/{fd}')]",
            "was ended: its process sent what is no answer",
        ),
        ("raise MemoryError", "needs more memory than it may have"),
        ("def deep(): deep()\ndeep()", "raised"),
    ],
)
@pytest.mark.parametrize("function", ["f", "g"])
async def test_what_breaks_a_process_is_an_error_of_its_call_and_of_no_other(
    function: str, does: str, message: str, module: Write, externs: Externs
) -> None:
    it = await externs.calling(f"{module(DOES)}:{function}")
    other = await externs.calling(f"{module(DOES)}:{function}", name="other")
    with pytest.raises(ExternFailed, match=rf"extern `f` \(.*\) {message}"):
        await value_of(it, x=does)
    assert await value_of(it, x="good") == "good"
    assert await value_of(other, x="good") == "good"


@pytest.mark.parametrize("does", HANGS)
@pytest.mark.parametrize("function", ["f", "g"])
async def test_a_call_is_ended_when_its_time_is_up(
    function: str, does: str, module: Write, externs: Externs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LEFT_GRACE", 0.1)  # it uses a core meanwhile
    hasty, patient = Graph(), Graph()
    hasty.extern("step", "f", x="x")
    patient.extern("step", "f", x="x", options={"timeout": Duration(60)})
    it = await externs.pipelines(
        extern("f", f"{module(DOES)}:{function}", limits={"timeout": Duration(0.3)}, x=TEXT),
        hasty.pipeline("step", name="hasty", x=TEXT),
        patient.pipeline("step", name="patient", x=TEXT),
    )
    with pytest.raises(RequestTimeout, match="it took longer than its timeout of 300ms"):
        await value_of(it["hasty"], x=does)
    await until(lambda: externs.status().killed == 1)
    assert await value_of(it["patient"], x="good") == "good"
    assert externs.status().running == 0


async def test_many_calls_that_hang_hold_up_no_other_extern(module: Write, externs: Externs) -> None:
    bad = await externs.calling(f"{module(DOES)}:f", limits={"timeout": Duration(2), "workers": 2})
    good = await externs.calling(f"{module(DOES)}:f", name="good")
    hanging = [asyncio.create_task(value_of(bad, x="time.sleep(1000)")) for _ in range(32)]
    await eventually(lambda: externs.status().running == 2 or all(task.done() for task in hanging))
    assert await value_of(good, x="good") == "good"
    outcomes = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(each) for each in outcomes} == {RequestTimeout}
    await eventually(lambda: externs.status().killed == 2)
    assert await value_of(bad, x="good") == "good"


async def test_a_client_that_leaves_ends_a_call_that_does_not_come_back(
    module: Write, externs: Externs
) -> None:
    it = await externs.calling(f"{module(DOES)}:f", limits={"workers": 1})
    task = asyncio.create_task(value_of(it, x="time.sleep(1000)"))
    await eventually(lambda: externs.status().running == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await value_of(it, x="good") == "good"
    assert externs.status().killed == 1


async def test_a_client_that_leaves_ends_no_call_that_is_nearly_done(
    module: Write, externs: Externs, tmp_path: Path
) -> None:
    it = await externs.calling(f"{module(DOES)}:f", limits={"workers": 1})
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    begins = f"open({str(begun)!r}, 'w').close()"
    waits = f"while not os.path.exists({str(go_on)!r}): time.sleep(0.01)"
    task = asyncio.create_task(value_of(it, x=f"{begins}\n{waits}"))
    await eventually(begun.exists)
    task.cancel()
    go_on.touch()
    assert await value_of(it, x="good") == "good"
    assert externs.status().killed == 0


async def test_what_a_process_has_started_ends_with_it(
    module: Write, externs: Externs, tmp_path: Path
) -> None:
    it = await externs.calling(f"{module(DOES)}:f")
    noted = tmp_path / "child"
    child = "import subprocess; p = subprocess.Popen(['sleep', '1000'])"
    note = f"open({str(noted)!r}, 'w').write(str(p.pid))"
    task = asyncio.create_task(value_of(it, x=f"{child}; {note}; time.sleep(1000)"))
    await eventually(lambda: noted.exists() and bool(noted.read_text()))
    task.cancel()
    await eventually(lambda: not _runs(int(noted.read_text())))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker that hangs outlives its executor")
async def test_processes_end_with_the_executor_however_it_ends(module: Write, tmp_path: Path) -> None:
    name = module(DOES)
    noted = tmp_path / "worker"
    program = f"""
import asyncio, pathlib, sys
from inferc.compiler.plan import TEXT
from tests.support.externs import Externs
from tests.support.flows import value_of
async def main():
    it = await Externs(pathlib.Path({str(tmp_path)!r})).calling("{name}:f")
    await value_of(it, x="open({str(noted)!r}, 'w').write(str(os.getpid())); time.sleep(1000)")
asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=environment)
    while not (noted.exists() and noted.read_text()):
        assert process.returncode is None
        await asyncio.sleep(0.02)
    process.kill()
    await process.wait()
    await eventually(lambda: not _runs(int(noted.read_text())))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("result", "gives", "message"),
    [
        (TEXT, "'x' * (100 << 20)", "it has 100 MiB of text; 16 at most"),
        (BYTES, "b'x' * (300 << 20)", "it has 300 MiB in 1 tensors and bytes"),
        (JSON, "[[2**63] * 1000] * 1000", "it has 19 MiB of texts and numbers; 16 at most"),
        (JSON, "2 ** 70", "Integer exceeds 64-bit range"),
        (TEXT, "chr(0xd800)", "surrogates not allowed"),
    ],
)
async def test_what_cannot_cross_is_an_error_that_says_why(
    result: Type, gives: str, message: str, module: Write, externs: Externs
) -> None:
    name = module(f"def f(x):\n    return {gives}\n")
    it = await externs.calling(f"{name}:f", result)
    with pytest.raises(ExternFailed, match=f"gave a value that cannot be passed on: .*{message}"):
        await value_of(it, x="x")
    assert externs.status().crashed == 0


async def test_memory_is_bounded_where_the_file_says_so(module: Write, externs: Externs) -> None:
    it = await externs.calling(f"{module(DOES)}:f", limits={"memory": Size(1 << 30)})
    with pytest.raises(ExternFailed, match="needs more memory than it may have"):
        await value_of(it, x="bytearray(2 << 30)")
    assert await value_of(it, x="good") == "good"


async def test_a_module_that_ends_its_process_stops_the_start(module: Write, externs: Externs) -> None:
    with pytest.raises(StartError, match=r"extern `f` \(.*\) ended its process, with status 3"):
        await externs.calling(f"{module('import os; os._exit(3)')}:f")


async def test_keys_of_deployments_are_not_in_the_environment(
    module: Write, externs: Externs, monkeypatch: pytest.MonkeyPatch
) -> None:
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_DUMPABLE, 1)
    monkeypatch.setenv("KEY_OF_A_DEPLOYMENT", "secret")
    monkeypatch.setenv("SOMETHING_ELSE", "shown")
    externs.workers = Workers({"KEY_OF_A_DEPLOYMENT"})
    name = module("import os\ndef f(x):\n    return os.environ.get(x, 'not there')\n")
    it = await externs.calling(f"{name}:f")
    assert await value_of(it, x="KEY_OF_A_DEPLOYMENT") == "not there"
    assert await value_of(it, x="SOMETHING_ELSE") == "shown"
    assert prctl(PR_GET_DUMPABLE) == 0, "the system shows them in what it tells of this process"


async def test_what_it_prints_is_no_answer(module: Write, externs: Externs, capfd: Any) -> None:
    it = await externs.calling(f"{module(DOES)}:f")
    assert await value_of(it, x="print('x' * 2_000_000); os.close(0)") == "done"
    printed = capfd.readouterr()
    assert (len(printed.out), len(printed.err)) == (0, 2_000_001)


async def test_tensors_and_bytes_cross_as_they_are(module: Write, externs: Externs) -> None:
    kind = TensorType(dtype=DType.F32, shape=(None, 384))
    name = module("def f(x):\n    assert x.dtype == 'float32'\n    x *= 2\n    return x\n")
    it = await externs.calling(f"{name}:f", kind, given=kind)
    given = numpy.random.default_rng(1).random((2000, 384), numpy.float32)
    result = (await it.run(PipelineCall({"x": given}))).value
    assert numpy.array_equal(result, given * 2)


# ---- how values cross


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": [1, 2.5, "é", True, None], "b": {}},
        b"bytes",
        [b"", b"x" * 100],
        numpy.arange(6, dtype=numpy.int16).reshape(2, 3),
        numpy.zeros((0, 3), numpy.float16),
        numpy.array([[True], [False]]),
        numpy.array(["a", "b"], numpy.object_),
        numpy.arange(12.0).reshape(3, 4).T,
    ],
    ids=str,
)
def test_a_value_is_the_same_on_the_other_side(value: object) -> None:
    got = _crossed(value)
    if isinstance(value, numpy.ndarray):
        assert (got.dtype, got.tolist()) == (value.dtype, value.tolist())
    else:
        assert got == value


def test_no_value_is_taken_for_a_buffer() -> None:
    value = {"x": {"mark": [0]}, "data": b"abc"}
    assert _crossed(value) == value


def test_what_is_no_frame_is_refused_and_runs_nothing() -> None:
    for tree in (b"{", b'{"m": [0]}', b'{"m": [0, "object", [1]]}', b'{"m": [0, "float32", [99]]}'):
        with pytest.raises(BadFrame):
            decode(tree, "m", [] if tree == b'{"m": [0]}' else [bytearray(4)])
    with pytest.raises(Unsendable):
        encode({"x": "a" * (MAX_TREE + 1)})


def _crossed(value: object) -> Any:
    head, *buffers = encode({"value": value})
    mark = bytes(head[8:24]).decode()
    tree = bytes(head[24 + 8 * len(buffers) :])
    return decode(tree, mark, [bytearray(each) for each in buffers])["value"]


# ---- functions of the language


@pytest.fixture
async def workers() -> Any:
    made = Workers()
    yield made
    await made.stop()


async def test_what_never_ends_is_ended(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_workers, "MAX_SECONDS", 0.3)
    await workers.built_in.start()
    sorting = "{% for i in range(9999) %}{% set y = (x|list|sort) %}{% endfor %}"
    render = workers.function("the prompt", rendering, sorting)
    with pytest.raises(StepFailed, match=r"the prompt takes too long: it may take 0\.3 s"):
        await render({"x": "http://a.b/<a" * 20_000})
    monkeypatch.setattr(all_workers, "MAX_SECONDS", 60.0)
    again = workers.function("the prompt", rendering, "{{ x }}!")
    assert await again({"x": "y"}) == "y!"


@pytest.mark.parametrize(
    ("path", "found"), [("$[?match(@, 'a*b')]", ["aab"]), ("$..[?search(@, 'a')]", ["aab"]), ("$[0]", "aab")]
)
async def test_paths_with_filters_are_followed_elsewhere(path: str, found: Any, workers: Workers) -> None:
    assert await value_of(_picking(path, workers), x=["aab"]) == found


async def test_an_expression_that_tries_for_ever_is_ended(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_workers, "MAX_SECONDS", 0.3)
    with pytest.raises(StepFailed, match=r"the path takes too long: it may take 0\.3 s"):
        await value_of(_picking("$[?match(@, '(a|a)*[bc]')]", workers), x=["a" * 2000])


def _picking(path: str, workers: Workers) -> Pipeline:
    graph = Graph()
    graph.constant("path", path)
    graph.builtin("r", "json_path", "x", "path")
    return pipeline_of(graph.pipeline("r", JSON, x=JSON), workers=workers)


async def test_the_loop_goes_on_while_a_long_text_is_split_and_a_large_value_is_read(
    workers: Workers,
) -> None:
    await workers.built_in.start()
    split = workers.function("`split_text`", splitting)
    pieces = await split({"positional": ["word " * 100_000, 5], "named": {}})
    assert len(pieces) == 100_000


async def test_an_image_is_made_elsewhere(workers: Workers) -> None:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (3, 2), (255, 0, 0)).save(out, "PNG")
    make = workers.function("the image", making_image)
    made = await make({"positional": [out.getvalue()], "named": {"width": 4, "height": 5}})
    assert (made.shape, float(made[0, 0, 0, 0])) == ((1, 3, 5, 4), 1.0)
    for wrong, message in (
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image that can be read"),
        (b"x", "no image that can be read"),
    ):
        with pytest.raises(StepFailed, match=message):
            await make({"positional": [wrong], "named": {}})
    with pytest.raises(StepFailed, match="16,000,000 pixels at most"):
        await make({"positional": [out.getvalue()], "named": {"width": 8000, "height": 8000}})
