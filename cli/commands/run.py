"""`inferc run`: serve what a file or a plan declares, until told to stop."""

from __future__ import annotations

import logging
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from ...compiler.plan import Plan
from ...compiler.plan.reach import names_of, nodes_of
from ...dsl.record import define
from ...dsl.suggest import either
from ...dsl.units import Duration
from ...runtime.admin import LEVELS
from ...runtime.replicas.replica import LOAD_TIMEOUT
from ...runtime.requests.foreign_text import escaped
from ..addresses import host, port
from ..audit_file import keep_audit_log
from ..durations import seconds_in
from ..logs import configure_logging
from ..output import fail, misuse
from ..plans import (
    Ready,
    add_exec,
    add_plan,
    add_shared,
    add_state,
    allow_exec,
    in_environment,
    ready_plan,
    unshared,
)
from ..watch import Watched

log = logging.getLogger(__name__)

EXAMPLES = """\
  inferc run hello.infer
  inferc run hello.plan.json --port 9000
  inferc run prod.infer --state redis://127.0.0.1:6379/0
  inferc run prod.infer --engine ray --address 10.0.0.5:6379
"""

_FORMS = ("people", "json")
_ENGINES = ("local", "ray")
_GRACE = 30.0
_MOST_GATEWAYS = 1000
_SHOWN = 4
"""Files of a folder that are named where none is."""


def configure(parser: ArgumentParser) -> None:
    add_plan(parser, optional=True)
    parser.add_argument("--host", type=host, help="listen on this address instead of the file's")
    parser.add_argument(
        "--port", type=port, help="listen on this port instead of the file's; 0 takes a free one"
    )
    add_state(parser)
    add_shared(parser)
    add_exec(parser)
    parser.add_argument(
        "--engine",
        choices=_ENGINES,
        default="local",
        help="what runs the models that are not remote: this process, or Ray Serve (default: %(default)s)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of the Ray cluster, or `auto` for the one on this machine (default: one is started)",
    )
    parser.add_argument(
        "--gateways",
        metavar="NUMBER",
        type=_gateways,
        default=1,
        help="with `--engine ray`: how many gateways serve, this process and one on each of other nodes, or "
        "`per-node` (default: 1)",
    )
    parser.add_argument(
        "--watch", action="store_true", help="take over what has changed whenever one of the files changes"
    )
    parser.add_argument(
        "--share-port",
        action="store_true",
        help="let another process with this option listen at the same port, which takes over at a restart",
    )
    parser.add_argument(
        "--drain-delay",
        metavar="TIME",
        type=seconds_in,
        default=Duration(0),
        help="when told to stop, go on answering for so long while `/readyz` says that it stops",
    )
    parser.add_argument(
        "--grace",
        metavar="TIME",
        type=seconds_in,
        default=Duration(_GRACE),
        help="how long requests in flight may then take to end (default: %(default)s)",
    )
    parser.add_argument(
        "--access-log",
        choices=_FORMS,
        help="write a line for each request to standard output, for people or as JSON",
    )
    parser.add_argument(
        "--audit-log",
        metavar="FILE",
        help="write each command that changes something to this file, too, as a JSON object in a line",
    )
    parser.add_argument(
        "--traces",
        action="store_true",
        help="send each request as a trace to the OpenTelemetry collector that OTEL_EXPORTER_OTLP_ENDPOINT "
        "names (default: http://localhost:4318)",
    )
    parser.add_argument("--log-format", choices=_FORMS, default="people", help="of the log on standard error")
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        default="info",
        help="what the log says; `debug`: each retry and failover, too (default: %(default)s)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="do not start while a deployment cannot be reached, nor without one that routes can spare",
    )
    parser.add_argument(
        "--trust-models",
        action="store_true",
        help="load models at once; else the first load of each on this machine is tried in a process of its "
        "own, so that one which crashes ONNX Runtime is an error",
    )
    parser.add_argument(
        "--load-timeout",
        metavar="TIME",
        type=seconds_in,
        default=Duration(LOAD_TIMEOUT),
        help="how long the load of a model, and its first run, may take (default: %(default)s)",
    )


def _which() -> str:
    """What to run, where nothing is named."""
    here = sorted({*Path().glob("*.infer"), *Path().glob("*.plan.json")})
    if not here:
        return (
            "name the file to run; there is none in this folder: `inferc init` writes a first one, "
            "`inferc init --template gateway` one for a team, and then `inferc run FILE` serves it"
        )
    shown = [f"`inferc run {each}`" for each in here[:_SHOWN]]
    return f"name the file to run: {either(shown)}" + (f", of {len(here)}" if len(here) > _SHOWN else "")


