"""What plugins of HTTP gateways that ask providers have in common: how they choose, where a key stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .draft import Deployment, Draft
from .foreign import Node
from .literals import Code
from .report import Outcome
from .requests import put_header
from .secrets import left_out, variable_for
from .strategy import Strategy, split

PATHS = "clients ask by the name of a model, at the paths of OpenAI's and Anthropic's APIs"
WATCH = "inferc tells by metrics at `/metrics`, `inferc run --traces` and `--access-log json`"
MEANING = "no route looks at what a request means"

Named = Callable[[Node], Code | None]
"""Gives the variable that a value names, None for a value that is meant itself."""

_OWN_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def shared(names: Sequence[str], weights: Sequence[float], *, goes_on: bool = True) -> Strategy | str:
    """All of `names` by their weights; goes_on: whether another one is asked when one fails."""
    if len(names) == 1:
        return names[0]
    if len({*weights}) == 1:
        return Strategy("balance", tuple(names), option="by round_robin")
    parts = split(names, weights)
    return Strategy("fallback", (parts, *names)) if goes_on else parts


def levels(names: Sequence[str], at: Sequence[float]) -> Iterable[list[int]]:
    """The places of those with the same level, the highest level first."""
    return [
        [place for place in range(len(names)) if at[place] == each] for each in sorted({*at}, reverse=True)
    ]


def put_key(draft: Draft, made: Deployment, header: str, node: Node, named: Named) -> None:
    """The key, in whichever header; without one, it stands where the provider wants it."""
    if header and header.lower() not in _OWN_HEADERS:
        put_header(draft, made, header, node, secret(draft, made, header, node, named))
    elif made.has("runtime.api_key"):
        draft.lost(node, "a deployment sends one key, which is said already", made.remarks)
    else:
        made.put("runtime.api_key", secret(draft, made, "api_key", node, named), node)


def secret(draft: Draft, made: Deployment, variable: str, node: Node, named: Named) -> Code:
    """The variable that a value names, or the one to put it into. variable: how the name of that one ends."""
    if (found := named(node)) is not None:
        draft.kept(node)
        return found
    return left_out(draft, node, variable_for(made.name, variable), made)


def called(draft: Draft, made: str, wanted: str, node: Node | None, deployment: Deployment) -> None:
    """Say that clients ask for another name than the one that is written, where that is taken."""
    if made != wanted and node is not None:
        says = f"`{wanted}` is another one: clients ask for `{made}`"
        draft.overrule(Outcome.CHANGED, node, says, deployment.remarks)
