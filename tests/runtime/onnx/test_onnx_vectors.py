"""Prompts of embedders, sparse vectors, vectors of tokens, rerankers of two numbers, and labels of tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy
import onnxruntime
import pytest
from onnx import TensorProto, helper
from tokenizers import Tokenizer

from inferc.runtime.replicas.onnx.outputs.scores import sigmoid, softmax

from ...support.projects import Project
from ...support.remote import gateway_of, running
from .plans import MODELS, plain_tokenizer
from .toys import echo, save_model, scorer

WIDTH = 6
VOCABULARY = 31_000
TEXTS = ["good morning", "the quick brown fox jumps over the lazy dog", "Anna Smith lives in Berlin"]


def states(path: Path, width: int = WIDTH, name: str = "last_hidden_state") -> Path:
    """Gives a vector for each token: its own, and a hundredth of where it stands."""
    table = numpy.random.default_rng(3).normal(0, 1, (VOCABULARY, width)).astype(numpy.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["real"]),
        helper.make_node("CumSum", ["mask", "one"], ["place"]),
        helper.make_node("Unsqueeze", ["place", "last"], ["places"]),
        helper.make_node("Mul", ["places", "hundredth"], ["small"]),
        helper.make_node("Add", ["each", "small"], ["moved"]),
        helper.make_node("Mul", ["moved", "real"], [name]),
    ]
    weights = {
        "table": table,
        "last": numpy.array([2], numpy.int64),
        "one": numpy.array(1, numpy.int64),
        "hundredth": numpy.array(0.01, numpy.float32),
    }
    tokens = [(each, TensorProto.INT64, ["batch", "sequence"]) for each in ("input_ids", "attention_mask")]
    return save_model(path, nodes, tokens, [(name, TensorProto.FLOAT, ["batch", "sequence", width])], weights)


def alone(path: Path, *text: str) -> Any:
    """What ONNX Runtime gives for one text."""
    ids = numpy.array([plain_tokenizer().encode(*text).ids])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})[0][0]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "tokenizer.json").symlink_to(MODELS / "tokenizer.json")
    return Project(tmp_path)


class Served:
    """A gateway, asked for JSON."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session, session.post(self._url + path, json=body) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def served(project: Project, text: str) -> AsyncIterator[Served]:
    plan = project.plan(text)
    async with running(plan, project.folder) as executor, gateway_of(executor) as url:
        yield Served(url)


def deployment(model: Path, task: str, batching: str = "") -> str:
    runtime = f"outside_project = true{batching}"
    return f'deployment m {{\n model = "{model.name}"\n runtime ort {{ {runtime} }}\n task {task}\n}}\n'


BATCHING = ", batching { max_size = 8 }"


