"""The process that starts the workers, replaces those that die, and lets them act as one."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from attrs import evolve

from ....compiler.plan import Plan
from ....compiler.plan.codec import dump_plan
from ...concurrency.tasks import end_tasks, first_of
from ...http.server import Stop, stop_signal
from ...reload import Reloader, Reread, hangups, reloading_on_hangup
from ...requests.errors import StartError
from ...systemd import notify, watchdog
from ..serve import check_door
from ..ui.pages import Sources
from .channel import Channel, Gone, Message
from .merging import NOBODY, merged_cost, merged_status, merged_stories, metrics_of
from .part import part_of
from .port import HeldPort, first_port, port_of
from .process import WorkerProcess, memory_of, spawned

log = logging.getLogger(__name__)

PING, DEAD = 5.0, 60.0
"""Seconds between two questions whether a worker turns, and those after which it is ended."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
"""Seconds before a worker is started again that does not stay."""
STAYS = 30.0
"""Seconds after which a worker is one that stays."""
TOLD = 10.0
"""Seconds that a worker has to say how it is."""


class Supervisor:
    """The workers of one plan.

    command: what starts a worker, which is told the number of its end of a socket as the last argument.
    options: what else a worker is told. share_port: other processes may listen at the same port. sources:
    the files that say the plan.
    """

    def __init__(
        self,
        plan: Plan,
        command: Sequence[str],
        options: Mapping[str, Any],
        *,
        share_port: bool = False,
        sources: Sources = dict,
    ) -> None:
        self.sources = sources
        self.plan = plan
        self.reload_problems: tuple[str, ...] = ()
        self.reloaded_at: float | None = None
        self._command = command
        self._options = options
        self._share_port = share_port
        self._port: HeldPort | None = None
        self._workers: list[WorkerProcess] = []
        self._leaving: list[WorkerProcess] = []
        self._turn = asyncio.Lock()
        self._is_stopping = False

    async def run(
        self,
        reread: Reread,
        *,
        ready: Callable[[str], None],
        beside: Callable[[Supervisor, Reloader], AbstractAsyncContextManager[None]],
        grace: float,
    ) -> None:
        """Serve until SIGINT or SIGTERM. Raises StartError with every problem."""
        check_door(self.plan.gateway)
        self._port = first_port(self.plan.gateway, self._share_port)
        reloader = Reloader(self, reread)
        async with stop_signal() as stop, watchdog():
            hung_up = hangups()
            try:
                starting = asyncio.create_task(self._start_all(self.plan.gateway.workers))
                await first_of(starting, stop.asked.wait())
                if not starting.done():
                    await end_tasks([starting])
                    return
                ready(starting.result())
                notify("READY=1")
                async with reloading_on_hangup(reloader, hung_up), beside(self, reloader):
                    await stop.asked.wait()
                notify("STOPPING=1")
            finally:
                await self._stop_all(stop, grace)
                self._port.socket.close()

    async def ask_all(self, message: Message) -> list[Message]:
        """What each worker says that answers requests."""

        async def one(worker: WorkerProcess) -> Message | None:
            with suppress(Gone, TimeoutError):
                assert worker.channel is not None
                return await worker.channel.ask(message, TOLD)
            return None

        answers = await asyncio.gather(*(one(each) for each in self._workers if each.is_ready))
        return [each for each in answers if each is not None]

    async def reload(self, plan: Plan) -> None:
        """Let all workers serve `plan`. Raises StartError, and then all serve what they served before."""
        check_door(plan.gateway)
        async with self._turn:
            before, held = self.plan, self._port
            assert held is not None
            taken = held if held.is_of(plan.gateway) else port_of(plan.gateway, self._share_port)
            self._port = taken
            done: list[WorkerProcess] = []
            try:
                for worker in [each for each in self._workers if each.is_ready]:
                    await self._take_over(worker, plan)
                    done.append(worker)
                self.plan = plan  # which those that are added begin with
                await self._have(plan.gateway.workers)
            except StartError:
                self.plan = before
                for worker in done:
                    with suppress(StartError):
                        await self._take_over(worker, before)
                if taken is not held:
                    taken.socket.close()
                    self._port = held
                with suppress(StartError):
                    await self._have(before.gateway.workers)
                raise
            if taken is not held:
                held.socket.close()
            self.reloaded_at = time.time()

    def statuses(self) -> list[dict[str, Any]]:
        """How each worker is."""
        return [
            {
                "worker": each.index,
                "pid": each.pid or None,
                "ready": each.is_ready,
                "since": each.began or None,
                "replaced": each.replaced,
                "memory": memory_of(each.pid),
            }
            for each in self._workers
        ]

    @property
    def ready(self) -> int:
        """Workers that answer requests."""
        return sum(each.is_ready for each in self._workers)

    @property
    def replaced(self) -> int:
        """Workers that died and were replaced."""
        return sum(each.replaced for each in self._workers)

    # ---- one worker

    async def _start_all(self, count: int) -> str:
        """Start the workers; gives the URL at which they are. Raises StartError."""
        begun = [asyncio.create_task(self._start(self._new())) for _ in range(count)]
        problems: dict[str, None] = {}
        urls: list[str] = []
        try:
            for outcome in await asyncio.gather(*begun, return_exceptions=True):
                if isinstance(outcome, StartError):
                    problems |= dict.fromkeys(outcome.problems)
                elif isinstance(outcome, BaseException):
                    raise outcome
                else:
                    urls.append(outcome)
        finally:
            await end_tasks(begun)
        if problems:
            raise StartError(*problems)
        return urls[0]

    def _new(self) -> WorkerProcess:
        worker = WorkerProcess(len(self._workers))
        self._workers.append(worker)
        return worker

    async def _start(self, worker: WorkerProcess) -> str:
        """Start the process of `worker`, and keep it going. Raises StartError where it does not begin."""
        ended, url = await self._begin(worker)
        worker.task = asyncio.create_task(self._keep(worker, ended), name=f"worker {worker.index}")
        return url

    async def _begin(self, worker: WorkerProcess) -> tuple[asyncio.Task[int], str]:
        """A process that takes requests, and its URL. Raises StartError."""
        assert self._port is not None
        handed = self._port.inherited
        try:
            ours, process = await spawned(self._command, handed)
        except OSError as error:  # no memory, no room for processes or files: perhaps later
            raise StartError(f"worker {worker.index} cannot be started: {error.strerror or error}") from None
        channel = worker.channel = Channel(self._answer)
        ended = asyncio.create_task(process.wait())
        try:
            await channel.open(ours)
            part = self._part(self.plan, worker)
            orders = {"command": "serve", "plan": part, "listening": handed, **self._options}
            said = await channel.ask(orders)
            if "problems" in said:
                raise StartError(*said["problems"])
        except BaseException as error:
            with suppress(ProcessLookupError):  # it has ended by itself
                process.kill()
            await asyncio.shield(ended)
            await channel.close()
            if isinstance(error, Gone):
                message = f"worker {worker.index} ended before it served; the log says why"
                raise StartError(message) from None
            raise
        worker.pid, worker.began, worker.is_ready = said["pid"], time.time(), True
        return ended, said["url"]

    async def _keep(self, worker: WorkerProcess, ended: asyncio.Task[int]) -> None:
        """Replace the process of `worker` whenever it dies."""
        delay, now = 0.0, asyncio.get_running_loop().time
        while True:
            began = now()
            await self._watch(worker, ended)
            worker.is_ready, lasted = False, now() - began
            assert worker.channel is not None
            await worker.channel.close()
            pid, worker.pid = worker.pid, 0
            if self._is_stopping or worker not in self._workers:
                return
            delay = 0.0 if lasted >= STAYS else min(max(delay * 2, FIRST_DELAY), LONGEST_DELAY)
            status = ended.result()
            why = ", as where the system has no memory left" if status == -signal.SIGKILL else ""
            log.error(
                "worker %d (process %d) has ended with %d%s: it is replaced", worker.index, pid, status, why
            )
            worker.replaced += 1
            while True:
                await asyncio.sleep(delay)
                try:
                    async with self._turn:
                        if self._is_stopping or worker not in self._workers:
                            return  # a plan with fewer workers came meanwhile
                        ended, _ = await self._begin(worker)
                    break
                except StartError as error:
                    delay = min(max(delay * 2, FIRST_DELAY), LONGEST_DELAY)
                    for problem in error.problems:
                        log.error("worker %d cannot be replaced: %s", worker.index, problem)

    async def _watch(self, worker: WorkerProcess, ended: asyncio.Task[int]) -> None:
        """Until its process has ended, which is ended where it does not turn any more."""
        channel = worker.channel
        assert channel is not None
        while not ended.done():
            await asyncio.wait([ended], timeout=PING)
            if ended.done() or self._is_stopping:
                break
            try:
                await channel.ask({"command": "alive"}, DEAD)
            except TimeoutError:
                log.error("worker %d does not turn any more: it is ended", worker.index)
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, 9)
            except Gone:
                break
        await asyncio.shield(ended)

    async def _take_over(self, worker: WorkerProcess, plan: Plan) -> None:
        """Raises StartError where it cannot serve `plan`; one that is gone will serve what is served then."""
        assert worker.channel is not None
        part = self._part(plan, worker)
        with suppress(Gone):
            said = await worker.channel.ask({"command": "take_over", "plan": part})
            if "problems" in said or "failed" in said:
                raise StartError(*said.get("problems", [said.get("failed")]))

    async def _have(self, count: int) -> None:
        """Start workers, or stop some, until there are so many."""
        while len(self._workers) > count:
            leaving = self._workers.pop()
            self._leaving.append(leaving)  # what it does for clients takes as long as it takes
            if leaving.channel is not None:
                with suppress(Gone):
                    await leaving.channel.ask({"command": "stop", "at_once": False})
        while len(self._workers) < count:
            worker = self._new()
            try:
                await self._start(worker)
            except StartError as error:
                self._workers.remove(worker)
                raise StartError(*(f"worker {worker.index}: {each}" for each in error.problems)) from None

    async def _stop_all(self, stop: Stop, grace: float) -> None:
        self._is_stopping = True
        workers = [*self._workers, *self._leaving]
        kept = [each.task for each in workers if each.task is not None]
        started = [each for each in workers if each.channel is not None]

        async def tell(at_once: bool) -> None:
            for each in started:
                assert each.channel is not None
                with suppress(Gone, TimeoutError):
                    await each.channel.ask({"command": "stop", "at_once": at_once}, PING)

        await tell(False)
        if kept:
            waiting = asyncio.gather(*(asyncio.wait([each]) for each in kept))
            longest = grace + float(self._options.get("drain_delay", 0)) + STOPPING
            with suppress(TimeoutError):
                async with asyncio.timeout(longest):
                    await first_of(waiting, stop.at_once.wait())
            if not waiting.done():
                await tell(True)
                await asyncio.wait(kept, timeout=STOPPING)
            waiting.cancel()
        for each in started:
            if each.pid and each.task is not None and not each.task.done():
                with suppress(ProcessLookupError):
                    os.kill(each.pid, 9)
        await end_tasks(kept)

    # ---- what workers ask

    async def _answer(self, message: Message) -> Message:
        """What a worker asks of all of them."""
        match message["command"]:
            case "metrics":
                told = [each["metrics"] for each in await self.ask_all(message) if "metrics" in each]
                return {"metrics": [*told, metrics_of(self.ready, self.replaced, len(self.reload_problems))]}
            case "cost":
                costs = [each for each in await self.ask_all(message) if "refused" not in each]
                return merged_cost(costs) if costs else {"refused": NOBODY}
            case "why":
                return merged_stories(await self.ask_all(message), message)
            case "sources":
                return self.sources()
        return await self.health()

    async def health(self) -> dict[str, Any]:
        """How all workers are, together."""
        told = await self.ask_all({"command": "status"})
        merged = merged_status([each for each in told if "refused" not in each])
        return {
            **merged,
            "reload_problems": self.reload_problems,
            "reloaded_at": self.reloaded_at,
            "workers": self.statuses(),
        }

    def _part(self, plan: Plan, worker: WorkerProcess) -> str:
        """What `worker` serves of `plan`, at the port that is held."""
        assert self._port is not None
        workers = plan.gateway.workers
        part = part_of(plan, worker.index, workers)
        # it shares what it does also while it is the only one: there may be more again
        gateway = evolve(part.gateway, port=self._port.number, workers=max(workers, 2))
        return dump_plan(evolve(part, gateway=gateway))


STOPPING = 15.0
"""Seconds that a worker has to stop in, when no request is in flight any more."""
