"""Whether the first size of a model's inputs is likely to be a batch, as far as names say."""

from __future__ import annotations

import re

from .signature import Dimension, Signature, TensorSpec

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SERIES = frozenset(
    [
        *("seq", "seqs", "sequence", "sequences", "len", "length", "lengths", "l", "s", "past"),
        *("t", "time", "times", "timestep", "timesteps", "step", "steps"),
        *("sample", "samples", "frame", "frames", "audio", "signal", "wave", "waveform", "window", "windows"),
        *("token", "tokens", "word", "words", "char", "chars", "character", "characters"),
        *("point", "points", "node", "nodes", "edge", "edges", "atom", "atoms", "height", "width", "h", "w"),
    ]
)
_BATCH = frozenset(["batch", "batches", "bs"])
_MADE_UP = re.compile(r"[su]\d+")
"""What PyTorch calls sizes that were given no name."""


def no_batch(signature: Signature) -> str | None:
    """Why the first size of an input is more likely something else, by its name; None where it may be one.

    Such as "the first size of `x` is called `time`".
    """
    return next((why for spec in signature.inputs if (why := _by_name(spec))), None)


def one_dimensional(signature: Signature) -> str | None:
    """An input whose one size may be anything, in words."""
    flat = (spec for spec in signature.inputs if spec.shape is not None and len(spec.shape) == 1)
    return next((f"`{spec.name}` has one size, which need not be a batch" for spec in flat), None)


def _by_name(spec: TensorSpec) -> str | None:
    if not spec.shape:
        return None
    first, *others = spec.shape
    words = _words(first)
    if words & _SERIES and not words & _BATCH:
        return f"the first size of `{spec.name}` is called `{first}`"
    batch = next((size for size in others if _words(size) & _BATCH), None)
    if batch is not None and not words & _BATCH:
        return f"another size of `{spec.name}` is called `{batch}`"
    return None


def _words(size: Dimension) -> frozenset[str]:
    """The words in the name of a size: `batch_size` and `BatchSize` are batch and size."""
    if not isinstance(size, str) or _MADE_UP.fullmatch(size):
        return frozenset()
    return frozenset(word.lower() for word in _WORDS.findall(size))
