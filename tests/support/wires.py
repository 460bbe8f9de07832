"""Deployments of every wire, all in front of the same mock provider."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from inferc.compiler.capabilities import capabilities_of
from inferc.compiler.plan import (
    AuthScheme,
    AwsAccess,
    Capabilities,
    ProviderKind,
    RemotePoolPlan,
    SecretRef,
    WireFormat,
)
from inferc.dsl.deployment import Deployment

from .remote import remote_plan

WIRES = ("openai", "azure", "anthropic", "gemini", "vertex", "bedrock")

KEY = SecretRef.env("TEST_KEY")


def wires_of(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The wire that a test is a case of; all, where it is of none."""
    case = getattr(request.node, "callspec", None)
    return (case.params["wire"],) if case is not None and "wire" in case.params else WIRES


def wire_plan(wire: str, url: str = "http://127.0.0.1:9", **fields: Any) -> RemotePoolPlan:
    """A deployment named after its wire; `url` is that of the mock provider, without a version."""
    values: dict[str, Any] = {"key": KEY} | _FIELDS[wire] | fields
    if "capabilities" not in values and "model" in values:
        values["capabilities"] = known(values["model"])
    return remote_plan(wire, url + _PATHS[wire], **values)


@cache
def known(model: str) -> Capabilities:
    """What the catalogue knows of `model`."""
    return capabilities_of(Deployment(name="x", model=model))


_PATHS = {
    "openai": "/v1",
    "azure": "/openai/deployments/prod",
    "anthropic": "",
    "gemini": "",
    "bedrock": "",
    "vertex": "/v1/projects/p/locations/r/publishers/google",
}

_FIELDS: dict[str, dict[str, Any]] = {
    "openai": {},
    "azure": {"auth": AuthScheme.API_KEY, "query": {"api-version": "2024-10-21"}},
    "anthropic": {
        "model": "claude-sonnet-4-5",
        "provider": ProviderKind.ANTHROPIC,
        "wire": WireFormat.ANTHROPIC,
        "auth": AuthScheme.X_API_KEY,
    },
    "gemini": {
        "model": "gemini-3-flash",
        "provider": ProviderKind.GEMINI,
        "wire": WireFormat.GEMINI,
        "auth": AuthScheme.X_GOOG_API_KEY,
    },
    "bedrock": {
        "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "provider": ProviderKind.BEDROCK,
        "wire": WireFormat.BEDROCK,
        "auth": AuthScheme.AWS_SIGV4,
        "key": None,
        "aws": AwsAccess("eu-central-1", access_key_id=KEY, secret_access_key=KEY),
    },
    "vertex": {
        "model": "gemini-2.5-flash",
        "provider": ProviderKind.GEMINI,
        "wire": WireFormat.GEMINI,
        "auth": AuthScheme.BEARER,
    },
}
