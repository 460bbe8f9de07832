"""One step of a causal language model after the other; keys and values stay where the model runs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan.record import define, frozen
from ....requests.datatypes import NUMPY_TYPES
from ....requests.errors import ContextLengthExceeded, InvalidAnswer, RequestError
from ....requests.tensor import TensorInfo
from ..model import run_options
from ..queue.runner import Stopper
from ..runs.length_groups import bucket
from ..sessions.failures import first_line, is_outside, unknown_token
from ..signature import ATTENTION_MASK, INPUT_IDS, POSITION_IDS, TOKEN_TYPE_IDS
from .encoder import Encoded
from .kv_cache import Cache, Past, Row
from .sampling import GREEDY, Sampler
from .signature import ENCODER_STATES, LOGITS, USE_CACHE_BRANCH, GenerateSignature

if TYPE_CHECKING:
    import onnxruntime

_LOGITS_RANK = 3

_SHORT = 1024
"""Positions up to which padding costs little next to reading the weights: shorter texts all go together."""


@define(eq=False)
class Answer:
    """A text in the making.

    next_ids: tokens that the model has not seen. row: what it remembers of those before.
    """

    sampler: Sampler
    next_ids: Sequence[int]
    row: Row | None = None
    encoded: Encoded | None = None
    """What the encoder gave, where the model has one."""

    @property
    def seen(self) -> int:
        """How many tokens the model has seen."""
        return self.row.length if self.row else 0


@frozen
class Decoder:
    """A causal language model that is ready to run. Used from any thread, for an answer from one at a time.

    device: where the model runs, "cpu" or "cuda", and its index.
    """

    session: onnxruntime.InferenceSession
    signature: GenerateSignature
    device: tuple[str, int]
    owner: str

    def step(self, answers: Sequence[Answer], stopper: Stopper) -> list[int]:
        """The next token of each of `answers`, which `company` found to fit together.

        Blocks. Raises RequestError; no answer is any further then.
        """
        ordered = sorted(answers, key=lambda answer: answer.row.index if answer.row else 0)
        scores, past = self._run(ordered, stopper)
        for row, answer in zip(scores, ordered, strict=True):
            if not numpy.isfinite(row.max()):
                at = answer.seen + len(answer.next_ids)
                raise RequestError(f"{self.owner}: the model gave no numbers (NaN or infinity) at token {at}")
        for index, (row, answer) in enumerate(zip(scores, ordered, strict=True)):
            answer.row = Row(past, index, answer.seen + len(answer.next_ids))
            answer.next_ids = (answer.sampler.next(row),)
        return [answer.next_ids[0] for answer in answers]

    def company(self, answer: Answer, *, padded: bool) -> Hashable:
        """Answers for which this is equal may share a step: those that add one token to what they are.

        padded: whether those of different lengths may, too.
        """
        if answer.row is None or answer.encoded is not None:
            return answer
        return max(bucket(answer.seen), _SHORT) if padded else answer.seen

    @property
    def knows_padding(self) -> bool:
        """Whether the model can be told what to pass over on the left of a text."""
        return {ATTENTION_MASK, POSITION_IDS} <= self.signature.integers.keys()

    def go_on(self, texts: Sequence[Sequence[int]], stopper: Stopper) -> list[NDArray[numpy.float32]]:
        """What the model gives in a step that `texts` share, for the token after the next one of each.

        Each of `texts`, as tokens, is read alone. Blocks. Raises RequestError.
        """
        answers = [Answer(Sampler(GREEDY), text) for text in texts]
        for answer in answers:
            self.step([answer], stopper)
            answer.next_ids = (0,)
        return [self._run(answers, stopper)[0]]

    def _run(self, answers: Sequence[Answer], stopper: Stopper) -> tuple[NDArray[numpy.float32], Past]:
        """What the model gives for the next token of each, [answers, vocabulary], and what it remembers."""
        options = run_options(stopper)
        binding = self.session.io_binding()
        cache = Cache(self.signature.cache, self.device)
        rows = [answer.row for answer in answers if answer.row]
        past = cache.of(rows) if rows else cache.empty()
        new = len(answers[0].next_ids)
        for name, values in self._integers(answers, past.positions, new).items():
            binding.bind_cpu_input(name, values)
        for switch in self.signature.switches:
            binding.bind_cpu_input(switch.name, _set(switch, past.positions))
        encoded = answers[0].encoded
        if encoded is not None:
            for name in self.signature.encoder:
                binding.bind_cpu_input(name, encoded.states if name == ENCODER_STATES else encoded.mask)
        for entry, value in zip(self.signature.cache, past.values, strict=True):
            binding.bind_ortvalue_input(entry.past, value)
        binding.bind_output(LOGITS, "cpu")
        for entry in self.signature.cache:
            binding.bind_output(entry.present, *self.device)
        try:
            self.session.run_with_iobinding(binding, options)
        except Exception as error:
            longest = max(answers, key=lambda answer: answer.seen)
            raise self._explained(error, longest, longest.seen + new) from None
        logits, *present = binding.get_outputs()
        given = logits.numpy()
        if given.ndim != _LOGITS_RANK:
            raise InvalidAnswer(
                f"{self.owner}: the model gives `{LOGITS}` with the shape {list(given.shape)}, and must give "
                "[batch, sequence, vocabulary]: export it again",
                retryable=False,
            )
        scores: NDArray[numpy.float32] = given[:, -1].astype(numpy.float32, copy=False)
        if past.positions and encoded is not None:
            # A merged decoder gives nothing for these once it has a past: they stay as they were.
            present = [
                old if entry.is_of_encoder else fresh
                for entry, old, fresh in zip(self.signature.cache, past.values, present, strict=True)
            ]
        return scores, Past(present, len(answers), past.positions + new)

    def _explained(self, error: Exception, answer: Answer, length: int) -> RequestError:
        if unknown := unknown_token(error, answer.next_ids, self.owner):
            return unknown
        if is_outside(error):
            return ContextLengthExceeded(
                f"{self.owner}: the model cannot take {length} tokens at once: send less text, or set "
                f"`max_length` in its task to what it was trained with ({first_line(error)})"
            )
        return RequestError(f"{self.owner}: the model failed at token {length}: {first_line(error)}")

    def _integers(self, answers: Sequence[Answer], positions: int, new: int) -> dict[str, NDArray[Any]]:
        """The inputs for `new` tokens of each answer after `positions`, the last of which are its own."""
        seen = numpy.array([answer.seen for answer in answers])[:, None]
        every = {
            INPUT_IDS: numpy.array([answer.next_ids for answer in answers]),
            ATTENTION_MASK: numpy.arange(positions + new) >= positions - seen,
            POSITION_IDS: seen + numpy.arange(new),
            TOKEN_TYPE_IDS: numpy.zeros((len(answers), new)),
        }
        return {name: every[name].astype(dtype) for name, dtype in self.signature.integers.items()}


def _set(switch: TensorInfo, positions: int) -> NDArray[Any]:
    """Whether there is a past; of the logits, the last ones alone."""
    value = positions > 0 if switch.name == USE_CACHE_BRANCH else 1
    return numpy.full((1,) * len(switch.shape or ()), value, NUMPY_TYPES[switch.datatype])
