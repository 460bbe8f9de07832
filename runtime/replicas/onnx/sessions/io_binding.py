"""Runs whose inputs and outputs stay at the same place, which CUDA graphs need.

A CUDA graph is recorded in the first run with given shapes and played again in those that follow: it reads
and writes the memory that it has seen then. Without graphs a plain `run` is as good: inputs come from the
host and outputs go there, and are copied once either way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan.record import frozen

if TYPE_CHECKING:
    import onnxruntime

MOST_SHAPES = 32
"""Combinations of shapes that get a graph; each keeps its memory. Further ones run without."""

_GRAPH = "gpu_graph_id"

Arrays = list[NDArray[Any]]
Run = Callable[[Sequence[str], dict[str, NDArray[Any]], Any], Arrays]
"""Names of outputs, inputs by name, run options → the outputs. Blocks; raises what ONNX Runtime raises."""


def without_graph(options: Any) -> None:
    """Neither record nor play the run with these options."""
    options.add_run_config_entry(_GRAPH, "-1")


@frozen
class _Bound:
    """Memory for one combination of shapes. graph: the number of its recording."""

    binding: Any
    inputs: dict[str, Any]
    graph: str


class BoundRuns:
    """Runs of `session` on `device`, "cuda" or "cpu" and an index; one at a time."""

    def __init__(self, session: onnxruntime.InferenceSession, device: tuple[str, int]) -> None:
        self._session = session
        self._device = device
        self._bound: dict[Hashable, _Bound] = {}

    def run(self, outputs: Sequence[str], feed: dict[str, NDArray[Any]], options: Any) -> Arrays:
        """As `InferenceSession.run`; what it gives is the caller's own."""
        shapes = tuple((name, values.shape) for name, values in feed.items())
        key = (tuple(outputs), shapes)
        bound = self._bound.get(key)
        if bound is None:
            if len(self._bound) >= MOST_SHAPES or any(v.dtype == numpy.object_ for v in feed.values()):
                without_graph(options)
                plain: Arrays = self._session.run(outputs, feed, options)
                return plain
            bound = self._bound[key] = self._bind(outputs, feed, options)
        for name, values in feed.items():
            bound.inputs[name].update_inplace(numpy.ascontiguousarray(values))
        options.add_run_config_entry(_GRAPH, bound.graph)
        self._session.run_with_iobinding(bound.binding, options)
        return [numpy.array(values) for values in bound.binding.copy_outputs_to_cpu()]

    def _bind(self, outputs: Sequence[str], feed: dict[str, NDArray[Any]], options: Any) -> _Bound:
        """Memory for inputs like `feed`; a first run, without a graph, tells how large the outputs are."""
        import onnxruntime

        make: Any = onnxruntime.OrtValue
        inputs = {
            name: make.ortvalue_from_numpy(numpy.ascontiguousarray(values), *self._device)
            for name, values in feed.items()
        }
        first: Any = self._session.io_binding()
        binding: Any = self._session.io_binding()
        for name, value in inputs.items():
            first.bind_ortvalue_input(name, value)
            binding.bind_ortvalue_input(name, value)
        for name in outputs:
            first.bind_output(name, *self._device)
        without_graph(options)
        self._session.run_with_iobinding(first, options)
        for name, value in zip(outputs, first.get_outputs(), strict=True):
            binding.bind_ortvalue_output(name, value)
        return _Bound(binding, inputs, str(1 + len(self._bound)))  # 0 is ONNX Runtime's own
