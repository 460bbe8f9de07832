"""Which extras of inferc a plan cannot do without where it runs."""

from __future__ import annotations

from collections.abc import Iterator

from ...dsl.kinds import AuthScheme, ExecutionProvider, SecretSource
from ...dsl.record import frozen
from ...dsl.runtimes import SecretRef
from .model import OnnxServingPlan, Plan, RemotePoolPlan
from .nodes import BuiltinNode
from .reach import values_in

GATEWAY = "the gateway"

_FETCHED = {
    SecretSource.VAULT: ("vault", "hvac"),
    SecretSource.AWS_SECRET: ("aws", "botocore"),
    SecretSource.GCP_SECRET: ("gcp", "google.auth"),
}


@frozen
class Extra:
    """name: of the extra. module: one that it brings. owner: who needs it."""

    name: str
    module: str
    owner: str


def extras_of(plan: Plan) -> Iterator[Extra]:
    """All that is needed; the same extra once for each who needs it."""
    for each in plan.deployments:
        owner = each.deployment
        if isinstance(each, OnnxServingPlan):
            on_gpu = any(spec.name is not ExecutionProvider.CPU for spec in each.providers)
            yield Extra("gpu" if on_gpu else "cpu", "onnxruntime", owner)
            if getattr(each.task, "tokenizer", None) is not None:
                yield Extra("embed", "tokenizers", owner)
        elif isinstance(each, RemotePoolPlan) and each.aws is not None:
            yield Extra("bedrock", "botocore", owner)
        elif isinstance(each, RemotePoolPlan) and each.auth is AuthScheme.GOOGLE_OAUTH:
            yield Extra("vertex", "google.auth", owner)
    for pipeline in plan.pipelines:
        for node in values_in(pipeline):
            if isinstance(node, BuiltinNode) and node.function in ("image", "image_size"):
                yield Extra("image", "PIL", pipeline.pipeline)
    for ref in values_in(plan):
        if isinstance(ref, SecretRef) and ref.source in _FETCHED:
            yield Extra(*_FETCHED[ref.source], "secrets")
    if plan.gateway.grpc is not None:
        yield Extra("grpc", "grpc", GATEWAY)
    if plan.gateway.jwt is not None:
        yield Extra("jwt", "jwt", GATEWAY)
