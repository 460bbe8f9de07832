"""Connectionist temporal classification: labels of the steps of a line or a sound, as a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from ....requests.answer import Label
from .scores import Floats

BLANK = 0
"""The label of a step that says nothing: the first one."""


def decode_ctc(scores: Floats, names: Sequence[str]) -> Label:
    """The best label of each step of `scores`, [steps, labels]; those that repeat are one, blanks are none.

    Its score is the mean of those that are kept, 0 where none is.
    """
    labels = scores.argmax(axis=1)
    kept = labels != BLANK
    kept[1:] &= labels[1:] != labels[:-1]
    sure = scores.max(axis=1)[kept]
    return Label(
        "".join(names[each] for each in labels[kept].tolist()),
        BLANK,
        float(sure.mean(dtype=numpy.float64)) if sure.size else 0.0,
    )
