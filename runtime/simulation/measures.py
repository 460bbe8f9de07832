"""What `expect` looks at, looked up, and whether a condition holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ...compiler.plan.record import frozen
from ...compiler.plan.scenarios import Constant, Expr, Measure, Operation, measures_in
from ..limits.replica_policies import route_payer
from ..requests.usage import PICODOLLARS
from .records import Record, Tally
from .simulation import EPOCH, Simulation

Value = float | str | bool | None

_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "slowest": 1.0}


@frozen
class Broken:
    """A part of a condition that does not hold. start, end: where it stands. seen: what was measured."""

    start: int
    end: int
    seen: tuple[tuple[str, Value], ...]


class Measures:
    """What is known after a statement. before: requests that providers had got before it."""

    def __init__(
        self,
        simulation: Simulation,
        before: Mapping[str, int],
        record: Record | None,
        tally: Tally | None,
    ) -> None:
        self._simulation = simulation
        self._before = before
        self._record = record
        self._tally = tally

    def broken(self, condition: Expr) -> Broken | None:
        """The first part of `condition` that does not hold; None where all of it does."""
        if isinstance(condition, Operation) and condition.operator == "&&":
            assert condition.right is not None
            return self.broken(condition.left) or self.broken(condition.right)
        if self.value(condition) is True:
            return None
        seen = {_name(each): self.value(each) for each in measures_in(condition)}
        return Broken(condition.start, condition.end, tuple(seen.items()))

    def value(self, node: Expr) -> Value:
        """The value of an expression; None where it is not known."""
        match node:
            case Constant():
                return node.value
            case Measure():
                return self._measure(node)
            case Operation(operator="!"):
                inner = self.value(node.left)
                return None if inner is None else not inner
            case Operation(operator="&&"):
                assert node.right is not None
                return self.value(node.left) is True and self.value(node.right) is True
            case Operation(operator="||"):
                assert node.right is not None
                return self.value(node.left) is True or self.value(node.right) is True
        assert node.right is not None
        return _operate(node.operator, self.value(node.left), self.value(node.right))

    def _measure(self, node: Measure) -> Value:
        name, argument = node.name, str(node.argument or "")
        if name in _OF_DEPLOYMENTS:
            return self._of_deployment(name, argument)
        if name == "spent":
            return self._spent(argument)
        if self._tally is not None:
            return self._of_load(self._tally, name, argument)
        assert self._record is not None
        return _of_request(self._record, name, argument)

    def _of_deployment(self, name: str, deployment: str) -> Value:
        if name == "calls":
            scale = self._tally.weight if self._tally is not None else 1.0
            return (self._simulation.calls(deployment) - self._before.get(deployment, 0)) * scale
        found = self._simulation.executor.deployments[deployment]
        now = asyncio.get_running_loop().time()
        if name == "held":
            return max(found.held_for(now), default=0.0)
        breaker = next((each.breaker for each in found.policies if each is not None), None)
        if breaker is None or breaker.is_closed:
            return "closed"
        until = breaker.open_until
        return "open" if until is not None and until > now and not breaker.is_probing else "half_open"

    def _spent(self, name: str) -> Value:
        executor = self._simulation.executor
        if name in executor.keys:
            windows = executor.now.spent_by(executor.keys[name])
        elif name in executor.deployments:
            budget = next((p.budget for p in executor.deployments[name].policies if p is not None), None)
            now = asyncio.get_running_loop().time() + EPOCH
            windows = budget.spent(now) if budget is not None else {}
        else:
            spent = executor.spent()
            windows = spent.get(name) or spent.get(route_payer(name)) or {}
        return max(windows.values(), default=0.0)

    def _of_load(self, tally: Tally, name: str, argument: str) -> Value:
        if name in _PERCENTILES:
            return tally.percentile(_PERCENTILES[name])
        match name:
            case "requests":
                return tally.count * tally.weight
            case "success":
                return len(tally.times) / tally.count if tally.count else None
            case "failures":
                return tally.failures * tally.weight
            case "errors":
                return tally.codes[argument] * tally.weight
            case "answers":
                return tally.answers[argument] / len(tally.times) if tally.times else None
            case "tokens":
                return tally.tokens * tally.weight
        return None if tally.unpriced else tally.cost / PICODOLLARS * tally.weight


_OF_DEPLOYMENTS = ("calls", "held", "circuit")


def _of_request(record: Record, name: str, argument: str) -> Value:
    match name:
        case "answer":
            return record.text
        case "contains":
            return argument in record.text
        case "answered_by":
            return record.answered_by or ""
        case "ok":
            return record.ok
        case "error":
            return record.code
        case "status":
            return float(record.status)
        case "seconds":
            return record.seconds
        case "first_token":
            return record.first
        case "attempts":
            return float(record.trace.tries())
        case "cached":
            return record.trace.cached
        case "header":
            return next((v for n, v in record.headers.items() if n.lower() == argument.lower()), "")
        case "tokens":
            return float(record.tokens)
    return None if record.cost is None else record.cost / PICODOLLARS


def limit_of(conditions: list[Expr]) -> float:
    """The shortest time that something is compared to: what takes longer is worth a story."""
    found = [float("inf")]
    for condition in conditions:
        if not isinstance(condition, Operation) or condition.right is None:
            continue
        sides = (condition.left, condition.right)
        for one, other in (sides, sides[::-1]):
            if isinstance(one, Measure) and one.name in _PERCENTILES and isinstance(other, Constant):
                found.append(float(other.value))
        found.append(limit_of(list(sides)))
    return min(found)


def _name(node: Measure) -> str:
    return node.name if node.argument is None else f"{node.name}({node.argument})"


def _operate(operator: str, left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    if operator == "==":
        return left == right
    if operator == "!=":
        return left != right
    if isinstance(left, str) or isinstance(right, str):
        return None
    match operator:
        case "<":
            return left < right
        case ">":
            return left > right
        case "<=":
            return left <= right
        case ">=":
            return left >= right
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    return left / right if right else None
