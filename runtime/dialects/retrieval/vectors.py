"""Vectors as providers send them, as one array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ....compiler.plan.late_pattern import late_pattern
from ....compiler.plan.record import new_tuple
from ...requests.answer import EmbedChunk
from ...requests.base64_text import decoded
from ...requests.packed_vectors import PackedVectors
from ...requests.usage import Usage
from ..provider_errors.classify import Classifier

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_KEY = late_pattern(rb'"embedding"\s*:\s*"')
_INDEX = late_pattern(rb'"index"\s*:\s*([01])\b')
_USUAL = late_pattern(
    rb'"\s*\}\s*,\s*\{\s*(?:"object"\s*:\s*"embedding"\s*,\s*"index"\s*:\s*1|'
    rb'"index"\s*:\s*1\s*,\s*"object"\s*:\s*"embedding")\s*,\s*"embedding"\s*:\s*"'
)
"""What stands between the first two vectors of OpenAI's JSON, and of others that have its fields."""
_FAR = 1 << 10
"""Bytes before the first vector, and between two, at most."""
_SOON = 1 << 14
"""Bytes in which a vector ends, most of the time."""
_PADDING, _BACKSLASH = ord("="), ord("\\")
_DECODED = 1 << 17
"""Characters of base64 that are decoded at once."""
_WHOLE = 16
"""Characters of base64 in whose bytes numbers of 4 bytes end, without padding."""


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
    if wanted is None or chunk.tokens or chunk.is_sparse or chunk.dimensions == wanted:
        return
    error = classifier.malformed(
        f"its vectors have {chunk.dimensions} numbers, and `dimensions` asked for {wanted}"
    )
    error.retryable, error.usage = False, chunk.usage
    raise error


class SplitAnswer(NamedTuple):
    """An answer with vectors in base64. answer: as JSON, with no more than the first two of them, in whose
    places stand their numbers. last: the index of the second. vectors: all of them. together: from the first
    to the last, where what stands between them is as OpenAI's JSON has it."""

    answer: Any
    last: int
    vectors: list[memoryview]
    together: memoryview | None


def split_vectors(body: bytes | memoryview, texts: int) -> SplitAnswer | None:
    """Take the vectors of `texts` texts out of `body`: they are nearly all of it, and are not read as JSON.

    The first says how long each is, and what stands between the first two what stands between all, but for
    the index. None where the answer is another one: it is to be read as a whole.
    """
    key = _KEY.search(body, 0, _FAR)
    if key is None:
        return None
    begin = key.end()
    at = _end_of_text(body, begin)
    length = at - begin
    if length <= 0:
        return None
    between, last, is_usual = b"", 0, True
    view = memoryview(body)
    if texts == 1:
        vectors = [view[begin:at]]
    else:
        following = _KEY.search(body, at, at + _FAR)
        index = None if following is None else _INDEX.search(body, at, following.end())
        if following is None or index is None:
            return None
        between = bytes(body[at : following.end()])
        before, after = between[: index.start(1) - at], between[index.end(1) - at :]
        is_next = int(index[1])  # 0 where an index follows its vector
        last = 1 if is_next else texts - 1
        links, between_places, places, is_usual = _places(begin, length, before, after, is_next, texts)
        at = places[-1].stop
        if b"".join(map(view.__getitem__, between_places)) != links or at > len(body):
            return None
        vectors = list(map(view.__getitem__, places))
    rest = b"%b0%b%b%b" % (bytes(body[: key.end()]), between, b"1" if between else b"", bytes(body[at:]))
    try:
        answer = orjson.loads(rest)
    except ValueError:
        return None
    if _BACKSLASH in rest:
        return None
    return new_tuple(SplitAnswer, (answer, last, vectors, view[begin:at] if is_usual else None))


def _end_of_text(body: bytes | memoryview, begin: int) -> int:
    """Where the next quote stands; -1: there is none."""
    for end in begin + _SOON, len(body):
        at = bytes(body[begin:end]).find(b'"')
        if at >= 0:
            return begin + at
    return -1


@lru_cache(maxsize=4)  # answers of one provider for as many texts are alike
def _places(
    begin: int, length: int, before: bytes, after: bytes, first: int, texts: int
) -> tuple[bytes, list[slice], list[slice], bool]:
    """All that stands between the vectors of `texts` texts, where, where each vector is, and whether it is as
    OpenAI's JSON has it.

    length: of each vector; the first begins at `begin`. Between two is a number, counted from `first`, with
    `before` and `after` around it.
    """
    links = [b"%b%d%b" % (before, number, after) for number in range(first, first + texts - 1)]
    places = [slice(begin, begin + length)]
    between_places = []
    for link in links:
        at = places[-1].stop
        between_places.append(slice(at, at + len(link)))
        places.append(slice(at + len(link), at + len(link) + length))
    return b"".join(links), between_places, places, first == 1 and _USUAL.fullmatch(links[0]) is not None


def packed_vectors(vectors: list[memoryview], together: memoryview | None) -> PackedVectors | None:
    """`vectors`, which are of one length, when each is found to hold finite numbers; None where one does not.

    They are decoded some at a time, in memory that stays in the processor's cache, and not kept as numbers.
    """
    length, are_finite = len(vectors[0]), _are_finite()
    is_whole = not length % _WHOLE and vectors[0][-1] != _PADDING
    some = _DECODED // length or 1
    try:
        for at in range(0, len(vectors), some):
            part = vectors[at : at + some]
            data = decoded(b"".join(part)) if is_whole else b"".join(_of_one_length([*map(decoded, part)]))
            if not are_finite(data):
                return None
    except ValueError:
        return None
    return PackedVectors(tuple(vectors), together)


@cache  # numpy is not imported before, and its names are looked up once
def _are_finite() -> Callable[[bytes | bytearray], bool]:
    """What says whether all of some float32 are finite. Their squares are added first: where the sum is
    finite, all are."""
    import numpy

    read, vdot, float32 = numpy.frombuffer, numpy.vdot, numpy.dtype("<f4")

    def are_finite(data: bytes | bytearray) -> bool:
        numbers = read(data, float32)
        return isfinite(vdot(numbers, numbers)) or bool(numpy.isfinite(numbers).all())

    return are_finite


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


def _of_one_length(vectors: list[bytearray]) -> list[bytearray]:
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
