"""What the analyses of a plan say of its file: bounds, arrivals, data flows; made when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, reduce
from math import isfinite
from typing import TYPE_CHECKING

from ..compiler.compile import Checked
from ..compiler.plan.guards import Meant

if TYPE_CHECKING:
    from ..compiler.analysis.bound import Bound, Part
    from ..compiler.analysis.features import Arrival
    from ..compiler.analysis.flows import Flow
    from ..compiler.plan import Plan

PROVED = frozenset({"E0427", "E0428", "E0433", "E0440"})
"""Errors that are found in the plan: where there are no others, there is one."""

MOST_FLOWS = 4
"""Flows that are shown of one name."""


class PlanAnalysis:
    """Of one check of a file. Where that found what keeps it from being a plan, there are none."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked

    @cached_property
    def plan(self) -> Plan | None:
        """The plan, without the contents of models."""
        checked = self._checked
        if checked.program is None or any(
            each.is_error and each.code not in PROVED for each in checked.diagnostics
        ):
            return None
        from ..compiler.lowering.lower import outline

        return outline(checked.program)

    @cached_property
    def bounds(self) -> dict[str, Part]:
        if self.plan is None:
            return {}
        from ..compiler.analysis.bounds import bounds_of

        return bounds_of(self.plan)

    @cached_property
    def arrivals(self) -> dict[str, Arrival]:
        if self.plan is None:
            return {}
        from ..compiler.analysis.features import arrivals_of

        return arrivals_of(self.plan)

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        if self.plan is None:
            return ()
        from ..compiler.analysis.flows import flows_of

        return flows_of(self.plan)

    def _of_key(self, name: str) -> Bound | None:
        """The most that any request of a key may take; None: there is no such key, or it may ask nothing."""
        keys = self.plan.gateway.keys if self.plan is not None else ()
        key = next((each for each in keys if each.name == name), None)
        if key is None:
            return None
        from ..compiler.analysis.bound import Bound

        may = Meant(key.models)
        bounds = [part.bound for asked, part in self.bounds.items() if may.meets(asked)]
        return reduce(Bound.or_else, bounds) if bounds else None

    # ---- in words

    def of_name(self, name: str) -> Iterator[str]:
        """What is known of a deployment, a route or a pipeline: a sentence for each."""
        if self.plan is None:
            return
        if name in self.bounds:
            yield f"one request: {said_of(self.bounds[name].bound)}"
        arrival = self.arrivals.get(name)
        if arrival is not None and name not in {each.pipeline for each in self.plan.pipelines}:
            from ..compiler.analysis.features import told

            yield from told(arrival)
        yield from self._flows(lambda flow: _is_of(flow, name))

    def of_key(self, name: str) -> Iterator[str]:
        """What is known of a key of the gateway."""
        bound = self._of_key(name)
        if bound is not None:
            yield f"one of its requests: {said_of(bound)}"
        yield from self._flows(lambda flow: _is_of(flow, name, is_key=True))

    def short(self, name: str, *, is_key: bool = False) -> str:
        """The most calls and the highest cost, and which kinds of data there are."""
        bound = self._of_key(name) if is_key else self.bounds[name].bound if name in self.bounds else None
        if bound is None:
            return ""
        from ..compiler.analysis.bound import spoken

        numbers = [("calls", bound.calls, f"{spoken('calls', bound.calls)} calls")]
        numbers += [("dollars", bound.dollars, spoken("dollars", bound.dollars))]
        limited = ", ".join(said for _, number, said in numbers if isfinite(number) and number)
        kinds = dict.fromkeys(flow.kind for flow in self.flows if _is_of(flow, name, is_key=is_key))
        return " · ".join([f"≤ {limited}"] * bool(limited) + [", ".join(kinds)] * bool(kinds))

    def _flows(self, wanted: Callable[[Flow], bool]) -> Iterator[str]:
        found = [flow for flow in self.flows if wanted(flow)]
        says = {True: "which allows it", False: "which does **not** allow it", None: "which is here"}
        for flow in found[:MOST_FLOWS]:
            way = " → ".join(each if each.startswith("step ") else f"`{each}`" for each in flow.way)
            yield f"`{flow.kind}` of {flow.source} comes by {way}, {says[flow.allowed]}"
        if len(found) > MOST_FLOWS:
            yield f"and {len(found) - MOST_FLOWS} more flows: `inferc flows`"


def _is_of(flow: Flow, name: str, *, is_key: bool = False) -> bool:
    """Whether data flows through what is called `name`, or from it."""
    is_source = flow.source.name == name and (flow.source.what == "key") is is_key
    return is_source or (not is_key and name in flow.way)


def said_of(bound: Bound) -> str:
    """A bound in one line, such as `at most 4 calls, $0.10, 2m; of tokens there is no limit`."""
    from ..compiler.analysis.bound import QUANTITIES, spoken

    limited, unlimited = [], []
    for each in QUANTITIES:
        said = spoken(each, float(getattr(bound, each)))
        unit = f" {each}" if each in ("calls", "tokens") else ""
        if said == "no limit":
            unlimited.append(_NAMES[each])
        else:
            limited.append(f"{said}{unit}")
    parts = [f"at most {', '.join(limited)}"] if limited else []
    parts += [f"of {', '.join(unlimited)} there is no limit"] if unlimited else []
    return "; ".join(parts)


_NAMES = {"calls": "calls", "tokens": "tokens", "dollars": "cost", "seconds": "time"}
