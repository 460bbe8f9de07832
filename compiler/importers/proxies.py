"""What plugins of HTTP gateways that ask providers have in common: how they choose, where a key stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .draft import Deployment, Draft, Strategy, split
from .foreign import Node
from .report import Outcome
from .requests import put_header

PATHS = "clients ask by the name of a model, at the paths of OpenAI's and Anthropic's APIs"
WATCH = "inferc tells by metrics at `/metrics`, `inferc run --traces` and `--access-log json`"
MEANING = "no route looks at what a request means"

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


def put_key(draft: Draft, made: Deployment, header: str, node: Node, written: object) -> None:
    """The key, in whichever header; without one, it stands where the provider wants it."""
    if header and header.lower() not in _OWN_HEADERS:
        put_header(draft, made, header, node, written)
    else:
        made.put("runtime.api_key", written, node)


def called(draft: Draft, made: str, wanted: str, node: Node | None, deployment: Deployment) -> None:
    """Say that clients ask for another name than the one that is written, where that is taken."""
    if made != wanted and node is not None:
        says = f"`{wanted}` is another one: clients ask for `{made}`"
        draft.overrule(Outcome.CHANGED, node, says, deployment.remarks)
