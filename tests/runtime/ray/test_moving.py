"""A request whose replica is gone is answered by another one, before anybody has noticed."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from inferc.compiler.plan.split import split
from inferc.runtime.executor import Executor
from inferc.runtime.ray.addresses import Addresses
from inferc.runtime.ray.placing import gateway_part
from inferc.runtime.requests.answer import EmbedChunk
from inferc.runtime.requests.request import EmbedRequest

from ...support.remote import gateway_of, plan_of, running
from ..onnx.plans import embed_spec, onnx_plan
from .test_placing import placed


async def test_requests_move_from_a_replica_that_refuses_connections() -> None:
    plan = placed((None, 0), (None, 0))
    model = evolve(onnx_plan(task=embed_spec()), deployment="m", replicas=plan.deployments[0].replicas)
    plan = plan_of(model)
    addresses = Addresses()
    (part,) = split(plan, lambda name: "http://127.0.0.1:1")[1]
    gateway, _ = gateway_part(plan)
    executor = Executor(gateway, Path(), servers=addresses)
    async with running(part.plan) as there, gateway_of(there) as address:
        await executor.start()
        try:
            addresses.update({"m": ["http://127.0.0.1:1", address]})  # nothing listens at the first one
            for _ in range(5):
                answer = await executor.answer("m", EmbedRequest(("hello",)))
                assert isinstance(answer, EmbedChunk)
        finally:
            await executor.stop()
