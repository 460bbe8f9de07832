"""The Open Inference Protocol over gRPC, as Triton's clients speak it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.util import find_spec
from typing import Any

from ...compiler.plan import ClientProtocol, GatewayPlan
from ...compiler.plan.installing import pip_install
from ..dialects.open_inference.descriptions import VERSION, config, metadata
from ..executor import Executor
from ..http.server import GRACE
from ..requests.answer import TensorChunk
from ..requests.errors import BadRequest, RequestError, StartError, UnknownModel
from ..requests.foreign_text import short_name
from ..requests.trace import Trace
from ..serving.counters import CANCELLED, INTERNAL, OK
from .auth.callers import Shown
from .door import Audience, Door
from .endpoints import open_inference as endpoints
from .exchange import Exchange
from .health import findings_of
from .outgoing.errors import log_failure
from .telemetry.request_records import Records

log = logging.getLogger(__name__)

_MOST_HEADERS = 16 << 10
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""gRPC's codes of errors, by those of HTTP; all others are `INTERNAL`."""

_INFER = "/inference.GRPCInferenceService/ModelInfer"
_WANTS_END, _END = "triton_enable_empty_final_response", "triton_final_response"
"""Parameters of a stream: what is asked, and which answer is the last one to a request. Source: Triton's
documentation of decoupled models."""

Answer = Callable[[Any, Exchange, "float | None"], Awaitable[Any]]