async def test_queries_and_documents_have_their_prompts(project: Project) -> None:
    model = states(project.folder / "m.onnx")
    task = (
        'embed { tokenizer = "tokenizer.json", normalize = false, query_prompt = "query: ", '
        'document_prompt = "passage: ", input_type = document }'
    )
    calls = (
        'pipeline p(q: text) -> tensor<f32, [6]> { return m(q, input_type = "query") }\n'
        "pipeline d(q: list<text>) -> tensor<f32, [n, 6]> { return m(q) }\n"
    )
    async with served(project, deployment(model, task) + calls) as gateway:

        async def vector(**more: Any) -> Any:
            status, answer = await gateway.post("/v1/embeddings", model="m", input="good morning", **more)
            assert status == 200, answer
            return numpy.array(answer["data"][0]["embedding"])

        as_query = alone(model, "query: good morning").mean(axis=0)
        as_document = alone(model, "passage: good morning").mean(axis=0)
        plain = alone(model, "good morning").mean(axis=0)
        for said, wanted in (
            ({}, as_document),
            ({"input_type": "query"}, as_query),
            ({"input_type": "search_query"}, as_query),
            ({"task": "retrieval.query"}, as_query),
            ({"task": "retrieval.passage"}, as_document),
            ({"input_type": "clustering"}, plain),
        ):
            numpy.testing.assert_allclose(await vector(**said), wanted, rtol=1e-5, atol=1e-6)
        status, answer = await gateway.post(
            "/v2/embed",
            model="m",
            texts=["good morning"],
            input_type="search_query",
            embedding_types=["float"],
        )
        numpy.testing.assert_allclose(answer["embeddings"]["float"][0], as_query, rtol=1e-5, atol=1e-6)
        status, answer = await gateway.post("/v1/embeddings", model="m", input="x", input_type="qeury")
        assert (status, answer["error"]["param"]) == (400, "input_type")
        _, answer = await gateway.post("/v1/pipelines/p", q="good morning")
        numpy.testing.assert_allclose(answer["result"], as_query, rtol=1e-5, atol=1e-6)
        _, answer = await gateway.post("/v1/pipelines/d", q=["good morning"])
        numpy.testing.assert_allclose(answer["result"], [as_document], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batching", ["", BATCHING])
async def test_sparse_vectors_say_how_much_of_each_token_is_in_a_text(
    project: Project, batching: str
) -> None:
    model = states(project.folder / "m.onnx", 20, "logits")
    task = 'embed { tokenizer = "tokenizer.json", vectors = sparse }'
    async with served(project, deployment(model, task, batching)) as gateway:
        status, answer = await gateway.post("/v1/embeddings", model="m", input=TEXTS)
        _, rows = await gateway.post("/embed_sparse", inputs=TEXTS)
        assert (await gateway.post("/embed_all", inputs=TEXTS))[0] == 400
        status, refused = await gateway.post("/v1/embeddings", model="m", input="x", dimensions=3)
    for text, each in zip(TEXTS, answer["data"], strict=True):
        wanted = numpy.log1p(numpy.maximum(alone(model, text), 0)).max(axis=0)
        found = numpy.zeros(20, numpy.float32)
        found[each["embedding"]["indices"]] = each["embedding"]["values"]
        assert min(each["embedding"]["values"]) > 0
        assert [one["index"] for one in rows[each["index"]]] == each["embedding"]["indices"]
        assert [one["value"] for one in rows[each["index"]]] == each["embedding"]["values"]
        numpy.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert (status, refused["error"]["param"]) == (400, "dimensions")


@pytest.mark.parametrize("batching", ["", BATCHING])
async def test_with_a_vector_for_each_token_texts_are_compared_token_by_token(
    project: Project, batching: str
) -> None:
    model = states(project.folder / "m.onnx")
    task = 'embed { tokenizer = "tokenizer.json", vectors = multi }'
    compared = (
        "pipeline late(q: text, docs: list<text>) -> list<list<list<float>>> {\n"
        "  query = m(q)\n"
        "  return [cosine(query, doc) for doc in m(docs)]\n}\n"
    )
    async with served(project, deployment(model, task, batching) + compared) as gateway:
        _, answer = await gateway.post("/v1/embeddings", model="m", input=TEXTS, encoding_format="base64")
        _, pairs = await gateway.post("/v1/pipelines/late", q=TEXTS[0], docs=TEXTS)
        assert await gateway.post("/embed_all", inputs=TEXTS) == (
            200,
            [each["embedding"] for each in answer["data"]],
        )
        assert (await gateway.post("/embed_sparse", inputs=TEXTS))[0] == 400
    wanted = [alone(model, text) for text in TEXTS]
    wanted = [rows / numpy.linalg.norm(rows, axis=1, keepdims=True) for rows in wanted]
    for rows, each, late in zip(wanted, answer["data"], pairs["result"], strict=True):
        numpy.testing.assert_allclose(each["embedding"], rows, rtol=1e-5, atol=1e-6)
        numpy.testing.assert_allclose(late, wanted[0] @ rows.T, rtol=1e-4, atol=1e-5)


async def test_documents_keep_the_order_of_numbers_that_make_equal_scores(project: Project) -> None:
    """The sigmoids of 30 and 40 are both 1 in 32 bits."""
    table = numpy.zeros((VOCABULARY, 1), numpy.float32)
    table[2204], table[2488] = 30, 40  # good, better
    made = scorer(project.folder / "m.onnx", 1)
    _with_worth(made, table)
    async with served(project, deployment(made, 'rerank { tokenizer = "tokenizer.json" }')) as gateway:
        _, answer = await gateway.post(
            "/v1/rerank", model="m", query="q", documents=["good", "bad", "better"]
        )
        _, raw = await gateway.post("/rerank", model="m", query="q", texts=["good", "bad"], raw_scores=True)
    assert [each["index"] for each in answer["results"]] == [2, 0, 1]
    assert [each["relevance_score"] for each in answer["results"][:2]] == [1.0, 1.0]
    assert [each["score"] for each in raw] == [30, 0]


@pytest.mark.parametrize(
    ("activation", "score"),
    [
        ("", lambda numbers: softmax(numbers)[:, 1]),
        (", activation = softmax", lambda numbers: softmax(numbers)[:, 1]),
        (", activation = sigmoid", lambda numbers: sigmoid(numbers)[:, 1]),
        (", activation = none", lambda numbers: numbers[:, 1]),
    ],
)
async def test_of_two_numbers_the_second_one_says_how_well_a_document_answers(
    project: Project, activation: str, score: Any
) -> None:
    model = scorer(project.folder / "m.onnx", 2)
    documents = ["one", "another text", "three of them"]
    task = f'rerank {{ tokenizer = "tokenizer.json"{activation} }}'
    async with served(project, deployment(model, task)) as gateway:
        _, answer = await gateway.post("/v1/rerank", model="m", query="q", documents=documents)
    wanted = score(numpy.stack([alone(model, "q", each) for each in documents]))
    found = {each["index"]: each["relevance_score"] for each in answer["results"]}
    numpy.testing.assert_allclose([found[index] for index in range(3)], wanted, rtol=1e-4, atol=1e-5)
    assert [each["index"] for each in answer["results"]] == numpy.argsort(-wanted).tolist()


NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
WORDS = {"anna": 1, "smith": 2, "ann": 1, "berlin": 3, "##ita": 2}


def tagger(path: Path) -> Path:
    """Labels a few words as people and places, each token for itself."""
    tokenizer: Any = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
    table = numpy.full((VOCABULARY, len(NAMES)), 0.0, numpy.float32)
    table[:, 0] = 4
    for word, label in WORDS.items():
        table[tokenizer.token_to_id(word)] = numpy.eye(len(NAMES), dtype=numpy.float32)[label] * 5
    model = states(path, len(NAMES), "logits")
    return _with_worth(model, table, "table")


@pytest.mark.parametrize("batching", ["", BATCHING])
async def test_labelled_tokens_become_spans_of_their_text(project: Project, batching: str) -> None:
    model = tagger(project.folder / "m.onnx")
    (project.folder / "config.json").write_text(json.dumps({"id2label": dict(enumerate(NAMES))}))
    task = 'classify {{ tokenizer = "tokenizer.json", labels = "config.json", aggregation = {} }}'
    type = "{ label: text, confidence: float, text: text, start: int, end: int }"
    call = f"pipeline p(x: text) -> list<{type}> {{ return m(x) }}\n"
    text = "Anna Smith met Anna in  Berlin."
    async with served(project, deployment(model, task.format("simple"), batching) + call) as gateway:
        _, answer = await gateway.post("/v1/classify", model="m", input=[text, "nobody"])
        _, found = await gateway.post("/v1/pipelines/p", x=text)
        status, refused = await gateway.post("/v1/classify", model="m", input=text, top_k=3)
    first, second = (each["entities"] for each in answer["data"])
    assert [(each["label"], each["text"], each["start"], each["end"]) for each in first] == [
        ("PER", "Anna Smith", 0, 10),
        ("PER", "Anna", 15, 19),
        ("LOC", "Berlin", 24, 30),
    ]
    assert second == []
    assert first[2]["score"] == pytest.approx(numpy.exp(5) / (numpy.exp(5) + 4), abs=1e-5)
    assert [each["text"] for each in found["result"]] == ["Anna Smith", "Anna", "Berlin"]
    assert (status, refused["error"]["param"]) == (400, "top_k")
    async with served(project, deployment(model, task.format("none"), batching)) as gateway:
        _, answer = await gateway.post("/v1/classify", model="m", input="Anna Smith")
    assert [each["label"] for each in answer["data"][0]["entities"]] == ["B-PER", "I-PER"]


def _with_worth(path: Path, table: numpy.ndarray[Any, Any], name: str = "worth") -> Path:
    """The same model with other numbers for its tokens."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    [old] = [each for each in model.graph.initializer if each.name == name]
    old.CopyFrom(numpy_helper.from_array(table, name))
    path.write_bytes(model.SerializeToString())
    return path


READ = numpy.array([[0, 9, 0], [0, 9, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [9, 0, 0]], numpy.float32)
"""Scores of six steps: a, a again, nothing, another a, b, nothing."""


async def test_steps_become_a_text(project: Project) -> None:
    model = echo(project.folder / "m.onnx", "FP32", ("n", "steps", 3))
    task = 'classify { labels = ["", "a", "b"], decoding = ctc, activation = none }'
    call = (
        "pipeline p(x: tensor<f32, [1, steps, 3]>) -> { label: text, confidence: float } { return m(x) }\n"
        "pipeline several(x: tensor<f32, [n, steps, 3]>) -> list<{ label: text, confidence: float }> "
        "{ return m(x) }\n"
    )
    async with served(project, deployment(model, task) + call) as gateway:
        _, one = await gateway.post("/v1/pipelines/p", x=READ[None].tolist())
        _, two = await gateway.post("/v1/pipelines/several", x=[READ.tolist(), (READ * 0).tolist()])
        sent = {"name": "x", "datatype": "FP32", "shape": [1, 6, 3], "data": READ.reshape(-1).tolist()}
        _, answer = await gateway.post("/v1/classify", model="m", inputs=[sent])
        status, refused = await gateway.post("/v1/classify", model="m", inputs=[sent], top_k=2)
    assert one["result"] == {"label": "aab", "confidence": 9.0}
    assert two["result"] == [{"label": "aab", "confidence": 9.0}, {"label": "", "confidence": 0.0}]
    assert answer["data"][0]["labels"][0]["label"] == "aab"
    assert (status, refused["error"]["param"]) == (400, "top_k")


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ('labels = ["", "a", "b"]', []),
        ('labels = ["", "a"]', ["E0511"]),
        ("", ["E0308"]),
        ('labels = ["", "a", "b"], top_k = 2', ["E0308"]),
        ('labels = ["", "a", "b"], aggregation = simple', ["E0308"]),
    ],
)
def test_what_goes_with_decoding(project: Project, settings: str, codes: list[str]) -> None:
    model = echo(project.folder / "m.onnx", "FP32", ("n", "steps", 3))
    text = deployment(model, f"classify {{ decoding = ctc, {settings} }}")
    assert [code for code in project.codes(text) if code[0] == "E"] == codes


def test_a_model_of_rows_decodes_nothing_and_one_of_steps_is_told_of_decoding(project: Project) -> None:
    def helps(shape: tuple[int | str, ...], settings: str) -> list[str]:
        model = echo(project.folder / "m.onnx", "FP32", shape)
        text = deployment(model, f'classify {{ labels = ["", "a", "b"]{settings} }}')
        return [line for each in project.findings(text) if each.is_error for line in each.help]

    assert helps(("n", 3), ", decoding = ctc") == ["`y` is for a whole row: remove `decoding`"]
    assert helps(("n", "steps", 3), "") == ["`y` labels steps: set `decoding = ctc`"]


def cached(path: Path) -> Path:
    """Like `states`, exported with the cache of a model that writes."""
    states(path)
    import onnx

    model = onnx.load(path)
    past = ("past_key_values.0.key", TensorProto.FLOAT16, ["batch", 2, "past", 4])
    model.graph.input.append(helper.make_tensor_value_info(*past))
    model.graph.node.append(helper.make_node("Identity", [past[0]], ["present.0.key"]))
    model.graph.output.append(helper.make_tensor_value_info("present.0.key", TensorProto.FLOAT16, past[2]))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("batching", ["", BATCHING])
async def test_an_embedder_with_a_cache_has_nothing_before_its_text(project: Project, batching: str) -> None:
    plain, model = states(project.folder / "plain.onnx"), cached(project.folder / "m.onnx")
    task = 'embed { tokenizer = "tokenizer.json", pooling = last, normalize = false }'
    async with served(project, deployment(model, task, batching)) as gateway:
        _, answer = await gateway.post("/v1/embeddings", model="m", input=TEXTS)
    for text, row in zip(TEXTS, answer["data"], strict=True):
        assert numpy.allclose(row["embedding"], alone(plain, text)[-1], atol=1e-5)


MASK = 103
"""`[MASK]` in MiniLM's vocabulary."""


@pytest.mark.parametrize("batching", ["", BATCHING])
@pytest.mark.parametrize("attends", [False, True])
async def test_queries_are_filled_up_as_colbert_does(project: Project, batching: str, attends: bool) -> None:
    model = states(project.folder / "m.onnx")
    settings = f"query_length = 8, attends_expansion = {str(attends).lower()}, normalize = false"
    task = f'embed {{ tokenizer = "tokenizer.json", vectors = multi, {settings} }}'
    long = " ".join(TEXTS)
    async with served(project, deployment(model, task, batching)) as gateway:

        async def matrices(kind: str) -> tuple[list[Any], int]:
            texts = ["good morning", long]
            _, answer = await gateway.post("/v1/embeddings", model="m", input=texts, input_type=kind)
            rows = [numpy.array(each["embedding"]) for each in answer["data"]]
            return rows, answer["usage"]["prompt_tokens"]

        (short, cut), used = await matrices("query")
        (plain, whole), _ = await matrices("document")
    assert (len(short), len(cut), len(plain)) == (8, 8, 4)
    assert numpy.allclose(short[:4], plain, atol=1e-5)
    assert used == (16 if attends else 12)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    tokenizer: Any = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
    tokenizer.no_padding()
    ids = numpy.array([[*tokenizer.encode("good morning").ids, *[MASK] * 4]])
    mask = numpy.ones_like(ids)
    mask[0, 4:] = attends
    assert numpy.allclose(
        short, session.run(None, {"input_ids": ids, "attention_mask": mask})[0][0], atol=1e-5
    )
    assert len(whole) > 8


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ("vectors = multi, query_length = 32", []),
        ("query_length = 32", ["E0308"]),
        ("vectors = multi, attends_expansion = true", ["E0308"]),
        ("vectors = multi, query_length = 0", ["E0304"]),
    ],
)
def test_what_goes_with_filling_up(project: Project, settings: str, codes: list[str]) -> None:
    model = states(project.folder / "m.onnx")
    text = deployment(model, f'embed {{ tokenizer = "tokenizer.json", {settings} }}')
    assert [code for code in project.codes(text) if code[0] == "E"] == codes
