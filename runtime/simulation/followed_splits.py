"""Splits that send a request where it once went: in a replay, that chance is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..serving.model import Model
from ..serving.routes.route import Route
from ..serving.routes.split import Split, Splitting
from .provider import RECORDED


class FollowedSplitting(Splitting):
    """Which member once got the request at hand; where that is not known, what `other` says.

    behind: the deployments that each member may ask.
    """

    def __init__(self, other: Splitting, behind: Sequence[frozenset[str]]) -> None:
        self._other = other
        self._behind = behind

    def decide(self, key: str | None) -> int:
        recorded = RECORDED.get()
        if recorded is not None and recorded.asked is not None:
            for index, names in enumerate(self._behind):
                if recorded.asked in names:
                    return index
        return self._other.decide(key)


def follow_splits(routes: Mapping[str, Route]) -> None:
    """Let all splits among `routes` follow what is recorded."""
    for route in routes.values():
        if isinstance(route, Split):
            route.splitting = FollowedSplitting(route.splitting, [_behind(each) for each in route.members])


def _behind(model: Model) -> frozenset[str]:
    if isinstance(model, Route):
        return frozenset().union(*map(_behind, model.members))
    return frozenset((model.name,))
