"""The runs that a plan asks for before the first request: of the sizes that will come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from ....requests.datatypes import NUMPY_TYPES
from ....requests.errors import StartError
from ....requests.tensor import TensorInfo
from ..model import OnnxModel, run_options
from ..queue.runner import Stopper
from ..sessions.failures import first_line
from ..signature import ATTENTION_MASK, inputs_of


def warm_up(model: OnnxModel, stopper: Stopper) -> None:
    """Run `model` on zeros of each of the plan's shapes. Blocks; `stopper` ends it. Raises StartError."""
    for shapes in model.plan.warm_up:
        infos = inputs_of(model.session)
        for info in infos:
            if info.datatype in ("BF16", "BYTES") or info.datatype not in NUMPY_TYPES:
                raise StartError(
                    f"{model.owner}: `warm_up` cannot make up a {info.datatype} for `{info.name}`"
                )
        try:
            feed = {info.name: _values(info, shapes[info.name]) for info in infos}
            model.run([value.name for value in model.session.get_outputs()], feed, run_options(stopper))
        except Exception as error:
            sizes = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
            raise StartError(
                f"{model.owner}: its model cannot run the `warm_up` of {sizes}: {first_line(error)}"
            ) from None


def _values(info: TensorInfo, shape: Sequence[int]) -> NDArray[Any]:
    make = numpy.ones if info.name == ATTENTION_MASK else numpy.zeros
    return make(shape, NUMPY_TYPES[info.datatype])
