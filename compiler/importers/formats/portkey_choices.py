"""How Portkey's strategies choose by the request: conditions on its model, and what stays together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..draft import Draft, Route
from ..foreign import Node
from ..strategy import Strategy

_NOT_SEEN = "routes do not look into requests: give each case a name of its own, which clients ask for"
_STAYS = "what belongs together goes to the same member for as long as the members stay"


def named(strategy: Node, members: Mapping[str, Strategy | str], draft: Draft) -> bool:
    """A condition on the model that is asked for is a route of that name; whether all are such.

    strategy: its settings. members: what each target became, by the names of the targets.
    """
    conditions, are_all = strategy.get("conditions"), True
    for condition in conditions.items if conditions is not None else ():
        made = members.get(condition.text("then") or "")
        asked = list(_models(condition.get("query")))
        free = [name for name in asked if name != made]
        are_named = bool(asked) and all(map(str.strip, asked))
        if made is None or not are_named or any(draft.free_name(name) != name for name in free):
            draft.lost(condition, _NOT_SEEN)
            are_all = False
            continue
        draft.routes += [Route(name, made, (condition,)) for name in free]
        draft.kept(condition)
    return are_all


def _models(query: Node | None) -> Iterator[str]:
    """The models that a condition is true for, where it says nothing else."""
    if query is None or list(query.entries) != ["params.model"]:
        return
    [asked] = query.entries.values()
    if isinstance(asked.value, str):
        yield asked.value
    elif list(asked.entries) in (["$eq"], ["$in"]):
        [value] = asked.entries.values()
        yield from (str(each.value) for each in value.items or (value,) if isinstance(each.value, str))


def together(strategy: Node | None, draft: Draft) -> str:
    """What a route says behind its members, so that requests that belong together go to the same one."""
    session = strategy.get("sticky_session") if strategy is not None else None
    fields = session.get("hash_fields") if session is not None else None
    if session is None or fields is None:
        return ""
    draft.changed(session.get("ttl"), _STAYS, draft.remarks)
    by = [str(each.value) for each in fields.items]
    if by == ["params.user"]:
        draft.kept(fields)
        return "by user"
    name = re.sub(r"[^a-z0-9]+", "-", by[0].removeprefix("metadata.").lower()).strip("-") if by else ""
    if len(by) != 1 or not by[0].startswith("metadata.") or not name:
        draft.lost(fields, "requests are told apart by one header, or by `user`: `by header(…)`, `by user`")
        return ""
    header = f"x-{name}"
    draft.changed(fields, f"clients say it in the header `{header}`", draft.remarks)
    return f'by header("{header}")'
