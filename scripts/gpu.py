"""Run what only a GPU shows, through plans as users write them, and print what was seen.

    make gpu
    scripts/gpu.py --only graphs memory
    scripts/gpu.py --rehearse        # the same on the CPU, to see that the checks themselves run

Without a GPU it says why nothing is run, and ends with 0; with one, it ends with 1 when something is not as
documented. It needs the sample models (`make models`), and nothing from the network.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy
from attrs import frozen

from inferc.compiler.compile import check_file, compile_checked
from inferc.runtime.executor import Executor
from inferc.runtime.requests.answer import EmbedChunk, TensorChunk
from inferc.runtime.requests.call import Call
from inferc.runtime.requests.errors import StartError
from inferc.runtime.requests.request import EmbedRequest, TensorRequest
from inferc.runtime.requests.tensor import Tensor
from inferc.runtime.requests.trace import Trace

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "samples" / "models"
SIDE = 320
"""Pixels of the pictures that the detector of text looks at."""


class Skipped(Exception):
    """A check that cannot be made here; the message says why."""


class Broken(Exception):
    """What was seen is not what is documented."""


@frozen
class Machine:
    """provider: what models run on. folder: for files that a check makes. times: how often is measured."""

    provider: str
    folder: Path
    times: int

    def file(self, model: str, task: str = "task = tensor", runtime: str = "", provider: str = "") -> str:
        """A deployment `m`."""
        said = (
            f"runtime ort {{ outside_project = true, providers = [{provider or self.provider}]\n{runtime} }}"
        )
        return f'deployment m {{\n  model = "{model}"\n  {said}\n  {task}\n}}\n'

    @property
    def on_gpu(self) -> bool:
        return self.provider == "cuda"


# ---- what is checked: each gives a sentence with its figures


async def providers(machine: Machine) -> str:
    """The model really runs on the GPU, and gives what the CPU gives."""
    picture = pictures(1)
    async with serving(machine, machine.file("ocr.detect.onnx")) as gpu:
        on = runs_on(gpu)
        if on[0] != machine.provider:
            raise Broken(f"asked for {machine.provider}, runs on {', '.join(on)}")
        fast, took = await timed(gpu, picture, machine.times)
    async with serving(machine, machine.file("ocr.detect.onnx", provider="cpu")) as cpu:
        slow, waited = await timed(cpu, picture, max(machine.times // 10, 3))
    differ = far_apart(fast, slow)
    if differ > 0.02:
        raise Broken(f"the numbers of the two differ by {differ:.3f}")
    figures = f"{took * 1e3:.2f} ms in place of {waited * 1e3:.2f}, numbers differ by {differ:.4f}"
    return f"on {', '.join(on)}: {figures}"


async def batching(machine: Machine) -> str:
    """Requests that share runs are answered the same, and more of them in a second."""
    rates = []
    for runtime in ("", "batching { max_size = 16, max_delay = 2ms }"):
        async with serving(machine, machine.file("ocr.read.onnx", runtime=runtime)) as executor:
            line = numpy.random.default_rng(1).normal(0, 1, (1, 3, 48, 160)).astype(numpy.float32)
            alone = await infer(executor, line)
            began = time.perf_counter()
            count = machine.times * 4
            together = await asyncio.gather(*(infer(executor, line) for _ in range(count)))
            rates.append(count / (time.perf_counter() - began))
            if any(far_apart(alone, each) > 0.02 for each in together):
                raise Broken("an answer depends on what shared its run")
    return f"{rates[1]:.0f} lines a second in place of {rates[0]:.0f}: {rates[1] / rates[0]:.1f} times"


async def embeddings(machine: Machine) -> str:
    """Texts become the same vectors; what CUDA has no kernel for runs on the CPU in between."""
    texts = tuple(f"sentence {number} about a lamp" for number in range(32 if machine.on_gpu else 4))
    task = 'task embed { tokenizer = "tokenizer.json" }'
    found, took = [], []
    for provider in (machine.provider, "cpu"):
        async with serving(machine, machine.file("minilm.onnx", task, provider=provider)) as executor:
            await embed(executor, texts)
            began = time.perf_counter()
            found.append(await embed(executor, texts))
            took.append(time.perf_counter() - began)
    least = float((found[0] * found[1]).sum(axis=1).min())
    if least < 0.99:
        raise Broken(f"a vector is turned: the cosine with that of the CPU is {least:.4f}")
    spent = f"{took[0] * 1e3:.1f} ms, {took[1] * 1e3:.1f} on the CPU"
    return f"{len(texts)} texts in {spent}; least cosine {least:.5f}"


async def graphs(machine: Machine) -> str:
    """CUDA graphs, in memory that is bound once: the same numbers, in less time."""
    if not machine.on_gpu:
        raise Skipped("only CUDA records graphs")
    warm = f"warm_up {{ x = [[1, 3, {SIDE}, {SIDE}]] }}"
    results = {}
    for name, runtime in (("plain", warm), ("graph", f"cuda {{ enable_cuda_graph = true }}\n{warm}")):
        async with serving(machine, machine.file("ocr.detect.onnx", runtime=runtime)) as executor:
            if warned := executor.deployments["m"].status()[0].warnings:
                raise Broken("; ".join(warned))
            results[name] = await timed(executor, pictures(1), machine.times)
            other = await infer(executor, pictures(1, seed=9))
            again = await infer(executor, pictures(1))
            if far_apart(again, results[name][0]) > 0.001 or far_apart(other, again) < 0.001:
                raise Broken("a graph gives what it gave before")
    differ = far_apart(results["plain"][0], results["graph"][0])
    if differ > 0.001:
        raise Broken(f"the numbers differ by {differ:.3f}")
    return f"{results['graph'][1] * 1e3:.2f} ms in place of {results['plain'][1] * 1e3:.2f}"


async def halves(machine: Machine) -> str:
    """A model of 16-bit floats gives nearly what that of 32 gives, and takes less time."""
    widths, took, values = (1024, 4096, 4096, 1024), [], []
    x = numpy.random.default_rng(2).normal(0, 1, (64, widths[0])).astype(numpy.float32)
    for kind in ("f32", "f16"):
        path = machine.folder / f"{kind}.onnx"
        save_layers(path, widths, kind)
        async with serving(machine, machine.file(str(path))) as executor:
            given = x.astype(numpy.float16 if kind == "f16" else numpy.float32)
            found, seconds = await timed(executor, given, machine.times)
            took.append(seconds)
            values.append(found.astype(numpy.float32))
    differ = far_apart(values[0], values[1])
    if differ > 0.02:
        raise Broken(f"the numbers differ by {differ:.3f}")
    return f"{took[1] * 1e3:.2f} ms in place of {took[0] * 1e3:.2f}, numbers differ by {differ:.4f}"


async def writing(machine: Machine) -> str:
    """`generate` keeps its keys and values on the GPU, and writes what it writes on the CPU."""
    try:
        sys.path.insert(0, str(ROOT))
        from tests.runtime.onnx.toys import causal_lm
    except ImportError as error:
        raise Skipped(f"the model is made with `onnx`: {error}") from None
    path = causal_lm(machine.folder / "writer.onnx", vocabulary=31_000)
    said = []
    for provider in (machine.provider, "cpu"):
        task = 'task generate { tokenizer = "tokenizer.json", max_new_tokens = 16, temperature = 0 }'
        text = machine.file(str(path), task, provider=provider)
        text += "pipeline p(x: text) -> text { return m(x) }\n"
        async with serving(machine, text) as executor:
            pipeline = executor.pipelines["p"]
            said.append((await pipeline.run(pipeline.read({"x": "good morning"}))).value)
    if said[0] != said[1]:
        raise Broken(f"on the CPU it writes {said[1]!r}, here {said[0]!r}")
    return f"{len(said[0])} characters, the same as on the CPU"


async def tensorrt(machine: Machine) -> str:
    """TensorRT builds an engine, keeps it, and gives what CUDA gives."""
    if not machine.on_gpu:
        raise Skipped("TensorRT needs a GPU")
    shapes = f"x:1x3x{SIDE}x{SIDE}"
    cache = f'trt_engine_cache_enable = true, trt_engine_cache_path = "{machine.folder}/engines"'
    said = ", ".join(f'trt_profile_{each}_shapes = "{shapes}"' for each in ("min", "opt", "max"))
    runtime = f"tensorrt {{ trt_fp16_enable = true, {cache}, {said} }}"
    text = machine.file("ocr.detect.onnx", runtime=runtime, provider="tensorrt, cuda")
    starts = []
    try:
        for _ in range(2):
            began = time.perf_counter()
            async with serving(machine, text) as executor:
                starts.append(time.perf_counter() - began)
                found, took = await timed(executor, pictures(1), machine.times)
    except StartError as error:
        raise Skipped(str(error)) from None
    async with serving(machine, machine.file("ocr.detect.onnx")) as executor:
        plain, usual = await timed(executor, pictures(1), machine.times)
    differ = far_apart(found, plain)
    if differ > 0.1:
        raise Broken(f"the numbers differ by {differ:.3f}")
    return (
        f"{took * 1e3:.2f} ms in place of {usual * 1e3:.2f} with CUDA; starts in {starts[0]:.0f} s, with its "
        f"engine kept in {starts[1]:.0f}"
    )


async def memory(machine: Machine) -> str:
    """`unload` gives back what a model has taken; after many runs it takes no more than before."""
    if not machine.on_gpu:
        raise Skipped("only a GPU says how much of it is taken")
    async with serving(machine, machine.file("ocr.detect.onnx")) as executor:
        await infer(executor, pictures(4))
        loaded = used()
        for _ in range(machine.times):
            await infer(executor, pictures(4))
        later = used()
        await executor.deployments["m"].unload()
        await asyncio.sleep(1)
        left = used()
    if later > loaded + 64:
        raise Broken(f"it grew from {loaded} to {later} MiB in {machine.times} runs")
    if left >= loaded:
        raise Broken(f"nothing was given back: {loaded} MiB before, {left} after")
    return f"{loaded} MiB loaded, {later} after {machine.times} runs, {left} after it was unloaded"


async def limit(machine: Machine) -> str:
    """`gpu_mem_limit` holds: what does not fit is an error of its request, and the next one is answered."""
    if not machine.on_gpu:
        raise Skipped("the limit is one of CUDA")
    runtime = "cuda { gpu_mem_limit = 256MiB }"
    async with serving(machine, machine.file("ocr.detect.onnx", runtime=runtime)) as executor:
        try:
            await infer(executor, pictures(16, side=1600))
        except Exception as error:
            said = str(error)
        else:
            raise Broken("16 pictures of 1600 pixels fit into 256 MiB")
        await infer(executor, pictures(1))
    return f"refused: {said[:120]}"


CHECKS: tuple[Callable[[Machine], Awaitable[str]], ...] = (
    *(providers, embeddings, batching, graphs, halves, writing, tensorrt, memory, limit),
)


# ---- what they are made of


@asynccontextmanager
async def serving(machine: Machine, text: str) -> AsyncIterator[Executor]:
    """A started executor of a file that would lie beside the models."""
    checked = check_file("gpu.infer", MODELS / "gpu.infer", text=text)
    errors = [each.message for each in checked.diagnostics if each.is_error]
    if errors:
        raise Broken(f"the file of the check is wrong: {'; '.join(errors)}")
    executor = Executor(compile_checked(checked, MODELS), MODELS, trust_models=True)
    try:
        await executor.start()
        yield executor
    finally:
        await executor.stop()


async def infer(executor: Executor, x: Any) -> Any:
    """What `m` gives for its only input."""
    model = executor.deployments["m"]
    [info] = model.status()[0].inputs
    kind = "FP16" if x.dtype == numpy.float16 else "FP32"
    request = TensorRequest((Tensor(info.name, kind, x),))
    chunk = await model.answer(Call(request, None), Trace())
    assert isinstance(chunk, TensorChunk)
    return chunk.outputs[0].values


async def embed(executor: Executor, texts: tuple[str, ...]) -> Any:
    chunk = await executor.deployments["m"].answer(Call(EmbedRequest(texts), None), Trace())
    assert isinstance(chunk, EmbedChunk)
    return chunk.vectors


async def timed(executor: Executor, x: Any, times: int) -> tuple[Any, float]:
    """What comes of `x`, and the median of the seconds that it takes."""
    for _ in range(3):
        found = await infer(executor, x)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        found = await infer(executor, x)
        took.append(time.perf_counter() - began)
    return found, median(took)


def pictures(count: int, side: int = SIDE, seed: int = 3) -> Any:
    return numpy.random.default_rng(seed).normal(0, 1, (count, 3, side, side)).astype(numpy.float32)


def far_apart(one: Any, other: Any) -> float:
    """The largest difference, as a part of the largest number."""
    scale = max(float(numpy.abs(other).max()), 1e-6)
    return float(numpy.abs(one.astype(numpy.float32) - other.astype(numpy.float32)).max()) / scale


def runs_on(executor: Executor) -> tuple[str, ...]:
    return executor.deployments["m"].status()[0].providers


def save_layers(path: Path, widths: tuple[int, ...], kind: str) -> None:
    """Layers of weights, one after the other."""
    try:
        from onnx import TensorProto, helper, numpy_helper, save
    except ImportError as error:
        raise Skipped(f"the model is made with `onnx`: {error}") from None
    dtype, number = (
        (numpy.float16, TensorProto.FLOAT16) if kind == "f16" else (numpy.float32, TensorProto.FLOAT)
    )
    chance = numpy.random.default_rng(5)
    nodes, weights, last = [], [], "x"
    for index, (width, following) in enumerate(pairwise(widths)):
        values = (chance.normal(0, 1, (width, following)) / numpy.sqrt(width)).astype(dtype)
        weights.append(numpy_helper.from_array(values, f"w{index}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{index}"], [f"h{index}"]))
        last = f"h{index}"
    ends = [helper.make_tensor_value_info(*each) for each in (("x", number, ["n", widths[0]]),)]
    outs = [helper.make_tensor_value_info(last, number, ["n", widths[-1]])]
    graph = helper.make_graph(nodes, "layers", ends, outs, weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def used() -> int:
    """MiB that are taken on the first GPU."""
    done = subprocess.run(
        ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Skipped("`nvidia-smi` does not say how much memory is taken")
    return int(done.stdout.split()[0])


def why_no_gpu() -> str | None:
    """Why nothing can be run; None where there is a GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "the driver of NVIDIA is not here: libcuda.so.1 cannot be loaded"
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "the driver of NVIDIA finds no GPU"
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "the ONNX Runtime that is installed has no CUDA: pip install 'inferc[gpu]'"
    return None


