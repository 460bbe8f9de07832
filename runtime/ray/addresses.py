"""Where the replicas of deployments listen now; a replica of the gateway's pool asks one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from weakref import WeakSet

from ...compiler.plan import RemotePoolPlan, ReplicaPlacement
from ..requests.errors import ServerDown

log = logging.getLogger(__name__)


class Addresses:
    """Addresses by deployment, each at a number that it keeps while it is there."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._places: WeakSet[Place] = WeakSet()

    def server(
        self, plan: RemotePoolPlan, placement: ReplicaPlacement, on_ready: Callable[[], None]
    ) -> Place | None:
        """What the replica asks; None where it asks a provider."""
        if not plan.is_launched:
            return None
        place = Place(self, plan, placement.replica_index, on_ready)
        self._places.add(place)
        return place

    def at(self, deployment: str, index: int) -> str | None:
        """The address at that number, if there is one."""
        found = self._found.get(deployment, ())
        return found[index] if index < len(found) else None

    def count(self, deployment: str) -> int:
        """How many replicas of it are there."""
        return len(self._found.get(deployment, ()))

    def update(self, found: Mapping[str, Sequence[str]]) -> None:
        """Replicas listen at these addresses, by deployment."""
        before = self._found
        self._found = {name: following(before.get(name, ()), each) for name, each in found.items()}
        told = set()
        for place in list(self._places):
            old = before.get(place.deployment, ())
            now = place.address
            if now == (old[place.index] if place.index < len(old) else None):
                continue
            if (which := (place.deployment, place.index)) not in told:  # a reload has two pools for a while
                told.add(which)
                place.tell(now)
            if now is not None:
                place.on_ready()


def following(before: Iterable[str], now: Sequence[str]) -> list[str]:
    """`now` in an order in which each one that was there stays where it was, as far as that goes."""
    coming = [each for each in dict.fromkeys(now) if each not in set(before)]
    kept: list[str | None] = [each if each in now else None for each in before]
    for index, each in enumerate(kept):
        if each is None and coming:
            kept[index] = coming.pop(0)
    while None in kept:
        last = kept.pop()
        if last is not None:
            kept[kept.index(None)] = last
    return [each for each in kept if each is not None] + coming


class Place:
    """One replica of a pool: what it asks, if anything is there.

    on_ready: called when another one is.
    """

    def __init__(
        self, addresses: Addresses, plan: RemotePoolPlan, index: int, on_ready: Callable[[], None]
    ) -> None:
        self._addresses = addresses
        self._provider = plan.provider
        self.deployment = plan.deployment
        self.index = index
        self._comes_and_goes = plan.scaling is not None and index >= plan.scaling.min_replicas
        self.on_ready = on_ready

    def tell(self, address: str | None) -> None:
        """Say in the log where it is now."""
        if address is not None:
            log.info("deployment `%s`: replica %d is at %s", self.deployment, self.index, address)
        else:
            level = logging.INFO if self._comes_and_goes else logging.WARNING
            log.log(level, "deployment `%s`: replica %d is gone", self.deployment, self.index)

    @property
    def address(self) -> str | None:
        """The URL, without a path, of the replica; None while there is none."""
        return self._addresses.at(self.deployment, self.index)

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        return self.address is not None

    @property
    def endpoint(self) -> str:
        """The base URL of the replica. Raises ServerDown while there is none."""
        address = self.address
        if address is None:
            raise ServerDown(
                f"deployment `{self.deployment}`: Ray has no replica that is ready",
                deployment=self.deployment,
                provider=self._provider,
            )
        return f"{address}/v1"

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
