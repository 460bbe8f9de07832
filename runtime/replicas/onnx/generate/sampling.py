"""Which token comes next."""

from __future__ import annotations

import numpy
from attrs import evolve
from numpy.typing import NDArray

from .....compiler.plan.record import frozen
from .forms import Form

_SEEDS = 2**64


@frozen
class Sampling:
    """temperature: 0 takes the likeliest token. top_k, top_p: of how many tokens the next one is drawn.

    seed: any whole number; the same one draws the same tokens. None: chance.
    """

    temperature: float
    top_k: int | None
    top_p: float
    seed: int | None

    def of_answer(self, number: int) -> Sampling:
        """For one of several answers: each draws other tokens."""
        return self if self.seed is None or not number else evolve(self, seed=self.seed + number)


GREEDY = Sampling(temperature=0, top_k=None, top_p=1, seed=None)


@frozen
class Likely:
    """How likely a token was, as a logarithm, and the likeliest ones with theirs."""

    logprob: float
    best: tuple[tuple[int, float], ...]


class Sampler:
    """Draws the tokens of one answer.

    form: what it must look like; None: anything. told: how many of the likeliest tokens are told beside each;
    None: nothing is.
    """

    likely: Likely | None = None
    """Of the token that was drawn last."""

    def __init__(self, sampling: Sampling, form: Form | None = None, told: int | None = None) -> None:
        self._sampling = sampling
        self.told = told
        self.form = form
        seed = sampling.seed
        self._random = numpy.random.default_rng(None if seed is None else seed % _SEEDS)

    def next(self, logits: NDArray[numpy.float32]) -> int:
        """A token for the numbers, [vocabulary], that the model gives. Raises RequestError."""
        token = self._next(logits) if self.form is None else self._formed(logits, self.form)
        if self.told is not None:
            self.likely = _likely(logits, token, self.told)
        return token

    def _formed(self, logits: NDArray[numpy.float32], form: Form) -> int:
        """A token that may stand next. The likeliest of all, where it may, needs no look at the others."""
        token = int(logits.argmax()) if self._sampling.temperature == 0 else -1
        if token < 0 or not form.takes(token):
            token = self._next(numpy.where(form.allowed(logits.size), logits, -numpy.inf))
        form.take(token)
        return token

    def _next(self, logits: NDArray[numpy.float32]) -> int:
        sampling = self._sampling
        if sampling.temperature == 0:
            return int(logits.argmax())
        count = min(sampling.top_k or logits.size, logits.size)
        tokens = (
            numpy.argpartition(-logits, count - 1)[:count] if count < logits.size else numpy.arange(count)
        )
        tokens = tokens[numpy.argsort(-logits[tokens], kind="stable")]
        likeliest = logits[tokens].astype(numpy.float64)
        with numpy.errstate(over="ignore"):  # a temperature of nearly 0 leaves only the likeliest
            powers = numpy.exp((likeliest - likeliest[0]) / sampling.temperature)
        sums = numpy.cumsum(powers)
        # The fewest of the likeliest tokens that reach top_p together.
        kept = int(numpy.searchsorted(sums, sampling.top_p * sums[-1])) + 1
        kept = min(kept, count)
        drawn = int(numpy.searchsorted(sums[:kept], self._random.random() * sums[kept - 1], side="right"))
        return int(tokens[min(drawn, kept - 1)])


def _likely(logits: NDArray[numpy.float32], token: int, most: int) -> Likely:
    numbers = logits.astype(numpy.float64)
    shares = numbers - numbers.max()
    shares -= numpy.log(numpy.exp(shares).sum())
    best = numpy.argsort(-shares, kind="stable")[:most].tolist()
    return Likely(float(shares[token]), tuple((index, float(shares[index])) for index in best))
