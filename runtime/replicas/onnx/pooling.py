"""From token vectors to one vector per text."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from ....compiler.plan import Pooling

Floats = NDArray[numpy.float32]


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
            pooled: Floats = numpy.matmul(shares[:, None, :], states)[:, 0]
            return pooled
        case Pooling.NONE:
            raise ValueError("without pooling there is no one vector per text")


def normalise(vectors: Floats) -> Floats:
    """`vectors`, [texts, dimensions], each scaled to length 1; a zero vector stays zero."""
    lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / numpy.maximum(lengths, numpy.finfo(numpy.float32).tiny)
    return scaled
