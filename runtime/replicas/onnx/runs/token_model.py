"""Running a model that reads text: padded arrays of tokens in, the rows of one output back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan.record import frozen
from ....requests.errors import BadRequest, RequestError
from ..model import run_options
from ..queue.runner import Stopper
from ..sessions.failures import first_line, unknown_token
from ..sessions.io_binding import Run
from ..signature import ATTENTION_MASK, INPUT_IDS, POSITION_IDS, TOKEN_TYPE_IDS, TokenSignature
from .tensors import check_output
from .tokens import Tokens

_SMALL = 8


@frozen
class TokenModel:
    """A model that is ready to run. Used from any thread. run_arrays: runs it."""

    run_arrays: Run
    signature: TokenSignature
    owner: str

    def run(
        self, rows: Sequence[Tokens], stopper: Stopper
    ) -> tuple[NDArray[numpy.float32], NDArray[numpy.int64]]:
        """The output for `rows`, as float32, and how many tokens each has. Blocks. Raises RequestError."""
        options = run_options(stopper)
        lengths = numpy.fromiter(map(len, rows), numpy.int64, len(rows))
        try:
            [output] = self.run_arrays([self.signature.output.name], self._feed(rows, lengths), options)
        except Exception as error:
            raise self._explained(error, rows, stopper) from None
        check_output(output, self.signature.output, self.owner)
        return output[: len(rows)].astype(numpy.float32, copy=False), lengths

    def _explained(self, error: Exception, rows: Sequence[Tokens], stopper: Stopper) -> RequestError:
        """What a failed run means. The model's limits are written nowhere: whether the input was too
        much for it shows in whether it still takes a small one."""
        reason = first_line(error)
        longest = max(rows, key=len)
        for row in rows:
            if unknown := unknown_token(error, row.ids, self.owner):
                return unknown
        if len(longest) > _SMALL and not stopper.stopped:
            small = Tokens(longest.ids[:_SMALL], longest.type_ids[:_SMALL])
            with contextlib.suppress(RequestError):
                self.run([small], stopper)
                return BadRequest(
                    f"{self.owner}: the model cannot take {len(longest)} tokens at once: send less text, or "
                    f"set `max_length` in its task, which cuts longer texts ({reason})",
                    param="input",
                )
        return RequestError(f"{self.owner}: the model failed: {reason}")

    def _feed(self, rows: Sequence[Tokens], lengths: NDArray[numpy.int64]) -> dict[str, NDArray[Any]]:
        """The inputs of the model, [rows, longest], or of the sizes it fixes, padded with zeros."""
        signature = self.signature
        size = (signature.batch or len(rows), signature.length or int(lengths.max()))
        if size == (1, rows[0].attended):
            return self._unpadded(rows[0])
        there = numpy.zeros(size, numpy.bool_)
        there[: len(rows)] = numpy.arange(size[1]) < lengths[:, None]
        attended = numpy.fromiter((row.attended for row in rows), numpy.int64, len(rows))
        real = numpy.zeros(size, numpy.bool_)
        real[: len(rows)] = numpy.arange(size[1]) < attended[:, None]
        # What padding would come to does not matter, but a row in which nothing is real may give NaN.
        real[len(rows) :, 0] = True
        feed = self._past(size[0])
        for name, dtype in signature.inputs.items():
            if name == ATTENTION_MASK:
                feed[name] = real.astype(dtype)
                continue
            values = feed[name] = numpy.zeros(size, dtype)
            if name == INPUT_IDS:
                _fill(values, there, [row.ids for row in rows])
            elif name == TOKEN_TYPE_IDS:
                _fill(values, there, [row.type_ids for row in rows])
            elif name == POSITION_IDS:
                values[:] = numpy.arange(size[1], dtype=dtype)
        return feed

    def _unpadded(self, row: Tokens) -> dict[str, NDArray[Any]]:
        """The same for one text of which all tokens are real."""
        feed = self._past(1)
        for name, dtype in self.signature.inputs.items():
            if name == INPUT_IDS:
                feed[name] = numpy.array([row.ids], dtype)
            elif name == TOKEN_TYPE_IDS:
                feed[name] = numpy.array([row.type_ids], dtype)
            elif name == POSITION_IDS:
                feed[name] = numpy.arange(len(row), dtype=dtype)[None]
            else:
                feed[name] = (numpy.ones if name == ATTENTION_MASK else numpy.zeros)((1, len(row)), dtype)
        return feed

    def _past(self, rows: int) -> dict[str, NDArray[Any]]:
        """What came before: nothing."""
        return {
            name: numpy.zeros((rows, heads, 0, width), dtype)
            for name, (dtype, heads, width) in self.signature.past.items()
        }


def _fill(values: NDArray[Any], there: NDArray[numpy.bool_], rows: Sequence[Sequence[int]]) -> None:
    used = values[: len(rows)]
    used[there[: len(rows)]] = numpy.concatenate([numpy.asarray(row, values.dtype) for row in rows])
