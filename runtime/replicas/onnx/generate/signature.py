"""What a causal language model in Optimum's layout takes and gives, read from its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

from .....compiler.plan.record import frozen
from ....requests.datatypes import NUMPY_TYPES
from ....requests.errors import StartError
from ....requests.tensor import TensorInfo
from ..signature import (
    ATTENTION_MASK,
    INPUT_IDS,
    PAST,
    POSITION_IDS,
    TOKEN_TYPE_IDS,
    describe,
    inputs_of,
    outputs_of,
)

if TYPE_CHECKING:
    import onnxruntime

PRESENT = "present."
LOGITS = "logits"

USE_CACHE_BRANCH, NUM_LOGITS_TO_KEEP = "use_cache_branch", "num_logits_to_keep"
_SWITCHES = {USE_CACHE_BRANCH: ("BOOL",), NUM_LOGITS_TO_KEEP: ("INT64", "INT32")}

_INTEGERS = (INPUT_IDS, ATTENTION_MASK, POSITION_IDS, TOKEN_TYPE_IDS)
_FLOATS = ("FP32", "FP16")


@frozen
class CacheEntry:
    """Keys or values of one layer: what the model takes and what it gives back, one position longer.

    Both are [batch, heads, positions, size].
    """

    past: str
    present: str
    dtype: numpy.dtype[Any]
    heads: int
    size: int

    @property
    def is_of_encoder(self) -> bool:
        """Whether it is made of what the encoder gave, once for each text."""
        return ".encoder." in self.past


@frozen
class GenerateSignature:
    """integers: the dtypes of `input_ids`, and of the mask, positions and segments where it has them.

    switches: what says whether there is a past, and how many logits are wanted.
    """

    integers: dict[str, numpy.dtype[Any]]
    cache: tuple[CacheEntry, ...]
    switches: tuple[TensorInfo, ...] = ()
    encoder: tuple[str, ...] = ()
    """Inputs that come from an encoder."""


ENCODER_STATES, ENCODER_MASK = "encoder_hidden_states", "encoder_attention_mask"


def read_generate_signature(
    session: onnxruntime.InferenceSession, owner: str, *, has_encoder: bool = False
) -> GenerateSignature:
    """The signature of `session` as a causal language model. Raises StartError, which shows the real one."""
    inputs = {info.name: info for info in inputs_of(session)}
    outputs = {info.name: info for info in outputs_of(session)}
    integers = {name: inputs[name] for name in _INTEGERS if name in inputs}
    pasts = [info for name, info in inputs.items() if name.startswith(PAST)]
    switches = tuple(
        info
        for name, info in inputs.items()
        if info.datatype in _SWITCHES.get(name, ()) and len(info.shape or ()) < 2
    )
    encoder = tuple(name for name in (ENCODER_STATES, ENCODER_MASK) if has_encoder and name in inputs)
    fits = (
        INPUT_IDS in integers
        and pasts
        and len(integers) + len(pasts) + len(switches) + len(encoder) == len(inputs)
        and (ENCODER_STATES in encoder) is has_encoder
        and LOGITS in outputs
        and outputs[LOGITS].datatype in _FLOATS
        and all(info.datatype in ("INT64", "INT32") for info in integers.values())
        and all(_present(info.name) in outputs and info.datatype in _FLOATS for info in pasts)
        and all(len(shape := info.shape or ()) == 4 and shape[1] and shape[3] for info in pasts)
    )
    if not fits:
        raise StartError(
            f"{owner}: its task is `generate`, which needs a model that takes {INPUT_IDS}, {ATTENTION_MASK}, "
            f"perhaps {POSITION_IDS} and {TOKEN_TYPE_IDS}, and {PAST}* of [batch, heads, positions, size], "
            f"and gives {LOGITS} and {PRESENT}*, as Optimum exports it with "
            f"`--task text-generation-with-past`; {describe(session)}"
        )
    return GenerateSignature(
        {name: NUMPY_TYPES[info.datatype] for name, info in integers.items()},
        tuple(
            CacheEntry(
                info.name,
                _present(info.name),
                NUMPY_TYPES[info.datatype],
                heads or 0,
                size or 0,
            )
            for info in pasts
            for _, heads, _, size in [info.shape or ()]
        ),
        switches,
        encoder,
    )


def _present(past: str) -> str:
    return PRESENT + past.removeprefix(PAST)
