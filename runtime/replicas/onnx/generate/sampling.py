"""Which token comes next."""

from __future__ import annotations

import numpy
from attrs import frozen
from numpy.typing import NDArray

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


GREEDY = Sampling(temperature=0, top_k=None, top_p=1, seed=None)


class Sampler:
    """Draws the tokens of one answer."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        seed = sampling.seed
        self._random = numpy.random.default_rng(None if seed is None else seed % _SEEDS)

    def next(self, logits: NDArray[numpy.float32]) -> int:
        """A token for the numbers, [vocabulary], that the model gives."""
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
