"""One step of a causal language model after the other; keys and values stay where the model runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy
from attrs import define, frozen
from numpy.typing import NDArray

from ...errors import ContextLengthExceeded, RequestError
from ..failures import first_line, is_outside, unknown_token
from ..model import run_options
from ..runner import Stopper
from ..signature import ATTENTION_MASK, INPUT_IDS, POSITION_IDS, TOKEN_TYPE_IDS
from .sampling import Sampler
from .signature import LOGITS, GenerateSignature

if TYPE_CHECKING:
    import onnxruntime


@define(eq=False)
class Answer:
    """A text in the making. next_ids: tokens that the model has not seen. past: the cache for the others."""

    sampler: Sampler
    next_ids: Sequence[int]
    seen: int = 0
    past: Sequence[onnxruntime.OrtValue] = ()


@frozen
class Decoder:
    """A causal language model that is ready to run. Used from any thread, for an answer from one at a time.

    device: where the model runs, "cpu" or "cuda", and its index.
    """

    session: onnxruntime.InferenceSession
    signature: GenerateSignature
    device: tuple[str, int]
    owner: str

    def step(self, answer: Answer, stopper: Stopper) -> int:
        """The next token of `answer`. Blocks. Raises RequestError."""
        options = run_options(stopper)
        binding = self.session.io_binding()
        length = answer.seen + len(answer.next_ids)
        for name, values in self._integers(answer, length).items():
            binding.bind_cpu_input(name, values)
        past = answer.past or [self._empty(index) for index in range(len(self.signature.cache))]
        for entry, value in zip(self.signature.cache, past, strict=True):
            binding.bind_ortvalue_input(entry.past, value)
        binding.bind_output(LOGITS, "cpu")
        for entry in self.signature.cache:
            binding.bind_output(entry.present, *self.device)
        try:
            self.session.run_with_iobinding(binding, options)
        except Exception as error:
            raise self._explained(error, answer, length) from None
        logits, *present = binding.get_outputs()
        scores: NDArray[numpy.float32] = logits.numpy()[0, -1].astype(numpy.float32, copy=False)
        if not numpy.isfinite(scores.max()):
            raise RequestError(f"{self.owner}: the model gave no numbers (NaN or infinity) at token {length}")
        answer.past, answer.seen = present, length
        token = answer.sampler.next(scores)
        answer.next_ids = (token,)
        return token

    def _explained(self, error: Exception, answer: Answer, length: int) -> RequestError:
        token = unknown_token(error, answer.next_ids)
        if token is None and is_outside(error):
            return ContextLengthExceeded(
                f"{self.owner}: the model cannot take {length} tokens at once: send less text, or set "
                f"`max_length` in its task to what it was trained with ({first_line(error)})"
            )
        if token is None:
            return RequestError(f"{self.owner}: the model failed at token {length}: {first_line(error)}")
        return RequestError(
            f"{self.owner}: the model does not know token {token}: its `tokenizer` must be the one that "
            f"belongs to it ({first_line(error)})"
        )

    def _integers(self, answer: Answer, length: int) -> dict[str, NDArray[Any]]:
        every = {
            INPUT_IDS: answer.next_ids,
            ATTENTION_MASK: [1] * length,
            POSITION_IDS: range(answer.seen, length),
            TOKEN_TYPE_IDS: [0] * len(answer.next_ids),
        }
        return {name: numpy.array([every[name]], dtype) for name, dtype in self.signature.integers.items()}

    def _empty(self, index: int) -> onnxruntime.OrtValue:
        import onnxruntime

        entry = self.signature.cache[index]
        make: Any = onnxruntime.OrtValue
        nothing = numpy.zeros((1, entry.heads, 0, entry.size), entry.dtype)
        value: onnxruntime.OrtValue = make.ortvalue_from_numpy(nothing, *self.device)
        return value
