"""What an ONNX model takes and gives, and what it is made of."""

from __future__ import annotations

from attrs import field

from ...dsl.record import frozen
from ...dsl.word_enum import WordEnum


class DType(WordEnum):
    """The type of a tensor's elements."""

    F32 = "f32"
    F16 = "f16"
    BF16 = "bf16"
    F64 = "f64"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"
    BOOL = "bool"
    TEXT = "text"
    C64 = "c64"
    C128 = "c128"
    F8E4M3FN = "f8e4m3fn"
    F8E4M3FNUZ = "f8e4m3fnuz"
    F8E5M2 = "f8e5m2"
    F8E5M2FNUZ = "f8e5m2fnuz"
    F8E8M0 = "f8e8m0"
    F4E2M1 = "f4e2m1"
    I4 = "i4"
    U4 = "u4"
    I2 = "i2"
    U2 = "u2"
    F6E2M3 = "f6e2m3"
    F6E3M2 = "f6e3m2"


_MOST_SHOWN = 8
_NODES_SHOWN = 3

Dimension = int | str | None
"""A size, the name of one that is open, or None for one that is open and has no name."""


@frozen(slots=False)
class TensorSpec:
    """One input or output."""

    name: str = field(metadata={"doc": "the model's name for it"})
    dtype: DType | None = field(metadata={"doc": "null: no tensor, but a sequence, a map or an optional"})
    shape: tuple[Dimension, ...] | None = field(
        metadata={
            "doc": "sizes; a text names one that is open, null is open without a name; all null: unknown"
        }
    )

    def __str__(self) -> str:
        """Such as `input_ids i64[batch, sequence]`."""
        if self.dtype is None:
            return f"{self.name} (no tensor)"
        if self.shape is None:
            return f"{self.name} {self.dtype}"
        return f"{self.name} {self.dtype}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


@frozen(slots=False)
class Signature:
    """A model from outside: what it takes, what it gives, and what made it."""

    inputs: tuple[TensorSpec, ...] = field(
        default=(), metadata={"doc": "without weights that are inputs, too"}
    )
    outputs: tuple[TensorSpec, ...] = field(default=(), metadata={"doc": "in the model's order"})
    opsets: dict[str, int] = field(
        factory=dict, metadata={"doc": 'version of each set of operators; `""` is ONNX\'s own'}
    )
    producer: str = field(default="", metadata={"doc": "what wrote the model; empty: it does not say"})
    parameters: int = field(default=0, metadata={"doc": "numbers in its weights"})
    parameter_bytes: int = field(default=0, metadata={"doc": "size of its weights"})

    dynamic_nodes: tuple[str, ...] = field(
        default=(),
        metadata={"doc": "some of its nodes that quantise all rows of a run with one scale; empty: none do"},
    )

    optional: tuple[TensorSpec, ...] = field(
        default=(),
        metadata={"doc": "weights that are inputs, too: without a value, they keep theirs", "rare": True},
    )

    activations: dict[str, str] = field(
        factory=dict,
        metadata={"doc": "outputs that are scores already, and what they end with", "rare": True},
    )

    def input(self, name: str) -> TensorSpec | None:
        """The input called `name`."""
        return next((each for each in self.inputs if each.name == name), None)

    @property
    def one_scale(self) -> str | None:
        """Why rows that run together change each other: one scale is taken from all. None: it is not."""
        if not self.dynamic_nodes:
            return None
        some = ", ".join(f"`{name}`" for name in self.dynamic_nodes[:_NODES_SHOWN])
        more = " and others" if len(self.dynamic_nodes) > _NODES_SHOWN else ""
        return f"it quantises all rows of a run with one scale, in {some}{more}"

    def __str__(self) -> str:
        """Such as `takes x f32[batch, 4] and gives y f32[batch]`."""
        return f"takes {_listed(self.inputs)} and gives {_listed(self.outputs)}"


def _listed(specs: tuple[TensorSpec, ...]) -> str:
    shown = ", ".join(map(str, specs[:_MOST_SHOWN])) or "nothing"
    return shown + (f" and {len(specs) - _MOST_SHOWN} more" if len(specs) > _MOST_SHOWN else "")
