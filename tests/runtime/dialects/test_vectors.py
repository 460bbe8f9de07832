"""Vectors of providers: as numbers or in base64, of one length, or the provider's fault."""

from __future__ import annotations

from base64 import b64encode

import numpy
import pytest

from inferc.runtime.dialects.openai.embeddings import in_base64
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.retrieval.vectors import ordered_scores, stack_vectors
from inferc.runtime.requests.errors import ServerError
from inferc.runtime.requests.usage import Usage
from tests.support.remote import remote_plan

CLASSIFIER = Classifier(remote_plan(), None)


def packed(*numbers: float) -> str:
    return b64encode(numpy.array(numbers, "<f4").tobytes()).decode()


@pytest.mark.parametrize("first", [packed(1, 2.5), [1, 2.5]])
@pytest.mark.parametrize("second", [packed(-3, 4), [-3, 4]])
def test_numbers_and_base64_are_the_same_vectors(first: object, second: object) -> None:
    chunk = stack_vectors([first, second], 2, Usage(2), CLASSIFIER)
    assert chunk.vectors.tolist() == [[1, 2.5], [-3, 4]]
    assert in_base64(chunk) == [packed(1, 2.5), packed(-3, 4)]


@pytest.mark.parametrize(
    "found",
    [
        [packed(1, 2), packed(1)],
        [packed(1, 2), [1]],
        ["", ""],
        ["AAA=", "AAA="],
        ["AAAAAA==\n", "AAAAAA=="],
        ["AAAA!AAA", "AAAAAAAA"],
        ["ÄÄÄÄ", "ÄÄÄÄ"],
        [[[1], [2]], [[1], [2]]],
        [None, None],
        [packed(1)],
        [[], []],
        [[1, None], [1, 2]],
        [[1e300, 1], [1, 2]],
        [packed(1, float("nan")), packed(1, 2)],
        [packed(float("inf"), 1), [1, 2]],
    ],
)
def test_what_is_no_vectors_is_the_providers_fault(found: list[object]) -> None:
    with pytest.raises(ServerError):
        stack_vectors(found, 2, Usage(2), CLASSIFIER)


@pytest.mark.parametrize("score", ["nan", "inf", None, [1]])
def test_scores_that_are_no_numbers_are_the_providers_fault(score: object) -> None:
    results = [{"index": 0, "relevance_score": score}, {"index": 1, "relevance_score": 0.5}]
    with pytest.raises(ServerError):
        ordered_scores(results, 2, CLASSIFIER)
