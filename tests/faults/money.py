"""What is spent, and the stores that remember it."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator

from ..support.redis_server import RedisServer, redis_server
from .processes import Gateway, gateway, temporary_folder, until
from .requesting import at_once, chat, metric, request
from .table import Seen, fault
from .upstream import Provider, deployment, good, provider

_CENT = "price { input = $0, output = $10 }\n"
"""1,000 tokens of an answer, which is what the provider says to have written, cost a cent."""


def _budget(upstream: Provider, dollars: int) -> str:
    budget = f"budget {{ max_spend_per_day = ${dollars}, on_exceeded = reject }}"
    return deployment(upstream, more=_CENT + budget)


def _ask(it: Gateway, timeout: float = 30) -> int:
    """A request that costs a cent: its status."""
    return chat(it, max_tokens=1000, timeout=timeout).status


def _spent(it: Gateway) -> float:
    return metric(it, "inferc_budget_spent_dollars") or 0.0


def _four_share_a_dollar(seen: Seen, state: str) -> None:
    with provider(lambda _: good()) as upstream, contextlib.ExitStack() as stack:
        text = _budget(upstream, 1)
        four = at_once(lambda _: stack.enter_context(gateway(text, arguments=("--state", state))), 4)
        asked = at_once(lambda number: _ask(four[number % 4]), 480, threads=16)
        end = time.monotonic() + 15  # what one of them has leased comes back to the others
        while time.monotonic() < end and len(upstream.asked) < 100:
            asked += [_ask(each) for each in four]
            time.sleep(0.2)
        spent = len(upstream.asked) / 100
    seen(spent <= 1.011, f"${spent:.2f} were spent")
    seen(spent >= 0.95, f"{asked.count(200)} of {len(asked)} requests were answered")


@fault()
def four_share_a_dollar_on_redis(seen: Seen) -> None:
    """A budget holds for all processes together: at most one request more, and at least 95 % can be used.

    Four processes on one Redis server, a budget of $1, and 480 requests of a cent on 16 threads.
    """
    with temporary_folder() as folder, redis_server(folder) as redis:
        _four_share_a_dollar(seen, redis.url)


@fault(quick=True)
def four_share_a_dollar_in_a_folder(seen: Seen) -> None:
    """The same in one folder.

    Four processes with one `--state` folder, a budget of $1, and 480 requests of a cent on 16 threads.
    """
    with temporary_folder() as folder:
        _four_share_a_dollar(seen, str(folder / "state"))


def _killed(seen: Seen, state: tuple[str, ...]) -> None:
    answered, forgotten, first = 0, 0.0, 0.0
    with provider(lambda _: good()) as upstream, temporary_folder() as folder:
        text = _budget(upstream, 1000)
        for _ in range(4):
            with gateway(text, folder=folder, arguments=state) as it:
                forgotten = max(forgotten, answered / 100 - _spent(it))
                began = time.monotonic()
                answered += _ask(it) == 200
                first = max(first, time.monotonic() - began)
                answered += sum(_ask(it) == 200 for _ in range(10))
                it.kill()
    seen(forgotten < 0.0001, f"${max(0.0, forgotten):.2f} of ${answered / 100:.2f} were forgotten")
    seen(answered == 44, f"{answered} of 44 requests were answered")
    seen.within(first, 5, "the slowest first request after a restart took")


@fault(quick=True)
def killed_with_a_folder(seen: Seen) -> None:
    """kill -9 forgets nothing that was spent, and does not hold up who comes next.

    A process with a budget and its state in a folder answers 11 requests of a cent and is killed, four times.
    """
    _killed(seen, ())


@fault()
def killed_with_redis(seen: Seen) -> None:
    """The same with Redis.

    A process with a budget and its state in Redis answers 11 requests of a cent and is killed, four times.
    """
    with temporary_folder() as folder, redis_server(folder) as redis:
        _killed(seen, ("--state", redis.url))


@contextlib.contextmanager
def _on_redis(
    *options: str, dollars: int = 1000, more: str = ""
) -> Iterator[tuple[Gateway, RedisServer, Provider]]:
    """A gateway with a budget in a Redis server, which has answered 20 requests of a cent."""
    with (
        temporary_folder() as folder,
        redis_server(folder, options) as redis,
        provider(lambda _: good()) as upstream,
        gateway(_budget(upstream, dollars) + more, arguments=("--state", redis.url)) as it,
    ):
        for _ in range(20):
            _ask(it)
        time.sleep(1.5)
        yield it, redis, upstream


def _back(seen: Seen, it: Gateway, what: str, promised: float = 5) -> None:
    """After how long ten requests in a row are answered at full speed again."""
    began = time.monotonic()

    def full() -> bool:
        since = time.monotonic()
        return all(_ask(it, 5) == 200 for _ in range(10)) and time.monotonic() - since < 1

    fine = until(full, 30, pause=0.1)
    seen.within(time.monotonic() - began if fine else None, promised, what)


@fault()
def redis_restarted_with_its_memory(seen: Seen) -> None:
    """A Redis server that comes back is used again within 5 s, and nothing is forgotten.

    A Redis server with an append-only file is killed, and started again after 2 s.
    """
    with _on_redis("--appendonly", "yes", "--appendfsync", "always") as (it, redis, upstream):
        redis.stop()
        time.sleep(2)
        redis.start()
        _back(seen, it, "ten requests in a row were answered after")
        time.sleep(1.5)
        spent = len(upstream.asked) / 100
        seen(_spent(it) >= spent - 0.0001, f"${_spent(it):.2f} of ${spent:.2f} known")


@fault()
def redis_restarted_without_its_memory(seen: Seen) -> None:
    """A Redis server that has forgotten everything is told what is known here.

    A Redis server that keeps nothing on disk is killed and started again; a second process then asks it.
    """
    with _on_redis() as (it, redis, upstream):
        redis.stop()
        redis.start()
        _back(seen, it, "ten requests in a row were answered after")
        time.sleep(3)
        spent = len(upstream.asked) / 100
        seen(_spent(it) >= spent - 0.0001, f"${_spent(it):.2f} of ${spent:.2f} known to the first")
        text = (it.folder / "app.infer").read_text()
        with gateway(text, arguments=("--state", redis.url)) as second:
            until(lambda: _spent(second) >= spent - 0.0001, 5)
            seen(_spent(second) >= spent - 0.0001, f"${_spent(second):.2f} known to the second")


@fault()
def redis_frozen(seen: Seen) -> None:
    """While the store does not answer, no request hangs, and no money is spent unseen; then all is well.

    A Redis server is stopped by SIGSTOP for 6 s, and goes on.
    """
    with _on_redis() as (it, redis, _):
        got, end = [], time.monotonic() + 6
        with redis.stopped():
            while time.monotonic() < end:
                got.append(chat(it, max_tokens=1000))
        statuses = sorted({each.status for each in got})
        seen(set(statuses) <= {200, 503}, f"meanwhile they got {statuses}")
        seen.within(max(each.seconds for each in got), 8, "the longest took")
        _back(seen, it, "afterwards ten in a row were answered after")


@fault()
def redis_full(seen: Seen) -> None:
    """A store that takes nothing more is as one that is away; when it has room again, so is the full rate.

    A Redis server gets `maxmemory 1` and `noeviction` for 5 s.
    """
    with _on_redis() as (it, redis, _):
        redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        redis.command("CONFIG", "SET", "maxmemory", "1")
        got = []
        end = time.monotonic() + 5
        while time.monotonic() < end:
            got.append(chat(it, max_tokens=1000))
            time.sleep(0.02)
        redis.command("CONFIG", "SET", "maxmemory", "0")
        statuses = sorted({each.status for each in got})
        seen(set(statuses) <= {200, 503}, f"meanwhile they got {statuses}")
        seen.no_traceback(it.log)
        _back(seen, it, "afterwards ten in a row were answered after")


_REFUSALS = {
    "writes, as a replica (READONLY)": ("REPLICAOF 127.0.0.1 9", "REPLICAOF NO ONE"),
    "scripts, for want of a right (NOPERM)": (
        "ACL SETUSER default -eval -evalsha",
        "ACL SETUSER default +@all",
    ),
    "our keys (NOPERM)": ("ACL SETUSER default resetkeys ~other:*", "ACL SETUSER default ~*"),
}
"""What a server refuses: what makes it, and what ends that."""


@fault()
def redis_refuses(seen: Seen) -> None:
    """A store that answers and refuses what is asked is as one that is away, and health says so all the time.

    A Redis server refuses, for 3 s each: writes, as a replica; scripts, and our keys, for want of a right. In
    between, it forgets its scripts and then all that it keeps (SCRIPT FLUSH, FLUSHALL).
    """
    for name, (begins, ends) in _REFUSALS.items():
        with _on_redis() as (it, redis, upstream):
            redis.command(*begins.split())
            time.sleep(1.5)  # what is leased is spent until then
            got, health, end = set(), set(), time.monotonic() + 3
            while time.monotonic() < end:
                got.add(_ask(it))
                health.add(request(it, "GET", "/healthz").json["state"]["available"])
                time.sleep(0.05)
            redis.command(*ends.split())
            is_said = 503 in got and health == {False}
            seen(got <= {200, 503} and is_said, f"{name}: they got {sorted(got)}, health says it")
            seen.no_traceback(it.log)
            _back(seen, it, "ten in a row were answered after")
            for words in ("SCRIPT FLUSH", "FLUSHALL"):
                redis.command(*words.split())
                _ask(it)
            time.sleep(1.5)
            spent = len(upstream.asked) / 100
            seen(_spent(it) >= spent - 0.0001, f"${_spent(it):.2f} of ${spent:.2f} known")


@fault(quick=True)
def store_away_at_the_start(seen: Seen) -> None:
    """Without its store, a deployment with a budget sends nothing, unless the file says so; health shows it.

    Nothing listens where `--state` says. `on_unavailable` is left out, and then `serve`.
    """
    with provider(lambda _: good()) as upstream:
        away = ("--state", "redis://127.0.0.1:1/0")
        for more, promised in (("", 503), ("gateway { state { on_unavailable = serve } }\n", 200)):
            kind = "serve" if more else "by default"
            with gateway(_budget(upstream, 1) + more, arguments=away, must_start=False) as it:
                status = _ask(it) if it.port else f"no start, exit status {it.status}"
                seen(status == promised or (promised == 503 and it.status == 1), f"{kind}: {status}")
                health = request(it, "GET", "/healthz").text if it.port else it.log
                said = "state" in health or "redis" in health.lower()
                seen(said, "health says it" if said else "health says nothing")


@fault(quick=True)
def state_folder_removed(seen: Seen) -> None:
    """A state folder that is removed while it is used is noticed and said, and what is spent still counts.

    The folder is removed, ten requests of a cent follow, with a budget of 25 cents of which 15 are spent.
    """
    with temporary_folder() as folder, provider(lambda _: good()) as upstream:
        state = folder / "state"
        text = _budget(upstream, 1).replace("$1,", "$0.25,")
        with gateway(text, arguments=("--state", str(state))) as it:
            for _ in range(15):
                _ask(it)
            shutil.rmtree(state)
            for _ in range(20):
                _ask(it)
            spent = len(upstream.asked) / 100
            seen(spent <= 0.26, f"${spent:.2f} were spent")
            until(lambda: _says_state(it), 10)
            seen(_says_state(it), "log or health say it" if _says_state(it) else "nothing says it")


@fault()
def state_folder_without_use(seen: Seen) -> None:
    """A state folder that cannot be used for a while is used again afterwards, and nothing is spent unseen.

    A file takes the place of the folder for 3 s.
    """
    with temporary_folder() as folder, provider(lambda _: good()) as upstream:
        state, aside = folder / "state", folder / "aside"
        with gateway(_budget(upstream, 1000), arguments=("--state", str(state))) as it:
            _ask(it)
            state.rename(aside)
            state.touch()
            got, end = set(), time.monotonic() + 3
            while time.monotonic() < end:
                got.add(_ask(it))
                time.sleep(0.05)
            seen(503 in got and got <= {200, 503}, f"meanwhile they got {sorted(got)}")
            seen(_says_state(it), "log or health say it" if _says_state(it) else "nothing says it")
            state.unlink()
            aside.rename(state)
            _back(seen, it, "afterwards ten in a row were answered after")
            time.sleep(1.5)
            spent = len(upstream.asked) / 100
            seen(_spent(it) >= spent - 0.0001, f"${_spent(it):.2f} of ${spent:.2f} known")


def _says_state(it: Gateway) -> bool:
    words = ("state", "spend", "removed", "readonly", "disk")
    lines = [line for line in it.log.lower().splitlines() if "warning" in line or "error" in line]
    return any(word in line for line in lines for word in words)


_SHIFTED = """
import time
_time, _time_ns, _by = time.time, time.time_ns, {seconds}
time.time = lambda: _time() + _by
time.time_ns = lambda: _time_ns() + _by * 10**9
"""


@fault(quick=True)
def clock_jumps(seen: Seen) -> None:
    """A clock that is wrong when a process starts does not delete what was spent today.

    20 cents are spent; a process whose clock is a month ahead starts and stops; then one that is right.
    """
    with temporary_folder() as folder, provider(lambda _: good()) as upstream:
        text = _budget(upstream, 1000)
        shifted = folder / "shifted"
        shifted.mkdir()
        (shifted / "sitecustomize.py").write_text(_SHIFTED.format(seconds=30 * 86400))
        path = os.pathsep.join(filter(None, [str(shifted), os.environ.get("PYTHONPATH")]))
        with gateway(text, folder=folder) as it:
            for _ in range(20):
                _ask(it)
            it.stop()
        with gateway(text, folder=folder, more={"PYTHONPATH": path}) as it:
            _ask(it)
            time.sleep(2)
            it.stop()
        with gateway(text, folder=folder) as it:
            spent = _spent(it)
            seen(spent >= 0.2 - 0.0001, f"${spent:.2f} of $0.20 known afterwards")
