"""`inferc key`: keys for people, beside those in a file: made, listed, revoked and exchanged."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...compiler.plan import LateText
from ...runtime.issued_keys.file import BrokenKeys, FileKeys, IssuedKey, issue, revoked
from ...runtime.issued_keys.redis import SharedKeys
from ...runtime.limits.store import is_on_redis
from ..durations import seconds_in
from ..output import fail
from ..plans import Ready, in_environment, ready_plan
from ..server import NoServer, ask
from ..sources import add_settings
from ..tables import table

EXAMPLES = """\
  inferc key new prod.infer team_a --person ada --expires 90d
  inferc key list prod.infer
  inferc key rotate prod.infer 3f9a1c02 --overlap 24h
  inferc key revoke prod.infer 3f9a1c02
  inferc key new prod.infer team_a --person ada --state redis://10.0.0.5:6379/0
"""

LONGEST_PERSON = 100

Kept = FileKeys | SharedKeys


class _Refused(Exception):
    """What was asked cannot be done; the message says why."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=tuple(_ACTIONS))
    parser.add_argument("file", metavar="FILE", help="the file, or the plan, that is served")
    parser.add_argument(
        "which", metavar="KEY", nargs="?", help="new: a key of the file; else the id that `list` shows"
    )
    parser.add_argument("--person", default="", help="new: whose it is; what it spends is told by that name")
    parser.add_argument(
        "--expires", metavar="TIME", type=seconds_in, help="new: how long it is accepted, such as 90d"
    )
    parser.add_argument(
        "--overlap",
        metavar="TIME",
        type=seconds_in,
        default=86400.0,
        help="rotate: how long the old one is accepted beside the new one (default: 24h)",
    )
    parser.add_argument(
        "--state",
        metavar="WHERE",
        help="redis://… that the servers share, which accept the keys then on every machine (default: "
        ".inferc/keys.json beside the file)",
    )
    add_settings(parser)
    parser.set_defaults(format="terminal", deny=None)


def run(arguments: Namespace) -> int:
    """0 when it is done."""
    if arguments.action != "list" and arguments.which is None:
        return fail(f"`inferc key {arguments.action}` needs a key: `inferc key list FILE` shows them")
    try:
        kept = _kept_at(arguments)
        if isinstance(kept, int):
            return kept
        status = _ACTIONS[arguments.action](arguments, kept)
    except (BrokenKeys, _Refused) as error:
        return fail(str(error))
    if status == 0 and arguments.action != "list":
        with suppress(NoServer):  # one that runs follows by itself; its log then says who did it
            ask(arguments.file, "keys", action=arguments.action, which=arguments.which)
    return status


def _kept_at(arguments: Namespace) -> Kept | int:
    """Where the keys are kept, or the exit status where the file cannot be used. Raises BrokenKeys."""
    if arguments.state is None:
        return FileKeys(Path(arguments.file).parent)
    if not is_on_redis(arguments.state):
        raise _Refused("keys are beside the file, unless `--state redis://…` says which server has them")
    ready = ready_plan(arguments)
    if isinstance(ready, Ready) and isinstance(ready.plan.state.name, LateText):
        ready = in_environment(ready)
    return ready if isinstance(ready, int) else SharedKeys(arguments.state, ready.plan.state.name)


def _new(arguments: Namespace, kept: Kept) -> int:
    ready = ready_plan(arguments)
    if not isinstance(ready, Ready):
        return ready
    names = [key.name for key in ready.plan.gateway.keys]
    if arguments.which not in names:
        listed = f"there are {', '.join(f'`{name}`' for name in names)}" if names else "there is none"
        raise _Refused(f"{arguments.file} has no key `{arguments.which}`: {listed}")
    person = arguments.person.strip()
    if len(person) > LONGEST_PERSON or not person.isprintable():
        raise _Refused(f"a person has up to {LONGEST_PERSON} printable characters")
    now = datetime.now(UTC)
    expires = now + timedelta(seconds=arguments.expires) if arguments.expires is not None else None
    key, secret = issue(arguments.which, person, expires, now)
    kept.change(lambda keys: [*keys, key])
    _show(key, secret)
    return 0


def _list(arguments: Namespace, kept: Kept) -> int:
    now = datetime.now(UTC)
    rows = [
        (key.id, key.of, key.person or "-", key.created[:16], key.expires or "never", _state(key, now))
        for key in kept.read()
    ]
    if rows:
        table(("ID", "KEY", "PERSON", "CREATED", "EXPIRES", "STATE"), rows)
    else:
        print("there are none: `inferc key new FILE KEY` makes one")
    return 0


def _revoke(arguments: Namespace, kept: Kept) -> int:
    now = datetime.now(UTC)

    def change(keys: list[IssuedKey]) -> list[IssuedKey]:
        old = _find(keys, arguments.which)
        return [revoked(old, now) if key is old else key for key in keys]

    kept.change(change)
    print(f"{arguments.which} is revoked: a running server takes it no longer than a second")
    return 0


def _rotate(arguments: Namespace, kept: Kept) -> int:
    now = datetime.now(UTC)
    made: list[tuple[IssuedKey, str]] = []

    def change(keys: list[IssuedKey]) -> list[IssuedKey]:
        old = _find(keys, arguments.which)
        if _state(old, now) != "active":
            raise _Refused(f"{old.id} is {_state(old, now)}: make a new one with `inferc key new`")
        expires = datetime.fromisoformat(old.expires) if old.expires is not None else None
        made[:] = [issue(old.of, old.person, expires, now)]
        ended = revoked(old, now + timedelta(seconds=arguments.overlap))
        return [*(ended if key is old else key for key in keys), made[0][0]]

    kept.change(change)
    _show(*made[0])
    return 0


def _show(key: IssuedKey, secret: str) -> None:
    print(f"key {key.id}, with what `{key.of}` may ask; this is shown once:", file=sys.stderr)
    print(secret)


def _find(keys: list[IssuedKey], which: str) -> IssuedKey:
    found = [key for key in keys if key.id == which]
    if not found:
        raise _Refused(f"there is no key with the id {which}: `inferc key list FILE` shows them")
    return found[0]


def _state(key: IssuedKey, now: datetime) -> str:
    until = key.until()
    if until is None or until > now.timestamp():
        return "active" if key.revoked is None else f"until {key.revoked[:16]}"
    return "expired" if key.revoked is None else "revoked"


_ACTIONS = {"new": _new, "list": _list, "revoke": _revoke, "rotate": _rotate}
