"""What a plan leaves to the environment: read when the plan starts, and checked like what files say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from ..compiler.plan import (
    AUTO_WORKERS,
    MOST_WORKERS,
    GatewayPlan,
    LateText,
    Plan,
    RemotePoolPlan,
    StatePlan,
    is_name_of_state,
    is_origin,
    no_base_url,
    read_moment,
    split_address,
)
from ..compiler.plan.reach import PLAIN, fields_in
from .requests.errors import StartError

LONGEST = 1 << 16
"""Characters of a text that comes from the environment."""


def in_environment(
    plan: Plan, environment: Mapping[str, str] = os.environ, *, instead: str | None = None
) -> Plan:
    """`plan` with the texts that `environment` holds, and as many workers as there are cores, where it wants
    that; itself where it needs none. Raises StartError.

    instead: what stands for those that it lacks, and that have no default, in a simulation.
    """
    problems: list[str] = []
    deployments = [
        _read(each, f"deployment `{each.deployment}`", environment, problems, instead)
        for each in plan.deployments
    ]
    gateway = _read(plan.gateway, "gateway", environment, problems, instead)
    if gateway.workers == AUTO_WORKERS:
        gateway = evolve(gateway, workers=min(_cores(), MOST_WORKERS))
    state = _read(plan.state, "gateway", environment, problems, instead)
    if problems:
        raise StartError(*problems)
    changed: dict[str, Any] = {"gateway": gateway, "state": state, "deployments": tuple(deployments)}
    same = gateway is plan.gateway and state is plan.state
    if same and all(new is old for new, old in zip(deployments, plan.deployments, strict=True)):
        return plan
    return evolve(plan, **changed)


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(
    part: Any, owner: str, environment: Mapping[str, str], problems: list[str], instead: str | None
) -> Any:
    """`part` with its texts. What is wrong with them is put into `problems`."""
    missing: dict[str, None] = {}
    texts: list[tuple[str, str]] = []
    filled = _filled(part, environment, missing, texts)
    if missing and instead is not None:
        environment = {**environment, **dict.fromkeys(missing, instead)}
        missing, texts = {}, []
        filled = _filled(part, environment, missing, texts)
    for name in missing:
        state = "is empty" if name in environment else "is not set"
        problems.append(f"{owner}: the environment variable {name} {state}: set it (export {name}=…)")
    for variables, text in texts:
        if len(text) > LONGEST or not text.isprintable():
            problems.append(f"{owner}: what {variables} holds has over {LONGEST} characters, or odd ones")
    if filled is part or missing:
        return filled
    filled = _finished(filled)
    problems += [f"{owner}: {what}" for what in _wrong(filled)]
    return filled


def _filled(
    value: Any, environment: Mapping[str, str], missing: dict[str, None], texts: list[tuple[str, str]]
) -> Any:
    """`value` with its texts read; the same object where it has none."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, LateText):
        text = value.read(environment, missing)
        texts.append((" and ".join(part.name for part in value.variables), text))
        return text
    if isinstance(value, (tuple, list)):
        items = [_filled(item, environment, missing, texts) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else type(value)(items)
    if isinstance(value, dict):
        entries = {name: _filled(inner, environment, missing, texts) for name, inner in value.items()}
        return value if all(entries[name] is value[name] for name in value) else entries
    changed = {}
    for name in fields_in(value):
        old = getattr(value, name)
        new = _filled(old, environment, missing, texts)
        if new is not old:
            changed[name] = new
    return evolve(value, **changed) if changed else value


def _finished(part: Any) -> Any:
    """`part` as the compiler would have written it, had it known the texts."""
    if isinstance(part, RemotePoolPlan):
        return evolve(part, endpoint=part.endpoint.rstrip("/"))
    if isinstance(part, GatewayPlan) and part.bind is not None:
        address = split_address(part.bind)
        return part if address is None else evolve(part, host=address[0], port=address[1], bind=None)
    return part


def _wrong(part: Any) -> Iterator[str]:
    """What is wrong with texts that the compiler could not look at."""
    if isinstance(part, RemotePoolPlan):
        problem = no_base_url(part.endpoint.replace("{port}", "1")) if part.endpoint else None
        if problem is not None:
            yield f"{problem[0]}: {problem[1]}"
        for name, value in part.headers.items():
            if not (value.isascii() and value.strip()):
                yield f"the header `{name}` must be one line of plain ASCII characters"
    elif isinstance(part, GatewayPlan):
        if part.bind is not None:
            yield f"`{part.bind}` is no address and port: write it like 127.0.0.1:8080"
        for key in part.keys:
            if key.expires is not None and read_moment(key.expires) is None:
                yield f"key `{key.name}`: `{key.expires}` is no date, such as 2027-01-31"
        for origin in part.cors.origins:
            if not is_origin(origin):
                yield f"`{origin}` is no origin of a web page, such as https://chat.example.com"
    elif isinstance(part, StatePlan) and not is_name_of_state(part.name):
        yield "the name of its state has 1 to 100 characters, none of them `/`"
