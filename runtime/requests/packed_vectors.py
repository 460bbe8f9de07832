"""Vectors in base64, as a provider sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...compiler.plan.record import frozen
from .base64_text import decoded

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


@frozen
class PackedVectors:
    """Little-endian float32 in base64, all of one length: they were looked through, and are finite.

    each: the vector of each text, a part of one answer. together: from the first to the last, where what
    stands between them is as OpenAI's JSON has it; None elsewhere.
    """

    each: tuple[memoryview, ...]
    together: memoryview | None = None

    @property
    def nbytes(self) -> int:
        """Of what they are part of, all of which is kept."""
        whole = {id(each.obj): each.obj for each in self.each}
        return sum(memoryview(each).nbytes for each in whole.values())

    def alone(self) -> PackedVectors:
        """The same, to be kept: not in memory that much is read into, and that waits to be used again."""
        if type(self.each[0].obj) is bytes:
            return self
        return PackedVectors(tuple(memoryview(bytes(each)) for each in self.each))

    @property
    def dimensions(self) -> int:
        """Numbers of each vector."""
        text = self.each[0]
        return (len(text) // 4 * 3 - bytes(text[-2:]).count(b"=")) // 4

    def numbers(self) -> NDArray[numpy.float32]:
        """float32 [texts, dimensions]; made anew each time."""
        import numpy

        together = bytearray().join(map(decoded, self.each))
        return numpy.frombuffer(together, dtype="<f4").reshape(len(self.each), -1)
