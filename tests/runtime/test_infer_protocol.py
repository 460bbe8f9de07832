"""The Open Inference Protocol, as its usual client speaks it, and as nobody should."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import numpy
import pytest
import pytest_asyncio
import tritonclient.http as triton
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from inferc.compiler.plan import Batching
from inferc.runtime.dialects.open_inference.bodies import read_request
from inferc.runtime.executor import Executor
from inferc.runtime.gateway.incoming.bodies import MAX_CONTAINERS, MAX_ITEMS
from inferc.runtime.requests.call import MAX_PRIORITY
from inferc.runtime.secrets.secret import Secret

from ..support.remote import executor_of, gateway_of, remote_plan
from .onnx.plans import MODELS
from .onnx.toys import DATATYPES, echo, line, save_model, tensor_plan

pytestmark = pytest.mark.asyncio(loop_scope="module")

T = TypeVar("T")
X = {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}
SHIFT = {"name": "shift", "datatype": "FP32", "shape": [2, 2], "data": [[0, 0], [0, 0]]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Executor]:
    folder = tmp_path_factory.mktemp("models")
    plans = [tensor_plan(echo(folder / f"{kind}.onnx", kind), kind) for kind in DATATYPES]
    line_plan = tensor_plan(line(folder / "line.onnx"), "line", batching=Batching(max_size=8))
    magika = tensor_plan(MODELS / "magika.onnx", "magika")
    async with executor_of(*plans, line_plan, magika, remote_plan()) as executor:
        yield executor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(executor: Executor) -> AsyncIterator[str]:
    async with gateway_of(executor) as url:
        yield url


@contextmanager
def connected(url: str) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    try:
        yield client
    finally:
        client.close()


async def with_client(url: str, work: Callable[[triton.InferenceServerClient], T]) -> T:
    def run() -> T:
        with connected(url) as client:
            return work(client)

    return await asyncio.to_thread(run)


def wanted(name: str, values: NDArray[Any], *, binary: bool) -> triton.InferInput:
    asked = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    asked.set_data_from_numpy(values, binary_data=binary)
    return asked


async def post(url: str, model: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    data = body if isinstance(body, bytes | BytesIO) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v2/models/{model}/infer", data=data, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


async def test_the_client_finds_server_and_models(url: str) -> None:
    def look(client: triton.InferenceServerClient) -> None:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.get_server_metadata()["name"] == "inferc"
        assert client.is_model_ready("line")
        metadata = client.get_model_metadata("line")
        assert metadata["inputs"] == [
            {"name": "x", "datatype": "FP32", "shape": [-1, -1]},
            {"name": "shift", "datatype": "FP32", "shape": [-1, -1]},
        ]
        assert metadata["outputs"][1] == {"name": "count", "datatype": "INT64", "shape": [-1]}
        assert not client.is_model_ready("lines")
        with pytest.raises(InferenceServerException, match="there is no model `lines`"):
            client.get_model_metadata("lines")

    await with_client(url, look)


@pytest.mark.parametrize("binary", [True, False])
async def test_the_client_gets_every_datatype_back(url: str, binary: bool) -> None:
    import ml_dtypes

    samples: dict[str, NDArray[Any]] = {
        "BOOL": numpy.array([[True, False]]),
        "FP16": numpy.array([[0.5, -65504]], numpy.float16),
        "BF16": numpy.array([[1.5, -3e38]], ml_dtypes.bfloat16),
        "FP32": numpy.array([[0.1, -3.4e38]], numpy.float32),
        "FP64": numpy.array([[0.1, 1e300]]),
        "BYTES": numpy.array([["héllo".encode(), b""]], numpy.object_),
    }
    for bits in (8, 16, 32, 64):
        for name in (f"INT{bits}", f"UINT{bits}"):
            limits = numpy.iinfo(name.lower())
            samples[name] = numpy.array([[limits.min, limits.max]], name.lower())
    assert samples.keys() == DATATYPES.keys()

    def ask(client: triton.InferenceServerClient) -> None:
        for datatype, values in samples.items():
            if datatype == "BF16" and not binary:
                continue  # the client sends it as bytes only
            result = client.infer(
                datatype,
                [wanted("x", values, binary=binary)],
                outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
            )
            got = result.as_numpy("y")
            if datatype == "BYTES" and not binary:
                assert got.tolist() == [["héllo", ""]]
            else:
                assert got.dtype == values.dtype
                assert got.tolist() == values.tolist()

    await with_client(url, ask)


@pytest.mark.parametrize("binary", [True, False])
async def test_a_large_answer_comes_whole_and_with_its_length(url: str, binary: bool) -> None:
    values = numpy.arange(200_000, dtype=numpy.int64).reshape(-1, 2)
    asked = {"name": "x", "shape": [100_000, 2], "datatype": "INT64", "data": values.tolist()}
    body = json.dumps({"inputs": [asked], "parameters": {"binary_data_output": binary}}).encode()
    async with aiohttp.ClientSession() as session:
        for _ in range(2):  # over the same connection
            async with session.post(f"{url}/v2/models/INT64/infer", data=BytesIO(body)) as answer:
                raw = await answer.read()
                assert int(answer.headers["Content-Length"]) == len(raw) > 1_000_000
                size = int(answer.headers.get("Inference-Header-Content-Length", len(raw)))
                output = json.loads(raw[:size])["outputs"][0]
                found = numpy.frombuffer(raw[size:], "<i8") if binary else numpy.array(output["data"])
                assert output["shape"] == [100_000, 2]
                assert (found == values.reshape(-1)).all()


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"[],", f"{MAX_CONTAINERS} objects and lists"), (b"1,", f"{MAX_ITEMS} items")],
)
async def test_json_that_takes_long_to_read_is_refused(url: str, data: bytes, what: str) -> None:
    many = data * ((MAX_CONTAINERS if data == b"[]," else MAX_ITEMS) + 1)
    status, said = await post(url, "INT64", BytesIO(b'{"inputs":[{"data":[' + many + b"1]}]}"))
    assert (status, said["error"]) == (413, f"the body has more than {what}: send its tensors as bytes")


async def test_bytes_behind_the_json_are_not_taken_for_it(url: str) -> None:
    values = b"," * (16 * 150_000)
    sent = {"binary_data_size": len(values)}
    described = X | {"datatype": "INT64", "shape": [150_000, 2], "parameters": sent}
    head = json.dumps({"inputs": [{k: v for k, v in described.items() if k != "data"}]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    status, said = await post(url, "INT64", BytesIO(head + values), headers)
    assert status == 200, said
    assert said["outputs"][0]["data"][:1] == [int.from_bytes(b"," * 8, "little")]


async def test_the_client_may_leave_the_outputs_and_an_id_to_the_server(url: str) -> None:
    rows = numpy.ones((2, 3), numpy.float32)

    def ask(client: triton.InferenceServerClient) -> None:
        inputs = [wanted("x", rows, binary=True), wanted("shift", rows, binary=False)]
        result = client.infer("line", inputs, request_id="seven", request_compression_algorithm="gzip")
        assert result.get_response()["id"] == "seven"
        assert result.get_response()["model_name"] == "line"
        assert result.as_numpy("total").tolist() == [[12.0], [12.0]]
        assert result.as_numpy("count").tolist() == [12, 12]

    await with_client(url, ask)


async def test_the_client_sees_errors_as_text(url: str) -> None:
    def ask(client: triton.InferenceServerClient) -> None:
        values = numpy.zeros((1, 2047), numpy.int32)
        with pytest.raises(InferenceServerException, match=r"\[1, 2047\]; the model takes INT32\[\?, 2048\]"):
            client.infer("magika", [wanted("bytes", values, binary=True)])

    await with_client(url, ask)


@pytest.mark.parametrize("field", ["datatype", "shape", "data"])
async def test_what_is_nested_deeply_is_refused_as_what_it_is(url: str, field: str) -> None:
    body = json.dumps({"inputs": [{**X, field: "deep"}, SHIFT]}).replace('"deep"', "[" * 1000 + "]" * 1000)
    status, answer = await post(url, "line", body.encode())
    assert status == 400, answer


async def test_numbers_in_nested_and_in_flat_lists_are_the_same(url: str) -> None:
    status, answer = await post(url, "line", {"inputs": [X, SHIFT], "outputs": [{"name": "total"}]})
    assert status == 200
    assert answer == {
        "model_name": "line",
        "model_version": "1",
        "outputs": [{"name": "total", "datatype": "FP32", "shape": [2, 1], "data": [6.0, 14.0]}],
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "z"}, "no input `z`"),
        ({"datatype": "FP31"}, '`datatype` is `"FP31"`; it must be one of BOOL'),
        ({"datatype": "INT32"}, "input `x` is INT32; the model takes FP32[?, ?]"),
        ({"datatype": None}, "input `x`: its `datatype` is null"),
        ({"shape": [4]}, "input `x` has the shape [4]"),
        ({"shape": [2, 3]}, "input `x`: its `data` has 4 values, but its `shape` [2, 3] means 6"),
        ({"shape": [2, -1]}, "input `x`: its `shape` is `[2, -1]`; it must be a list of sizes"),
        ({"shape": [1 << 60, 1 << 60]}, "means 1329227995784915872903807060280344576"),
        ({"shape": [1] * 70, "data": [1]}, "is too large for an array"),
        ({"shape": [1] * 70, "data": [0.5]}, "is too large for an array"),
        ({"shape": [0, 1 << 62, 1 << 62], "data": []}, "is too large for an array"),
        ({"shape": "2,2"}, 'its `shape` is `"2,2"`'),
        ({"data": []}, "input `x`: its `data` has 0 values"),
        ({"data": [], "shape": [0, 2]}, "input `shift` has 2 rows and `x` 0: they must have the same"),
        ({"data": [[1, 2], [3]]}, "the lists in its `data` do not all have the same length"),
        ({"data": [[1, 2, 3, 4]]}, "its `data` has the shape [1, 4], but its `shape` is [2, 2]"),
        ({"data": [1, 2, "3", 4]}, '`"3"` among its `data` is no number'),
        ({"data": [1, 2, "NaN", 4]}, '`"NaN"` among its `data` is no number'),
        ({"data": [True] * 4}, "`true` among its `data` is no number"),
        ({"data": [1, 2, None, 4]}, "null among its `data` is no number"),
        ({"data": [1, 2, 1e39, 4]}, "1e+39 among its `data` is out of the range of FP32"),
        ({"data": "1234"}, 'its `data` is `"1234"`; it must be a list'),
        ({"parameters": {"binary_data_size": 16}}, "it has both `data` and the parameter"),
        ({"parameters": []}, "input `x`: its `parameters` must be an object"),
        ({"parameters": {"shared_memory_region": "r"}}, "shared memory is not supported"),
    ],
)
async def test_an_input_that_is_wrong_is_named_with_what_came_and_what_was_expected(
    change: dict[str, Any], message: str, url: str
) -> None:
    status, answer = await post(url, "line", {"inputs": [X | change, SHIFT]})
    assert status == 400
    assert message in answer["error"]


@pytest.mark.parametrize(
    ("datatype", "data", "message"),
    [
        ("INT8", [128, 0], "128 among its `data` is out of the range of INT8"),
        ("UINT8", [-1, 0], "-1 among its `data` is out of the range of UINT8"),
        ("INT32", [1.5, 0], "`1.5` among its `data` is no whole number, as INT32 needs it"),
        ("INT32", [1.0, 0], "`1.0` among its `data` is no whole number, as INT32 needs it"),
        ("INT64", [1 << 63, 0], "9223372036854775808 among its `data` is out of the range of INT64"),
        ("UINT64", [1 << 70, 0], "1.18059e+21 among its `data` is no whole number in the range of UINT64"),
        ("INT64", [True, "a"], "among its `data` is no whole number"),
        ("BOOL", [1, 0], "`1` among its `data` is not true or false"),
        ("FP16", [1e6, 0], "1e+06 among its `data` is out of the range of FP16"),
        ("BF16", [3.4e38, 0], "3.4e+38 among its `data` is out of the range of BF16"),
        ("BYTES", ["a", 1], "`1` among its `data` is no text"),
    ],
)
async def test_values_out_of_the_range_of_their_datatype_are_refused(
    datatype: str, data: list[Any], message: str, url: str
) -> None:
    tensor = {"name": "x", "datatype": datatype, "shape": [1, 2], "data": data}
    status, answer = await post(url, datatype, {"inputs": [tensor]})
    assert status == 400
    assert message in answer["error"]


async def test_json_bf16_is_rounded_and_the_largest_whole_numbers_survive(url: str) -> None:
    largest = (1 << 64) - 1
    for datatype, sent, back in (("BF16", [1.001, -3], [1.0, -3.0]), ("UINT64", [largest, 0], [largest, 0])):
        tensor = {"name": "x", "datatype": datatype, "shape": [1, 2], "data": sent}
        status, answer = await post(url, datatype, {"inputs": [tensor]})
        assert status == 200
        assert answer["outputs"][0]["data"] == back


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "`inputs` must be a list of tensors"),
        ({"inputs": []}, "input `x` is missing: the model takes `x` FP32[?, ?], `shift` FP32[?, ?]"),
        ({"inputs": [1]}, "`inputs[0]` must be an object"),
        ({"inputs": [{}]}, "`inputs[0].name` must be text"),
        ({"inputs": [X, X, SHIFT]}, "input `x` is given twice"),
        ({"inputs": [{k: v for k, v in X.items() if k != "data"}]}, "it has neither `data` nor"),
        ({"inputs": [X, SHIFT], "outputs": [{"name": "nothing"}]}, "no output `nothing`"),
        ({"inputs": [X, SHIFT], "outputs": ["total"]}, "`outputs[0]` must be an object with a `name`"),
        ({"inputs": [X, SHIFT], "id": 7}, "`id` must be text"),
        ([], "the body must be a JSON object"),
        (b"", "the body is no JSON"),
        (b'{"inputs": [{"name": "x", "data": [[0], [NaN]]}]}', "input `x`: NaN or infinity among its `data`"),
        (b'{"inputs": [{"name": "x", "data": [1e400]}]}', "input `x`: NaN or infinity among its `data`"),
        (b'{"inputs": [NaN]}', "the body is no JSON: line 1, column 13"),
        ({"inputs": [X, SHIFT], "parameters": {"binary_data_output": 1}}, "must be true or false"),
        (
            {"inputs": [X, SHIFT], "outputs": [{"name": "total", "parameters": {"binary_data": "yes"}}]},
            "`outputs[0].parameters.binary_data` must be true or false",
        ),
        (
            {"inputs": [X, SHIFT], "parameters": {"timeout": -1}},
            "`parameters.timeout` must be a whole number",
        ),
        ({"inputs": [X, SHIFT], "parameters": {"priority": "high"}}, "`parameters.priority` must be"),
        ({"inputs": [X, SHIFT], "parameters": {"sequence_id": 7}}, "there are no sequences here"),
    ],
)
async def test_bodies_that_are_no_requests_are_refused(body: Any, message: str, url: str) -> None:
    status, answer = await post(url, "line", body)
    assert status == 400
    assert message in answer["error"]


def _binary(size: Any, datatype: str = "FP32", shape: Any = (1, 2)) -> bytes:
    tensor = {"name": "x", "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}
    return json.dumps({"inputs": [tensor]}).encode()


@pytest.mark.parametrize(
    ("size", "attached", "lie", "message"),
    [
        (8, b"\0" * 7, 0, "its `binary_data_size` is 8, but only 7 bytes are left in the body"),
        (8, b"\0" * 9, 0, "9 bytes follow the JSON, but the `binary_data_size` of all inputs together is 8"),
        (7, b"\0" * 7, 0, "its `binary_data_size` is 7, but FP32 of its `shape` [1, 2] has 8 bytes"),
        (-8, b"\0" * 8, 0, "its `binary_data_size` is `-8`; it must be a number of bytes"),
        ("8", b"\0" * 8, 0, 'its `binary_data_size` is `"8"`; it must be a number of bytes'),
        (8, b"\0" * 8, -1, "the body is no JSON in the first"),
        (8, b"\0" * 8, 1, "the body is no JSON in the first"),
        (
            8,
            b"\0" * 8,
            1000,
            "it must be the number of bytes of the JSON, which is at the start of a body of",
        ),
    ],
)
async def test_a_binary_body_that_lies_about_its_lengths_is_refused(
    size: Any, attached: bytes, lie: int, message: str, url: str
) -> None:
    head = _binary(size)
    headers = {"Inference-Header-Content-Length": str(len(head) + lie)}
    status, answer = await post(url, "FP32", head + attached, headers)
    assert status == 400
    assert message in answer["error"]


@pytest.mark.parametrize("header", ["-1", "abc", "", "1e3", "٣", "99999999999999999999"])
async def test_a_length_that_is_none_is_refused(header: str, url: str) -> None:
    status, answer = await post(url, "FP32", _binary(0), {"Inference-Header-Content-Length": header})
    assert status == 400
    assert f"Inference-Header-Content-Length is `{header}`" in answer["error"]


async def test_bytes_without_the_header_are_refused(url: str) -> None:
    status, answer = await post(url, "FP32", _binary(8))
    assert status == 400
    assert "the header Inference-Header-Content-Length is missing" in answer["error"]


@pytest.mark.parametrize(
    ("attached", "message"),
    [
        (b"\1\0\0", "its bytes end inside of the length of element 0"),
        (struct.pack("<I", 4_000_000_000) + b"ab", "element 0 says it has 4000000000 bytes; 2 are left"),
        (b"\0\0\0\0" * 3, "its bytes hold 3 elements, its `shape` [1, 2] means 2"),
    ],
)
async def test_elements_of_bytes_that_lie_about_their_lengths_are_refused(
    attached: bytes, message: str, url: str
) -> None:
    head = _binary(len(attached), "BYTES")
    headers = {"Inference-Header-Content-Length": str(len(head))}
    status, answer = await post(url, "BYTES", head + attached, headers)
    assert status == 400
    assert message in answer["error"]


async def test_the_client_says_how_urgent_it_is_and_how_long_it_waits(url: str) -> None:
    def ask(client: triton.InferenceServerClient) -> None:
        inputs = [wanted("x", numpy.ones((1, 2), numpy.float32), binary=True)]
        assert client.infer("FP32", inputs, priority=1, timeout=5_000_000).as_numpy("y").shape == (1, 2)
        with pytest.raises(
            InferenceServerException,
            match=r"\[504\].*`FP32`.*(did not answer in time|before the request was sent)",
        ):
            client.infer("FP32", inputs, timeout=1)

    await with_client(url, ask)


async def test_of_the_clients_priorities_1_is_the_most_urgent_and_none_the_least() -> None:
    def priority(**parameters: Any) -> int:
        return read_request(json.dumps({"inputs": [X], "parameters": parameters}).encode(), None).priority

    assert priority(priority=1) == MAX_PRIORITY
    assert priority(priority=1) > priority(priority=2) > priority(priority=999) > priority() == 0


async def test_a_remote_model_has_no_tensors(url: str) -> None:
    status, answer = await post(url, "gpt", {"inputs": [X]})
    assert status == 400
    assert "send the request to /v1/chat/completions" in answer["error"]
    async with aiohttp.ClientSession() as session, session.get(f"{url}/v2/models/gpt") as answer:
        assert answer.status == 501


async def test_probes_need_no_token_and_models_do(executor: Executor) -> None:
    async with gateway_of(executor, Secret("t0k3n", "a test")) as url, aiohttp.ClientSession() as session:
        for path, expected in (
            ("/v2/health/live", 200),
            ("/v2/health/ready", 200),
            ("/healthz", 200),
            ("/v2", 401),
            ("/v2/models/line", 401),
        ):
            async with session.get(url + path) as answer:
                assert answer.status == expected, path


async def test_a_server_that_stops_is_live_and_not_ready(tmp_path: Path) -> None:
    async with (
        executor_of(tensor_plan(line(tmp_path / "line.onnx"), "line")) as executor,
        gateway_of(executor) as url,
        aiohttp.ClientSession() as session,
    ):
        await executor.stop()
        for path, expected in (("live", 200), ("ready", 503)):
            async with session.get(f"{url}/v2/health/{path}") as answer:
                assert answer.status == expected
        async with session.get(f"{url}/v2/models/line/ready") as answer:
            assert answer.status == 503


async def test_the_client_reads_configuration_and_statistics(url: str) -> None:
    def look(client: triton.InferenceServerClient) -> None:
        config = client.get_model_config("line")
        assert (config["max_batch_size"], config["backend"]) == (8, "onnxruntime")
        assert config["input"][0] == {"name": "x", "data_type": "TYPE_FP32", "dims": [-1]}
        texts = client.get_model_config("BYTES")
        assert (texts["max_batch_size"], texts["output"][0]["data_type"]) == (0, "TYPE_STRING")
        assert texts["input"][0]["dims"] == [-1, 2]
        before = client.get_inference_statistics("line")["model_stats"][0]
        values = numpy.ones((3, 2), numpy.float32)
        names = [each["name"] for each in config["input"]]
        client.infer("line", [wanted(name, values, binary=True) for name in names])
        after = client.get_inference_statistics("line")["model_stats"][0]
        assert after["inference_count"] - before["inference_count"] == 3
        assert (
            after["inference_stats"]["success"]["count"] == before["inference_stats"]["success"]["count"] + 1
        )
        assert after["inference_stats"]["success"]["ns"] > 0
        assert 3 in [each["batch_size"] for each in after["batch_stats"]]
        assert len(client.get_inference_statistics()["model_stats"]) == len(DATATYPES) + 2

    await with_client(url, look)


async def test_the_client_gets_the_best_classes_of_an_output(url: str) -> None:
    def ask(client: triton.InferenceServerClient) -> None:
        values = numpy.array([[0.25, 0.5], [3, -1]], numpy.float32)
        for binary in (True, False):
            output = triton.InferRequestedOutput("y", binary_data=binary, class_count=1)
            answer = client.infer("FP32", [wanted("x", values, binary=binary)], outputs=[output])
            texts = answer.as_numpy("y").astype(str).tolist()
            assert texts == [["0.500000:1"], ["3.000000:0"]]
        output = triton.InferRequestedOutput("y", class_count=1)
        words = [wanted("x", numpy.array([["a", "b"]], numpy.object_), binary=True)]
        with pytest.raises(InferenceServerException, match="has no classes"):
            client.infer("BYTES", words, outputs=[output])

    await with_client(url, ask)


async def test_a_model_that_takes_nothing_is_described_and_answers(tmp_path: Path) -> None:
    weights = {"w": numpy.ones(2, numpy.float32)}
    node = helper.make_node("Identity", ["w"], ["y"])
    model = save_model(tmp_path / "m.onnx", [node], [], [("y", TensorProto.FLOAT, [2])], weights)

    def work(client: triton.InferenceServerClient) -> None:
        described = client.get_model_metadata("m")
        assert (described["inputs"], [each["name"] for each in described["outputs"]]) == ([], ["y"])
        assert client.infer("m", []).as_numpy("y").tolist() == [1, 1]

    async with executor_of(tensor_plan(model, "m")) as executor, gateway_of(executor) as url:
        await with_client(url, work)


async def test_a_model_is_unloaded_and_loaded_again(tmp_path: Path) -> None:
    plan = tensor_plan(echo(tmp_path / "m.onnx", "FP32"), "m")
    other = tensor_plan(echo(tmp_path / "o.onnx", "FP32"), "o")

    def work(client: triton.InferenceServerClient) -> None:
        inputs = [wanted("x", numpy.ones((1, 2), numpy.float32), binary=True)]
        client.load_model("m")
        assert client.infer("m", inputs).as_numpy("y").tolist() == [[1, 1]]
        client.unload_model("m")
        assert not client.is_model_ready("m")
        assert client.is_server_ready()
        states = {each["name"]: each["state"] for each in client.get_model_repository_index()}
        assert states == {"m": "UNAVAILABLE", "o": "READY"}
        with pytest.raises(InferenceServerException):
            client.infer("m", inputs)
        with pytest.raises(InferenceServerException, match="not ready: m"):
            client.get_model_metadata("m")
        client.infer("o", inputs)
        client.load_model("m")
        assert client.infer("m", inputs).as_numpy("y").tolist() == [[1, 1]]
        with pytest.raises(InferenceServerException, match="there is no model `x`"):
            client.load_model("x")
        with pytest.raises(InferenceServerException, match="no `parameters`"):
            client.load_model("m", config='{"max_batch_size": 4}')

    async with executor_of(plan, other) as executor, gateway_of(executor) as url:
        await with_client(url, work)


async def test_who_has_a_key_alone_cannot_unload_models(tmp_path: Path) -> None:
    plan = tensor_plan(echo(tmp_path / "m.onnx", "FP32"), "m")
    async with (
        executor_of(plan) as executor,
        gateway_of(executor, Secret("s3cret", "a test")) as url,
        aiohttp.ClientSession() as session,
    ):
        path = f"{url}/v2/repository/models/m/unload"
        async with session.post(path) as answer:
            assert answer.status == 401
        async with session.post(path, headers={"Authorization": "Bearer s3cret"}) as answer:
            assert answer.status == 200
