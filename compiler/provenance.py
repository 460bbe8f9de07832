"""Where each effective value of a deployment came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ..dsl.convert import converter
from ..dsl.deployment import Deployment
from ..dsl.late_text import LateText
from ..dsl.runtimes import RemoteConfig
from ..dsl.values import show
from .blocks.merge import Setting
from .capabilities import config_of, timeouts_for_thinking
from .declare import Declared, written_path
from .program import Program
from .shared_circuits import Shared, shared_circuits


@attrs.frozen
class EffectiveValue:
    """One value as it counts, and its origin in words."""

    path: tuple[str, ...]
    value: str
    origin: str


def effective_values(program: Program) -> Iterator[tuple[str, list[EffectiveValue]]]:
    """The values of each deployment, in the order of the model's fields, by the deployment's name."""
    shared = shared_circuits(program.deployments)
    for declared, deployment in program.deployments:
        yield deployment.name, values_of(declared, deployment, shared.get(deployment.name, {}))


def values_of(
    declared: Declared, deployment: Deployment, shared: Mapping[str, Shared] | None = None
) -> list[EffectiveValue]:
    """The values of one deployment, in the order of the model's fields. shared: settings of the circuit of
    its endpoint that others may have written."""
    config = config_of(declared, deployment)
    others = {name: each for name, each in (shared or {}).items() if each.by != deployment.name}
    if others and isinstance(config, RemoteConfig):
        values = {name: each.value for name, each in others.items()}
        config = attrs.evolve(config, circuit_breaker=attrs.evolve(config.circuit_breaker, **values))
    complete = attrs.evolve(
        deployment,
        runtime=deployment.effective_runtime,
        runtime_config=config,
        price=deployment.effective_price,
    )
    return [
        attrs.evolve(each, origin=_of_another(others[each.path[-1]]))
        if each.path[:-1] == _CIRCUIT and each.path[-1] in others
        else each
        for each in _leaves(converter.unstructure(complete), (), declared, deployment)
    ]


def _of_another(shared: Shared) -> str:
    return f"{_place(shared.setting)}, of `{shared.by}`: the endpoint has one circuit"


def _leaves(
    value: Any, path: tuple[str, ...], declared: Declared, deployment: Deployment
) -> Iterator[EffectiveValue]:
    if isinstance(value, dict) and value and path not in _WHOLE and not {"$env", "$text"} & value.keys():
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name), declared, deployment)
    elif path != ("name",) and path[-1] != "kind":
        origin = _origin(path, declared, deployment)
        if path[0] == "price" and value is not None and deployment.price is None:
            origin = "catalogue"
        yield EffectiveValue(written_path(path), _shown(value), origin)


_CIRCUIT = written_path(("runtime_config", "circuit_breaker"))
_WHOLE = (("serving", "on_capacity_exhausted"), ("runtime_config", "credentials"))


def _shown(value: Any) -> str:
    match value:
        case str():
            return value
        case {"$env": _} | {"$text": _}:
            return show(LateText.from_json(value))
        case {"env": str(name)}:
            return f'env("{name}")'
        case {"file": str(name)}:
            return f'file("{name}")'
        case {"fallback": str(name)}:
            return f"fallback({name})"
        case list():
            return f"[{', '.join(_shown(item) for item in value)}]"
        case _:
            return show(value)


def _place(setting: Setting) -> str:
    line, _ = setting.name_span.source.position(setting.name_span.start)
    return f"{setting.name_span.source.name}:{line}"


def _origin(path: tuple[str, ...], declared: Declared, deployment: Deployment) -> str:
    setting = declared.setting(*path)
    if setting is not None:
        where = _place(setting)
        own = setting.origin.text == deployment.name
        return where if own else f"{where}, from `{setting.origin.text}`"
    if path == ("runtime",):
        section = declared.section_at("runtime_config")
        if section is not None:
            line, _ = section.name_span.source.position(section.name_span.start)
            return f"{section.name_span.source.name}:{line}, the runtime's block"
        return "inferred from the model's name"
    if path[:2] == ("runtime_config", "timeouts") and path[-1] in timeouts_for_thinking(declared, deployment):
        return "catalogue: the model thinks before it answers"
    return "default"