class GrpcServer:
    """Serves the local models of `executor`, which has started, to those whom `door` lets in.

    advice: what to do when the address is taken. records: where requests to models are written down.
    """

    def __init__(
        self,
        executor: Executor,
        door: Door,
        gateway: GatewayPlan,
        *,
        advice: str,
        records: Records | None = None,
        share_port: bool = False,
    ) -> None:
        if find_spec("grpc") is None or find_spec("google.protobuf") is None:
            raise StartError(f"`gateway {{ grpc = … }}` needs grpcio and protobuf: {pip_install('grpc')}")
        self._executor = executor
        self._door = door
        self._records = records
        self._gateway = gateway
        self._advice = advice
        self._share_port = share_port
        self._server: Any = None
        self.port = 0

    async def start(self) -> None:
        """Take requests. Raises StartError."""
        import grpc

        from ..dialects.open_inference.grpc_messages import SERVICE

        assert self._gateway.grpc is not None
        most = int(self._gateway.max_body)
        options = [
            ("grpc.max_receive_message_length", most),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_metadata_size", _MOST_HEADERS),
            ("grpc.so_reuseport", int(self._share_port)),
        ]
        server: Any = grpc.aio.server(options=options)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, self._handlers()),))
        try:
            self.port = server.add_insecure_port(self._gateway.grpc)
        except RuntimeError:
            self.port = 0
        if not self.port:
            raise StartError(f"gRPC cannot listen at {self._gateway.grpc}: {self._advice}")
        await server.start()
        self._server = server

    async def stop(self, grace: float = GRACE) -> None:
        """Take no more requests, and end those that are not answered in time."""
        if self._server is not None:
            await self._server.stop(grace)

    # ---- what is asked

    def _handlers(self) -> dict[str, Any]:
        return {
            "ServerLive": self._one("ServerLive", self._live, Audience.EVERYONE),
            "ServerReady": self._one("ServerReady", self._ready, Audience.EVERYONE),
            "ServerMetadata": self._one("ServerMetadata", self._server_metadata),
            "ModelReady": self._one("ModelReady", self._model_ready),
            "ModelMetadata": self._one("ModelMetadata", self._model_metadata),
            "ModelConfig": self._one("ModelConfig", self._config),
            "ModelStatistics": self._one("ModelStatistics", self._statistics),
            "ModelInfer": self._one("ModelInfer", self._infer),
            "ModelStreamInfer": self._stream(),
            "RepositoryIndex": self._one("RepositoryIndex", self._index),
            "RepositoryModelLoad": self._one("RepositoryModelLoad", self._load, Audience.OPERATOR),
            "RepositoryModelUnload": self._one("RepositoryModelUnload", self._unload, Audience.OPERATOR),
        }

    async def _live(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        return _message("ServerLiveResponse", live=True)

    async def _ready(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        return _message("ServerReadyResponse", ready=findings_of(self._executor))

    async def _server_metadata(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        return _message("ServerMetadataResponse", **endpoints.server_metadata())

    async def _model_ready(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        try:
            ready = exchange.model(_name(message)).is_ready()
        except UnknownModel:  # which clients wait for, as with Triton
            ready = False
        return _message("ModelReadyResponse", ready=ready)

    async def _model_metadata(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        return _message("ModelMetadataResponse", **metadata(endpoints.served(exchange.model(_name(message)))))

    async def _config(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        from ..dialects.open_inference.grpc_messages import DATA_TYPES

        said = config(endpoints.served(exchange.model(_name(message))))
        del said["version_policy"]
        for each in (*said["input"], *said["output"]):
            each["data_type"] = DATA_TYPES.get(each["data_type"], 0)
        return _message("ModelConfigResponse", config=said)

    async def _statistics(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        names = [_name(message)] if message.name else None
        return _message("ModelStatisticsResponse", model_stats=endpoints.all_statistics(exchange, names))

    async def _index(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        return _message("RepositoryIndexResponse", models=endpoints.index(exchange, ready=message.ready))

    async def _load(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        await endpoints.load(exchange, message.model_name, dict(message.parameters))
        return _message("RepositoryModelLoadResponse")

    async def _unload(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        await endpoints.local(exchange.model(message.model_name)).unload()
        return _message("RepositoryModelUnloadResponse")

    async def _infer(self, message: Any, exchange: Exchange, deadline: float | None) -> Any:
        from ..dialects.open_inference.grpc_bodies import read_grpc, write_grpc

        name = _name(message, "model_name", "model_version")
        model = exchange.model(name)
        asked = read_grpc(message)
        until = endpoints.deadline_of(exchange, asked.timeout)
        if deadline is not None:
            until = deadline if until is None else min(deadline, until)
        call = exchange.call(asked.request, asked.priority, until=until)
        chunk = await exchange.answer(name, call, Trace(spans=[]))
        assert isinstance(chunk, TensorChunk)
        return write_grpc(asked, name, endpoints.with_classes(asked, chunk.outputs, model))

    # ---- how it is answered

    def _one(self, name: str, answer: Answer, audience: Audience = Audience.KEYS) -> Any:
        """One message for one message."""
        import grpc

        from ..dialects.open_inference.grpc_messages import MESSAGES

        async def handle(message: Any, context: Any) -> Any:
            try:
                return await self._answered(message, context, answer, audience)
            except RequestError as error:
                await context.abort(getattr(grpc.StatusCode, _code(error)), error.message)

        return grpc.unary_unary_rpc_method_handler(
            handle,
            request_deserializer=MESSAGES[f"{name}Request"].FromString,
            response_serializer=MESSAGES[f"{name}Response"].SerializeToString,
        )

    def _stream(self) -> Any:
        """Answers to a stream of requests, in their order; what fails is an answer, too."""
        import grpc

        from ..dialects.open_inference.grpc_messages import MESSAGES

        async def handle(messages: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
            async for message in messages:
                try:
                    found = await self._answered(message, context, self._infer, Audience.KEYS)
                    if _WANTS_END in message.parameters and message.parameters[_WANTS_END].bool_param:
                        found.parameters[_END].bool_param = True  # there is one answer to a request
                    yield _message("ModelStreamInferResponse", infer_response=found)
                except RequestError as error:
                    failed = _message("ModelInferResponse", id=message.id)  # so that clients know which
                    yield _message(
                        "ModelStreamInferResponse", error_message=error.message, infer_response=failed
                    )

        return grpc.stream_stream_rpc_method_handler(
            handle,
            request_deserializer=MESSAGES["ModelInferRequest"].FromString,
            response_serializer=MESSAGES["ModelStreamInferResponse"].SerializeToString,
        )

    async def _answered(self, message: Any, context: Any, answer: Answer, audience: Audience) -> Any:
        """Raises RequestError."""
        loop = asyncio.get_running_loop()
        exchange = Exchange(self._executor, secrets.token_hex(16))
        left = context.time_remaining()
        outcome, failed = CANCELLED, None
        try:
            held = self._door.known(Shown(_secret(context)), audience)
            if held is not None:
                exchange.key = exchange.plan.keys[held.name]
                exchange.person = held.person
                exchange.check_protocol(ClientProtocol.OPEN_INFERENCE)
            answered = await answer(message, exchange, None if left is None else loop.time() + left)
            outcome = OK
            return answered
        except RequestError as error:
            log_failure(error)
            outcome, failed = type(error).code, error
            raise
        except Exception:
            outcome = INTERNAL
            log.exception("a request over gRPC failed")
            raise RequestError("the request failed inside of inferc") from None
        finally:
            exchange.end()
            if self._records is not None and answer == self._infer:
                status = 200 if outcome == OK else 0 if failed is None else failed.status
                self._records.end(exchange, ("GRPC", _INFER, status, outcome, failed), loop.time())


def _message(kind: str, **fields: Any) -> Any:
    from ..dialects.open_inference.grpc_messages import MESSAGES

    return MESSAGES[kind](**fields)


def _code(error: RequestError) -> str:
    return _CODES.get(error.status, "INTERNAL")


def _secret(context: Any) -> str:
    """What the call shows: `authorization: Bearer …`, or `x-api-key`."""
    shown = dict(context.invocation_metadata() or ())
    scheme, _, secret = str(shown.get("authorization", "")).partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else str(shown.get("x-api-key", ""))


def _name(message: Any, name: str = "name", version: str = "version") -> str:
    """The model that is meant. Raises UnknownModel for a version that it does not have."""
    meant: str = getattr(message, name)
    if not meant:
        raise BadRequest(f"`{name}` is empty", param=name)
    if getattr(message, version) not in ("", VERSION):
        raise UnknownModel(
            f"`{short_name(meant)}` has no version `{short_name(str(getattr(message, version)))}`; the only "
            f"one is `{VERSION}`",
            param="version",
        )
    return meant
