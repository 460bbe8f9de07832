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
        """Of the answer that they are part of, all of which is kept."""
        return memoryview(self.each[0].obj).nbytes

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