def name_of_gpu() -> str:
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return "a GPU; nvidia-smi is not here"
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "a GPU"


async def run(machine: Machine, chosen: list[Callable[[Machine], Awaitable[str]]]) -> int:
    """How many are not as documented."""
    broken = 0
    for check in chosen:
        try:
            said, verdict = await check(machine), "ok"
        except Skipped as error:
            said, verdict = str(error), "skipped"
        except Exception as error:
            broken += 1
            said, verdict = (
                f"{type(error).__name__}: {error}" if not isinstance(error, Broken) else str(error),
                "BROKEN",
            )
        print(f"{verdict:8} {check.__name__:11} {said}", flush=True)
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    names = [check.__name__ for check in CHECKS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these alone")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU")
    parser.add_argument("--times", type=int, default=100, help="how often is measured (default: 100)")
    arguments = parser.parse_args()
    reason = None if arguments.rehearse else why_no_gpu()
    if reason is not None:
        print(f"skipped: {reason}")
        return 0
    print("on the CPU, as a rehearsal" if arguments.rehearse else name_of_gpu(), flush=True)
    provider = "cpu" if arguments.rehearse else "cuda"
    chosen = [check for check in CHECKS if check.__name__ in arguments.only]
    with tempfile.TemporaryDirectory(prefix="gpu-") as folder:
        broken = asyncio.run(run(Machine(provider, Path(folder), arguments.times), chosen))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
