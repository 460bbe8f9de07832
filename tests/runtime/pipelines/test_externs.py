"""Code of the user's: found, called off the loop, checked, and ended when it does not come back."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from inferc.compiler.plan import (
    BYTES,
    FLOAT,
    INT,
    JSON,
    TEXT,
    DType,
    Duration,
    Isolation,
    ListType,
    OptionalType,
    RecordType,
    TensorType,
    Type,
)
from inferc.runtime.requests.errors import Backpressure, ExternFailed, RequestTimeout, StartError
from inferc.runtime.serving.pipelines.threads import Threads

from ...support.externs import Externs, Write
from ...support.flows import value_of
from ...support.pipelines import Graph, extern
from ...support.remote import eventually

PROCESS, THREAD = {"isolation": Isolation.PROCESS}, {"isolation": Isolation.THREAD}


@pytest.mark.parametrize("limits", [PROCESS, THREAD])
async def test_a_function_is_called_with_its_arguments_by_name(
    limits: dict[str, Any], module: Write, externs: Externs
) -> None:
    name = module("def f(*, x):\n    return x + '!'\n")
    assert await value_of(await externs.calling(f"{name}:f", limits=limits), x="on") == "on!"


async def test_code_runs_in_a_process_of_its_own_and_on_a_thread_where_the_file_says_so(
    module: Write, externs: Externs
) -> None:
    name = module(
        "import os, threading\ndef f(x):\n    return f'{os.getpid()} {threading.current_thread().name}'\n"
    )
    apart = await value_of(await externs.calling(f"{name}:f"), x="x")
    beside = await value_of(await externs.calling(f"{name}:f", limits=THREAD), x="x")
    assert apart.endswith(" MainThread")
    assert not apart.startswith(f"{os.getpid()} ")
    assert beside == f"{os.getpid()} extern"


@pytest.mark.parametrize("limits", [PROCESS, THREAD])
async def test_calls_run_at_the_same_time(
    limits: dict[str, Any], module: Write, externs: Externs, tmp_path: Path
) -> None:
    name = module(
        "import pathlib, time\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "def f(x):\n"
        "    (here / x).touch()\n"
        "    while not all((here / each).exists() for each in 'ab'):\n"
        "        time.sleep(0.01)\n"
        "    return x\n"
    )
    graph = Graph()
    graph.extern("one", "f", x="x")
    graph.extern("two", "f", x="y")
    graph.text("all", ("", "", ""), "one", "two")
    plans = extern("f", f"{name}:f", limits=limits, x=TEXT), graph.pipeline("all", x=TEXT, y=TEXT)
    assert await value_of(await externs.pipeline(*plans), x="a", y="b") == "ab"


TOGETHER = """
import asyncio, pathlib
here = peak = 0
async def f(x):
    global here, peak
    here += 1
    peak = max(peak, here)
    try:
        pathlib.Path({seen!r} + x).touch()
        while peak < int(x):
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        pathlib.Path({seen!r}).touch()
        raise
    finally:
        here -= 1
    return x
