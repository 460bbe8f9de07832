"""Running a model on raw tensors: those of several requests together, where its signature allows it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Hashable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy
from attrs import evolve
from numpy.typing import NDArray

from .....compiler.plan.record import frozen
from ....requests.datatypes import NUMPY_TYPES
from ....requests.errors import RequestError
from ....requests.request import TensorRequest
from ....requests.tensor import Tensor, TensorInfo
from ..model import OnnxModel, run_options
from ..queue.runner import NOBODY, Stopper
from ..sessions.failures import explain, is_out_of_memory
from ..sessions.io_binding import without_graph
from ..signature import inputs_of, optional_inputs_of, outputs_of
from .batching_trial import MOST_ROWS, reason_to_run_alone
from .quick_runs import QuickRuns
from .tensors import TensorSignature, WrongRank, check_output, describe, from_texts, to_texts
from .trial_rows import Row, made_up_rows

if TYPE_CHECKING:
    import onnxruntime

_BFLOAT16 = 16
"""The number of the type in ONNX."""

_NO_ROWS = "no rows"
"""The kind of all loads that have none: they never run in place, as the model may refuse them."""

Arrays = Sequence[NDArray[Any]]
Feed = dict[str, NDArray[Any]]


@frozen
class _Load:
    """Inputs that fit the model, by name and in its order, and the names of the outputs that are wanted.

    is_alone: it cannot share a run, because it has a value of its own for what is the same for all rows.
    kind: of the request; loads of the same one take as long as each other, and fit the model alike.
    """

    inputs: Feed
    outputs: tuple[str, ...]
    is_alone: bool
    kind: Hashable

    @property
    def rows(self) -> int:
        """How many it has of the first input."""
        return len(next(iter(self.inputs.values())))


class TensorRuns:
    """A model that takes raw tensors. Belongs to one event loop."""

    def __init__(self, model: OnnxModel) -> None:
        self._model = model
        self._session = model.session
        self._owner = model.owner
        signature = model.plan.signature
        self.signature = TensorSignature.of(
            inputs_of(model.session, signature),
            outputs_of(model.session, signature),
            model.owner,
            optional_inputs_of(model.session),
        )
        self._inputs = {info.name: info for info in (*self.signature.inputs, *self.signature.optional)}
        self._outputs = {info.name: info for info in self.signature.outputs}
        self._datatypes = {info.name: info.datatype for info in self.signature.outputs}
        self._all_outputs = tuple(self._datatypes)
        infos = (*self._inputs.values(), *self.signature.outputs)
        self._has_bf16 = any(info.datatype == "BF16" for info in infos)
        self._takes_texts = any(info.datatype == "BYTES" for info in self._inputs.values())
        self._has_texts = "BYTES" in self._datatypes.values()
        self._batching = model.plan.batching if self.signature.batched else None
        self._runner = model.runner(self._run, self._batching)
        self._quick = QuickRuns() if self._can_be_quick() else None
        self._run_arrays = model.long_run if self._quick is None else model.run
        self._options = run_options()

    def _can_be_quick(self) -> bool:
        model = self._model
        is_plain = not (self._takes_texts or self._has_texts or self._has_bf16)
        return model.plan.settled_work and model.is_on_cpu and is_plain

    def warm_up(self, stopper: Stopper) -> Sequence[str]:
        """One run on zeros, with 1 for every size that is open. A model need not be able to take them.

        With batching, it is also tried whether requests can share runs; why they cannot, in words.
        """
        inputs = self.signature.inputs
        said: list[str] = []
        try:
            zeros = tuple(Tensor(info.name, info.datatype, _zeros(info)) for info in inputs)
            self._run([self._load(TensorRequest(zeros))], stopper)
        except WrongRank as error:  # which is so whatever the model is given
            said.append(f"no request for it can be answered: {error.message}")
        except (MemoryError, ValueError):  # of numpy, which has no array of such sizes
            too_large = f"{self._owner}: the memory has no place for its inputs, {describe(inputs)}"
            said.append(f"no request for it can be answered: {too_large}")
        except RequestError:
            pass
        why = self._reason_to_run_alone(stopper)
        if why is not None:
            self.run_alone()
            said.append(f"{self._owner}: its requests run one by one, whatever `batching` says: {why}")
        return said

    def run_alone(self) -> None:
        """From now on, each request has a run of its own. Before the first one."""
        if self._batching is not None:
            self._batching = None
            self._runner = self._model.runner(self._run, None)

    def _reason_to_run_alone(self, stopper: Stopper) -> str | None:
        """Why requests must not share runs; None where they can, or do not anyway."""
        if self._batching is None or self._batching.max_size == 1:
            return None

        def run(rows: Sequence[Row], stopper: Stopper) -> Arrays:
            parts = map(numpy.concatenate, zip(*rows, strict=True))
            inputs = {info.name: part for info, part in zip(self.signature.inputs, parts, strict=True)}
            outputs = self._run_model(inputs, self._all_outputs, stopper)
            return [
                _widened(values) if self._datatypes[name] == "BF16" else values
                for name, values in zip(self._all_outputs, outputs, strict=True)
            ]

        rows = min(self._batching.max_size, MOST_ROWS)
        candidates = made_up_rows(self.signature.inputs, self._model.plan.warm_up, rows)
        return reason_to_run_alone(candidates, run, self._model, stopper, "tensors")

    def infer_here(self, request: TensorRequest, deadline: float | None) -> tuple[Tensor, ...] | None:
        """The outputs that `request` asks for, in its order, where its run is quick, while the event loop
        waits; None: it needs a thread. Raises RequestError."""
        if self._quick is None or self._batching or not self._quick.has(kind := _kind_of(request)):
            return None
        # One of its kind has been run, so that this one fits the model as well.
        inputs = {tensor.name: tensor.values for tensor in request.inputs}
        load = _Load(inputs, request.outputs or self._all_outputs, False, kind)
        return self._named(load, self._runner.run_here(load, deadline))

    async def infer(self, request: TensorRequest, deadline: float | None) -> tuple[Tensor, ...]:
        """The same, wherever its run is made. Raises RequestError."""
        if (outputs := self.infer_here(request, deadline)) is not None:
            return outputs
        load = self._load(request)
        if self.signature.batched and not load.rows:
            return await self._nothing(load, deadline)
        # What may be put together along axis 0: the same inputs apart from it, for the same outputs.
        bucket: Hashable = None
        if self._batching:
            shapes = (values.shape[1:] for values in load.inputs.values())
            bucket = object() if load.is_alone else (load.outputs, *shapes)
        rows = load.rows if self._batching else 1
        results = await self._runner.submit(load, rows=rows, bucket=bucket, deadline=deadline)
        return self._named(load, results)

    async def _nothing(self, load: _Load, deadline: float | None) -> tuple[Tensor, ...]:
        """No rows for no rows: as the model has it, or, if it takes none, as its file says."""
        load = evolve(load, kind=_NO_ROWS)
        try:
            results = await self._runner.submit(load, rows=1, bucket=object(), deadline=deadline)
        except RequestError:
            infos = [self._outputs[name] for name in load.outputs]
            if any(size is None for info in infos for size in (info.shape or ())[1:]):
                raise
            shapes = [(0, *((size or 0) for size in (info.shape or ())[1:])) for info in infos]
            results = [
                numpy.zeros(shape, NUMPY_TYPES[info.datatype])
                for shape, info in zip(shapes, infos, strict=True)
            ]
        return self._named(load, results)

    def _named(self, load: _Load, results: Arrays) -> tuple[Tensor, ...]:
        return tuple(map(Tensor, load.outputs, map(self._datatypes.__getitem__, load.outputs), results))

    async def close(self) -> None:
        await self._runner.close()

    def _load(self, request: TensorRequest) -> _Load:
        given = self.signature.check(request, self._batching.max_size if self._batching else None)
        if self._takes_texts:
            inputs = {
                name: to_texts(given[name]) if info.datatype == "BYTES" else given[name].values
                for name, info in self._inputs.items()
                if name in given
            }
        else:
            inputs = {name: tensor.values for name, tensor in given.items()}
        is_alone = len(inputs) > len(self.signature.inputs)
        kind = None if self._quick is None else _kind_of(request)
        return _Load(inputs, request.outputs or self._all_outputs, is_alone, kind)

    def _run(self, loads: Sequence[_Load], stopper: Stopper) -> list[Arrays]:
        if len(loads) == 1:
            return [self._run_one(loads[0], stopper)]
        joined = {name: numpy.concatenate([load.inputs[name] for load in loads]) for name in loads[0].inputs}
        together = self._run_model(joined, loads[0].outputs, stopper)
        counts = [load.rows for load in loads]
        ends = numpy.cumsum(counts)
        if any(values.ndim == 0 or len(values) != ends[-1] for values in together):
            # Not one row per row: what belongs to whom shows only when each runs alone.
            return [self._run_one(load, stopper) for load in loads]
        return [
            [values[end - count : end] for values in together]
            for count, end in zip(counts, ends.tolist(), strict=True)
        ]

    def _run_one(self, load: _Load, stopper: Stopper) -> Arrays:
        """In a thread the time is its own; in place it is all for which the event loop waits."""
        if self._quick is None:
            return self._run_model(load.inputs, load.outputs, stopper)
        clock = time.perf_counter if stopper is NOBODY else time.thread_time
        began = clock()
        try:
            return self._run_model(load.inputs, load.outputs, stopper)
        finally:
            self._quick.took(load.kind, clock() - began)

    def _run_model(self, feed: Feed, outputs: Sequence[str], stopper: Stopper) -> Arrays:
        options = self._options if stopper is NOBODY else run_options(stopper)
        try:
            if self._has_bf16:
                values = self._run_values(feed, outputs, options)
            else:
                values = self._run_arrays(outputs, feed, options)
        except Exception as error:
            if self._model.is_on_cpu and not self._has_bf16 and is_out_of_memory(error):
                self._shrink(feed, outputs, stopper)
            raise explain(error, self._owner, self._described(feed)) from None
        for name, given in zip(outputs, values, strict=True):
            check_output(given, self._outputs[name], self._owner)
        if not self._has_texts:
            return values
        return [
            from_texts(each) if self._datatypes[name] == "BYTES" else each
            for name, each in zip(outputs, values, strict=True)
        ]

    def _shrink(self, feed: Feed, outputs: Sequence[str], stopper: Stopper) -> None:
        """After a run that memory had no place for, run it once more: only at the end of a run does ONNX
        Runtime forget that so much was wanted, and else it takes all that it gets when it next needs more."""
        options = run_options(None if stopper is NOBODY else stopper)
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        with suppress(Exception):
            self._session.run(outputs, feed, options)

    def _described(self, feed: Feed) -> str:
        return ", ".join(
            f"`{name}` {self._inputs[name].datatype}{list(values.shape)}" for name, values in feed.items()
        )

    def _run_values(self, feed: Feed, outputs: Sequence[str], options: Any) -> Arrays:
        """The same for types that numpy does not have: those go in and come out as their bits."""
        import onnxruntime

        without_graph(options)
        make: Any = onnxruntime.OrtValue
        values = {
            name: make.ortvalue_from_numpy_with_onnx_type(numpy.asarray(array, order="C"), _BFLOAT16)
            if self._inputs[name].datatype == "BF16"
            else make.ortvalue_from_numpy(array)
            for name, array in feed.items()
        }
        results = self._session.run_with_ort_values(list(outputs), values, options)
        return [
            _bits(result) if self._datatypes[name] == "BF16" else result.numpy()
            for name, result in zip(outputs, results, strict=True)
        ]


def _kind_of(request: TensorRequest) -> Hashable:
    """All of a request but its values."""
    return (request.outputs, *[(each.name, each.datatype, each.values.shape) for each in request.inputs])


def _zeros(info: TensorInfo) -> NDArray[Any]:
    shape = tuple(1 if size is None else size for size in info.shape or ())
    return (
        numpy.full(shape, b"") if info.datatype == "BYTES" else numpy.zeros(shape, NUMPY_TYPES[info.datatype])
    )


def _widened(bits: NDArray[Any]) -> NDArray[Any]:
    """The numbers that bfloat16 `bits` stand for, no more exact than those of 16 bits."""
    with numpy.errstate(over="ignore"):
        return (bits.astype(numpy.uint32) << 16).view(numpy.float32).astype(numpy.float16)


def _bits(value: onnxruntime.OrtValue) -> NDArray[Any]:
    raw = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    return numpy.frombuffer(raw, numpy.uint16).reshape(value.shape())
