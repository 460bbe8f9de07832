"""Code of the user's: imported when the executor starts, called off the loop, its results checked."""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

from attrs import frozen

from ....compiler.plan import ExternNode, ExternPlan
from ...requests.errors import ExternFailed, RequestError, StartError
from ...requests.usage import Usage
from .activation import Activation
from .block import Act
from .leaf_values import Sizes
from .step_retries import Tries
from .values import Misfit, Source, reader
from .workers import Workers


@frozen
class Extern:
    """A function of the user's, ready to be called."""

    plan: ExternPlan
    function: Callable[..., Any]
    workers: Workers
    random: Random
    read: Callable[[Any, Sizes], Any]

    async def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """What the function gives for `arguments`. Raises RequestError."""
        who = f"extern `{self.plan.extern}` ({self.plan.target})"
        try:
            value = await self.workers.run(who, self.function, arguments)
        except RequestError:
            raise
        except Exception as error:
            raise ExternFailed(f"{who} raised {type(error).__name__}{_where(error)}") from None
        try:
            return self.read(value, Sizes())
        except Misfit as error:
            raise ExternFailed(f"{who} gave no {self.plan.result}: {error}") from None


def load_extern(plan: ExternPlan, base_dir: Path, workers: Workers, random: Random) -> Extern:
    """Import the function. base_dir: where its module is looked for first. Raises StartError."""
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
    except (Exception, SystemExit) as error:
        raise StartError(
            f"{who}: its module cannot be imported: {type(error).__name__}{_where(error)}"
        ) from None
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise StartError(f"{who}: module `{module_name}` has no function `{name}`")
    _check_parameters(who, found, plan)
    return Extern(plan, found, workers, random, reader(plan.result, Source.PYTHON))


def call_extern(node: ExternNode, slots: Mapping[str, int], extern: Extern) -> Act:
    """The function is called with its arguments by name; any failure may be tried again."""
    arguments = {name: slots[each] for name, each in node.arguments.items()}
    tries = Tries(node.retries, node.timeout, extern.random)
    label = node.name.partition(".")[0]

    async def act(at: Activation) -> Any:
        run, frame = at.run, at.frame
        until = run.until(node.timeout)
        values = {name: frame[slot] for name, slot in arguments.items()}
        loop = asyncio.get_running_loop()

        async def once(_: float | None) -> Any:
            began, ok = loop.time(), False
            try:
                value = await extern(values)
                ok = True
                return value
            except ExternFailed as error:
                error.retryable = True
                raise
            finally:
                trace.record(node.extern, began, loop.time(), Usage(0), None, ok)

        with run.tracing(label, at.place) as trace:
            trace.deployment = node.extern
            return await tries.of(once, until)

    return act


def _check_parameters(who: str, function: Callable[..., Any], plan: ExternPlan) -> None:
    """Refuse a function that cannot be called with the parameters that the plan declares."""
    try:
        signature = inspect.signature(function)
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


def _where(error: BaseException) -> str:
    """The line that raised `error`; what the error says may hold what nobody is to see."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
