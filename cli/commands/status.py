"""`inferc status`: what a running server says about itself, as a table."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import orjson

from ..output import fail, in_line, misuse
from ..server import NoServer, add_server, ask
from ..tables import table

EXAMPLES = """\
  inferc status
  inferc status --watch
  inferc status http://10.0.0.7:8080 --token-from INFER_TOKEN
"""

_HEADINGS = ("DEPLOYMENT", "TASK", "READY", "RUNS ON", "RUNNING", "WAITING", "MODEL")
_DEFAULT = "http://127.0.0.1:8080"
_TIMEOUT = 10
_WATCH = 2.0
_CLEAR = "\x1b[H\x1b[2J"
_MOST = 16 << 20


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "url",
        metavar="URL",
        nargs="?",
        help=f"where the server is; without it, a server of this user on this machine, or {_DEFAULT}",
    )
    parser.add_argument(
        "--token-from",
        metavar="VARIABLE",
        help="environment variable with the token that the server wants; without it, no details are shown",
    )
    add_server(parser)
    parser.add_argument("--watch", action="store_true", help="show it anew every two seconds, until stopped")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    """0 when everything is ready, else 1."""
    if arguments.url is not None and arguments.url.endswith((".infer", ".plan.json")):
        return misuse(f"{arguments.url} is a file: `inferc status --server {arguments.url}`")
    headers = {}
    if arguments.token_from is not None:
        token = os.environ.get(arguments.token_from, "").strip()
        if not token:
            return fail(f"the environment variable {arguments.token_from} is not set: set it to the token")
        headers["Authorization"] = f"Bearer {token}"
    while True:
        try:
            health = _health(arguments, headers)
        except NoServer as error:
            return fail(str(error))
        if arguments.watch and not arguments.json:
            print(_CLEAR, end="")
        if arguments.json:
            print(json.dumps(health))
        else:
            _show(health)
        if not arguments.watch:
            return 0 if health.get("status") == "ok" else 1
        sys.stdout.flush()
        time.sleep(_WATCH)


def _health(arguments: Namespace, headers: dict[str, str]) -> dict[str, Any]:
    """What the server says: over its admin socket where no address is given. Raises NoServer."""
    if arguments.server is not None:
        return ask(arguments.server, "status")
    if arguments.url is None and arguments.token_from is None:
        with suppress(NoServer):
            return ask(None, "status")
    asked = arguments.url or _DEFAULT
    url = asked if "://" in asked else f"http://{asked}"
    if "@" in url:
        raise NoServer(f"{url} is asked without a login: leave out what stands before the `@`")
    try:
        return _ask(f"{url.rstrip('/')}/healthz", headers)
    except (OSError, HTTPException, ValueError) as error:
        raise NoServer(f"{url} does not say how it is: {error}") from None


def _ask(url: str, headers: dict[str, str]) -> dict[str, Any]:
    """What the server says; 503 is an answer, too. Raises OSError, HTTPException, ValueError."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("it is no http:// or https:// URL")
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as answer:
            body = answer.read(_MOST)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 503:
                raise ValueError(f"HTTP {error.code}") from None
            body = error.read(_MOST)
    except urllib.error.URLError as error:
        raise OSError(getattr(error.reason, "strerror", None) or error.reason) from None
    health = orjson.loads(body)
    if not isinstance(health, dict) or "status" not in health:
        raise ValueError("it answers, but not as an inferc server")
    return health


