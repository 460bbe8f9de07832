"""Whether this machine has what a plan needs: packages, keys, endpoints, files, its port. Nothing is sent."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ..compiler.plan import (
    AuthScheme,
    GatewayPlan,
    LateText,
    Plan,
    ProviderKind,
    RemotePoolPlan,
    SecretRef,
    SecretSource,
)
from ..compiler.plan.extras import Extra, extras_of
from ..compiler.plan.installing import pip_install
from ..compiler.plan.reach import files_of, names_of, values_in
from .machine import Seen


def readiness(plan: Plan, base: Path) -> Iterator[Seen]:
    """What was seen for `plan`, whose paths start from `base`."""
    from ..runtime.environment import in_environment
    from ..runtime.requests.errors import StartError

    yield Seen("file", "ok", f"compiles, and serves {', '.join(names_of(plan))}")
    try:
        plan = in_environment(plan)
    except StartError as error:
        yield from (Seen("environment", "missing", problem) for problem in error.problems)
    yield from _packages(plan)
    yield from _secrets(plan, base)
    for name in files_of(plan):
        yield _file(base / name, name)
    yield from _endpoints(plan)
    yield _port(plan.gateway)


def _packages(plan: Plan) -> Iterator[Seen]:
    """Extras that the plan cannot do without."""
    needs: dict[str, Extra] = {}
    for each in extras_of(plan):
        needs.setdefault(each.module, each)
    for module, each in needs.items():
        if not _is_installed(module):
            text = f"`{module}` is not installed: {pip_install(each.name)}"
            yield Seen(each.owner, "missing", text)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it is in
        return False


def _secrets(plan: Plan, base: Path) -> Iterator[Seen]:
    """Each secret once, and whether it is there; never what it is."""
    looked: set[tuple[SecretSource, str]] = set()
    parts = [(each.deployment, each) for each in plan.deployments]
    for owner, part in [*parts, ("gateway", plan.gateway)]:
        for ref in values_in(part):
            if isinstance(ref, SecretRef) and (ref.source, ref.name) not in looked:
                looked.add((ref.source, ref.name))
                yield from _secret(owner, ref, base)
        if isinstance(part, RemotePoolPlan) and not part.credentials and part.auth is AuthScheme.GOOGLE_OAUTH:
            yield Seen(owner, "note", "takes Google's application default credentials, which were not tried")
        if isinstance(part, RemotePoolPlan) and part.aws is not None and part.aws.access_key_id is None:
            yield Seen(owner, "note", "takes the credentials that AWS's tools find, which were not tried")


def _secret(owner: str, ref: SecretRef, base: Path) -> Iterator[Seen]:
    from ..runtime.requests.errors import StartError
    from ..runtime.secrets.secret import read_document
    from ..runtime.secrets.sources import origin_of

    if ref.source is SecretSource.HASH:
        return
    if ref.source.is_fetched:
        yield Seen(owner, "note", f"{origin_of(ref.source, ref.name)} is asked at the start, and was not now")
        return
    try:
        yield Seen(owner, "ok", f"{read_document(ref, base, owner).origin} is set; it was not tried")
    except StartError as error:
        yield from (Seen(owner, "missing", text.removeprefix(f"{owner}: ")) for text in error.problems)


def _file(path: Path, name: str) -> Seen:
    try:
        size = path.stat().st_size
    except OSError as error:
        return Seen("files", "missing", f"{name}: {error.strerror}")
    return Seen("files", "ok", f"{name}, {size / 1e6:.1f} MB")


def _endpoints(plan: Plan) -> Iterator[Seen]:
    """Each endpoint once, and whether it takes a connection."""
    from ..runtime.replicas.remote.transport.reachability import names_user, why_unreachable

    ways: dict[tuple[str, str | None], list[str]] = {}
    for each in plan.deployments:
        if not isinstance(each, RemotePoolPlan) or each.provider is ProviderKind.CUSTOM:
            continue
        if each.is_launched:
            if each.launch is not None:
                yield _command(each.deployment, each.launch.command[0])
        elif names_user(each.endpoint):
            yield Seen(each.deployment, "note", "its endpoint names a user, and was not tried")
        elif not isinstance(each.endpoint, LateText):
            ways.setdefault((each.endpoint, each.proxy), []).append(each.deployment)
            if each.identity is not None and not isinstance(each.identity.endpoint, LateText):
                ways.setdefault((each.identity.endpoint, each.proxy), []).append(each.deployment)

    async def ask() -> list[str | None]:
        return await asyncio.gather(*(why_unreachable(*way) for way in ways))

    for ((endpoint, _), owners), reason in zip(ways.items(), asyncio.run(ask()), strict=True):
        owner = ", ".join(owners)
        if reason is None:
            yield Seen(owner, "ok", f"{endpoint} takes connections (TCP; no request was sent)")
        else:
            yield Seen(owner, "missing", f"{endpoint} cannot be reached: {reason}")


def _command(owner: str, program: str) -> Seen:
    found = shutil.which(program)
    if found is None:
        return Seen(owner, "missing", f"launches `{program}`, which is not on this machine's PATH")
    return Seen(owner, "ok", f"launches {found}")


def _port(gateway: GatewayPlan) -> Seen:
    from ..runtime.http.server import bind
    from ..runtime.requests.errors import StartError

    try:
        bind(gateway.host, gateway.port, advice="or run it elsewhere with --port").close()
    except StartError as error:
        return Seen("gateway", "note", str(error))
    return Seen("gateway", "ok", f"{gateway.host}:{gateway.port} is free")
