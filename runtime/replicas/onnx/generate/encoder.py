"""The half of a model that reads: what its decoder looks at while it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan.record import frozen
from ....requests.errors import RequestError, StartError
from ..model import run_options
from ..queue.runner import Stopper
from ..sessions.failures import first_line, unknown_token
from ..sessions.session import open_beside
from ..signature import ATTENTION_MASK, INPUT_IDS, describe, inputs_of, outputs_of

if TYPE_CHECKING:
    import onnxruntime

_STATES_RANK = 3


@frozen(eq=False)
class Encoded:
    """One text, read. states: [1, tokens, size]. mask: [1, tokens]."""

    states: NDArray[Any]
    mask: NDArray[numpy.int64]


class Encoder:
    """An encoder, on what `decoder` runs on. Blocks while it loads. Raises StartError."""

    def __init__(self, path: Path, decoder: onnxruntime.InferenceSession, owner: str) -> None:
        try:
            self._session = open_beside(decoder, path)
        except Exception as error:
            raise StartError(f"{owner}: its encoder {path} cannot be loaded: {first_line(error)}") from None
        self._owner = owner
        self._inputs = {info.name: info for info in inputs_of(self._session)}
        states = [info for info in outputs_of(self._session) if len(info.shape or ()) == _STATES_RANK]
        if not states or not {INPUT_IDS} <= self._inputs.keys() <= {INPUT_IDS, ATTENTION_MASK}:
            raise StartError(
                f"{owner}: its encoder takes {INPUT_IDS} and {ATTENTION_MASK}, and gives "
                f"[batch, sequence, size]; {describe(self._session)}"
            )
        self._output = states[0].name

    def encode(self, ids: Sequence[int], stopper: Stopper | None = None) -> Encoded:
        """Read one text. Blocks. Raises RequestError."""
        given = numpy.array([ids], numpy.int64)
        mask = numpy.ones_like(given)
        every = {INPUT_IDS: given, ATTENTION_MASK: mask}
        feed = {
            name: every[name].astype(numpy.int32 if info.datatype == "INT32" else numpy.int64)
            for name, info in self._inputs.items()
        }
        try:
            [states] = self._session.run([self._output], feed, run_options(stopper))
        except Exception as error:
            unknown = unknown_token(error, ids, self._owner)
            raise unknown or RequestError(f"{self._owner}: the encoder failed: {first_line(error)}") from None
        return Encoded(states, mask)
