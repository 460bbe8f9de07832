"""Code of the user's: imported where it runs, called off the loop, its results checked."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Mapping
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Protocol

from ....compiler.plan import ExternNode, ExternPlan, Isolation
from ....compiler.plan.record import frozen
from ...call_signature import call_signature
from ...requests.errors import ExternFailed, RequestError, StartError
from ...requests.usage import Usage
from .activation import Activation
from .block import Act
from .run import Run
from .step_retries import Tries
from .threads import Ended, Threads
from .values.leaves import Sizes
from .values.reading import Misfit, Source, reader
from .workers.job import Job
from .workers.serving import is_async, raised_at
from .workers.workers import Workers

log = logging.getLogger(__name__)

Function = Callable[..., Any]


class Extern(Protocol):
    """A function of the user's, ready to be called."""

    @property
    def plan(self) -> ExternPlan: ...

    @property
    def random(self) -> Random:
        """Where further tries take their jitter from."""

    async def __call__(self, arguments: Mapping[str, Any], until: float | None) -> Any:
        """What the function gives for `arguments`. Raises RequestError."""


class ProcessExtern:
    """Runs in processes of its own, which end when their time is up."""

    def __init__(self, plan: ExternPlan, base_dir: Path, workers: Workers, random: Random) -> None:
        self.plan = plan
        self.random = random
        self._job = Job(checked_function, plan, base_dir)
        self.pool = workers.pool(plan.extern, who_is(plan), self._job, plan.workers, plan.memory)
        self._read = reader(plan.result, Source.PYTHON)

    async def start(self) -> None:
        """Have its code imported by a first process. Raises StartError."""
        if sys.platform == "darwin" and self.plan.memory is not None:
            log.warning("%s: `memory` is not held on macOS, which refuses such limits", who_is(self.plan))
        await self.pool.start()

    async def __call__(self, arguments: Mapping[str, Any], until: float | None) -> Any:
        value = await self.pool.call(self._job, dict(arguments), until)
        try:
            return self._read(value, Sizes())  # again: code of the user's runs beside what checked it there
        except Misfit as error:
            raise ExternFailed(f"{who_is(self.plan)} gave no {self.plan.result}: {error}") from None


@frozen
class ThreadExtern:
    """Runs on threads of the executor."""

    plan: ExternPlan
    function: Function
    threads: Threads
    random: Random
    read: Callable[[Any, Sizes], Any]

    async def __call__(self, arguments: Mapping[str, Any], until: float | None) -> Any:
        who = who_is(self.plan)
        try:
            value = await self.threads.run(who, self.function, arguments)
        except RequestError:
            raise
        except Exception as error:
            name = error.name if isinstance(error, Ended) else type(error).__name__
            raise ExternFailed(f"{who} raised {name}{raised_at(error)}") from None
        try:
            return self.read(value, Sizes())
        except Misfit as error:
            raise ExternFailed(f"{who} gave no {self.plan.result}: {error}") from None


async def load_extern(
    plan: ExternPlan, base_dir: Path, workers: Workers, threads: Threads, random: Random
) -> Extern:
    """Have the function imported, where it will run. Raises StartError."""
    if plan.isolation is Isolation.THREAD:
        function = await asyncio.to_thread(find_function, plan, base_dir)
        return ThreadExtern(plan, function, threads, random, reader(plan.result, Source.PYTHON))
    extern = ProcessExtern(plan, base_dir, workers, random)
    await extern.start()
    return extern


def find_function(plan: ExternPlan, base_dir: Path) -> Function:
    """Import the function. base_dir: where its module is looked for first. Blocks. Raises StartError."""
    module_name, _, name = plan.target.partition(":")
    who = f"extern `{plan.extern}`: {plan.target}"
    folder = str(base_dir.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise StartError(
                f"{who}: there is no module `{error.name}`: it was looked for in {folder} and among what is "
                "installed"
            ) from None
        raise StartError(f"{who}: its module needs `{error.name}`, which is not installed") from None
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        raise StartError(
            f"{who}: its module cannot be imported: {type(error).__name__}{raised_at(error)}"
        ) from None
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise StartError(f"{who}: module `{module_name}` has no function `{name}`")
    _check_parameters(who, found, plan)
    function: Function = found
    return function


def checked_function(plan: ExternPlan, base_dir: Path) -> Callable[[Mapping[str, Any]], Any]:
    """The function as a worker calls it: a mapping in, a value of the declared type out."""
    function = find_function(plan, base_dir)
    read = reader(plan.result, Source.PYTHON)

    def checked(value: Any) -> Any:
        try:
            return read(value, Sizes())
        except Misfit as error:
            raise ExternFailed(f"gave no {plan.result}: {error}") from None

    if not is_async(function):
        return lambda arguments: checked(function(**arguments))

    async def call(arguments: Mapping[str, Any]) -> Any:
        awaited: Coroutine[Any, Any, Any] = function(**arguments)
        return checked(await awaited)

    return call


def call_extern(node: ExternNode, slots: Mapping[str, int], extern: Extern) -> Act:
    """The function is called with its arguments by name; any failure may be tried again."""
    arguments = {name: slots[each] for name, each in node.arguments.items()}
    timeout = extern.plan.timeout if node.timeout is None else node.timeout
    tries = Tries(node.retries, timeout, extern.random)
    label = node.name.partition(".")[0]

    async def act(at: Activation) -> Any:
        until = at.run.until(timeout)
        values = {name: at.frame[slot] for name, slot in arguments.items()}
        return await _traced(extern, at.run, label, at.place, values, tries, until)

    return act


async def ask_extern(
    extern: Extern, run: Run, step: str, place: str, values: Mapping[str, Any], until: float | None
) -> Any:
    """The function is called once, within its own timeout and until `until`. Raises RequestError."""
    timeout = extern.plan.timeout
    ends = [each for each in (run.until(timeout), until) if each is not None]
    tries = Tries(0, timeout, extern.random)
    return await _traced(extern, run, step, place, values, tries, min(ends))


async def _traced(
    extern: Extern,
    run: Run,
    step: str,
    place: str,
    values: Mapping[str, Any],
    tries: Tries,
    until: float | None,
) -> Any:
    name, loop = extern.plan.extern, asyncio.get_running_loop()

    async def once(until: float | None) -> Any:
        began, ok = loop.time(), False
        try:
            value = await extern(values, until)
            ok = True
            return value
        except ExternFailed as error:
            error.retryable = True
            raise
        finally:
            trace.record(name, began, loop.time(), Usage(0), None, ok)

    with run.tracing(step, place) as trace:
        trace.deployment = name
        return await tries.of(once, until)


def who_is(plan: ExternPlan) -> str:
    """As messages call it."""
    return f"extern `{plan.extern}` ({plan.target})"


def _check_parameters(who: str, function: Function, plan: ExternPlan) -> None:
    """Refuse a function that cannot be called with the parameters that the plan declares."""
    try:
        signature = call_signature(function)
    except (TypeError, ValueError):
        return  # not every function written in C has one
    names = [each.name for each in plan.parameters]
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError:
        declared = ", ".join(names)
        raise StartError(
            f"{who}: it takes {signature}, but it is declared as {plan.extern}({declared}), and is called "
            "with these names"
        ) from None