def _show(health: dict[str, Any]) -> None:
    deployments = health.get("deployments")
    if deployments is None:
        _say(f"{health['status']}; with `--token-from` it says more")
        return
    table(_HEADINGS, [_row(each) for each in deployments])
    if routes := health.get("routes"):
        table(("ROUTE", "KIND", "READY", "MEMBERS"), [_route_row(each) for each in routes])
    if keys := health.get("keys"):
        table(
            ("KEY", "REQUESTS", "FAILED", "TOKENS", "COST", "BUDGET", "LIMITS"),
            [_key_row(each) for each in keys],
        )
    if rows := [_worker_row(each) for each in health.get("workers", ())]:
        table(("WORKER", "PROCESS", "READY", "SINCE", "REPLACED", "MEMORY"), rows)
    if pipelines := health.get("pipelines"):
        table(("PIPELINE", "READY"), [(each["name"], _yes(each["ready"])) for each in pipelines])
    for warning in dict.fromkeys(w for d in deployments for r in d["replicas"] for w in r["warnings"]):
        _say(f"warning: {warning}")
    state = health.get("state") or {}
    for warning in state.get("warnings", ()):
        _say(f"warning: {warning}")
    for deployment in deployments:
        refused = [str(at) for at, each in enumerate(deployment["replicas"]) if each.get("key_refused")]
        if refused:
            whose = (
                f"the key of replica {', '.join(refused)}" if len(deployment["replicas"]) > 1 else "its key"
            )
            _say(f"warning: {deployment['name']}: {whose} is refused: put another one where it comes from")
        if seconds := max((each.get("held_seconds", 0) for each in deployment["replicas"]), default=0):
            _say(f"warning: {deployment['name']}: its provider asked to wait, for {seconds} s more")
        if deployment.get("drained"):
            _say(f"warning: {deployment['name']}: no requests come to it: `inferc drain --undo` lets them")
        if any(each.get("circuit_open") for each in deployment["replicas"]):
            _say(f"warning: {deployment['name']}: its endpoint keeps failing, and is left alone")
    for problem in health.get("reload_problems", ()):
        _say(f"warning: the last reload: {problem}")


def _say(text: str) -> None:
    """Print what the server says, whoever that is."""
    print(in_line(text))


def _key_row(key: dict[str, Any]) -> Sequence[str]:
    requests: dict[str, int] = key["requests"]
    failed = sum(count for outcome, count in requests.items() if outcome != "ok")
    budget = ", ".join(f"${dollars:.4g} this {window}" for window, dollars in key["budget"].items())
    cost = f"${key['cost']:.6g}"
    used = key.get("limits_used")
    limits = "-" if used is None else f"{used:.0%} used"
    counts = (str(sum(requests.values())), str(failed), str(key["tokens"]))
    return key["name"], *counts, cost, budget or "-", limits


def _worker_row(worker: dict[str, Any]) -> Sequence[str]:
    since, memory = worker["since"], worker["memory"]
    return (
        str(worker["worker"]),
        "-" if worker["pid"] is None else str(worker["pid"]),
        _yes(worker["ready"]),
        "-" if since is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since)),
        str(worker["replaced"]),
        "-" if memory is None else f"{memory / 1e6:.0f} MB",
    )


def _route_row(route: dict[str, Any]) -> Sequence[str]:
    members = ", ".join(
        each["name"] if each["ready"] else f"{each['name']} (not ready)" for each in route["members"]
    )
    return route["name"], route["kind"], _yes(route["ready"]), members


def _yes(ready: bool) -> str:
    return "yes" if ready else "no"


def _runs_on(replica: dict[str, Any]) -> str:
    missing = ", ".join(replica.get("missing_providers", ()))
    return ", ".join(replica["providers"]) + (f" (not {missing})" if missing else "")


def _row(deployment: dict[str, Any]) -> Sequence[str]:
    replicas = deployment["replicas"]
    ready = sum(replica["ready"] for replica in replicas)
    runs_on = dict.fromkeys(_runs_on(each) for each in replicas if each["providers"])
    return (
        deployment["name"],
        deployment["task"],
        "yes" if ready == len(replicas) else f"{ready} of {len(replicas)}",
        "; ".join(runs_on) or deployment["runtime"],
        str(deployment["running"]),
        str(deployment["waiting"]),
        deployment["model"],
    )
