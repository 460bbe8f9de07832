"""The values that a deployment sets, by their paths, handed out one by one: what is left over is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from ...dsl.deployment import Deployment
from ...dsl.late_text import LateText
from ...dsl.ranges import Range
from ...dsl.record import frozen
from ...dsl.runtimes import RuntimeConfig, SecretRef, default_config
from ...dsl.units import Duration, Money
from ...dsl.values import show
from ..blocks.merge import Setting

if TYPE_CHECKING:
    from ..program import Program


@frozen
class Lost:
    """Something that another system has no word for. where: such as `chat.retry.jitter`."""

    where: str
    says: str = "there is no word for it"


class Values:
    """What a deployment says beside defaults. `take` gives a value, and `rest` those that nobody took."""

    def __init__(self, deployment: Deployment) -> None:
        self._name = deployment.name
        blank = Deployment(name=deployment.name, model="")
        self._values = {
            path.removeprefix("runtime_config."): value for path, value in _set(deployment, blank)
        }
        for path in ("model", "runtime", "task.kind"):
            self._values.pop(path, None)

    def take(self, path: str) -> Any:
        """The value at a path, None where it is not set."""
        return self._values.pop(path, None)

    def peek(self, path: str) -> Any:
        """The same, and it stays."""
        return self._values.get(path)

    def has(self, start: str) -> bool:
        """Whether anything below a path is set."""
        return any(path.startswith(start) for path in self._values)

    def paths(self) -> tuple[str, ...]:
        """The paths of all that is left."""
        return tuple(self._values)

    def late(self) -> Iterator[str]:
        """The paths of texts that come from the environment."""
        return (path for path, value in self._values.items() if isinstance(value, LateText))

    def rest(self) -> Iterator[Lost]:
        for path in self._values:
            yield Lost(f"{self._name}.{path}")


def beside(program: Program, *said: str) -> Iterator[Lost]:
    """What a file declares beside deployments and routes. said: fields of the gateway that the system has."""
    for path, setting in program.gateway.paths.items():
        if isinstance(setting, Setting) and path[0] not in said:
            yield Lost(".".join(("gateway", *path)))
    for pipeline in program.graph.pipelines if program.graph is not None else ():
        yield Lost(pipeline.symbol.name.text, "models are not wired there: a pipeline stays with inferc")
    for node in program.nodes:
        yield Lost(f"cluster.{node.name}", "where replicas run is said elsewhere there")


def _set(value: Any, blank: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values in `value` that are others than in `blank`."""
    for attribute in attrs.fields(type(value)):
        name = attribute.name
        if name in ("name", "kind"):
            continue
        inner = getattr(value, name)
        standard = getattr(blank, name) if type(blank) is type(value) else _default(attribute)
        here = f"{path}{name}"
        if isinstance(inner, RuntimeConfig):
            yield from _set(inner, default_config(inner.kind), f"{here}.")
        elif attrs.has(type(inner)) and not isinstance(inner, SecretRef) and _is_block(inner):
            yield from _set(inner, standard, f"{here}.")
        elif inner != standard and inner not in (None, (), {}):
            yield here, inner


def fixed_replicas(deployment: Deployment, values: Values, lost: list[Lost]) -> int:
    """How many replicas it has; of a range the lower number, and the other one is lost."""
    values.take("replicas")
    if isinstance(deployment.replicas, Range):
        lost.append(
            Lost(f"{deployment.name}.replicas", f"it has {deployment.least_replicas}, the lower number")
        )
    return deployment.least_replicas


def _default(attribute: attrs.Attribute[Any]) -> Any:
    """What a field is when nobody sets it."""
    default: Any = attribute.default
    if default is attrs.NOTHING:
        return None
    return default.factory() if hasattr(default, "factory") else default


def _is_block(value: Any) -> bool:
    """Whether a value is a block of fields, not one value made of several."""
    return type(value).__name__ not in ("CapacityPolicy", "Labels")


def seconds(value: Duration) -> int | float:
    """A duration as a number, whole where it is."""
    return int(value) if float(value).is_integer() else float(value)


def milliseconds(value: Duration) -> int:
    return round(float(value) * 1000)


def dollars(value: Money) -> float:
    return float(value)


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bool | int | float) and type(value) in (bool, int, float):
        return value
    if isinstance(value, LateText):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else show(value)
