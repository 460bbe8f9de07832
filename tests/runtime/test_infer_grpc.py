"""The Open Inference Protocol over gRPC, as Triton's client speaks it."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy
import pytest
import pytest_asyncio
import tritonclient.grpc as triton
import tritonclient.http as http
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from inferc.compiler.plan import Batching, GatewayPlan
from inferc.runtime.dialects.open_inference.grpc_messages import MESSAGES
from inferc.runtime.executor import Executor
from inferc.runtime.gateway.door import Door
from inferc.runtime.gateway.grpc_server import GrpcServer
from inferc.runtime.gateway.telemetry.request_records import Records
from inferc.runtime.requests.errors import StartError
from inferc.runtime.secrets.secret import Secret

from ..support.remote import executor_of, gateway_of
from .onnx.toys import DATATYPES, echo, line, tensor_plan

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Executor]:
    folder = tmp_path_factory.mktemp("models")
    plans = [tensor_plan(echo(folder / f"{kind}.onnx", kind), kind) for kind in DATATYPES]
    line_plan = tensor_plan(line(folder / "line.onnx"), "line", batching=Batching(max_size=8))
    async with executor_of(*plans, line_plan) as executor:
        yield executor


@asynccontextmanager
async def grpc_of(executor: Executor, token: Secret | None = None) -> AsyncIterator[str]:
    gateway = GatewayPlan(grpc="127.0.0.1:0")
    server = GrpcServer(executor, Door(gateway, token, None), gateway, advice="choose another")
    await server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.stop(0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(executor: Executor) -> AsyncIterator[str]:
    async with grpc_of(executor) as address:
        yield address


@contextmanager
def connected(address: str) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(address)
    try:
        yield client
    finally:
        client.close()


async def with_client(address: str, work: Callable[[triton.InferenceServerClient], Any]) -> Any:
    def run() -> Any:
        with connected(address) as client:
            return work(client)

    return await asyncio.to_thread(run)


def wanted(name: str, values: NDArray[Any]) -> triton.InferInput:
    asked = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    asked.set_data_from_numpy(values)
    return asked


async def test_the_client_finds_server_and_models(address: str) -> None:
    def look(client: triton.InferenceServerClient) -> None:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.get_server_metadata().name == "inferc"
        assert client.is_model_ready("line")
        assert not client.is_model_ready("nothing")
        metadata = client.get_model_metadata("FP32")
        assert (metadata.inputs[0].datatype, list(metadata.inputs[0].shape)) == ("FP32", [-1, 2])
        config = client.get_model_config("line").config
        assert (config.max_batch_size, config.backend, config.input[0].data_type) == (8, "onnxruntime", 11)
        assert client.get_model_config("BYTES").config.output[0].data_type == 13
        assert len(client.get_model_repository_index().models) == len(DATATYPES) + 1
        before = client.get_inference_statistics("FP32").model_stats[0].inference_stats.success.count
        client.infer("FP32", [wanted("x", numpy.ones((1, 2), numpy.float32))])
        after = client.get_inference_statistics("FP32").model_stats[0].inference_stats.success.count
        assert after == before + 1

    await with_client(address, look)


VALUES = {
    "BOOL": numpy.array([[True, False]]),
    "UINT8": numpy.array([[0, 255]], numpy.uint8),
    "INT64": numpy.array([[-(2**63), 2**63 - 1]]),
    "FP16": numpy.array([[0.5, -2]], numpy.float16),
    "FP32": numpy.array([[0.5, -2], [1, 2]], numpy.float32),
    "FP64": numpy.array([[1e300, -2]]),
    "BYTES": numpy.array([["a", "é"]], numpy.object_),
}


@pytest.mark.parametrize("datatype", VALUES)
async def test_what_goes_in_comes_out(address: str, datatype: str) -> None:
    values = VALUES[datatype]

    def ask(client: triton.InferenceServerClient) -> Any:
        return client.infer(datatype, [wanted("x", values)], request_id="7")

    answer = await with_client(address, ask)
    found = answer.as_numpy("y")
    assert answer.get_response().id == "7"
    if datatype == "BYTES":
        assert [each.decode() for each in found.flat] == list(values.flat)
    else:
        numpy.testing.assert_array_equal(found, values)


async def test_values_may_be_sent_as_numbers_and_classes_asked_for(address: str) -> None:
    def ask(client: triton.InferenceServerClient) -> None:
        request = triton.service_pb2.ModelInferRequest(model_name="FP32")
        given = request.inputs.add(name="x", datatype="FP32", shape=[1, 2])
        given.contents.fp32_contents.extend([3, 4])
        answer = client._client_stub.ModelInfer(request)
        assert numpy.frombuffer(answer.raw_output_contents[0], numpy.float32).tolist() == [3, 4]
        output = triton.InferRequestedOutput("y", class_count=1)
        inputs = [wanted("x", numpy.array([[0.25, 0.5]], numpy.float32))]
        assert client.infer("FP32", inputs, outputs=[output]).as_numpy("y").tolist() == [[b"0.500000:1"]]

    await with_client(address, ask)


async def test_a_stream_of_requests_is_answered_in_its_order(address: str) -> None:
    def ask(client: triton.InferenceServerClient) -> None:
        answers: queue.Queue[Any] = queue.Queue()
        client.start_stream(lambda result, error: answers.put(error or result.as_numpy("y")[0, 0]))
        for number in range(3):
            client.async_stream_infer("FP32", [wanted("x", numpy.full((1, 2), number, numpy.float32))])
        client.async_stream_infer("nothing", [wanted("x", numpy.ones((1, 2), numpy.float32))])
        found = [answers.get(timeout=60) for _ in range(4)]
        client.stop_stream()
        assert found[:3] == [0, 1, 2]
        assert "there is no model `nothing`" in str(found[3])

    await with_client(address, ask)


async def test_a_stream_says_which_answer_is_the_last_and_which_request_failed(address: str) -> None:
    wants_end = {"triton_enable_empty_final_response": MESSAGES["InferParameter"](bool_param=True)}

    async def sent() -> AsyncIterator[Any]:
        for model, parameters in (("FP32", wants_end), ("FP32", {}), ("nothing", wants_end)):
            message = MESSAGES["ModelInferRequest"](model_name=model, id=model, parameters=parameters)
            message.inputs.add(name="x", datatype="FP32", shape=[1, 2]).contents.fp32_contents.extend([1, 2])
            yield message

    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(
            "/inference.GRPCInferenceService/ModelStreamInfer",
            request_serializer=MESSAGES["ModelInferRequest"].SerializeToString,
            response_deserializer=MESSAGES["ModelStreamInferResponse"].FromString,
        )
        last, plain, failed = [answer async for answer in call(sent())]
    assert last.infer_response.parameters["triton_final_response"].bool_param
    assert not plain.infer_response.parameters
    assert failed.error_message.startswith("there is no model `nothing`")
    assert failed.infer_response.id == "nothing"


@pytest.mark.parametrize(
    ("model", "values", "code", "said"),
    [
        ("nothing", numpy.ones((1, 2), numpy.float32), "NOT_FOUND", "there is no model `nothing`"),
        ("FP32", numpy.ones((1, 3), numpy.float32), "INVALID_ARGUMENT", "has the shape [1, 3]"),
        ("FP32", numpy.ones((1, 2), numpy.int64), "INVALID_ARGUMENT", "`x` is INT64"),
    ],
)
async def test_what_is_wrong_is_said(
    address: str, model: str, values: NDArray[Any], code: str, said: str
) -> None:
    def ask(client: triton.InferenceServerClient) -> None:
        with pytest.raises(InferenceServerException) as raised:
            client.infer(model, [wanted("x", values)])
        assert code in str(raised.value.status())
        assert said in str(raised.value)

    await with_client(address, ask)


async def test_a_token_is_needed_where_http_needs_one(executor: Executor) -> None:
    inputs = [wanted("x", numpy.ones((1, 2), numpy.float32))]

    def ask(client: triton.InferenceServerClient) -> None:
        assert client.is_server_live()
        for headers in (None, {"authorization": "Bearer wrong"}):
            with pytest.raises(InferenceServerException, match="token"):
                client.infer("FP32", inputs, headers=headers)
        client.infer("FP32", inputs, headers={"authorization": "Bearer s3cret"})

    async with grpc_of(executor, Secret("s3cret", "a test")) as address:
        await with_client(address, ask)


async def test_a_model_is_unloaded_and_loaded_again(tmp_path: Path) -> None:
    plan = tensor_plan(echo(tmp_path / "m.onnx", "FP32"), "m")

    def work(client: triton.InferenceServerClient) -> None:
        client.unload_model("m")
        assert not client.is_model_ready("m")
        client.load_model("m")
        assert client.is_model_ready("m")

    async with executor_of(plan) as executor, grpc_of(executor) as address:
        await with_client(address, work)


async def test_an_address_that_is_taken_is_an_error_of_the_start(executor: Executor) -> None:
    async with grpc_of(executor) as address:
        gateway = GatewayPlan(grpc=address)
        server = GrpcServer(executor, Door(gateway, None, None), gateway, advice="choose another")
        with pytest.raises(StartError, match="gRPC cannot listen at"):
            await server.start()


async def test_both_protocols_give_the_same(executor: Executor, address: str) -> None:
    values = numpy.random.default_rng(1).normal(size=(5, 2)).astype(numpy.float32)

    def over_http(url: str) -> Any:
        client = http.InferenceServerClient(url.removeprefix("http://"))
        given = http.InferInput("x", [5, 2], "FP32")
        given.set_data_from_numpy(values)
        found = client.infer("FP32", [given]).as_numpy("y")
        client.close()
        return found

    async with gateway_of(executor) as url:
        one = await asyncio.to_thread(over_http, url)
    other = await with_client(
        address, lambda client: client.infer("FP32", [wanted("x", values)]).as_numpy("y")
    )
    numpy.testing.assert_array_equal(one, other)


async def test_requests_are_written_down_as_those_over_http(executor: Executor) -> None:
    records = Records()
    gateway = GatewayPlan(grpc="127.0.0.1:0")
    server = GrpcServer(executor, Door(gateway, None, None), gateway, advice="", records=records)
    await server.start()
    try:
        await asyncio.to_thread(ask_twice, f"127.0.0.1:{server.port}")
    finally:
        await server.stop(0)
    told = [(each.method, each.asked, each.status, each.outcome) for each in records._recent]
    assert told == [("GRPC", "line", 200, "ok"), ("GRPC", "", 404, "model_not_found")]


def ask_twice(address: str) -> None:
    tensor = triton.InferInput("x", [1, 2], "FP32")
    shift = triton.InferInput("shift", [1, 2], "FP32")
    for each in (tensor, shift):
        each.set_data_from_numpy(numpy.ones((1, 2), numpy.float32))
    with connected(address) as client:
        client.infer("line", [tensor, shift])
        with pytest.raises(InferenceServerException):
            client.infer("nope", [tensor, shift])
