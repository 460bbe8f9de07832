"""The port that all workers share, held by their supervisor so that nobody else has it."""

from __future__ import annotations

import socket

from attrs import field

from ....compiler.plan import GatewayPlan
from ....compiler.plan.record import frozen
from ...http.server import bind, from_systemd
from ..serve import ADVICE


@frozen
class HeldPort:
    """host, asked: where the plan wants to be. handed: whether systemd listens there, and workers take
    requests from its socket.
    """

    host: str
    asked: int
    socket: socket.socket = field(repr=False)
    handed: bool = False

    @property
    def number(self) -> int:
        """Where workers listen."""
        number: int = self.socket.getsockname()[1]
        return number

    @property
    def inherited(self) -> list[int]:
        """The files that workers get to take requests from."""
        return [self.socket.fileno()] if self.handed else []

    def is_of(self, gateway: GatewayPlan) -> bool:
        """Whether `gateway` wants to be here."""
        return (gateway.host, gateway.port) == (self.host, self.asked)


def first_port(gateway: GatewayPlan, shared: bool) -> HeldPort:
    """The port that systemd hands over, or else that of `gateway`. Raises StartError."""
    if (handed := from_systemd()) is not None:
        return HeldPort(gateway.host, gateway.port, handed, handed=True)
    return port_of(gateway, shared)


def port_of(gateway: GatewayPlan, shared: bool) -> HeldPort:
    """shared: processes beside the workers may listen there, too. Raises StartError."""
    port = gateway.port
    if not shared or not port:
        with bind(gateway.host, port, advice=ADVICE) as free:
            port = free.getsockname()[1]
    held = bind(gateway.host, port, advice=ADVICE, shared=True)
    return HeldPort(gateway.host, gateway.port, held)
