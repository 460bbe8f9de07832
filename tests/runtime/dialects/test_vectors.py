"""Vectors of providers: as numbers or in base64, of one length, or the provider's fault."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import nullcontext

import numpy
import pytest

from inferc.runtime.dialects.openai.embeddings import in_base64, write_embeddings
from inferc.runtime.dialects.provider_errors.classify import Classifier
from inferc.runtime.dialects.retrieval.openai import OpenAIRetrieval
from inferc.runtime.dialects.retrieval.vectors import ordered_scores, stack_vectors
from inferc.runtime.requests.errors import ServerError
from inferc.runtime.requests.usage import Usage
from tests.support.remote import remote_plan
from tests.support.rows import each_row

CLASSIFIER = Classifier(remote_plan(), None)


def packed(*numbers: float) -> str:
    return b64encode(numpy.array(numbers, "<f4").tobytes()).decode()


@pytest.mark.parametrize("first", [packed(1, 2.5), [1, 2.5]])
@pytest.mark.parametrize("second", [packed(-3, 4), [-3, 4]])
def test_numbers_and_base64_are_the_same_vectors(first: object, second: object) -> None:
    chunk = stack_vectors([first, second], 2, Usage(2), CLASSIFIER)
    assert chunk.vectors.tolist() == [[1, 2.5], [-3, 4]]
    assert [*in_base64(chunk)] == [packed(1, 2.5), packed(-3, 4)]


@each_row(
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


VECTORS = [packed(*range(9)), packed(*range(9, 18))]
DATA = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(VECTORS)]
USAGE = {"prompt_tokens": 5, "total_tokens": 5}
ANSWER = {"object": "list", "data": DATA, "model": "embedding", "usage": USAGE}


@each_row(
    ("body", "stays"),
    [
        (json.dumps(ANSWER), True),
        (json.dumps(ANSWER, indent=4), True),
        (json.dumps({"embedding": "no vector", **ANSWER}), False),
        (json.dumps(ANSWER | {"data": DATA[::-1]}), False),
        (json.dumps(ANSWER | {"model": 'the "best"'}), False),
        (json.dumps(ANSWER | {"data": [{"index": 0, "embedding": [*range(9)]}, DATA[1]]}), False),
    ],
)
def test_vectors_in_base64_go_to_the_client_as_they_came(body: str, stays: bool) -> None:
    found = OpenAIRetrieval(remote_plan()).vectors(body.encode(), 2, CLASSIFIER)
    assert found.vectors.tolist() == [[*range(9)], [*range(9, 18)]]
    assert (bool(found.packed), found.usage.prompt_tokens) == (stays, 5)
    written = [json.loads(b"".join(write_embeddings(found, "m", as_base64=packs))) for packs in (True, False)]
    assert [[each["embedding"] for each in it["data"]] for it in written] == [VECTORS, found.vectors.tolist()]
    assert all(it | {"data": []} == ANSWER | {"data": [], "model": "m"} for it in written)


@each_row("texts", [1, 2, 11])
@each_row("numbers", [1, 3, 4, 12])  # with padding, and without
@each_row("order", [("index", "embedding"), ("embedding", "index", "object")])
def test_any_number_of_vectors_stays_in_base64_wherever_their_index_stands(
    texts: int, numbers: int, order: tuple[str, ...]
) -> None:
    rows = numpy.arange(texts * numbers, dtype="<f4").reshape(texts, numbers)
    items = [
        {"index": index, "embedding": packed(*row), "object": "embedding"} for index, row in enumerate(rows)
    ]
    data = [{name: item[name] for name in order} for item in items]
    found = OpenAIRetrieval(remote_plan()).vectors(json.dumps({"data": data}).encode(), texts, CLASSIFIER)
    assert (found.vectors.tolist(), found.dimensions) == (rows.tolist(), numbers)
    written = json.loads(b"".join(write_embeddings(found, "m", as_base64=True)))
    assert (bool(found.packed), written["data"]) == (True, items)
    found.vectors[0] = 0  # whoever gets them may change them


@each_row("numbers", [1536, 1024])  # without padding, and with
@each_row("place", [0, 7, 19])
@each_row(("number", "is_one"), [(1e30, True), (float("nan"), False), (float("-inf"), False)])
def test_every_number_of_many_long_vectors_is_looked_at(
    numbers: int, place: int, number: float, is_one: bool
) -> None:
    rows = numpy.zeros((20, numbers), "<f4")
    rows[place, -1] = number
    data = [{"index": index, "embedding": packed(*row)} for index, row in enumerate(rows)]
    answer = json.dumps({"data": data}).encode()
    with nullcontext() if is_one else pytest.raises(ServerError, match="NaN, infinity"):
        found = OpenAIRetrieval(remote_plan()).vectors(answer, 20, CLASSIFIER)
        assert found.vectors.tolist() == rows.tolist()


ITEM = '{"object": "embedding", "index": %d, "embedding": "%s"}'


@each_row(
    ("item", "passes"),
    [
        (ITEM, True),
        (ITEM.replace(",", "\n,\t"), True),
        ('{"index": %d, "object": "embedding", "embedding": "%s"}', True),
        ('{"index": %d, "embedding": "%s"}', False),
        (ITEM.replace("}", ', "more": 1}'), False),
        (ITEM.replace('"index"', '"more": 1, "index"'), False),
    ],
)
def test_vectors_go_together_where_only_what_openai_says_stands_between_them(item: str, passes: bool) -> None:
    items = [item % (index, vector) for index, vector in enumerate(VECTORS)]
    found = OpenAIRetrieval(remote_plan()).vectors(f'{{"data": [{",".join(items)}]}}'.encode(), 2, CLASSIFIER)
    assert found.packed is not None
    assert (found.packed.together is not None) == passes
    assert json.loads(b"".join(write_embeddings(found, "m", as_base64=True)))["data"] == DATA


@each_row("place", [1, 5, 10])
@each_row("index", [0, 4, 11, None])
def test_an_index_that_is_out_of_order_is_found_wherever_it_stands(place: int, index: object) -> None:
    data = [{"index": each, "embedding": packed(each)} for each in range(11)]
    data[place]["index"] = index
    with pytest.raises(ServerError):
        OpenAIRetrieval(remote_plan()).vectors(json.dumps({"data": data}).encode(), 11, CLASSIFIER)


@each_row(
    "wrong",
    [
        {"data": DATA[:1]},
        {"data": [DATA[1], DATA[1]]},
        {"data": [DATA[0], DATA[1] | {"embedding": VECTORS[1][:-1] + "!"}]},
        {"data": [DATA[0], DATA[1] | {"embedding": packed(1)}]},
        {"data": [*DATA, DATA[1] | {"index": 2}]},
        {"data": [DATA[0], DATA[1] | {"embedding": VECTORS[1][:-2] + "=="}]},
        {"data": [DATA[0], DATA[1] | {"embedding": VECTORS[1][:20] + '"' + VECTORS[1][21:]}]},
        {"data": [DATA[0], DATA[1] | {"embedding": packed(*[float("nan")] * 9)}]},
        {"error": {"message": "no"}},
    ],
)
def test_what_is_wrong_with_vectors_in_base64_is_found(wrong: dict[str, object]) -> None:
    with pytest.raises(ServerError):
        OpenAIRetrieval(remote_plan()).vectors(json.dumps(ANSWER | wrong).encode(), 2, CLASSIFIER)
    with pytest.raises(ServerError):
        OpenAIRetrieval(remote_plan()).vectors(json.dumps(ANSWER).encode()[:-1], 2, CLASSIFIER)


@pytest.mark.parametrize("score", ["nan", "inf", None, [1]])
def test_scores_that_are_no_numbers_are_the_providers_fault(score: object) -> None:
    results = [{"index": 0, "relevance_score": score}, {"index": 1, "relevance_score": 0.5}]
    with pytest.raises(ServerError):
        ordered_scores(results, 2, CLASSIFIER)


def test_scores_are_read_under_both_names_in_any_order() -> None:
    results = [{"index": 1, "score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    assert ordered_scores(results, 2, CLASSIFIER).tolist() == [0.1, 0.9]
