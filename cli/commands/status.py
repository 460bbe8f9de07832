"""`inferc status`: what a running server says about itself, as a table."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from ..output import fail, harmless

EXAMPLES = """\
  inferc status
  inferc status http://10.0.0.7:8080 --token-from INFER_TOKEN
"""

_HEADINGS = ("DEPLOYMENT", "TASK", "READY", "RUNS ON", "RUNNING", "WAITING", "MODEL")
_TIMEOUT = 10
_MOST = 16 << 20


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "url",
        metavar="URL",
        nargs="?",
        default="http://127.0.0.1:8080",
        help="where the server is (default: %(default)s)",
    )
    parser.add_argument(
        "--token-from",
        metavar="VARIABLE",
        help="environment variable with the token that the server wants; without it, no details are shown",
    )


def run(arguments: Namespace) -> int:
    """0 when everything is ready, else 1."""
    url = arguments.url if "://" in arguments.url else f"http://{arguments.url}"
    headers = {}
    if arguments.token_from is not None:
        token = os.environ.get(arguments.token_from, "").strip()
        if not token:
            return fail(f"the environment variable {arguments.token_from} is not set: set it to the token")
        headers["Authorization"] = f"Bearer {token}"
    try:
        health = _ask(f"{url.rstrip('/')}/healthz", headers)
    except (OSError, HTTPException, ValueError) as error:
        return fail(f"{url} does not say how it is: {error}")
    _show(health)
    return 0 if health.get("status") == "ok" else 1


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
    health = json.loads(body)
    if not isinstance(health, dict) or "status" not in health:
        raise ValueError("it answers, but not as an inferc server")
    return health


def _show(health: dict[str, Any]) -> None:
    deployments = health.get("deployments")
    if deployments is None:
        print(f"{health['status']}; with `--token-from` it says more")
        return
    _table(_HEADINGS, [_row(each) for each in deployments])
    if routes := health.get("routes"):
        _table(("ROUTE", "KIND", "READY", "MEMBERS"), [_route_row(each) for each in routes])
    if pipelines := health.get("pipelines"):
        _table(("PIPELINE", "READY"), [(each["name"], _yes(each["ready"])) for each in pipelines])
    for warning in dict.fromkeys(w for d in deployments for r in d["replicas"] for w in r["warnings"]):
        _say(f"warning: {warning}")
    state = health.get("state") or {}
    for warning in state.get("warnings", ()):
        _say(f"warning: {warning}")
    for deployment in deployments:
        if seconds := max((each.get("held_seconds", 0) for each in deployment["replicas"]), default=0):
            _say(f"warning: {deployment['name']}: its provider asked to wait, for {seconds} s more")
    for problem in health.get("reload_problems", ()):
        _say(f"warning: the last reload: {problem}")


def _say(text: str) -> None:
    """Print what the server says, whoever that is."""
    print(harmless(text))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        _say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


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
