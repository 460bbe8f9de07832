"""Models never seen before: looked into, pasted into a file, run, and asked by the usual clients."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy
import onnxruntime
import pytest
from onnx import TensorProto, helper
from openai import OpenAI
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from ..runtime.onnx.toys import save_model
from ..support.commands import SAMPLES, Running, serving
from ..support.forked import ran

TOY = Path(onnxruntime.__file__).parent / "datasets" / "mul_1.onnx"
TEXTS = ("The invoice was charged twice.", "I paid the same bill two times.", "Penguins swim well.")


def strange(path: Path) -> Path:
    """Odd names, half floats, texts, a lone number, sizes that are formulas, no batch in common."""
    nodes = [
        helper.make_node("Cast", ["In Put/0:0"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["scaled"]),
        helper.make_node("ReduceSum", ["scaled"], ["out.sum"], keepdims=0),
        helper.make_node("Identity", ["words"], ["Wörter"]),
    ]
    words = ("words", TensorProto.STRING, ["k", None])
    return save_model(
        path,
        nodes,
        [
            ("In Put/0:0", TensorProto.FLOAT16, ["N", "M+1"]),
            ("scale", TensorProto.FLOAT, []),
            words,
        ],
        [("out.sum", TensorProto.FLOAT, []), ("Wörter", *words[1:])],
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """What `inspect` prints, saved as it is, and run."""
    folder = tmp_path_factory.mktemp("new")
    (folder / "toy.onnx").write_bytes(TOY.read_bytes())
    strange(folder / "my model (v2).onnx")
    (folder / "minilm.onnx").symlink_to(SAMPLES / "models" / "minilm.onnx")
    (folder / "tokenizer.json").symlink_to(SAMPLES / "models" / "tokenizer.json")
    names = ("toy.onnx", "my model (v2).onnx", "minilm.onnx")
    printed = ran("inspect", *names, cwd=folder, check=True, text=True)
    (folder / "app.infer").write_text(printed.stdout)
    with serving("run", "app.infer", "--port", "0", cwd=folder) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[triton.InferenceServerClient]:
    made = triton.InferenceServerClient(server.url.removeprefix("http://"))
    yield made
    made.close()


def tensor(name: str, datatype: str, values: numpy.ndarray) -> triton.InferInput:
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def test_a_toy_of_onnxruntime_gives_what_onnxruntime_gives(client: triton.InferenceServerClient) -> None:
    values = numpy.arange(6, dtype=numpy.float32).reshape(3, 2)
    expected = onnxruntime.InferenceSession(TOY, providers=["CPUExecutionProvider"]).run(None, {"X": values})
    answer = client.infer("toy", [tensor("X", "FP32", values)], model_version="1")
    numpy.testing.assert_array_equal(answer.as_numpy("Y"), expected[0])


def test_a_strange_model_is_served_under_its_strange_names(client: triton.InferenceServerClient) -> None:
    name = "my_model_v2"
    assert client.is_model_ready(name)
    described = client.get_model_metadata(name, model_version="1")
    assert [each["name"] for each in described["inputs"]] == ["In Put/0:0", "scale", "words"]
    answer = client.infer(
        name,
        [
            tensor("In Put/0:0", "FP16", numpy.arange(6, dtype=numpy.float16).reshape(2, 3)),
            tensor("scale", "FP32", numpy.array(2, numpy.float32)),
            tensor("words", "BYTES", numpy.array([["é", "b"]], numpy.object_)),
        ],
    )
    assert answer.as_numpy("out.sum") == 30
    assert answer.as_numpy("Wörter").tolist() == [["é".encode(), b"b"]]


def test_texts_are_embedded_for_the_client_of_openai(server: Running) -> None:
    with OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as client:
        answer = client.embeddings.create(model="minilm", input=list(TEXTS))
        short = client.embeddings.create(model="minilm", input=TEXTS[0], dimensions=64)
    vectors = numpy.array([item.embedding for item in answer.data])
    closeness = vectors @ vectors.T
    assert closeness[0, 1] > 0.4 > 0.2 > closeness[0, 2]
    cut = vectors[0, :64]
    numpy.testing.assert_allclose(short.data[0].embedding, cut / numpy.linalg.norm(cut), atol=1e-5)


def test_the_same_model_gives_its_own_tensors_to_the_client_of_triton(
    client: triton.InferenceServerClient,
) -> None:
    described = client.get_model_metadata("minilm")
    tokens = numpy.array([[101, 7592, 2088, 102]])
    feed = {each["name"]: numpy.ones_like(tokens) for each in described["inputs"]} | {"input_ids": tokens}
    session = onnxruntime.InferenceSession(
        SAMPLES / "models" / "minilm.onnx", providers=["CPUExecutionProvider"]
    )
    [expected] = session.run(None, feed)
    answer = client.infer("minilm", [tensor(name, "INT64", values) for name, values in feed.items()])
    numpy.testing.assert_allclose(answer.as_numpy("last_hidden_state"), expected, atol=1e-5)


def test_what_is_not_served_is_said_as_the_client_can_show_it(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="`toy` has no version `2`; the only one is `1`"):
        client.get_model_metadata("toy", model_version="2")
    with pytest.raises(InferenceServerException, match="there is nothing at /v2/systemsharedmemory/status"):
        client.get_system_shared_memory_status()


def test_status_shows_what_each_model_really_runs_on(server: Running) -> None:
    done = ran("status", server.url, env=os.environ | {"NO_COLOR": "1"}, text=True)
    assert done.returncode == 0
    rows = [re.split(r"  +", row) for row in done.stdout.splitlines()]
    assert [(row[0], row[1], row[3]) for row in rows[1:]] == [
        ("toy", "tensor", "cpu"),
        ("my_model_v2", "tensor", "cpu"),
        ("minilm", "embed", "cpu"),
    ]
