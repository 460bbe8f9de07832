"""Rerankers and classifiers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import numpy
import pytest
from attrs import evolve

from inferc.compiler.plan import (
    Activation,
    Batching,
    ClassifySpec,
    Duration,
    OnnxServingPlan,
    RerankSpec,
    TooLongAction,
)
from inferc.runtime.replicas.onnx import OnnxReplica
from inferc.runtime.requests.answer import ClassifyChunk, EmbedChunk, RerankChunk, TensorChunk
from inferc.runtime.requests.errors import BadRequest, ContextLengthExceeded, StartError
from inferc.runtime.requests.request import ClassifyRequest, EmbedRequest, RerankRequest, TensorRequest
from inferc.runtime.requests.tensor import Tensor

from ...support.remote import executor_of, gateway_of
from .plans import MODELS, embed, embed_spec, file_ref, onnx_plan, plain_tokenizer, running
from .toys import load, scorer

TOKENIZER = file_ref(MODELS / "tokenizer.json")
LABELS = tuple(f"label-{index}" for index in range(214))


def rerank_plan(folder: Path, **changes: Any) -> OnnxServingPlan:
    plan = onnx_plan(model=scorer(folder / "cross.onnx", 1), task=RerankSpec(tokenizer=TOKENIZER), **changes)
    return evolve(plan, deployment="ranker")


def classify_plan(model: Path, **settings: Any) -> OnnxServingPlan:
    return evolve(onnx_plan(model=model, task=ClassifySpec(**settings)), deployment="classes")


def worth(path: Path, *texts: str) -> numpy.ndarray[Any, Any]:
    """What the tokens of the texts, read together, are worth to a toy scorer."""
    from onnx import numpy_helper

    [table] = [each for each in load(path).graph.initializer if each.name == "worth"]
    total: numpy.ndarray[Any, Any] = numpy_helper.to_array(table)[plain_tokenizer().encode(*texts).ids].sum(
        axis=0
    )
    return total


async def rerank(replica: OnnxReplica, query: str, *documents: str) -> RerankChunk:
    async with aclosing(replica.stream(RerankRequest(query, documents), None)) as chunks:
        [chunk] = [chunk async for chunk in chunks]
    assert isinstance(chunk, RerankChunk)
    return chunk


async def classify(replica: OnnxReplica, request: ClassifyRequest) -> ClassifyChunk:
    async with aclosing(replica.stream(request, None)) as chunks:
        [chunk] = [chunk async for chunk in chunks]
    assert isinstance(chunk, ClassifyChunk)
    return chunk


@pytest.mark.parametrize("batching", [None, Batching(max_size=4)])
async def test_each_document_is_read_together_with_the_query(
    batching: Batching | None, tmp_path: Path
) -> None:
    documents = ["short", "a document of a few more words", "another one"] * 5
    plan = rerank_plan(tmp_path, batching=batching)
    async with running(plan) as replica:
        chunk = await rerank(replica, "what is it", *documents)
    expected = [
        1 / (1 + numpy.exp(-worth(tmp_path / "cross.onnx", "what is it", each)[0])) for each in documents
    ]
    numpy.testing.assert_allclose(chunk.scores, expected, atol=1e-5)
    assert chunk.usage.prompt_tokens > len(documents) * 5


async def test_a_reranker_answers_tensors_with_what_the_model_gives(tmp_path: Path) -> None:
    ids = numpy.array([[101, 7592, 102], [101, 2088, 102]])
    inputs = (Tensor("input_ids", "INT64", ids), Tensor("attention_mask", "INT64", numpy.ones_like(ids)))
    async with running(rerank_plan(tmp_path, batching=Batching(max_size=4))) as replica:
        chunk = await replica.answer(TensorRequest(inputs), None)
        assert isinstance(chunk, TensorChunk)
        assert chunk.outputs[0].values.shape == (2, 1)
        with pytest.raises(BadRequest, match="input `attention_mask` is missing"):
            await replica.answer(TensorRequest(inputs[:1]), None)


async def test_requests_share_the_runs_of_a_model_that_fixes_how_many_rows_they_have(tmp_path: Path) -> None:
    batching = Batching(max_size=16, max_delay=Duration(0.05))
    fixed = scorer(tmp_path / "fixed.onnx", 1, batch=4)
    plan = evolve(rerank_plan(tmp_path, batching=batching), model=file_ref(fixed))
    async with running(rerank_plan(tmp_path)) as open_one, running(plan) as replica:
        expected = [(await rerank(open_one, "query", f"word {each}")).scores[0] for each in range(8)]
        got = await asyncio.gather(*(rerank(replica, "query", f"word {each}") for each in range(8)))
        assert max(replica.status().run_sizes) == 4
    numpy.testing.assert_allclose([each.scores[0] for each in got], expected, atol=1e-6)


async def test_over_http_the_best_document_comes_first(tmp_path: Path) -> None:
    documents = ["one", {"text": "two"}, "three"]
    async with executor_of(rerank_plan(tmp_path)) as executor, gateway_of(executor) as url:
        body = {"model": "ranker", "query": "q", "documents": documents}

        async def ask(**more: Any) -> tuple[int, Any]:
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{url}/v1/rerank", json=body | more) as answer,
            ):
                return answer.status, await answer.json()

        _, everything = await ask()
        scores = [result["relevance_score"] for result in everything["results"]]
        assert scores == sorted(scores, reverse=True)
        assert sorted(result["index"] for result in everything["results"]) == [0, 1, 2]
        assert everything["usage"]["total_tokens"] == everything["usage"]["prompt_tokens"] > 0
        _, best = await ask(top_n=1, return_documents=True)
        [first] = best["results"]
        assert first["index"] == everything["results"][0]["index"]
        assert first["document"] == {"text": ["one", "two", "three"][first["index"]]}
        for wrong, param in (
            ({"documents": []}, "documents"),
            ({"documents": [1]}, "documents[0]"),
            ({"query": None}, "query"),
            ({"top_n": 0}, "top_n"),
            ({"documents": ["\ud800"]}, None),
        ):
            status, answer = await ask(**wrong)
            assert status == 400
            assert param is None or answer["error"]["param"] == param


async def test_a_real_classifier_gives_its_labels_the_best_first() -> None:
    plan = classify_plan(MODELS / "magika.onnx", labels=LABELS, activation=Activation.NONE, top_k=3)
    values = numpy.random.default_rng(3).integers(0, 257, (2, 2048), numpy.int32)
    tensor = Tensor("bytes", "INT32", values)
    import onnxruntime

    session = onnxruntime.InferenceSession(MODELS / "magika.onnx", providers=["CPUExecutionProvider"])
    [expected] = session.run(None, {"bytes": values})
    async with running(plan) as replica:
        three = await classify(replica, ClassifyRequest(inputs=(tensor,)))
        one = await classify(replica, ClassifyRequest(inputs=(tensor,), top_k=1))
        with pytest.raises(BadRequest, match="it classifies tensors: send them as `inputs`"):
            await classify(replica, ClassifyRequest(texts=("text",)))
    for row, labels in zip(expected, three.rows, strict=True):
        assert [label.index for label in labels] == numpy.argsort(-row, kind="stable")[:3].tolist()
        assert [label.label for label in labels] == [f"label-{label.index}" for label in labels]
        assert labels[0].score == pytest.approx(row.max(), abs=1e-5)
    assert [labels[0] for labels in three.rows] == [labels[0] for labels in one.rows]


@pytest.mark.parametrize("activation", Activation)
async def test_scores_of_texts_are_what_the_activation_makes_of_them(
    activation: Activation, tmp_path: Path
) -> None:
    path = scorer(tmp_path / "classes.onnx", 3)
    logits = worth(path, "some text")
    match activation:
        case Activation.SOFTMAX:
            expected = numpy.exp(logits) / numpy.exp(logits).sum()
        case Activation.SIGMOID:
            expected = 1 / (1 + numpy.exp(-logits))
        case Activation.NONE:
            expected = logits
    plan = classify_plan(path, tokenizer=TOKENIZER, activation=activation)
    async with running(plan) as replica:
        chunk = await classify(replica, ClassifyRequest(texts=("some text", "more")))
    scores = {label.index: label.score for label in chunk.rows[0]}
    assert [scores[index] for index in range(3)] == pytest.approx(expected.tolist(), abs=1e-5)
    assert {label.label for label in chunk.rows[1]} == {"0", "1", "2"}
    assert chunk.usage.prompt_tokens == 7


async def test_over_http_texts_and_tensors_are_classified(tmp_path: Path) -> None:
    texts = evolve(classify_plan(scorer(tmp_path / "c.onnx", 3), tokenizer=TOKENIZER), deployment="texts")
    magika = classify_plan(MODELS / "magika.onnx", labels=LABELS, activation=Activation.NONE)
    tensor = {"name": "bytes", "datatype": "INT32", "shape": [1, 2048], "data": [0] * 2048}
    async with (
        executor_of(texts, magika) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as session,
    ):

        async def ask(path: str = "/v1/classify", **body: Any) -> tuple[int, Any]:
            async with session.post(url + path, json=body) as answer:
                return answer.status, await answer.json()

        status, answer = await ask(model="texts", input="hello", top_k=2)
        assert status == 200
        assert [set(label) for label in answer["data"][0]["labels"]] == [{"label", "index", "score"}] * 2
        status, answer = await ask(model="classes", inputs=[tensor], top_k=1)
        assert status == 200
        [best] = answer["data"][0]["labels"]
        status, answer = await ask("/v2/models/classes/infer", inputs=[tensor])
        assert best["index"] == int(numpy.argmax(answer["outputs"][0]["data"]))
        for body, message in (
            ({"model": "texts", "input": []}, "`input` must hold at least one text"),
            ({"model": "texts"}, "`input` is missing"),
            (
                {"model": "classes", "input": [[1.0, 2.0]]},
                "to a model without a tokenizer, tensors as `inputs`",
            ),
            ({"model": "texts", "input": "a", "inputs": [tensor]}, "not both"),
            ({"model": "texts", "inputs": [tensor]}, "classifies texts: send them as `input`"),
            ({"model": "classes", "inputs": [tensor | {"shape": [1, 7]}]}, "its `shape` [1, 7] means 7"),
            ({"model": "classes", "inputs": [tensor], "top_k": "2"}, "`top_k` must be a whole number"),
        ):
            status, answer = await ask(**body)
            assert status == 400
            assert message in answer["error"]["message"]


async def test_labels_that_are_too_few_stop_the_start() -> None:
    with pytest.raises(StartError, match=r"it has 2 `labels`, but its model (knows|tells) 214"):
        async with running(classify_plan(MODELS / "magika.onnx", labels=("a", "b"))):
            pass


async def test_a_model_that_does_not_fit_its_task_shows_its_real_signature() -> None:
    for task in (RerankSpec(tokenizer=TOKENIZER), ClassifySpec(tokenizer=TOKENIZER)):
        with pytest.raises(StartError, match="this one takes"):
            async with running(onnx_plan(task=task)):
                pass


async def test_a_tokenizer_that_is_not_the_models_stops_the_start(tmp_path: Path) -> None:
    model = scorer(tmp_path / "small.onnx", 1, vocabulary=100)
    with pytest.raises(
        StartError, match="does not know token 101: its `tokenizer` must be the one that belongs"
    ):
        async with running(onnx_plan(model=model, task=RerankSpec(tokenizer=TOKENIZER))):
            pass


async def test_a_tokenizer_with_more_tokens_than_the_model_is_told_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = scorer(tmp_path / "most.onnx", 1, vocabulary=30_000)
    async with running(onnx_plan(model=model, task=RerankSpec(tokenizer=TOKENIZER))) as replica:
        assert "its tokenizer has tokens up to 30521, and its model fails on that one" in caplog.text
        assert len((await rerank(replica, "a question", "an answer")).scores) == 1


async def test_a_text_that_is_too_long_is_refused_where_it_must_not_be_cut() -> None:
    plan = onnx_plan(task=embed_spec(max_length=6, on_too_long=TooLongAction.ERROR))
    async with running(plan) as replica:
        with pytest.raises(ContextLengthExceeded, match="input 1 has 10 tokens, and the most is 6"):
            await embed(replica, "short", "one two three four five six seven eight")
        assert (await embed(replica, "one two three four")).usage.prompt_tokens == 6


LONG = "one two three four five six seven eight"


async def test_a_request_may_say_that_its_texts_must_not_be_cut() -> None:
    async with running(onnx_plan(task=embed_spec(max_length=6))) as replica:
        for texts in ((LONG,), ("short", LONG)):
            await replica.answer(EmbedRequest(texts), None)
            await replica.answer(EmbedRequest(texts, options={"truncate": "END", "truncation": True}), None)
            for options in ({"truncate": "NONE"}, {"truncate": False}, {"truncation": False}):
                with pytest.raises(ContextLengthExceeded, match="more than 6 tokens"):
                    await replica.answer(EmbedRequest(texts, options=options), None)
                await replica.answer(EmbedRequest(("one two",), options=options), None)


async def test_a_request_may_want_other_vectors_as_far_as_the_model_can() -> None:
    harmless = {"input_type": "query", "user": "u", "normalize": True, "late_chunking": False}
    async with running(onnx_plan(task=embed_spec(dimensions=64))) as replica:
        first = (await embed(replica, "some text")).vectors
        short = await replica.answer(EmbedRequest(("some text",), 16), None)
        with pytest.raises(BadRequest, match=r"`dimensions` is 65, and the vectors of .* have 64") as refused:
            await replica.answer(EmbedRequest(("some text",), 65), None)
        assert refused.value.param == "dimensions"
    async with running(onnx_plan()) as replica:
        full = (await embed(replica, "some text")).vectors
        await replica.answer(EmbedRequest(("a",), options=harmless), None)
        for options in (
            {"truncate": "START"},
            {"truncate": 5},
            {"normalize": False},
            {"prompt_name": "query"},
        ):
            with pytest.raises(BadRequest) as refused:
                await replica.answer(EmbedRequest(("a",), options=options), None)
            assert refused.value.param == next(iter(options))
    assert isinstance(short, EmbedChunk)
    for vectors in (first, short.vectors):
        part = full[:, : vectors.shape[1]]
        numpy.testing.assert_allclose(vectors, part / numpy.linalg.norm(part), atol=1e-5)
    assert (first.shape[1], short.vectors.shape[1]) == (64, 16)