def _gateways(text: str) -> int | None:
    """How many gateways; None: one on each node. Raises ArgumentTypeError."""
    if text == "per-node":
        return None
    if not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST_GATEWAYS:
        raise ArgumentTypeError(f"`{text}` is no number of gateways, such as 3, or `per-node`")
    return int(text)


def _to_run(arguments: Namespace) -> Ready | int:
    """The plan, with what the environment and the options say of it."""
    ready = ready_plan(arguments)
    if isinstance(ready, Ready):
        ready = in_environment(ready)
    if isinstance(ready, int):
        return ready
    gateway = ready.plan.gateway
    if arguments.host is not None:
        gateway = attrs.evolve(gateway, host=arguments.host)
    if arguments.port is not None:
        gateway = attrs.evolve(gateway, port=arguments.port)
    if gateway is ready.plan.gateway:
        return ready
    return attrs.evolve(ready, plan=attrs.evolve(ready.plan, gateway=gateway))


def run(arguments: Namespace) -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])  # one waits until it can be handled
    try:
        return _run(arguments)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])


def _run(arguments: Namespace) -> int:
    if arguments.file is None:
        return misuse(_which())
    allow_exec(arguments)
    ready = _to_run(arguments)
    if isinstance(ready, int):
        return ready
    if (why := unshared(arguments, ready)) is not None:
        return fail(why)
    on_ray = arguments.engine == "ray"
    if arguments.address is not None and not on_ray:
        return misuse("--address is of a Ray cluster: write `--engine ray`, too")
    if arguments.gateways != 1 and not on_ray:
        return misuse("--gateways is for nodes of a Ray cluster: write `--engine ray`, too")
    if not on_ray and len(nodes := nodes_of(ready.plan)) > 1:
        return fail(
            f"{arguments.file} places models on {len(nodes)} machines ({', '.join(nodes)}), and this is one: "
            "`inferc run --engine ray` serves it on a Ray cluster, `inferc emit kubernetes` or "
            "`inferc emit compose` write what runs there; without the `cluster` block, all of them start here"
        )
    from ...runtime.http.server import allow_descriptors
    from ...runtime.requests.errors import StartError

    try:
        allow_descriptors()
    except StartError as error:
        return fail(str(error))
    configure_logging(arguments.log_level, as_json=arguments.log_format == "json")
    if arguments.audit_log is not None:
        try:
            keep_audit_log(arguments.audit_log)
        except OSError as error:
            return fail(f"{arguments.audit_log} cannot be written: {error.strerror}")
    if not on_ray:
        _say_fixed(ready.plan)
    watched = Watched(ready.files)
    told = Told(ready)
    reread = _rereading(arguments, watched, told)
    if ready.plan.gateway.workers > 1 and not on_ray:
        from ..workers.supervise import run_workers

        announce = _announcing(ready, f" by {ready.plan.gateway.workers} workers")
        return run_workers(arguments, ready, watched, reread, told.sources, announce)
    from ..serving import serve_alone

    return serve_alone(arguments, ready, watched, reread, told.sources, _announcing(ready))


def _say_fixed(plan: Plan) -> None:
    """That the number of replicas does not follow the load here."""
    for each in plan.deployments:
        if each.scaling is not None:
            count = len(each.replicas)
            log.warning(
                "deployment `%s`: %d of %d to %d replicas run, whatever the load: `--engine ray` and what "
                "`inferc emit kubernetes` writes let their number follow it",
                each.deployment,
                count,
                count,
                each.scaling.max_replicas,
            )


def _announcing(ready: Ready, also: str = "") -> Callable[[str], None]:
    """Says where requests are taken."""
    names = ", ".join(map(escaped, names_of(ready.plan)))

    def announce(url: str) -> None:
        print(f"serving {names} at {url}{also} (Ctrl-C stops)", file=sys.stderr, flush=True)

    return announce


@define
class Told:
    """What the file says that was read last."""

    ready: Ready

    def sources(self) -> dict[str, Any]:
        return self.ready.sources()


def _rereading(arguments: Namespace, watched: Watched, told: Told) -> Callable[[], Plan | None]:
    """Reads the file again; those that belong to it are watched from then on."""

    def reread() -> Plan | None:
        again = _to_run(arguments)
        if not isinstance(again, Ready):
            return None
        watched.files = again.files
        told.ready = again
        return again.plan

    return reread
