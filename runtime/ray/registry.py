"""Where the replicas of one application listen, who serves it, and what was deployed: an actor with a name.

Everything in it is said again within a second, so that it may be lost with its machine. Pure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from attrs import field

from ...compiler.plan.record import define, frozen

NAMESPACE = "inferc"
"""Of Ray's names of actors."""

BEAT = 1.0
"""Seconds between two words of a replica or a gateway that it is there."""

SILENT = 5.0
"""Seconds without a word after which it is taken for gone."""

YOUNG = 2 * BEAT
"""Seconds until each gateway has said that it is there."""


@frozen
class Joined:
    """What a gateway is told.

    addresses: by deployment. applications: of Serve, by address. others: the states of other gateways of the
    application, as digests. revision: of the plan that gateways on Ray serve.
    """

    addresses: dict[str, list[str]]
    applications: dict[str, str]
    others: tuple[str | None, ...]
    revision: str | None


@frozen
class Served:
    """What gateways on Ray serve. state: where they count, which may hold a password."""

    revision: str
    plan_text: str
    state: str | None = field(repr=False)


@define
class _Replica:
    deployment: str
    address: str
    application: str
    heard: float


@define
class _Gateway:
    state: str | None
    loads: Mapping[str, int]
    is_on_ray: bool
    heard: float


class Registry:
    """clock: seconds, of which only differences count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._born = clock()
        self._replicas: dict[str, _Replica] = {}
        self._gateways: dict[str, _Gateway] = {}
        self._served: Served | None = None

    def here(self, replica: str, deployment: str, address: str, application: str) -> int:
        """A replica of `deployment` takes requests at `address`; said again and again.

        application: of Serve, which has it.

        Gives how many requests for the deployment are under way or wait at all gateways.
        """
        now = self._clock()
        self._replicas[replica] = _Replica(deployment, address, application, now)
        alive = (each for each in self._gateways.values() if now - each.heard < SILENT)
        return sum(each.loads.get(deployment, 0) for each in alive)

    def leave(self, replica: str) -> None:
        """That replica takes no new requests any more."""
        self._replicas.pop(replica, None)

    def join(
        self, gateway: str, state: str | None, loads: Mapping[str, int], is_on_ray: bool = False
    ) -> Joined:
        """A gateway serves the application, and keeps what it counts in `state`; said again and again.

        loads: requests that are under way or wait there, by deployment. is_on_ray: whether it is started and
        ended by another one.
        """
        now = self._clock()
        self._gateways[gateway] = _Gateway(state, loads, is_on_ray, now)
        self._replicas = {name: each for name, each in self._replicas.items() if now - each.heard < SILENT}
        self._gateways = {name: each for name, each in self._gateways.items() if now - each.heard < SILENT}
        addresses: dict[str, list[str]] = {}
        for each in self._replicas.values():
            addresses.setdefault(each.deployment, []).append(each.address)
        others = (each.state for name, each in self._gateways.items() if name != gateway)
        applications = {each.address: each.application for each in self._replicas.values()}
        revision = None if self._served is None else self._served.revision
        return Joined(addresses, applications, tuple(others), revision)

    def serve(self, served: Served) -> None:
        """Gateways on Ray are to serve this."""
        self._served = served

    def served(self) -> Served | None:
        """What gateways on Ray serve; None while nobody has said it."""
        return self._served

    def part(self, gateway: str) -> bool | None:
        """That gateway ends; whether another one still serves the application, but for those on Ray.

        None: it is too young to know them all, since one before it was lost with its machine.
        """
        self._gateways.pop(gateway, None)
        now = self._clock()
        if now - self._born < YOUNG:
            return None
        alive = (each for each in self._gateways.values() if now - each.heard < SILENT)
        return not all(each.is_on_ray for each in alive)
