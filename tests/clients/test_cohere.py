"""Cohere's own client, of its first API and of its second."""

from __future__ import annotations

import cohere
import pytest

from .served import EMBEDDERS

DOCUMENTS = ["green grass", "the blue sky", "a blue door"]


@pytest.mark.tries("Cohere for Python, v1 and v2", "vectors")
@pytest.mark.parametrize("model", EMBEDDERS)
def test_texts_are_embedded(url: str, model: str) -> None:
    client = cohere.ClientV2("any", base_url=url)
    answer = client.embed(
        model=model, texts=["a", "b"], input_type="search_document", embedding_types=["float", "base64"]
    )
    assert answer.embeddings.float_ is not None
    assert len(answer.embeddings.float_) == 2
    assert answer.embeddings.base64 is not None
    assert answer.meta is not None
    assert answer.meta.billed_units is not None
    older = cohere.Client("any", base_url=url).embed(model=model, texts=["a"], input_type="search_query")
    assert older.embeddings[0] == pytest.approx(answer.embeddings.float_[0], abs=1e-6)


@pytest.mark.tries("Cohere for Python, v1 and v2", "ranks", model="ranker")
def test_documents_are_ranked(url: str) -> None:
    answer = cohere.ClientV2("any", base_url=url).rerank(
        model="ranker", query="blue sky", documents=DOCUMENTS, top_n=2
    )
    assert [result.index for result in answer.results] == [1, 2]
    older = cohere.Client("any", base_url=url).rerank(
        model="ranker",
        query="blue sky",
        documents=[{"text": each} for each in DOCUMENTS],
        return_documents=True,
    )
    assert older.results[0].document.text == DOCUMENTS[1]


def test_an_error_is_one_of_its_own(url: str) -> None:
    with pytest.raises(cohere.NotFoundError) as failed:
        cohere.ClientV2("any", base_url=url).rerank(model="nobody", query="q", documents=["a"])
    assert "there is no model `nobody`" in str(failed.value.body)
