"""What is different in another plan, in words for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ..compiler.plan import Plan

_NO_DIFFERENCE = ("source", "compiler", "schema")
"""Where something was written, and by whom, is no difference in what is served."""


def changes(old: Plan, new: Plan) -> list[str]:
    """One line for each part that is new, gone, or changed, which says in what."""
    return [
        *_named("deployment", old.deployments, new.deployments, "deployment"),
        *_named("route", old.routes, new.routes, "route"),
        *_named("pipeline", old.pipelines, new.pipelines, "pipeline"),
        *_named("extern", old.externs, new.externs, "extern"),
        *_named("key", old.gateway.keys, new.gateway.keys, "name"),
        *_changed("the gateway", old.gateway, new.gateway, hidden=("keys",)),
        *_changed("the state", old.state, new.state),
    ]


def _named(what: str, old: Iterable[Any], new: Iterable[Any], by: str) -> Iterator[str]:
    before: Mapping[str, Any] = {getattr(each, by): each for each in old}
    after: Mapping[str, Any] = {getattr(each, by): each for each in new}
    for name in {**before, **after}:
        if name not in after:
            yield f"{what} `{name}` is gone"
        elif name not in before:
            yield f"{what} `{name}` is new"
        else:
            yield from _changed(f"{what} `{name}`", before[name], after[name])


def _changed(what: str, old: Any, new: Any, hidden: tuple[str, ...] = ()) -> Iterator[str]:
    if type(old) is not type(new):
        yield f"{what} is of another kind"
        return
    names = [
        attribute.name
        for attribute in attrs.fields(type(new))
        if attribute.name not in (*_NO_DIFFERENCE, *hidden)
        and getattr(old, attribute.name) != getattr(new, attribute.name)
    ]
    if names:
        yield f"{what} has changed: {', '.join(names)}"
