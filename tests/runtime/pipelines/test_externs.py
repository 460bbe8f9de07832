"""Code of the user's: found, called off the loop, checked, and given up when it does not come back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inferc.compiler.plan import (
    BYTES,
    FLOAT,
    INT,
    JSON,
    TEXT,
    DType,
    Duration,
    ListType,
    OptionalType,
    RecordType,
    TensorType,
    Type,
)
from inferc.runtime.requests.errors import Backpressure, ExternFailed, RequestTimeout, StartError
from inferc.runtime.serving.pipelines import Workers
from inferc.runtime.serving.pipelines.pipeline import Pipeline

from ...support.flows import pipeline_of, value_of
from ...support.pipelines import Graph, extern
from ...support.remote import eventually

Write = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a module beside the plan; gives its name."""
    names = []
    monkeypatch.setattr("sys.path", __import__("sys").path.copy())

    def write(text: str) -> str:
        name = f"extern_{tmp_path.name.replace('-', '_')}_{len(names)}"
        names.append(name)
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return write


def calling(
    target: str,
    result: Type,
    base: Path,
    *,
    workers: Workers | None = None,
    given: Type = TEXT,
    **options: object,
) -> Pipeline:
    """A pipeline of one step, which calls the function with `x`."""
    graph = Graph()
    graph.extern("step", "f", x="x", options=options)
    return pipeline_of(
        extern("f", target, result, x=given),
        graph.pipeline("step", result, x=given),
        base_dir=base,
        workers=workers,
    )


async def test_a_function_is_called_with_its_arguments_by_name_off_the_loop(
    module: Write, tmp_path: Path
) -> None:
    name = module("import threading\ndef f(*, x):\n    return x + threading.current_thread().name\n")
    assert await value_of(calling(f"{name}:f", TEXT, tmp_path), x="on ") == "on extern"
    assert threading.current_thread() is threading.main_thread()


async def test_calls_run_at_the_same_time(module: Write, tmp_path: Path) -> None:
    name = module(
        "import threading\nboth = threading.Barrier(2)\ndef f(x):\n    both.wait(10)\n    return x\n"
    )
    graph = Graph()
    graph.extern("a", "f", x="x")
    graph.extern("b", "f", x="x")
    graph.text("all", ("", "", ""), "a", "b")
    it = pipeline_of(extern("f", f"{name}:f", x=TEXT), graph.pipeline("all", x=TEXT), base_dir=tmp_path)
    assert await value_of(it, x="y") == "yy"


async def test_coroutines_run_on_a_loop_of_their_own_and_are_cancelled(module: Write, tmp_path: Path) -> None:
    name = module(
        "import asyncio\nseen = []\nasync def f(x):\n    try:\n        await asyncio.sleep(float(x))\n"
        "    except asyncio.CancelledError:\n        seen.append('cancelled')\n        raise\n    return x\n"
    )
    workers = Workers()
    it = calling(f"{name}:f", TEXT, tmp_path, workers=workers, timeout=Duration(0.3))
    assert await value_of(it, x="0.01") == "0.01"
    with pytest.raises(RequestTimeout):
        await value_of(it, x="100")
    seen = __import__(name).seen
    await eventually(lambda: seen == ["cancelled"])
    assert workers.abandoned == 0
    workers.stop()


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
def test_what_cannot_be_called_stops_the_start(
    text: str | None, function: str, message: str, module: Write, tmp_path: Path
) -> None:
    name = "nowhere" if text is None else module(text)
    with pytest.raises(StartError, match=f"extern `f`: {name}:{function}: .*{message}"):
        calling(f"{name}:{function}", TEXT, tmp_path)


async def test_what_it_raises_is_named_with_its_line_and_without_what_it_says(
    module: Write, tmp_path: Path
) -> None:
    name = module("def f(x):\n    raise ValueError('secret ' + x)\n")
    with pytest.raises(ExternFailed) as caught:
        await value_of(calling(f"{name}:f", TEXT, tmp_path), x="contents")
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
    type: Type, gives: str, message: str, module: Write, tmp_path: Path
) -> None:
    name = module(f"def f(x):\n    return {gives}\n")
    with pytest.raises(ExternFailed, match=rf"extern `f` \({name}:f\) gave no .*: {message}"):
        await value_of(calling(f"{name}:f", type, tmp_path), x="x")


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
    type: Type, gives: str, value: object, module: Write, tmp_path: Path
) -> None:
    name = module(f"import numpy\ndef f(x):\n    return {gives}\n")
    assert await value_of(calling(f"{name}:f", type, tmp_path), x="x") == value


async def test_tensors_come_out_as_arrays(module: Write, tmp_path: Path) -> None:
    name = module("def f(x):\n    return [[1, 2], [3, 4]]\n")
    value = await value_of(calling(f"{name}:f", TensorType(dtype=DType.F32, shape=(2, "n")), tmp_path), x="x")
    assert (value.dtype, value.tolist()) == ("float32", [[1, 2], [3, 4]])


async def test_a_call_that_hangs_is_given_up_and_counted_until_it_comes_back(
    module: Write, tmp_path: Path
) -> None:
    name = module("import threading\ngo = threading.Event()\ndef f(x):\n    go.wait(20)\n    return x\n")
    workers = Workers(most=2)
    it = calling(f"{name}:f", TEXT, tmp_path, workers=workers, timeout=Duration(0.05))
    before = time.perf_counter()
    for _ in range(2):
        with pytest.raises(RequestTimeout, match="it took longer than its timeout of 50ms"):
            await value_of(it, x="x")
    assert time.perf_counter() - before < 5
    assert workers.abandoned == 2
    with pytest.raises(Backpressure, match="all 2 threads are held by calls that do not come back"):
        await value_of(it, x="x")
    __import__(name).go.set()
    await eventually(lambda: workers.abandoned == 0)
    assert await value_of(it, x="again") == "again"
    workers.stop()


async def test_a_client_that_leaves_waits_for_no_thread(module: Write, tmp_path: Path) -> None:
    name = module("import threading\ngo = threading.Event()\ndef f(x):\n    go.wait(20)\n    return x\n")
    workers = Workers()
    task = asyncio.create_task(value_of(calling(f"{name}:f", TEXT, tmp_path, workers=workers), x="x"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    __import__(name).go.set()
    await eventually(lambda: workers.abandoned == 0)


async def test_a_failure_is_tried_again_where_the_step_says_so(module: Write, tmp_path: Path) -> None:
    name = module(
        "calls = []\ndef f(x):\n    calls.append(x)\n    if len(calls) < 3: raise OSError\n    return x\n"
    )
    assert await value_of(calling(f"{name}:f", TEXT, tmp_path, retries=2), x="x") == "x"


@pytest.mark.parametrize("raised", ["StopIteration", "KeyboardInterrupt", "SystemExit(2)", "BaseException"])
async def test_whatever_is_raised_is_an_error_of_the_step(raised: str, module: Write, tmp_path: Path) -> None:
    name = module(f"def f(x):\n    raise {raised}\n")
    with pytest.raises(ExternFailed):
        await value_of(calling(f"{name}:f", TEXT, tmp_path), x="x")
