"""What the model of a deployment can do, and how long it may take: the catalogue, and what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from ..dsl.catalogues.bedrock_names import name_at_vendor, vendor_of
from ..dsl.catalogues.capabilities import BEYOND_THE_PLAN, Facts, endpoints_at, facts_at, find_facts
from ..dsl.deployment import Deployment
from ..dsl.kinds import ProviderKind, TaskKind, TransportKind
from ..dsl.runtimes import (
    AzureConfig,
    OpenAICompatibleConfig,
    OpenAIConfig,
    RemoteConfig,
    RuntimeConfig,
    VertexConfig,
    XaiConfig,
)
from ..dsl.units import Duration
from .declare import Declared

if TYPE_CHECKING:
    from .plan.capabilities import Capabilities

WHILE_IT_THINKS = {"request": Duration(600), "read": Duration(120)}
"""Timeouts for models that may think before they answer. OpenAI's own client waits ten minutes, too."""


def facts_of(deployment: Deployment) -> Facts:
    """What the catalogue knows of the model of a remote deployment."""
    runtime = deployment.effective_runtime
    if runtime.transport is TransportKind.LOCAL:
        return Facts()
    if deployment.base_model is not None:
        return facts_at(deployment.base_model, runtime, service_of(deployment))
    name = deployment.known_model
    if deployment.is_at_bedrock and vendor_of(name):
        name = name_at_vendor(name)  # the model is the same, wherever it runs
    return find_facts(name, runtime, service_of(deployment))


def facts_with_protocol(deployment: Deployment, facts: Mapping[str, Any]) -> dict[str, Any]:
    """`facts` of its model, and what its provider's protocol refuses of sampling, whatever the model.

    `seed` is not among it: it is left out where a protocol has none, since nobody promises equal answers.
    """
    from .plan.dialects import KNOWN_OF

    values = dict(facts)
    dialect = KNOWN_OF.get(str(deployment.effective_runtime.provider))
    if dialect is None:
        return values
    for name in ("refused_sampling", "refused_with_thoughts"):
        refused = dict.fromkeys((*values.get(name, ()), *(getattr(dialect, name) or ())))
        values[name] = [each for each in refused if each != "seed" or each in facts.get(name, ())]
    if dialect.greatest_temperature is not None:
        values.setdefault("greatest_temperature", dialect.greatest_temperature)
    return values


def service_of(deployment: Deployment) -> str:
    """The one of its provider's services that is asked, `vertex`; empty is the provider's own API."""
    config = deployment.effective_config
    return "vertex" if isinstance(config, VertexConfig) and config.is_vertex else ""


def capabilities_of(deployment: Deployment) -> Capabilities:
    """What is known: `model_info` first, then the catalogue. Nothing is assumed of the rest."""
    from .plan.capabilities import KNOWN_BY_MODEL

    output = deployment.model_info.max_output if deployment.model_info is not None else None
    window, host = context_window_of(deployment), _host(deployment)
    return KNOWN_BY_MODEL.of(_capabilities, facts_of(deployment).values, output, window, host)


def _capabilities(
    facts: Mapping[str, Any], output: int | None, window: int | None, host: ProviderKind | None
) -> Capabilities:
    values = dict(facts)
    if output is not None:
        values["greatest_output"] = output
    if window is not None:
        values["context_window"] = window
    if host is not None:
        values.pop("batches", None)  # what its maker takes says nothing of another place
    return capabilities_from(values)


def _host(deployment: Deployment) -> ProviderKind | None:
    """Who runs the models of another provider, where its own API is spoken at their address."""
    config = deployment.effective_config
    if isinstance(config, OpenAIConfig) and config.azure_resource is not None:
        return ProviderKind.AZURE
    return ProviderKind.BEDROCK if deployment.is_at_bedrock else None


def batches_at(deployment: Deployment) -> str | None:
    """Where the provider of a deployment takes batches; None where it has none, or is asked elsewhere."""
    host, config = _host(deployment), deployment.effective_config
    provider = host or deployment.effective_runtime.provider
    if provider is None or not isinstance(config, RemoteConfig):
        return None
    if host is None and provider is not ProviderKind.AZURE and config.endpoint is not None:
        return None
    there = endpoints_at(provider, service_of(deployment))
    return there.batches_at or None if there is not None else None


def context_window_of(deployment: Deployment) -> int | None:
    """Tokens of a request and its answer together, as the file says, or else the catalogue."""
    if deployment.model_info is not None and deployment.model_info.context_window is not None:
        return deployment.model_info.context_window
    info = deployment.found
    return info.context_window if info is not None else None


def capabilities_from(facts: Mapping[str, Any]) -> Capabilities:
    """The facts that a plan carries."""
    from .plan.capabilities import Capabilities  # a check of deployments alone needs no plan

    known: dict[str, Any] = {
        name: _frozen(value) for name, value in facts.items() if name not in BEYOND_THE_PLAN
    }
    return Capabilities(**known)


def config_of(declared: Declared, deployment: Deployment) -> RuntimeConfig:
    """The settings that count: those that are written, then what the model needs, then the defaults."""
    config = deployment.effective_config
    needed = timeouts_for_thinking(declared, deployment)
    if not isinstance(config, RemoteConfig) or not needed:
        return config
    return attrs.evolve(config, timeouts=attrs.evolve(config.timeouts, **needed))


def has_responses(deployment: Deployment) -> bool:
    """Whether the endpoint serves OpenAI's responses: its own does, xAI's is asked for them where the model
    has nothing else, and others serve them where that is said."""
    config = deployment.effective_config
    if not isinstance(config, OpenAIConfig | OpenAICompatibleConfig | AzureConfig | XaiConfig):
        return False
    if config.responses is not None:
        return config.responses
    if isinstance(config, XaiConfig):
        return config.endpoint is None and facts_of(deployment).values.get("chat_endpoint") is False
    return isinstance(config, OpenAIConfig) and config.endpoint is None and config.azure_resource is None


def timeouts_for_thinking(declared: Declared, deployment: Deployment) -> dict[str, Duration]:
    """The timeouts that the catalogue sets, because the model may think and the file does not say them."""
    config = deployment.effective_config
    if not isinstance(config, RemoteConfig) or deployment.effective_task is not TaskKind.CHAT:
        return {}
    if not facts_of(deployment).values.get("reasons"):
        return {}
    return {
        name: min(duration, config.timeouts.total)
        for name, duration in WHILE_IT_THINKS.items()
        if declared.setting("runtime_config", "timeouts", name) is None
    }


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
