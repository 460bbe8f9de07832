"""One worker process, seen from here: the calls that it has, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from typing import Any

from ....requests.errors import ExternFailed, StartError, StepFailed
from .forkserver import ForkServer
from .job import Job
from .wire import BadFrame, Unsendable, encode, receive_on, send_on

log = logging.getLogger(__name__)

LEFT_GRACE = 1.0
"""Seconds that a call has to come back once nobody waits for it any more, before its worker is killed."""

_STATUS_WAIT = 1.0


class Worker:
    """who: as messages call what runs in it. slots: calls that it takes at the same time."""

    def __init__(self, server: ForkServer, who: str, memory: int | None, nice: int) -> None:
        self._server = server
        self._who = who
        self._memory = memory
        self._number, self._connection = server.fork(nice)
        self._loop = asyncio.get_running_loop()
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._last_call = 0
        self._jobs: dict[bytes, int] = {}
        self._sending = asyncio.Lock()
        self._reading = self._loop.create_task(self._read())
        self.slots = 1
        self.is_over = False
        self.killed_for = ""
        """Why it was killed; empty where it was not."""
        self.how_it_ended = ""

    @property
    def running(self) -> int:
        """Calls that it has, with those that nobody waits for."""
        return len(self._calls)

    async def prepare(self, job: Job, slots_if_async: int) -> None:
        """Make `job` ready. Raises StartError with what is wrong with it, and ExternFailed when it ends."""
        reply = await self._send(job, {})
        if reply.get("is_async"):
            self.slots = slots_if_async

    async def call(self, job: Job, values: dict[str, Any], until: float | None) -> Any:
        """What `job` gives for `values`. Cancelling kills the worker where nothing else ends the call.

        until: when the caller stops waiting, in the time of the loop. Raises RequestError.
        """
        return (await self._send(job, {"values": values}, until)).get("value")

    def kill(self, why: str) -> None:
        """End it, whatever it does; its calls fail."""
        if not self.is_over and not self.killed_for:
            self.killed_for = why
            self._server.kill(self._number)

    async def end(self) -> None:
        """End it, and wait until it has."""
        self.kill("was ended: the executor is stopping")
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def wait(self) -> None:
        """Wait until it has ended."""
        await asyncio.wait([self._reading])

    async def _send(self, job: Job, more: dict[str, Any], until: float | None = None) -> dict[str, Any]:
        self._last_call += 1
        call_id = self._last_call
        call: dict[str, Any] = {"id": call_id, "job": self._jobs.get(job.key, -1), **more}
        is_new = call["job"] < 0
        if is_new:
            call |= {"job": len(self._jobs), "maker": job.key, "memory": self._memory}
        try:
            parts = encode(call)
        except Unsendable as error:
            raise StepFailed(f"{self._who} cannot be given these values: {error}") from None
        if is_new:
            self._jobs[job.key] = call["job"]
        answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._calls[call_id] = answer
        is_sent = False
        try:
            async with self._sending:
                await send_on(self._loop, self._connection, parts)
            is_sent = True
            return await answer
        except OSError:  # it has ended; who reads says how
            return await answer
        except asyncio.CancelledError:
            self._give_up(call_id, is_sent, until)
            raise

    def _give_up(self, call_id: int, is_sent: bool, until: float | None) -> None:
        """Nobody waits for this call any more: its client has gone, or its time is over."""
        if call_id not in self._calls:
            return
        is_late = until is not None and self._loop.time() >= until
        if not is_sent or (is_late and self.slots == 1):
            self.kill("was ended: it took too long" if is_late else "was ended: its client has gone")
            return
        if self.slots > 1 and not self._sending.locked():
            with suppress(OSError, BlockingIOError):
                self._connection.send(b"".join(encode({"cancel": call_id})))
        self._loop.call_later(LEFT_GRACE, self._kill_if_running, call_id)

    def _kill_if_running(self, call_id: int) -> None:
        if call_id in self._calls:
            self.kill("was ended: another call did not stop when it was cancelled")

    async def _read(self) -> None:
        """Hand answers on until the worker ends."""
        try:
            while True:
                reply = await receive_on(self._loop, self._connection)
                call_id = reply.get("id") if isinstance(reply, dict) else None
                if not isinstance(call_id, int) or call_id not in self._calls:
                    raise BadFrame("nobody asked")
                answer = self._calls.pop(call_id)
                self.changed()
                if answer.done():
                    continue
                if (error := reply.get("error")) is not None:
                    answer.set_exception(_error(self._who, error))
                else:
                    answer.set_result(reply)
        except (EOFError, OSError):
            pass
        except BadFrame as error:
            self.killed_for = self.killed_for or f"was ended: its process sent what is no answer ({error})"
        finally:
            self.is_over = True
            try:
                self.how_it_ended = self.killed_for or await self._find_how_it_ended()
            finally:
                self._connection.close()
                self._server.kill(self._number)
                self._server.forget(self._number)
                how, calls, self._calls = self.how_it_ended or "has ended", [*self._calls.values()], {}
                for answer in calls:
                    if not answer.done():
                        answer.set_exception(ExternFailed(f"{self._who} {how}"))
                self.changed()

    async def _find_how_it_ended(self) -> str:
        try:
            async with asyncio.timeout(_STATUS_WAIT):
                return _ending(await self._server.ended(self._number))
        except TimeoutError:
            return "closed the connection of its process"

    def changed(self) -> None:
        """Called when it has more room than before, or has ended; the pool puts its own here."""


def _error(who: str, error: Any) -> Exception:
    """What a worker says that went wrong; whatever it says becomes one of these."""
    said = [str(each)[:2000] for each in error] if isinstance(error, list) else []
    match said:
        case ["StartError", *problems]:
            return StartError(*problems)
        case ["StepFailed", message]:
            return StepFailed(message)
        case [_, message]:
            return ExternFailed(f"{who} {message}")
    return ExternFailed(f"{who} failed")


def _ending(status: int | None) -> str:
    if status is None:
        return "lost its process"
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return f"was ended by {name}: its process crashed, or was killed from outside"
    return f"ended its process, with status {status}: it may raise an error or return, never exit"
