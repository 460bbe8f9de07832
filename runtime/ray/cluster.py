"""A Ray cluster: what it has, and what of ours runs there. All of it blocks: it is called in a thread."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...compiler.plan.record import frozen
from ..requests.errors import StartError
from .library import Ray
from .placing import Machine, Wanted
from .replica import ServedPart

_LOOK = 0.2
_REACH = 5.0
"""Seconds that the head of a cluster may take to accept a connection."""
_SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "86400",
}
"""What Ray is told by the environment, unless that says otherwise: no warning where a replica has no GPU, no
reports to its makers, and not to end this process when the head has been away for a minute."""

MOST_THROUGH_RAY = 1000
"""Requests that come to a replica through Ray at the same time; all others wait at its own queue."""


@frozen
class ReplicaOptions:
    """How replicas are run. grace: seconds that requests have to end in. base: the folder of the plan."""

    base: Path
    registry: str
    grace: float
    load_timeout: float


class Cluster:
    """Ray as this process is connected to it."""

    def __init__(self, ray: Ray, address: str | None) -> None:
        self.ray = ray
        self._address = address

    def connect(self, cpus: int) -> None:
        """Join the cluster at the address, or start one of this machine alone, of so many CPUs at least.

        Raises StartError.
        """
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        options: dict[str, object] = {"logging_level": "ERROR", "log_to_driver": False, "namespace": "inferc"}
        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        if self._address is None:
            options |= {
                "address": "local",
                "include_dashboard": False,
                "num_cpus": max(cpus, os.cpu_count() or 1),
            }
        else:
            self._check_reached(self._address)
            options["address"] = self._address
        try:
            self.ray.core.init(**options)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            where = "a local Ray" if self._address is None else f"the Ray cluster at {self._address}"
            raise StartError(f"{where} cannot be used: {error}") from None

    def _check_reached(self, address: str) -> None:
        """Raises StartError where nobody listens: Ray itself would try for minutes, and end the process."""
        host, colon, port = address.rpartition(":")
        if address.startswith("ray://"):
            raise StartError(
                f"--address {address}: the gateway has to run on a node of the cluster: write the HOST:PORT "
                "of its head, or `auto`"
            )
        if not colon or not port.isdecimal():
            if address == "auto":
                return
            raise StartError(f"--address {address}: write HOST:PORT, such as 10.0.0.5:6379, or `auto`")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _REACH).close()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StartError(f"the Ray cluster at {address} cannot be used: {reason}") from None

    def machines(self) -> list[Machine]:
        """The nodes that are alive."""
        found = []
        for node in self.ray.core.nodes():
            if node["Alive"]:
                has = node["Resources"]
                found.append(Machine(node.get("Labels", {}), has.get("CPU", 0.0), has.get("GPU", 0.0)))
        return found

    def deploy(self, asked: Sequence[Wanted], options: ReplicaOptions, deadline: float) -> None:
        """Have Serve run all of `asked`; what runs already as it is asked for is left alone.

        New replicas are ready before old ones end; those on GPUs come after, since they need the same GPUs.
        Raises StartError.
        """
        serve = self.ray.serve
        host = "127.0.0.1" if self._address is None else None
        targets = [
            serve.RunTarget(
                model_application(self.ray, each, options, host=host), name=each.name, route_prefix=None
            )
            for each in asked
        ]
        self.run({each.name: f"deployment `{each.deployment}`" for each in asked}, targets, deadline)

    def run(self, names: Mapping[str, str], targets: Sequence[Any], deadline: float) -> None:
        """Have Serve run applications until `deadline`; names: theirs, and what each is called in errors.

        Raises StartError.
        """
        serve = self.ray.serve
        serve.start(proxy_location="Disabled", logging_config={"log_level": "WARNING"})
        if not targets:
            return
        serve.run_many(targets, wait_for_applications_running=False)
        while True:
            now = serve.status().applications
            failed = [
                f"{called}: Ray cannot run it: {_why(now[name])}"
                for name, called in names.items()
                if now[name].status in ("DEPLOY_FAILED", "UNHEALTHY")
            ]
            if failed:
                raise StartError(*failed)
            late = [name for name in names if not _runs(now[name])]
            if not late:
                return
            if time.monotonic() > deadline:
                raise StartError(
                    *(f"{names[name]}: Ray has not started it in time: {_why(now[name])}" for name in late)
                )
            time.sleep(_LOOK)

    def running(self, prefix: str) -> list[str]:
        """The names of applications that begin with `prefix`."""
        return [name for name in self.ray.serve.status().applications if name.startswith(prefix)]

    def delete(self, names: Sequence[str]) -> None:
        """Stop applications; their requests end first."""
        for name in names:
            self.ray.serve.delete(name, _blocking=False)
        while any(name in self.ray.serve.status().applications for name in names):
            time.sleep(_LOOK)

    def disconnect(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if not self.ray.core.is_initialized():
            return
        self.ray.core.shutdown()


def model_application(
    ray: Ray,
    wanted: Wanted,
    options: ReplicaOptions,
    *,
    host: str | None,
    resources: Mapping[str, float] = MappingProxyType({}),
) -> Any:
    """What Serve is given for replicas that are alike.

    host: where they listen; None: where Ray reaches their nodes. resources: of Ray, that each takes, too.
    """
    deployment = ray.serve.deployment(ServedPart).options(
        name="replica",
        version=wanted.digest,
        _internal=True,  # else Serve replaces all replicas whenever anything is deployed
        **wanted.count(),
        max_surge_percent=0 if wanted.gpus else 100,
        ray_actor_options=wanted.actor_options() | ({"resources": dict(resources)} if resources else {}),
        max_ongoing_requests=MOST_THROUGH_RAY,
        **lasting(options.grace),
    )
    return deployment.bind(
        wanted.plan_text,
        wanted.deployment,
        str(options.base.absolute()),
        options.registry,
        options.grace,
        options.load_timeout,
        host,
    )


def lasting(grace: float) -> dict[str, float]:
    """How long Serve waits for an actor of ours that ends, and how often it asks whether it is well."""
    return {
        "graceful_shutdown_timeout_s": grace + 10,
        "graceful_shutdown_wait_loop_s": 0.1,
        "health_check_period_s": 2,
        "health_check_timeout_s": 10,
    }


def _runs(application: object) -> bool:
    """Whether it does, also while the load asks for more or fewer of its replicas."""
    deployments = getattr(application, "deployments", {}).values()
    return getattr(application, "status", None) == "RUNNING" or (
        bool(deployments) and all(each.status_trigger == "AUTOSCALING" for each in deployments)
    )


def _why(application: object) -> str:
    """What Serve says of it, in one line."""
    messages = [getattr(application, "message", "")]
    messages += [each.message for each in getattr(application, "deployments", {}).values()]
    lines = [line.strip() for line in "\n".join(messages).splitlines() if line.strip()]
    errors = [line for line in lines if "Error: " in line]
    return errors[-1].partition("Error: ")[2] if errors else lines[-1] if lines else "it says no reason"
