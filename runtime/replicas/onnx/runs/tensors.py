"""Raw tensors against the signature of a model: what came, and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan.record import frozen
from ....requests.datatypes import NUMPY_TYPES
from ....requests.errors import BadRequest, InvalidAnswer, StartError
from ....requests.request import TensorRequest
from ....requests.tensor import Tensor, TensorInfo


@frozen
class TensorSignature:
    """The inputs and outputs of a model, in its order.

    batched: whether axis 0 of all of them may have any size, so that requests can share a run.
    optional: inputs that have a value where none is given.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    batched: bool
    optional: tuple[TensorInfo, ...] = ()

    @classmethod
    def of(
        cls,
        inputs: tuple[TensorInfo, ...],
        outputs: tuple[TensorInfo, ...],
        owner: str,
        optional: tuple[TensorInfo, ...] = (),
    ) -> TensorSignature:
        """Raises StartError for a type that no request can carry."""
        for value in (*inputs, *outputs):
            if value.datatype not in NUMPY_TYPES:
                raise StartError(
                    f"{owner}: `{value.name}` of its model is a {value.datatype}, which cannot be sent "
                    f"over the Open Inference Protocol; it knows {', '.join(NUMPY_TYPES)}"
                )
        batched = all(value.shape and value.shape[0] is None for value in (*inputs, *outputs))
        sent = tuple(info for info in optional if info.datatype in NUMPY_TYPES)
        return cls(inputs, outputs, batched and bool(inputs), sent)

    def check(self, request: TensorRequest, max_rows: int | None) -> dict[str, Tensor]:
        """The inputs of `request` by name, in the model's order, once they fit. Raises BadRequest.

        max_rows: most rows on axis 0, where that is the batch.
        """
        if self._fits(request):
            given = {tensor.name: tensor for tensor in request.inputs}
        else:
            given = self._named(request)
        if self.batched and max_rows is not None:
            self._check_rows(given, max_rows)
        return given

    def _fits(self, request: TensorRequest) -> bool:
        """Whether the inputs are those of the model, in its order, as most requests have them."""
        given = request.inputs
        return (
            len(given) == len(self.inputs) and not request.outputs and all(map(_is_fit, given, self.inputs))
        )

    def _named(self, request: TensorRequest) -> dict[str, Tensor]:
        """The inputs by name, whatever their order. Raises BadRequest for what does not fit."""
        given: dict[str, Tensor] = {}
        for tensor in request.inputs:
            if tensor.name in given:
                raise BadRequest(f"input `{tensor.name}` is given twice", param=tensor.name)
            given[tensor.name] = tensor
        known = (*self.inputs, *self.optional)
        self._check_names("input", list(given), [info.name for info in known])
        self._check_names("output", list(request.outputs), [info.name for info in self.outputs])
        for info in self.inputs:
            if info.name not in given:
                raise BadRequest(
                    f"input `{info.name}` is missing: the model takes {describe(self.inputs)}",
                    param=info.name,
                )
        for info in known:
            if info.name in given:
                _check_fit(given[info.name], info)
        return {info.name: given[info.name] for info in known if info.name in given}

    def _check_names(self, what: str, given: Sequence[str], known: Sequence[str]) -> None:
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f", did you mean `{near[0]}`?" if near else ""
                listed = ", ".join(f"`{one}`" for one in known)
                raise BadRequest(
                    f"the model has no {what} `{name}`{hint or f'; its {what}s are: {listed}'}", param=name
                )

    def _check_rows(self, given: dict[str, Tensor], max_rows: int) -> None:
        first = self.inputs[0].name
        rows = len(given[first].values)
        for name in (info.name for info in self.inputs):
            tensor = given[name]
            count = len(tensor.values)
            if count > max_rows:
                raise BadRequest(
                    f"input `{name}` has {count} rows; this deployment takes at most {max_rows} at once "
                    "(`batching.max_size`)",
                    param=name,
                )
            if count != rows:
                raise BadRequest(
                    f"input `{name}` has {count} rows and `{first}` {rows}: they must have the same",
                    param=name,
                )


def describe(values: Sequence[TensorInfo]) -> str:
    """Names, datatypes and shapes in words: "`x` FP32[?, 4]"."""
    return ", ".join(f"`{value.name}` {_expected(value)}" for value in values) or "nothing"


class WrongRank(InvalidAnswer):
    """An output has another number of sizes than the file of the model says."""


def check_output(values: NDArray[Any], info: TensorInfo, owner: str) -> None:
    """Raises InvalidAnswer where an output is not what the file of the model says.

    The first size may differ: many models are exported with that of an example.
    """
    said, given = info.shape, values.shape
    if not said or (len(given) == len(said) and given[1:] == said[1:]) or _is_as_said(given, said, 1):
        return
    # A loop that was not run once gives nothing, of one size: what it gives otherwise may be right.
    kind = WrongRank if len(given) != len(said) and values.size else InvalidAnswer
    raise kind(
        f"{owner}: the model gives `{info.name}` with the shape [{', '.join(map(str, given))}], and its file "
        f"says {_expected(info)}: export it again, with shapes that are right, or take "
        "that shape out of the file",
        retryable=False,
    )


def to_texts(tensor: Tensor) -> NDArray[Any]:
    """BYTES as ONNX Runtime takes them: text. Raises BadRequest for bytes that are no UTF-8."""
    texts = numpy.empty(tensor.values.shape, numpy.object_)
    try:
        for index, value in enumerate(tensor.values.flat):
            texts.flat[index] = value.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"input `{tensor.name}` holds bytes that are no UTF-8 text, as the model needs them: {error}",
            param=tensor.name,
        ) from None
    return texts


def from_texts(values: NDArray[Any]) -> NDArray[Any]:
    """The texts that ONNX Runtime gives, as BYTES."""
    encoded = numpy.empty(values.shape, numpy.object_)
    for index, text in enumerate(values.flat):
        encoded.flat[index] = text.encode()
    return encoded


def _is_fit(tensor: Tensor, info: TensorInfo) -> bool:
    if tensor.name != info.name or tensor.datatype != info.datatype:
        return False
    return info.shape is None or _is_as_said(tensor.values.shape, info.shape)


def _is_as_said(shape: tuple[int, ...], said: tuple[int | None, ...], start: int = 0) -> bool:
    """Whether there are as many sizes, and those from `start` are what the file of the model says."""
    if len(shape) != len(said):
        return False
    if shape[1:] == said[1:] and (start or not said or said[0] is None or said[0] == shape[0]):
        return True  # as nearly all are: only the number of rows is open
    for index in range(start, len(said)):
        wanted = said[index]
        if wanted is not None and shape[index] != wanted:
            return False
    return True


def _check_fit(tensor: Tensor, info: TensorInfo) -> None:
    if tensor.datatype != info.datatype:
        raise BadRequest(
            f"input `{info.name}` is {tensor.datatype}; the model takes {_expected(info)}", param=info.name
        )
    if not _is_fit(tensor, info):
        raise BadRequest(
            f"input `{info.name}` has the shape {_shape(tensor)}; the model takes {_expected(info)}",
            param=info.name,
        )


def _expected(info: TensorInfo) -> str:
    if info.shape is None:
        return info.datatype
    return f"{info.datatype}[{', '.join('?' if size is None else str(size) for size in info.shape)}]"


def _shape(tensor: Tensor) -> str:
    return f"[{', '.join(map(str, tensor.values.shape))}]"
