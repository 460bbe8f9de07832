"""From token vectors to one vector per text."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from .....compiler.plan import Pooling

Floats = NDArray[numpy.float32]

_TINY = numpy.finfo(numpy.float32).tiny


def pool(states: Floats, lengths: NDArray[numpy.int64], pooling: Pooling) -> Floats:
    """One vector per text, [texts, dimensions], from its token vectors [texts, tokens, dimensions].

    lengths: how many of each text's tokens are real; the rest is padding and counts for nothing.
    """
    match pooling:
        case Pooling.CLS:
            return states[:, 0]
        case Pooling.LAST:
            return states[numpy.arange(len(states)), lengths - 1]
        case Pooling.MEAN:
            real = numpy.arange(states.shape[1]) < lengths[:, None]
            shares = real / lengths[:, None].astype(numpy.float32)
            return _summed(states, shares)
        case Pooling.MEAN_SQRT_LEN:
            real = numpy.arange(states.shape[1]) < lengths[:, None]
            return _summed(states, real / numpy.sqrt(lengths[:, None].astype(numpy.float32)))
        case Pooling.WEIGHTED_MEAN:
            places = numpy.arange(1, states.shape[1] + 1)
            weights = numpy.where(places <= lengths[:, None], places, 0).astype(numpy.float32)
            return _summed(states, weights / weights.sum(axis=1, keepdims=True))
        case Pooling.MAX:
            real = numpy.arange(states.shape[1]) < lengths[:, None]
            largest: Floats = numpy.where(real[:, :, None], states, -numpy.inf).max(axis=1)
            return largest
        case Pooling.NONE:
            raise ValueError("without pooling there is no one vector per text")


def _summed(states: Floats, shares: NDArray[numpy.floating[Any]]) -> Floats:
    """The token vectors of each text, each multiplied by its share, together."""
    summed: Floats = numpy.matmul(shares.astype(numpy.float32, copy=False)[:, None, :], states)[:, 0]
    return summed


def normalise(vectors: Floats) -> Floats:
    """`vectors`, [texts, dimensions], each scaled to length 1; a zero vector stays zero."""
    lengths: Any = numpy.sqrt(numpy.add.reduce(vectors * vectors, axis=1, keepdims=True))
    scaled: Floats = vectors / numpy.maximum(lengths, _TINY)
    return scaled