"""


@pytest.mark.parametrize("limits", [PROCESS, THREAD])
async def test_coroutines_share_a_loop_and_are_cancelled(
    limits: dict[str, Any], module: Write, externs: Externs, tmp_path: Path
) -> None:
    seen = tmp_path / "cancelled"
    it = await externs.calling(f"{module(TOGETHER.format(seen=str(seen)))}:f", limits=limits)
    assert await asyncio.gather(*(value_of(it, x="20") for _ in range(20))) == ["20"] * 20
    waiting = asyncio.create_task(value_of(it, x="100"))
    await eventually(tmp_path.joinpath("cancelled100").exists)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await eventually(seen.exists)
    assert await value_of(it, x="3") == "3"
    assert externs.threads.abandoned == 0
    if limits is PROCESS:
        assert (externs.status().workers, externs.status().killed) == (1, 0)


@pytest.mark.parametrize(
    ("text", "function", "message"),
    [
        (None, "f", "there is no module `nowhere`: it was looked for in "),
        ("import nothing_like_this", "f", "its module needs `nothing_like_this`, which is not installed"),
        ("1 / 0", "f", "its module cannot be imported: ZeroDivisionError at extern_"),
        ("raise SystemExit(1)", "f", "its module cannot be imported: SystemExit"),
        ("def (", "f", "its module cannot be imported: SyntaxError"),
        ("def g(x): ...", "f", "has no function `f`"),
        ("f = 3", "f", "has no function `f`"),
        ("def f(y): ...", "f", r"it takes \(y\), but it is declared as f\(x\)"),
        ("def f(x, y): ...", "f", r"it takes \(x, y\), but it is declared as f\(x\)"),
    ],
)
@pytest.mark.parametrize("limits", [PROCESS, THREAD])
async def test_what_cannot_be_called_stops_the_start(
    limits: dict[str, Any], text: str | None, function: str, message: str, module: Write, externs: Externs
) -> None:
    name = "nowhere" if text is None else module(text)
    with pytest.raises(StartError, match=f"extern `f`: {name}:{function}: .*{message}"):
        await externs.calling(f"{name}:{function}", limits=limits)


ANNOTATED = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from numbers import Number
def f(x: Number): return x
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="a module with such annotations cannot be imported")
@pytest.mark.parametrize("limits", [PROCESS, THREAD])
async def test_what_annotations_name_need_not_be_there(
    limits: dict[str, Any], module: Write, externs: Externs
) -> None:
    name = module(ANNOTATED + "def g(x: Number, y): ...\n")
    assert await value_of(await externs.calling(f"{name}:f", limits=limits), x="a") == "a"
    with pytest.raises(StartError, match=r"it takes \(x: 'Number', y\), but it is declared as g\(x\)"):
        await externs.calling(f"{name}:g", limits=limits, name="g")


async def test_what_it_raises_is_named_with_its_line_and_without_what_it_says(
    module: Write, externs: Externs
) -> None:
    name = module("def f(x):\n    raise ValueError('secret ' + x)\n")
    with pytest.raises(ExternFailed) as caught:
        await value_of(await externs.calling(f"{name}:f", TEXT), x="contents")
    assert caught.value.message == (
        f"step `step` of pipeline `p` (test.infer:2:3): extern `f` ({name}:f) "
        f"raised ValueError at {name}.py:2; it took `x`, text of 8 characters"
    )
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("type", "gives", "message"),
    [
        (TEXT, "3", "expected text, found int"),
        (INT, "'3'", "expected int, found text of 1 character"),
        (INT, "True", "expected int, found true or false"),
        (FLOAT, "float('nan')", "expected a finite number, found float"),
        (TEXT, "None", "expected text, found nothing"),
        (TEXT, "{1}", "expected text, found a `set`"),
        (ListType(element=INT), "[1, 'x', 3]", r"`\[1\]`: expected int, found text of 1 character"),
        (ListType(element=INT), "'abc'", "expected a list, found text of 3 characters"),
        (RecordType(fields={"a": INT, "b": TEXT}), "{'a': 'x'}", "`a`: expected int, .*; `b`: it is missing"),
        (JSON, "{'a': {1, 2}}", "expected JSON, found a `set`"),
        (BYTES, "'text'", "expected bytes, found text of 4 characters"),
        (
            TensorType(dtype=DType.F32, shape=(2,)),
            "[1, 2, 3]",
            r"expected tensor<f32, \[2\]>, found float32\[3\]",
        ),
        (
            TensorType(dtype=DType.I64, shape=(None,)),
            "[1.5]",
            r"expected tensor<i64, \[\?\]>, found list of 1",
        ),
    ],
)
async def test_a_result_of_another_type_is_an_error_that_says_where(
    type: Type, gives: str, message: str, module: Write, externs: Externs
) -> None:
    name = module(f"def f(x):\n    return {gives}\n")
    with pytest.raises(ExternFailed, match=rf"extern `f` \({name}:f\) gave no .*: {message}"):
        await value_of(await externs.calling(f"{name}:f", type), x="x")


@pytest.mark.parametrize(
    ("type", "gives", "value"),
    [
        (FLOAT, "3", 3.0),
        (INT, "numpy.int64(3)", 3),
        (FLOAT, "numpy.float32(0.5)", 0.5),
        (OptionalType(inner=TEXT), "None", None),
        (ListType(element=TEXT), "('a', 'b')", ["a", "b"]),
        (
            RecordType(fields={"a": INT, "b": OptionalType(inner=TEXT)}),
            "{'a': 1, 'c': 2}",
            {"a": 1, "b": None},
        ),
        (JSON, "{'a': (1, None, [True])}", {"a": [1, None, [True]]}),
        (BYTES, "bytearray(b'x')", b"x"),
    ],
)
async def test_a_result_that_fits_is_taken(
    type: Type, gives: str, value: object, module: Write, externs: Externs
) -> None:
    name = module(f"import numpy\ndef f(x):\n    return {gives}\n")
    assert await value_of(await externs.calling(f"{name}:f", type), x="x") == value


async def test_tensors_come_out_as_arrays(module: Write, externs: Externs) -> None:
    name = module("def f(x):\n    return [[1, 2], [3, 4]]\n")
    value = await value_of(
        await externs.calling(f"{name}:f", TensorType(dtype=DType.F32, shape=(2, "n"))), x="x"
    )
    assert (value.dtype, value.tolist()) == ("float32", [[1, 2], [3, 4]])


async def test_a_failure_is_tried_again_where_the_step_says_so(module: Write, externs: Externs) -> None:
    name = module(
        "calls = []\ndef f(x):\n    calls.append(x)\n    if len(calls) < 3: raise OSError\n    return x\n"
    )
    assert await value_of(await externs.calling(f"{name}:f", retries=2), x="x") == "x"


@pytest.mark.parametrize("raised", ["StopIteration", "KeyboardInterrupt", "SystemExit(2)", "BaseException"])
@pytest.mark.parametrize("word", ["def", "async def"])
@pytest.mark.parametrize("limits", [PROCESS, THREAD])
async def test_whatever_is_raised_is_an_error_of_the_step(
    limits: dict[str, Any], word: str, raised: str, module: Write, externs: Externs
) -> None:
    name = module(f"{word} f(x):\n    if x == 'bad':\n        raise {raised}\n    return x\n")
    it = await externs.calling(f"{name}:f", limits=limits)
    with pytest.raises(ExternFailed, match=r"extern `f` \(.*:f\) raised \w+ at "):
        await value_of(it, x="bad")
    assert await value_of(it, x="good") == "good"


async def test_a_thread_that_hangs_is_given_up_and_counted_until_it_comes_back(
    module: Write, externs: Externs
) -> None:
    name = module("import threading\ngo = threading.Event()\ndef f(x):\n    go.wait(20)\n    return x\n")
    externs.threads = Threads(most=2)
    hasty, patient = Graph(), Graph()
    hasty.extern("step", "f", x="x", options={"timeout": Duration(0.05)})
    patient.extern("step", "f", x="x")
    it = await externs.pipelines(
        extern("f", f"{name}:f", limits=THREAD, x=TEXT),
        hasty.pipeline("step", name="hasty", x=TEXT),
        patient.pipeline("step", name="patient", x=TEXT),
    )
    for _ in range(2):
        with pytest.raises(RequestTimeout, match="it took longer than its timeout of 50ms"):
            await value_of(it["hasty"], x="x")
    assert externs.threads.abandoned == 2
    with pytest.raises(Backpressure, match="all 2 threads are held by calls that do not come back"):
        await value_of(it["hasty"], x="x")
    sys.modules[name].go.set()
    await eventually(lambda: externs.threads.abandoned == 0)
    assert await value_of(it["patient"], x="again") == "again"


async def test_the_declared_timeout_holds_where_a_call_has_none(module: Write, externs: Externs) -> None:
    name = module("import time\ndef f(x):\n    time.sleep(1000)\n")
    it = await externs.calling(f"{name}:f", limits={"timeout": Duration(0.3)})
    with pytest.raises(RequestTimeout, match="it took longer than its timeout of 300ms"):
        await value_of(it, x="x")
