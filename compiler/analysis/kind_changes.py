"""What a change of `carries` and `allows` means: where data may go, and what is no longer looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..plan import Plan
from ..plan.split import is_local
from .change import INFO, RISK, Change, listed
from .labels import carriers_of


def kind_changes(old: Plan, new: Plan) -> Iterator[Change]:
    """Of all parts that both plans have."""
    before, after = (dict(carriers_of(each)) for each in (old, new))
    for about in before:
        if about in after:
            yield from _carried(about, before[about], after[about])
    deployments = {each.deployment: each for each in old.deployments}
    for deployment in new.deployments:
        name = deployment.deployment
        if name in deployments:
            left, right = deployments[name].allows, deployment.allows
            yield from _allowed(name, left, right, says_all=is_local(deployment))


def _carried(about: str, before: Iterable[str], after: Iterable[str]) -> Iterator[Change]:
    if gone := listed(each for each in before if each not in after):
        what = f"no longer says that it carries {gone}: where that goes is not looked at any more"
        yield Change(RISK, about, what)
    if more := listed(each for each in after if each not in before):
        yield Change(INFO, about, f"says that it carries {more}")


def _allowed(
    about: str, before: tuple[str, ...] | None, after: tuple[str, ...] | None, *, says_all: bool
) -> Iterator[Change]:
    """says_all: where nothing is said, everything is allowed, and not nothing."""
    if before is None and after is not None and says_all:
        yield Change(INFO, about, f"allows no other kinds of data than {listed(after) or 'none'}")
        return
    if before is not None and after is None and says_all:
        yield Change(RISK, about, f"allows all kinds of data, no longer {listed(before) or 'none'} alone")
        return
    if more := listed(each for each in after or () if each not in (before or ())):
        yield Change(RISK, about, f"allows {more}, which it did not")
    if gone := listed(each for each in before or () if each not in (after or ())):
        yield Change(INFO, about, f"allows {gone} no longer")
