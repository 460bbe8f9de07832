"""`--sweep retry.max_retries=0..5`: the same load with other values of one setting."""

from __future__ import annotations

from typing import Any

from attrs import evolve, fields, has

from ...compiler.plan import Plan, RemotePoolPlan
from ...dsl.record import frozen
from ...dsl.suggest import did_you_mean
from ...dsl.units import parse_number

MOST_VALUES = 50


class BadSweep(Exception):
    """A sweep that cannot be made; the message says why."""


@frozen
class Sweep:
    """path: of a setting of deployments. deployment: of which one; None: of all that have it."""

    deployment: str | None
    path: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def name(self) -> str:
        return ".".join((*([self.deployment] if self.deployment else []), *self.path))

    def applied(self, plan: Plan, value: Any) -> Plan:
        """`plan` with another value. Raises BadSweep."""
        deployments = []
        changed = False
        for each in plan.deployments:
            is_meant = self.deployment in (None, each.deployment) and isinstance(each, RemotePoolPlan)
            deployments.append(_with(each, self.path, value, self.name) if is_meant else each)
            changed = changed or is_meant
        if not changed:
            raise BadSweep(f"no remote deployment has a `{self.name}`")
        return evolve(plan, deployments=tuple(deployments))


def parse_sweep(text: str, plan: Plan) -> Sweep:
    """The sweep that `[NAME.]PATH=VALUES` means; VALUES is `0..5` or `1s,2s,5s`. Raises BadSweep."""
    path, separator, said = text.partition("=")
    if not separator or not path or not said:
        raise BadSweep(
            f"`{text}` is no sweep: write it like retry.max_retries=0..5, or timeouts.request=5s,10s"
        )
    steps = path.split(".")
    names = [each.deployment for each in plan.deployments]
    deployment = steps.pop(0) if len(steps) > 2 or steps[0] in names else None
    if deployment is not None and deployment not in names:
        raise BadSweep(
            f"there is no deployment `{deployment}`; {did_you_mean(deployment, names) or ''}".rstrip("; ")
        )
    return Sweep(deployment, tuple(steps), _values(said))


def _values(text: str) -> tuple[Any, ...]:
    first, dots, last = text.partition("..")
    try:
        if dots:
            begin, end = int(first), int(last)
            count = end - begin + 1
            found: tuple[Any, ...] = tuple(range(begin, min(end, begin + MOST_VALUES) + 1))
        else:
            said = text.split(",")
            count, found = len(said), tuple(parse_number(each.strip()) for each in said[:MOST_VALUES])
    except (ValueError, ArithmeticError):
        raise BadSweep(f"`{text}` are no values: write them like 0..5, or 5s,10s,30s") from None
    if not 1 <= count <= MOST_VALUES:
        raise BadSweep(f"a sweep has from 1 to {MOST_VALUES} values, not {count}")
    return found


def _with(part: Any, path: tuple[str, ...], value: Any, name: str) -> Any:
    step, *rest = path
    known = [each.name for each in fields(type(part))] if has(type(part)) else []
    if step not in known:
        hint = did_you_mean(step, known)
        raise BadSweep(f"there is no setting `{name}`" + (f": {hint}" if hint else ""))
    inner = getattr(part, step)
    if rest:
        if not has(type(inner)):
            raise BadSweep(f"there is no setting `{name}`: `{step}` is not set, or has no parts")
        return evolve(part, **{step: _with(inner, tuple(rest), value, name)})
    is_number = isinstance(inner, int | float) or inner is None
    if not is_number or isinstance(inner, bool) or (inner is not None and type(inner) is not type(value)):
        raise BadSweep(f"`{value}` does not fit `{name}`, which is {inner!s} now")
    if value < 0 or (value == 0 and step not in _MAY_BE_ZERO):
        raise BadSweep(f"`{name}` cannot be {value}")
    return evolve(part, **{step: value})


_MAY_BE_ZERO = ("max_retries", "initial_backoff")
