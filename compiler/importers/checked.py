"""What is written passes `inferc check`: what does not is taken out, and lost with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...dsl.diagnostics import Diagnostic
from ...dsl.source import Span
from ..compile import check_file
from .draft import KEY_IN_IT, Block, Deployment, Draft, Field, Passage, Route
from .foreign import ImportFailed
from .literals import Code
from .report import Outcome
from .strategy import Strategy
from .writer import Line, Place, lines

_NO_PRICE = "E0413"
_MISFIT = "E0610"
_LEFT_OUT = "W0424"

Owners = dict[int, Deployment]

MISSING_MODEL = "E0501"
"""The one error that may stay: the models of another system need not lie here yet."""

_MOST_ROUNDS = 200
_REQUIRED = ("", "model", "runtime")
_ENDPOINT = "endpoint"
"""Without it, requests and their key would go to somebody else."""


def settle(draft: Draft, path: Path) -> None:
    """Take out what the language refuses, until nothing is refused. path: where the file will be."""
    draft.drop_secrets()
    reason = None if draft.deployments else KEY_IN_IT
    for _ in range(_MOST_ROUNDS):
        if not draft.deployments:
            message = "no model in this file can be served by inferc: each is refused when checked"
            raise ImportFailed(message, help=reason)
        written = lines(draft, short=False)
        text = "\n".join(line for line, _ in written) + "\n"
        found = check_file(path.name, path, text=text).diagnostics
        refused = [each for each in found if each.is_error and each.code != MISSING_MODEL]
        if not refused:
            _without_effect(draft, written, found)
            draft.drop_unused()
            return
        owners = _owners(draft)
        for each in _one_of_each(owners, written, refused):
            reason = reason or each.message
            budget = _budget(written, each)
            if budget is None or not _only_warns(draft, budget):
                _take_out(draft, owners, _place(written, each), each)
    raise ImportFailed("too much of this file cannot be said here")


def _without_effect(draft: Draft, written: list[Line], found: Iterable[Diagnostic]) -> None:
    """Say of what stays in the file, and is left out of requests, that it is."""
    owners = _owners(draft)
    for each in found:
        owner, key = _place(written, each)
        item = owner.items.get(key) if isinstance(owner, Block) else None
        deployment = owners.get(id(owner))
        if each.code == _LEFT_OUT and isinstance(item, Field) and deployment is not None:
            for node in item.nodes:
                says = f"{each.message}: it is left out"
                draft.overrule(Outcome.CHANGED, node, says, deployment.remarks)


def _one_of_each(owners: Owners, written: list[Line], refused: list[Diagnostic]) -> list[Diagnostic]:
    """The first finding of each deployment, and of each budget: further ones may follow from it. Alone, where
    it is of none."""
    found: dict[int, Diagnostic] = {}
    for each in refused:
        owner, _ = _budget(written, each) or _place(written, each)
        around = owners.get(id(owner))
        if around is None and each.code != _NO_PRICE:
            return list(found.values()) or [each]
        found.setdefault(id(owner if around is None else around), each)
    return list(found.values())


def _budget(written: list[Line], refused: Diagnostic) -> Place | None:
    """Where the budget is that cannot be kept without a price; None for other mistakes."""
    label = refused.secondary[0] if refused.secondary else refused.primary
    if refused.code != _NO_PRICE or label is None:
        return None
    return written[min(_line(label.span), len(written) - 1)][1]


def _place(written: list[Line], refused: Diagnostic) -> Place:
    line = _line(refused.primary.span) if refused.primary else 0
    return written[min(line, len(written) - 1)][1]


def _line(span: Span) -> int:
    return span.source.position(span.start)[0] - 1


def _take_out(draft: Draft, owners: Owners, place: Place, refused: Diagnostic) -> None:
    owner, key = place
    says = refused.message
    if isinstance(owner, Passage):
        draft.drop_passage(owner, says)
    elif isinstance(owner, Route):
        if owner.options.items:
            for name in list(owner.options.items):
                draft.drop_field(owner.options, name, says)
        elif refused.code == _MISFIT and (member := _misfit(owner, refused)) is not None:
            draft.drop_member(owner, member, says)
        else:
            draft.drop_route(owner, says)
    elif isinstance(owner, Deployment) and key in _REQUIRED:
        draft.drop(owner, says)
    elif isinstance(owner, Block) and key and key != _ENDPOINT:
        draft.drop_field(owner, key, says)
    elif (deployment := owners.get(id(owner))) is not None:
        draft.drop(deployment, says)
    elif isinstance(owner, Block):
        for name in list(owner.items):
            draft.drop_field(owner, name, says)
    else:
        raise ImportFailed(f"what this file says cannot be written: {says}")


def _misfit(route: Route, refused: Diagnostic) -> str | None:
    """The member that cannot stand for those before it in a route."""
    if refused.primary is None or not isinstance(route.strategy, Strategy):
        return None
    span = refused.primary.span
    name = span.source.text[span.start : span.end].strip('"')
    return name if name in [*route.strategy.names()][1:] else None


def _only_warns(draft: Draft, place: Place) -> bool:
    """Let a budget warn that no price is known for; whether there is one that did not."""
    found, key = place
    owner, name = (found.options, "budget") if isinstance(found, Route) else (found, key)
    budget = owner.items.get(name) if isinstance(owner, Block) else None
    if not isinstance(owner, Block) or not isinstance(budget, Block):
        return False
    if budget.value("on_exceeded") == "warn":
        return False
    said = budget.items.get("on_exceeded")
    own = said.nodes if isinstance(said, Field) else ()
    says = "a price is not known, so it cannot be kept and only warns: write `price { … }`, then `reject`"
    for node in own or tuple(node for each in budget.fields() for node in each.nodes):
        draft.overrule(Outcome.CHANGED, node, says, owner.remarks)
    budget.put("on_exceeded", Code("warn"), *own)
    return True


def _owners(draft: Draft) -> Owners:
    """The deployment that each block is, or is in, by the block's identity."""
    found: Owners = {}

    def walk(block: Block, deployment: Deployment) -> None:
        found[id(block)] = deployment
        for inner in block.items.values():
            if isinstance(inner, Block):
                walk(inner, deployment)

    for deployment in draft.deployments:
        walk(deployment, deployment)
    return found
