"""From the numbers a classifier gives to scores, and to the labels with the best ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from .....compiler.plan import Activation
from ....requests.answer import Label

Floats = NDArray[numpy.float32]


def sigmoid(logits: Floats) -> Floats:
    """Each number on its own, 0 to 1."""
    scores: Floats = numpy.tanh(0.5 * logits)
    scores += 1
    scores *= 0.5
    return scores


def softmax(logits: Floats) -> Floats:
    """The numbers of each row together: their sum is 1."""
    scores: Floats = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def activate(logits: Floats, activation: Activation) -> Floats:
    """The scores of `logits`, [rows, classes]."""
    match activation:
        case Activation.SOFTMAX:
            return softmax(logits)
        case Activation.SIGMOID:
            return sigmoid(logits)
        case Activation.NONE:
            return logits


def best(scores: Floats, names: Sequence[str], top_k: int | None) -> tuple[tuple[Label, ...], ...]:
    """The labels of each row, the best first; of equal ones, the first first."""
    order = numpy.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    return tuple(
        tuple(Label(names[index], index, float(row[index])) for index in indices)
        for row, indices in zip(scores, order.tolist(), strict=True)
    )
