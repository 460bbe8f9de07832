"""What is run for a deployment, and with which words: the placeholders of a `launch`, filled in."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import field

from ....compiler.plan import Launch, RemotePoolPlan, ReplicaPlacement
from ....compiler.plan.record import frozen
from ...requests.errors import StartError
from .environment import server_environment

HOST = "127.0.0.1"
"""Where launched servers listen."""

PORT, REPLICA, MODEL, GPUS = "{port}", "{replica}", "{model}", "{gpus}"
"""What stands in a `launch` for the port that was picked, for the number of the replica, from 0, for the name
of the model, and for how many GPUs the replica has."""

GPUS_VARIABLE = "CUDA_VISIBLE_DEVICES"
"""What tells a program which GPUs it may use."""

_PYTHON_SERVER = "inferc.runtime.replicas.python_server"


@frozen
class Command:
    """A server to be started: program and arguments, environment, directory, and its own endpoint."""

    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    directory: Path
    origin: str
    endpoint: str
    port: int


def launch_of(plan: RemotePoolPlan, base_dir: Path, keys: frozenset[str] = frozenset()) -> Launch | None:
    """How the server of `plan` is started; None where it runs already.

    `python("module:factory")` without an endpoint is served by a process that opens the factory; as code of
    the user's, it gets our environment, without the variables that hold `keys`.
    """
    if plan.launch is not None or not plan.is_launched:
        return plan.launch
    python = (
        sys.executable,
        "-u",
        "-m",
        _PYTHON_SERVER,
        str(plan.target),
        "--port",
        PORT,
    )
    paths = [str(base_dir.absolute()), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {"PYTHONPATH": os.pathsep.join(paths)}
    return Launch(python, ready="/health", env=env, pass_env=tuple(os.environ.keys() - keys))


def command_of(
    plan: RemotePoolPlan, launch: Launch, placement: ReplicaPlacement, base_dir: Path, keys: frozenset[str]
) -> Command:
    """The command on a free port; it runs in `base_dir`. Raises StartError when there is no such program.

    keys: variables that hold keys of the plan.
    """
    number = _free_port()
    port = str(number)

    words = {
        PORT: port,
        REPLICA: str(placement.replica_index),
        GPUS: str(len(placement.gpu_indices)),
        MODEL: plan.model,
    }

    def filled(text: str) -> str:
        for name, value in words.items():
            text = text.replace(name, value)
        return text

    env = {
        **server_environment(plan, launch.pass_env, keys),
        **visible_devices(placement, plan.deployment, os.environ.get(GPUS_VARIABLE)),
        **{name: filled(value) for name, value in launch.env.items()},
    }
    program, *arguments = (filled(word) for word in launch.command)
    return Command(
        (_find(program, env, base_dir, plan.deployment), *arguments),
        env,
        base_dir,
        origin=f"http://{HOST}:{port}",
        endpoint=filled(plan.endpoint),
        port=number,
    )


def visible_devices(placement: ReplicaPlacement, deployment: str, seen: str | None) -> dict[str, str]:
    """What a server is told of GPUs: those of its replica; nothing where it has none. Raises StartError.

    seen: those that this process sees; None: all of them.
    """
    if not placement.gpu_indices:
        return {}
    if seen is None:
        return {GPUS_VARIABLE: ",".join(map(str, placement.gpu_indices))}
    devices = [device.strip() for device in seen.split(",") if device.strip()]
    if max(placement.gpu_indices) >= len(devices):
        raise StartError(
            f"deployment `{deployment}`: replica {placement.replica_index} needs GPU "
            f"{max(placement.gpu_indices)}, and {GPUS_VARIABLE} shows {len(devices)}"
        )
    return {GPUS_VARIABLE: ",".join(devices[index] for index in placement.gpu_indices)}


def _find(program: str, env: Mapping[str, str], base_dir: Path, deployment: str) -> str:
    """Where `program` is: on the PATH, or, when it names a folder, relative to `base_dir`."""
    named = str((base_dir / program).absolute()) if os.path.dirname(program) else program
    found = shutil.which(named, path=env.get("PATH"))
    if found is None:
        where = "is not on the PATH" if named == program else "is no program that can be run"
        raise StartError(
            f"deployment `{deployment}`: its server cannot be started: `{program}` {where}: "
            "install it, or correct `launch { command = … }`"
        )
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
