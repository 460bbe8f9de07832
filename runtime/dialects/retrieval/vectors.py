"""Vectors as providers send them, as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ...requests.answer import EmbedChunk
from ...requests.usage import Usage
from ..base64_text import decoded
from ..provider_errors.classify import Classifier

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_NAME = b'"embedding"'


def stack_vectors(found: Sequence[object], texts: int, usage: Usage, classifier: Classifier) -> EmbedChunk:
    """The vectors of `texts` texts: lists of numbers, or float32 in base64. Raises RequestError."""
    import numpy

    if len(found) != texts:
        raise classifier.malformed(f"{len(found)} vectors came for {texts} texts")
    try:
        if all(isinstance(vector, str) for vector in found):
            together = bytearray().join(_of_one_length([decoded(str(vector)) for vector in found]))
            vectors = numpy.frombuffer(together, dtype="<f4").reshape(texts, -1)
        else:
            with numpy.errstate(over="ignore"):  # what is too large for it is infinite, and refused below
                vectors = numpy.stack([_vector(vector) for vector in found])
    except (TypeError, ValueError):
        raise classifier.malformed("the answer holds no vectors of one length") from None
    if not vectors.size:
        raise classifier.malformed("the answer holds vectors without numbers")
    if not numpy.isfinite(vectors).all():
        raise classifier.malformed("the answer holds vectors with NaN, infinity or null in them")
    return EmbedChunk(vectors, usage)


def whole_numbers(found: Sequence[object], classifier: Classifier) -> list[NDArray[numpy.int8]]:
    """Vectors that came as whole numbers from -128 to 127, a byte each, in base64. Raises RequestError."""
    import numpy

    try:
        return [numpy.frombuffer(decoded(_text(vector)), dtype=numpy.int8) for vector in found]
    except (TypeError, ValueError):
        raise classifier.malformed("the answer holds no vectors in base64") from None


def check_length(chunk: EmbedChunk, wanted: int | None, classifier: Classifier) -> None:
    """Raise ServerError where vectors are not as long as they were asked for: they fit no others."""
    if wanted is None or chunk.tokens or chunk.is_sparse or chunk.vectors.shape[1] == wanted:
        return
    error = classifier.malformed(
        f"its vectors have {chunk.vectors.shape[1]} numbers, and `dimensions` asked for {wanted}"
    )
    error.retryable, error.usage = False, chunk.usage
    raise error


class PackedVectors(NamedTuple):
    """An answer with vectors in base64. answer: with the number of the vector in the place of each."""

    answer: Any
    vectors: list[bytes]


def split_vectors(body: bytes) -> PackedVectors | None:
    """Take the vectors out of `body`: they are nearly all of it, and need not be read as JSON.

    None where that cannot be told by its quotes alone: it is to be read as a whole.
    """
    if b"\\" in body:  # which may stand before a quote that ends nothing
        return None
    rest: list[bytes] = []
    vectors: list[bytes] = []
    kept = at = 0
    while (at := body.find(_NAME, at)) >= 0:
        at += len(_NAME)
        begin = body.find(b'"', at) + 1
        if body[at : begin - 1].strip() != b":":  # the word stands there as a value
            continue
        end = body.find(b'"', begin)
        if end < 0:
            return None
        rest += body[kept:begin], b"%d" % len(vectors)
        vectors.append(body[begin:end])
        kept = at = end
    rest.append(body[kept:])
    try:
        return PackedVectors(orjson.loads(b"".join(rest)), vectors) if vectors else None
    except ValueError:
        return None


def stack_packed(vectors: list[bytes], texts: int, usage: Usage) -> EmbedChunk | None:
    """The vectors of `texts` texts; None where they are none."""
    import numpy

    try:
        together = bytearray().join(_of_one_length([decoded(vector) for vector in vectors]))
    except ValueError:
        return None
    array = numpy.frombuffer(together, dtype="<f4").reshape(texts, -1)
    return EmbedChunk(array, usage, packed=tuple(vectors)) if numpy.isfinite(array).all() else None


def json_vectors(chunk: EmbedChunk) -> Any:
    """The vectors as JSON holds them: sparse ones as `indices` and `values`, several for a text as a list."""
    if chunk.tokens:
        return list(chunk.tokens)
    if not chunk.is_sparse:
        return chunk.vectors
    rows = ((row.nonzero()[0], row) for row in chunk.vectors)
    return ({"indices": places.tolist(), "values": row[places].tolist()} for places, row in rows)


def ordered_scores(results: Any, documents: int, classifier: Classifier) -> NDArray[numpy.float64]:
    """The scores of `documents` documents, which `results` tells by their numbers. Raises RequestError."""
    import numpy

    try:
        found = {
            item["index"]: float(item["relevance_score"] if "relevance_score" in item else item["score"])
            for item in results  # `score` is what Hugging Face's and Mixedbread's servers call it
        }
    except (KeyError, TypeError, ValueError):
        raise classifier.malformed("the answer holds no scores") from None
    if found.keys() != set(range(documents)):
        raise classifier.malformed(f"scores came for {len(found)} of {documents} documents")
    scores = numpy.array([found[index] for index in range(documents)])
    if not numpy.isfinite(scores).all():
        raise classifier.malformed("the answer holds scores that are NaN or infinite")
    return scores


def _of_one_length(vectors: list[bytes]) -> list[bytes]:
    """`vectors`, at least one. Raises ValueError where they differ in length, or hold no whole numbers."""
    length = len(vectors[0])
    if not length or length % 4 or set(map(len, vectors)) != {length}:
        raise ValueError("the vectors are of several lengths")
    return vectors


def _text(vector: object) -> str:
    if not isinstance(vector, str):
        raise TypeError("a vector is a text here")
    return vector


def _vector(embedding: object) -> NDArray[numpy.float32]:
    import numpy

    if isinstance(embedding, str):
        return numpy.frombuffer(decoded(embedding), dtype="<f4")
    vector = numpy.array(embedding, dtype=numpy.float32)
    if vector.ndim != 1:
        raise ValueError("a vector is a list of numbers")
    return vector
